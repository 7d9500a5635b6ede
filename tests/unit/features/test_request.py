"""Packed features at work: a row alone and many rows by column agree, and failures are named."""

import sys
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.clock import DAY, instant_of
from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition, FeatureSet
from interlock.features.packed_source import load_modules
from interlock.features.request import PackedFeatures, RowFailure
from interlock.features.result import FeatureFailure

FIELDS = ("a", "b", "c")
NOON = instant_of(datetime(1997, 1, 2, 12, tzinfo=UTC))
HEAD = "import math\nimport numpy as np\nfrom datetime import UTC, date, datetime, timedelta\n"


def definition(name, arguments, kind="int", *, nullable=(), optional=False, categories=()):
    return FeatureDefinition(
        name=name,
        arguments=tuple(arguments),
        nullable_arguments=tuple(nullable),
        kind=kind,
        optional=optional,
        module="m",
        function=name,
        categories=tuple(categories),
    )


def load(source, *definitions, fields=FIELDS, name="test"):
    features = FeatureSet(request=definitions, histories=(), inputs=())
    return PackedFeatures.load({"m": HEAD + source}, features, fields=fields, name=name)


def returning(expression, kind="int", **more):
    """One feature ``f`` of the field ``a``."""
    source = f"def f(a):\n    return {expression}\n"
    return load(source, definition("f", ["a"], kind, **more), fields=("a",))


def failure(packed, *values, as_of=NOON):
    with pytest.raises(FeatureFailure) as caught:
        packed.row(values, as_of)
    return caught.value.feature, caught.value.message


# -- the law: one row and its column give the same -----------------------------------------------

EXPRESSIONS = [
    "None",
    "x[0]",
    "x[-1]",
    "len(str(x))",
    "float(len(str(x[0])))",
    "str(x[-1])",
    "x[0] is None",
    "float('nan')",
    "-math.inf",
    "1 / 0",
    "[][1]",
    "int(str(x[0]))",
    "{'0': 1}[str(x[0])]",
    "np.float64(len(str(x))) / 3",
    "np.int64(len(str(x)))",
    "np.float32(0.1)",
    "np.bool_(x[0] == x[-1])",
    "np.str_('n')",
    "np.float64('nan')",
    "np.array([1, 2])",
    "2**53",
    "2**53 + 1",
    "10**5000",
    "date(1997, 1, 2)",
    "datetime(1997, 1, 2)",
    "datetime(1997, 1, 2, tzinfo=UTC)",
    "'x' if str(x[0]) < '2' else 'y'",
    "raiser(x)",
]
RAISER = "def raiser(x):\n    raise LookupError(f'no {x[0]!r}')\n"
KINDS = ["int", "float", "bool", "str", "category", "date", "datetime"]
values = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -0.0, 1e300]),
    st.sampled_from(["", "0", "1", "x"]),
    st.booleans(),
    st.just(date(1997, 1, 2)),
)


@st.composite
def feature_sets(draw):
    known = [*FIELDS, "as_of"]
    definitions, source = [], RAISER
    for i in range(draw(st.integers(1, 5))):
        arguments = draw(st.lists(st.sampled_from(known), max_size=3, unique=True))
        kind = draw(st.sampled_from(KINDS))
        definitions.append(
            definition(
                f"f{i}",
                arguments,
                kind,
                nullable=[a for a in arguments if draw(st.booleans())],
                optional=draw(st.booleans()),
                categories=("x", "y") if kind == "category" else (),
            )
        )
        expression = draw(st.sampled_from(EXPRESSIONS))
        given = ", ".join(arguments)
        source += f"def f{i}({given}):\n    x = ({given or '0'},)\n    return {expression}\n"
        known.append(f"f{i}")
    return source, definitions


def live(packed, row, as_of):
    try:
        return [repr(value) for value in packed.row(row, as_of)]
    except FeatureFailure as failed:
        return failed.feature, failed.message


@settings(max_examples=300, deadline=None)
@given(
    feature_sets(),
    st.lists(st.tuples(st.tuples(values, values, values), st.integers(0, NOON)), max_size=5),
)
def test_a_row_is_its_column(features, rows):
    source, definitions = features
    packed = load(source, *definitions, name="law")
    columns = {name: [row[i] for row, _ in rows] for i, name in enumerate(FIELDS)}
    made, failures = packed.columns(columns, [as_of for _, as_of in rows])
    first = {f.row: (f.feature, f.message) for f in reversed(failures)}
    assert list(made) == [d.name for d in definitions]
    for i, (row, as_of) in enumerate(rows):
        found = [repr(made[d.name][i]) for d in definitions]
        assert live(packed, row, as_of) == first.get(i, found)
    assert all(made[f.feature][f.row] is None for f in failures)


