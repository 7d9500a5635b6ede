"""Product files: found, imported, chosen; and clear words where that fails."""

import sys
import textwrap

import pytest

from interlock.errors import AuthorError, OperatorError
from interlock.product.loading import choose, load_products

PRODUCT = """
import interlock as il
from sklearn.linear_model import Ridge

class Thing(il.Request):
    size: int

rows = il.Source("rows.parquet", key="id")

def product_named(name):
    return il.Product(
        name, request=Thing, examples=rows.map(), target=il.Regression("y"),
        candidates={"ridge": il.Candidate(Ridge())},
    )
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """The path and the modules of the test's projects are forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith(("interlock", "sklearn", "scipy", "numpy", "pandas")):
            del sys.modules[name]


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PRODUCT + textwrap.dedent(text), encoding="utf-8")


def refusal(error, folder, *files):
    with pytest.raises(error) as caught:
        load_products(folder, files)
    return str(caught.value)


def test_the_products_of_a_file(tmp_path):
    write(tmp_path, "product.py", "a = product_named('one')\nb = product_named('two')\n")
    found = load_products(tmp_path, ("product.py",))
    assert {name: p.name for name, p in found.items()} == {"one": "one", "two": "two"}


def test_several_files_also_in_folders(tmp_path):
    write(tmp_path, "cars.py", "product = product_named('cars')\n")
    write(tmp_path, "shop/houses.py", "from cars import product as same\nq = product_named('h')\n")
    assert sorted(load_products(tmp_path, ("cars.py", "shop/houses.py"))) == ["cars", "h"]


def test_a_folder_with_spaces_and_accents(tmp_path):
    folder = tmp_path / "ä project"
    write(folder, "product.py", "product = product_named('one')\n")
    assert sorted(load_products(folder, ("product.py",))) == ["one"]


def test_projects_in_turn_in_one_process(tmp_path):
    for name in ("one", "two"):
        write(tmp_path / name, "product.py", f"product = product_named('{name}')\n")
    for name in ("one", "two", "one", "two", "two"):
        assert sorted(load_products(tmp_path / name, ("product.py",))) == [name]


def test_a_file_named_like_a_library_is_still_the_projects(tmp_path):
    write(tmp_path, "colorsys.py", "product = product_named('colours')\n")
    import colorsys

    assert not hasattr(colorsys, "product")
    assert sorted(load_products(tmp_path, ("colorsys.py",))) == ["colours"]


def test_no_file(tmp_path):
    assert refusal(OperatorError, tmp_path, "product.py") == (
        "error[C152]: the product's file is not there\n"
        f"  where: {tmp_path}/product.py\n"
        "  expected: a Python file that declares il.Product(…)\n"
        "  got: no such file\n"
        "  fix: run the command in the project's folder, or `interlock init` a project"
    )


@pytest.mark.parametrize(
    "file", ["product", "my-product.py", "../product.py", "/etc/x.py", "a/../b.py", "1.py", ""]
)
def test_a_name_that_cannot_be_imported(tmp_path, file):
    assert refusal(OperatorError, tmp_path, file) == (
        "error[C152]: a product's file has a name that cannot be imported\n"
        "  where: pyproject.toml: tool.interlock.products\n"
        "  expected: a path inside the project such as 'product.py' or 'products/cars.py'\n"
        f"  got: {file}\n"
        "  fix: rename the file"
        if file
        else "error[C152]: a product's file has a name that cannot be imported\n"
        "  where: pyproject.toml: tool.interlock.products\n"
        "  expected: a path inside the project such as 'product.py' or 'products/cars.py'\n"
        "  fix: rename the file"
    )


LINES = PRODUCT.count("\n")


