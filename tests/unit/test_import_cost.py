"""``import interlock`` costs next to nothing, and still offers every name."""

import json
import subprocess
import sys

import pytest

import interlock as il

HEAVY = ["numpy", "pyarrow", "duckdb", "sklearn", "pandas", "sqlalchemy"]
PRODUCT_WORDS = """Request field asked_at Source Int Float Str Bool Date Datetime Category feature
    label History count sum mean min max median latest Product Regression Binary Multiclass
    Candidate Baseline Mean Median GroupMean GroupMedian ClassPrior GroupClassPrior TimeSplit
    HashSplit MinRows Below Above BeatsBaselines NoWorseThanChampion P99Below""".split()


def in_a_fresh_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    return json.loads(done.stdout)


def test_importing_it_loads_no_heavy_library():
    loaded = in_a_fresh_python(
        "import json, sys, interlock; print(json.dumps([sorted(sys.modules), dir(interlock)]))"
    )
    assert [m for m in loaded[0] if m.split(".")[0] in HEAVY] == []
    assert [m for m in loaded[0] if m.startswith("interlock")] == ["interlock"]
    assert set(il.__all__) <= set(loaded[1])


def test_a_name_loads_only_what_it_needs():
    loaded = in_a_fresh_python(
        "import json, sys, interlock as il; il.Int, il.feature; print(json.dumps([*sys.modules]))"
    )
    assert [m for m in loaded if m.split(".")[0] in HEAVY] == []


def test_what_looks_into_the_ledger_imports_nothing_that_computes():
    """Neither the project's code nor what knows of products: seconds, where a glance is asked."""
    asked = "status history show rollback waive verify export refresh".split()
    loaded = in_a_fresh_python(
        "import json, sys, interlock.cli.opening, interlock.cli.render\n"
        f"for name in {asked}: __import__('interlock.use_cases.' + name)\n"
        "print(json.dumps([*sys.modules]))"
    )
    slow = {"sklearn", "scipy", "pandas", "pyarrow", "duckdb", "sqlglot", "onnx", "onnxruntime"}
    assert slow & {m.split(".")[0] for m in loaded} == set()
    assert [m for m in loaded if m.startswith("interlock.product")] == []


@pytest.mark.parametrize("name", il.__all__)
def test_every_public_name_resolves(name):
    value = getattr(il, name)
    assert value is not None
    assert getattr(il, name) is value


def test_the_words_of_a_declaration_are_all_there():
    assert set(PRODUCT_WORDS) <= set(il.__all__)
    assert len(il.__all__) == len(set(il.__all__))


def test_dir_lists_each_name_once_also_after_use():
    assert il.Int.__name__ in dir(il)
    assert set(il.__all__) <= set(dir(il))
    assert len(dir(il)) == len(set(dir(il)))


def test_the_aggregates_that_shadow_builtins_are_ours():
    assert il.sum("price", "1d").function == "sum"
    assert il.min("price").function == "min"
    assert il.max("price").function == "max"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'interlock' has no attribute 'Prodct'"):
        il.Prodct  # noqa: B018