@settings(max_examples=100, deadline=None)
@given(feature_sets(), st.tuples(values, values, values), st.data())
def test_only_some_features_are_what_they_are_among_all(features, row, data):
    source, definitions = features
    packed = load(source, *definitions, name="law")
    wanted = data.draw(st.lists(st.sampled_from([d.name for d in definitions]), unique=True))
    some = packed.only(wanted)
    assert set(wanted) <= set(some.names)
    assert set(some.leaves) <= set(FIELDS)
    columns = {name: [value] for name, value in zip(FIELDS, row, strict=True)}
    made, failures = packed.columns(columns, [NOON])
    fewer, fewer_failures = some.columns({n: columns[n] for n in some.leaves}, [NOON])
    assert {n: repr(v) for n, v in fewer.items()} == {n: repr(made[n]) for n in some.names}
    assert fewer_failures == tuple(f for f in failures if f.feature in some.names)


# -- rows ----------------------------------------------------------------------------------------

AGES = """
def age(as_of, a):
    return as_of.year - a

def cell(b):
    return f"{b // 10:.0f}"

def both(age, cell, c):
    return f"{age}:{cell}:{c}"
"""
AGE_DEFINITIONS = (
    definition("age", ["as_of", "a"]),
    definition("cell", ["b"], "str"),
    definition("both", ["age", "cell", "c"], "str", nullable=["c"]),
)


@pytest.fixture
def ages():
    return load(AGES, *AGE_DEFINITIONS)


def test_features_of_features_in_definition_order(ages):
    assert ages.names == ("age", "cell", "both")
    assert ages.row((1900, 25.0, "x"), NOON) == (97, "2", "97:2:x")
    made, failures = ages.columns({"a": [1900], "b": [25.0], "c": ["x"]}, [NOON])
    assert made == {"age": [97], "cell": ["2"], "both": ["97:2:x"]}
    assert failures == ()


def test_a_missing_argument_makes_the_result_missing_without_a_call(ages):
    assert ages.row((None, 25.0, None), NOON) == (None, "2", None)
    assert ages.row((1900, 25.0, None), NOON) == (97, "2", "97:2:None")


def test_as_of_is_an_aware_moment_in_utc(ages):
    packed = load(
        "def f(as_of):\n    return as_of.isoformat()\n",
        definition("f", ["as_of"], "str"),
        fields=(),
    )
    assert packed.row((), NOON) == ("1997-01-02T12:00:00+00:00",)
    made, _ = packed.columns({}, [NOON, NOON + DAY])
    assert made == {"f": ["1997-01-02T12:00:00+00:00", "1997-01-03T12:00:00+00:00"]}


def test_leaves_are_the_fields_that_features_read(ages):
    assert ages.leaves == ("a", "b", "c")
    assert ages.only(["age"]).leaves == ("a",)
    assert ages.only(["both"]).names == ("age", "cell", "both")
    assert ages.only([]).names == ()
    assert ages.only(["cell"]).row((31.0,), 0) == ("3",)


def test_no_features_and_no_fields():
    packed = load("", fields=())
    assert packed.row((), 0) == ()
    assert packed.columns({}, [0, 0]) == ({}, ())


def test_columns_without_rows(ages):
    assert ages.columns({"a": [], "b": [], "c": []}, []) == (
        {"age": [], "cell": [], "both": []},
        (),
    )


def test_a_failed_row_is_named_and_the_others_go_on():
    packed = load(
        "def f(a):\n    return 10 // a\n\ndef g(f, b):\n    return f + b\n",
        definition("f", ["a"]),
        definition("g", ["f", "b"], nullable=["f"], optional=True),
        fields=("a", "b"),
    )
    made, failures = packed.columns({"a": [5, 0, None], "b": [1, 1, None]}, [0, 0, 0])
    assert made == {"f": [2, None, None], "g": [3, None, None]}
    message = "ZeroDivisionError: integer division or modulo by zero"
    assert failures[0] == RowFailure(1, "f", message)
    assert [f.row for f in failures] == [1, 1]
    assert failure(packed, 0, 1) == ("f", message)


