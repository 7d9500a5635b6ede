"""Two releases share a history's table only where the same code makes its keys."""

from interlock.features.definition import FeatureDefinition
from interlock.features.key_code import key_code

SOURCE = """
import math
from datetime import date

SIZE = 2_000
NAMES = {"a": 1}

def _floor(x):
    return math.floor(x / SIZE)

def block(x, age):
    return f"{_floor(x)}:{age}"

def age(built: date):
    return built.year

def rooms(x):
    return x * 2
"""


def feature(name, *arguments):
    return FeatureDefinition(
        name=name, arguments=arguments, nullable_arguments=(), kind="str", optional=False,
        module="product", function=name,
    )  # fmt: skip


FEATURES = [feature("block", "x", "age"), feature("age", "built"), feature("rooms", "x")]


def code(source, features=FEATURES, keys=("block",)):
    return key_code(features, {"product": source, "elsewhere": "A = 1\n"}, keys)


def test_it_is_the_function_with_what_it_names_and_is_made_of():
    text = "\n".join(code(SOURCE))
    for part in ("import math", "SIZE = 2000", "def _floor", "def block", "def age", "import date"):
        assert part in text
    assert "rooms" not in text
    assert "NAMES" not in text


def test_what_the_key_does_not_use_may_differ():
    assert code(SOURCE.replace("x * 2", "x * 3").replace('"a": 1', '"a": 2')) == code(SOURCE)


def test_whatever_it_uses_may_not():
    for old, new in (
        ("SIZE = 2_000", "SIZE = 4_000"),
        ("math.floor", "math.ceil"),
        ("built.year", "built.year + 1"),
        ('{age}"', '{age}."'),
    ):
        assert code(SOURCE.replace(old, new)) != code(SOURCE), old
    other = [feature("block", "age", "x"), *FEATURES[1:]]
    assert code(SOURCE, other) != code(SOURCE)


def test_with_another_module_of_the_project_all_code_counts():
    source = SOURCE.replace("import math", "import math\nfrom elsewhere import A").replace(
        "x / SIZE", "x / SIZE + A"
    )
    assert "A = 1" in "\n".join(code(source))
    assert "A = 1" in "\n".join(code(source.replace("from elsewhere", "from .elsewhere")))


def test_a_key_that_is_a_request_field_is_made_by_no_code():
    assert code(SOURCE, keys=("x",)) == []