@pytest.mark.parametrize(
    ("text", "line", "got"),
    [
        ("1 / 0\n", 1, "ZeroDivisionError: division by zero"),
        ("import gone\n", 1, "ModuleNotFoundError: No module named 'gone'"),
        ("x = 1\nx +\n", 2, "SyntaxError: invalid syntax"),
        ("raise SystemExit(0)\n", 1, "SystemExit: 0"),
        ("product = il.Product('x')\n", 1, "TypeError: Product.__init__() missing 4 required"),
        ("il.Prodct\n", 1, "AttributeError: module 'interlock' has no attribute 'Prodct'"),
    ],
)
def test_a_file_that_cannot_be_imported(tmp_path, text, line, got):
    write(tmp_path, "product.py", text)
    with pytest.raises(AuthorError) as caught:
        load_products(tmp_path, ("product.py",))
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.what) == ("C153", "the product's file cannot be imported")
    assert mistake.where == f"product.py:{LINES + line}"
    assert mistake.expected == "a file that runs without an error"
    assert mistake.got.startswith(got)
    assert mistake.fix == "correct it; `python -c 'import product'` shows the whole traceback"


def test_an_error_of_interlocks_own_keeps_its_words_and_gets_a_place(tmp_path):
    write(tmp_path, "product.py", "from interlock.clock import parse_span\nparse_span('soon')\n")
    assert refusal(AuthorError, tmp_path, "product.py").startswith(
        "error[C102]: a span of time cannot be read\n"
        f"  where: product.py:{LINES + 2}\n"
        "  expected: a whole number"
    )


def test_a_file_that_failed_is_read_again_once_it_is_mended(tmp_path):
    write(tmp_path, "product.py", "1 / 0\n")
    refusal(AuthorError, tmp_path, "product.py")
    write(tmp_path, "product.py", "product = product_named('mended')\n")
    assert sorted(load_products(tmp_path, ("product.py",))) == ["mended"]


def test_a_file_that_shadows_another_and_fails_is_an_author_error_too(tmp_path):
    write(tmp_path / "one", "product.py", "product = product_named('one')\n")
    load_products(tmp_path / "one", ("product.py",))
    write(tmp_path / "two", "product.py", "1 / 0\n")
    assert "error[C153]" in refusal(AuthorError, tmp_path / "two", "product.py")


def test_no_product_is_declared(tmp_path):
    write(tmp_path, "a.py", "")
    write(tmp_path, "b.py", "")
    assert refusal(AuthorError, tmp_path, "a.py", "b.py") == (
        "error[C154]: no product is declared\n"
        "  where: a.py, b.py\n"
        "  expected: product = il.Product(…) at the top level\n"
        "  got: none\n"
        "  fix: declare one, or name its file under products in [tool.interlock]"
    )


def test_two_products_of_one_name(tmp_path):
    write(tmp_path, "a.py", "p = product_named('same')\n")
    write(tmp_path, "b.py", "p = product_named('same')\n")
    assert refusal(AuthorError, tmp_path, "a.py", "b.py") == (
        "error[C155]: two products are named 'same'\n"
        "  where: b.py\n"
        "  expected: a name of its own for each product\n"
        "  fix: rename one of them"
    )


def test_one_product_under_two_names_is_one(tmp_path):
    write(tmp_path, "a.py", "p = product_named('same')\nq = p\n")
    assert list(load_products(tmp_path, ("a.py",))) == ["same"]


def test_choosing_a_product(tmp_path):
    write(tmp_path, "product.py", "a = product_named('one')\nb = product_named('two')\n")
    found = load_products(tmp_path, ("product.py",))
    assert choose(found, "two").name == "two"
    assert choose({"one": found["one"]}, None).name == "one"
    with pytest.raises(OperatorError) as caught:
        choose(found, None)
    assert str(caught.value) == (
        "error[C156]: which product?\n"
        "  expected: one of one, two\n"
        "  got: no name\n"
        "  fix: pass --product NAME"
    )
    with pytest.raises(OperatorError) as caught:
        choose(found, "three")
    assert str(caught.value) == (
        "error[C156]: there is no product 'three'\n"
        "  expected: one of one, two\n"
        "  got: three\n"
        "  fix: pass --product NAME"
    )