def test_a_function_that_would_end_the_process_fails_its_row():
    packed = load("def f(a):\n    raise SystemExit(a)\n", definition("f", ["a"]), fields=("a",))
    assert failure(packed, 0) == ("f", "SystemExit: 0")
    assert packed.columns({"a": [0]}, [0])[1] == (RowFailure(0, "f", "SystemExit: 0"),)


def test_columns_of_different_length_are_a_fault_of_the_program():
    packed = load("def f(a, b):\n    return a\n", definition("f", ["a", "b"]))
    with pytest.raises(ValueError, match="zip"):
        packed.columns({"a": [1, 2], "b": [1]}, [0, 0])


# -- what a feature may give ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expression", "value"),
    [
        ("int", "7", 7),
        ("int", "np.int64(7)", 7),
        ("int", "np.uint8(7)", 7),
        ("int", "-(2**53)", -(2**53)),
        ("float", "0.5", 0.5),
        ("float", "2", 2.0),
        ("float", "np.float32(0.5)", 0.5),
        ("float", "np.int64(3)", 3.0),
        ("bool", "a > 0", True),
        ("bool", "np.bool_(False)", False),
        ("str", "'x'", "x"),
        ("str", "np.str_('x')", "x"),
        ("category", "'one'", "one"),
        ("category", "np.str_('two')", "two"),
        ("date", "date(1997, 1, 2)", date(1997, 1, 2)),
        ("datetime", "datetime(1997, 1, 2, tzinfo=UTC)", datetime(1997, 1, 2, tzinfo=UTC)),
    ],
)
def test_values_of_each_kind_come_out_as_plain_python(kind, expression, value):
    packed = returning(expression, kind, categories=("one", "two") if kind == "category" else ())
    (found,) = packed.row((1,), NOON)
    assert found == value
    assert type(found) is type(value)
    (made,) = packed.columns({"a": [1]}, [NOON])[0]["f"]
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "expression", "message"),
    [
        ("int", "1.0", "returned float, declared int"),
        ("int", "True", "returned bool, declared int"),
        ("int", "'1'", "returned str, declared int"),
        ("int", "np.float64(1)", "returned float64, declared int"),
        ("int", "2**53 + 1", "returned a whole number beyond ±2^53"),
        ("int", "-(10**5000)", "returned a whole number beyond ±2^53"),
        ("float", "'1'", "returned str, declared float"),
        ("float", "True", "returned bool, declared float"),
        ("float", "10**400", "returned int, declared float"),
        ("float", "1j", "returned complex, declared float"),
        ("float", "float('nan')", "returned nan; a missing value is None"),
        ("float", "np.float64('-inf')", "returned -inf; a missing value is None"),
        ("float", "[1.0]", "returned list, declared float"),
        ("bool", "1", "returned int, declared bool"),
        ("bool", "'True'", "returned str, declared bool"),
        ("str", "1", "returned int, declared str"),
        ("str", "b'x'", "returned bytes, declared str"),
        ("category", "'three'", "returned 'three', not a declared category"),
        ("date", "datetime(1997, 1, 2, tzinfo=UTC)", "returned datetime, declared date"),
        ("date", "'1997-01-02'", "returned str, declared date"),
        ("datetime", "date(1997, 1, 2)", "returned date, declared datetime"),
        ("datetime", "datetime(1997, 1, 2)", "returned a time without a zone"),
        ("int", "None", "returned None, but is not declared optional"),
        ("str", "(_ for _ in ())", "returned generator, declared str"),
        ("int", "1 // 0", "ZeroDivisionError: integer division or modulo by zero"),
        ("int", "{}['x']", "KeyError: 'x'"),
        ("int", "a.year", "AttributeError: 'int' object has no attribute 'year'"),
    ],
)
def test_what_is_not_of_its_kind_fails_with_the_features_name(kind, expression, message):
    packed = returning(expression, kind, categories=("one", "two") if kind == "category" else ())
    assert failure(packed, 1) == ("f", message)
    made, failures = packed.columns({"a": [1]}, [NOON])
    assert made == {"f": [None]}
    assert failures == (RowFailure(0, "f", message),)


def test_none_is_fine_where_it_is_declared():
    assert returning("None", optional=True).row((1,), NOON) == (None,)


def test_the_text_of_a_failure_names_feature_and_reason():
    with pytest.raises(FeatureFailure) as caught:
        returning("1.0").row((1,), NOON)
    assert str(caught.value) == "f: returned float, declared int"


def test_the_cause_of_a_failure_is_kept_for_a_traceback():
    with pytest.raises(FeatureFailure) as caught:
        returning("1 // 0").row((1,), NOON)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_times_zone_is_kept():
    zone = timezone(timedelta(hours=2))
    packed = returning("a", "datetime")
    (found,) = packed.row((datetime(1997, 1, 2, tzinfo=zone),), NOON)
    assert found.tzinfo is zone


def test_an_interrupt_is_no_failure_of_a_feature():
    packed = load("def f(a):\n    raise KeyboardInterrupt\n", definition("f", ["a"]), fields=("a",))
    with pytest.raises(KeyboardInterrupt):
        packed.row((1,), NOON)
    with pytest.raises(KeyboardInterrupt):
        packed.columns({"a": [1]}, [NOON])


def test_numpy_columns_are_read_too():
    packed = returning("float(a) + 1", "float")
    made, failures = packed.columns({"a": np.array([1.0, 2.0])}, [NOON, NOON])
    assert (made, failures) == ({"f": [2.0, 3.0]}, ())


# -- releases ------------------------------------------------------------------------------------


def test_two_releases_with_different_code_for_one_name_live_side_by_side():
    sources = {
        k: {
            "shop": f"from .shop__text import mark\nK = {k}\ndef f(a):\n    return mark(a) + K\n",
            "shop__text": f"def mark(a):\n    return a * {k}\n",
        }
        for k in (10, 20)
    }
    one = definition("f", ["a"])
    features = FeatureSet(
        request=(FeatureDefinition(**{**vars(one), "module": "shop"}),), histories=(), inputs=()
    )
    first, second = (
        PackedFeatures.load(sources[k], features, fields=("a",), name=f"release{k}")
        for k in (10, 20)
    )
    assert (first.row((1,), 0), second.row((1,), 0)) == ((20,), (40,))
    again = PackedFeatures.load(sources[10], features, fields=("a",), name="release20")
    assert (again.row((1,), 0), second.row((1,), 0)) == ((20,), (40,))
    assert not {"shop", "shop__text"} & set(sys.modules)


def test_a_packed_class_can_be_found_by_its_module():
    """Dataclasses look their module up in sys.modules while they are made."""
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from typing import ClassVar\n@dataclass\nclass P:\n    k: ClassVar[int] = 3\n    x: int\n"
        "def f(a):\n    return P(a).x + P.k\n"
    )
    loaded = load_modules({"m": source}, "_interlock_test_class")
    assert loaded["m"].f(1) == 4
    assert sys.modules["_interlock_test_class.m"] is loaded["m"]


@pytest.mark.parametrize(
    ("sources", "what"),
    [
        ({}, "the packed source of f is incomplete"),
        ({"m": "g = 1\n"}, "the packed source of f is incomplete"),
        ({"m": "f = 1\n"}, "the packed source of f is incomplete"),
        ({"m": "def f(:\n"}, "the packed source of a release cannot be loaded"),
        ({"m": "1 / 0\n"}, "the packed source of a release cannot be loaded"),
        ({"m": "from .gone import f\n"}, "the packed source of a release cannot be loaded"),
        (
            {"m": "from .n import f\n", "n": "from .m import f\n"},
            "the packed source of a release cannot be loaded",
        ),
    ],
)
def test_source_that_cannot_be_loaded_is_an_integrity_error(sources, what):
    features = FeatureSet(request=(definition("f", ["a"]),), histories=(), inputs=())
    with pytest.raises(IntegrityError) as caught:
        PackedFeatures.load(sources, features, fields=("a",), name="broken")
    mistake = caught.value.mistakes[0]
    assert (mistake.code, mistake.what) == ("F110", what)
    assert mistake.fix == "build the release again"


def test_incomplete_source_says_what_is_lacking():
    with pytest.raises(IntegrityError) as caught:
        load("", definition("f", ["a"]))
    assert str(caught.value) == (
        "error[F110]: the packed source of f is incomplete\n"
        "  expected: a function f in packed/m.py\n"
        "  fix: build the release again"
    )
