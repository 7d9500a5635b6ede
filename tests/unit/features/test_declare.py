"""Declared features and labels: plain functions, and the types that they may take and give."""

import functools
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Optional, Union

import pytest

from interlock.errors import AuthorError
from interlock.features.declare import (
    Annotation,
    Label,
    RequestFeature,
    annotation_of,
    feature,
    label,
    signature_of,
)
from interlock.features.function import place_of


def refusal(declared):
    with pytest.raises(AuthorError) as caught:
        signature_of(declared)
    (mistake,) = caught.value.mistakes
    assert mistake.code == "F101"
    return mistake


def test_a_feature_stays_the_function_that_it_was():
    @feature
    def age(sold: int, built: int = 1900) -> int:
        """Years."""
        return sold - built

    assert isinstance(age, RequestFeature)
    assert (age(1950, 1910), age(1950), age(sold=1950, built=1940)) == (40, 50, 10)
    assert age.name == "age"
    assert age.where == f"{__file__}:{age.function.__code__.co_firstlineno}"
    assert (age.unit, age.owner, age.model_input) == ("", "", True)


def test_what_a_feature_may_say_of_itself():
    @feature(unit="years", owner="pricing", model_input=False)
    def age(built: int) -> int:
        return 1997 - built

    assert (age.unit, age.owner, age.model_input, age(1990)) == ("years", "pricing", False, 7)


def test_a_label_is_called_like_its_function_and_knows_its_place():
    @label
    def late(delay: int | None) -> bool | None:
        return None if delay is None else delay > 15

    assert isinstance(late, Label)
    assert (late(20), late(3), late(None), late.name) == (True, False, None, "late")
    assert late.where == f"{__file__}:{late.function.__code__.co_firstlineno}"


def test_declaring_runs_nothing():
    @feature
    def broken(x: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken(1)


@pytest.mark.parametrize(
    ("hint", "kind", "optional", "categories"),
    [
        (int, "int", False, ()),
        (float, "float", False, ()),
        (bool, "bool", False, ()),
        (str, "str", False, ()),
        (date, "date", False, ()),
        (datetime, "datetime", False, ()),
        (int | None, "int", True, ()),
        (None | float, "float", True, ()),
        (Optional[str], "str", True, ()),  # noqa: UP045 - people write it so
        (Union[None, date], "date", True, ()),  # noqa: UP007 - people write it so
        (Literal["a", "b"], "category", False, ("a", "b")),
        (Literal["b", "a"] | None, "category", True, ("b", "a")),
    ],
)
def test_what_may_be_annotated(hint, kind, optional, categories):
    assert annotation_of(hint) == Annotation(kind=kind, optional=optional, categories=categories)


@pytest.mark.parametrize(
    "hint",
    [list, list[int], dict, object, Decimal, bytes, int | str, int | str | None, Literal[1, "a"]],
)
def test_what_may_not_be_annotated(hint):
    assert annotation_of(hint) is None


def test_a_signature_keeps_the_order_of_the_arguments():
    @feature
    def f(b: int, a: Literal["x"] | None, as_of: datetime) -> float | None: ...

    found = signature_of(f)
    assert list(found.arguments.items()) == [
        ("b", Annotation(kind="int")),
        ("a", Annotation(kind="category", optional=True, categories=("x",))),
        ("as_of", Annotation(kind="datetime")),
    ]
    assert found.result == Annotation(kind="float", optional=True)


def test_annotations_as_text_are_read_too():
    def f(a: "int | None", b: "Literal['x', 'y']") -> "date": ...

    found = signature_of(feature(f))
    assert [a.kind for a in found.arguments.values()] == ["int", "category"]
    assert found.arguments["a"].optional
    assert found.result.kind == "date"


def test_a_missing_annotation():
    @feature
    def age(built) -> int: ...

    mistake = refusal(age)
    assert str(mistake) == (
        "error[F101]: age: 'built' has no usable annotation\n"
        f"  where: {__file__}:{age.function.__code__.co_firstlineno}\n"
        "  expected: int, float, str, bool, date, datetime or Literal['…'], "
        "or one of them | None\n"
        "  got: no annotation\n"
        "  fix: annotate 'built'"
    )


def test_a_missing_or_useless_result():
    @feature
    def nothing(a: int): ...

    @feature
    def never(a: int) -> None: ...

    @feature
    def several(a: int) -> list[int]: ...

    assert refusal(nothing).what == "nothing: 'return' has no usable annotation"
    assert refusal(nothing).got == "no annotation"
    assert refusal(never).got == "<class 'NoneType'>"
    assert refusal(several).got == "list[int]"


def test_an_annotation_that_names_nothing():
    @feature
    def age(built: "Year") -> int: ...  # noqa: F821 - that is the point

    mistake = refusal(age)
    assert mistake.what == "an annotation of age names something that does not exist"
    assert mistake.got == "name 'Year' is not defined"
    assert mistake.fix == "import the name at the top of the module"


def test_an_annotation_that_cannot_be_read():
    @feature
    def age(built: "int |") -> int: ...  # noqa: F722 - that is the point

    assert refusal(age).what == "an annotation of age cannot be read"


@pytest.mark.parametrize("name", ["*args", "**kwargs"])
def test_arguments_without_a_name_are_refused(name):
    scope = {}
    exec(f"def f(a: int, {name}: int) -> int: ...", scope)
    mistake = refusal(feature(scope["f"]))
    assert mistake.what == f"f: '{name}' cannot be filled by name and place"
    assert mistake.expected == "plain arguments, named after request fields and features"


def test_an_argument_given_by_keyword_alone_is_refused():
    """Packed features are called by position, for speed."""

    @feature
    def f(a: int, *, b: int) -> int: ...

    mistake = refusal(f)
    assert mistake.what == "f: 'b' cannot be filled by name and place"
    assert mistake.got == "keyword-only"
    assert mistake.fix == "make 'b' a plain argument"


def test_a_wrapped_function_shows_its_own_signature_and_place():
    def plain(a: int) -> int:
        return a

    cached = feature(functools.lru_cache(plain))
    assert list(signature_of(cached).arguments) == ["a"]
    assert cached.where == f"{__file__}:{plain.__code__.co_firstlineno}"


@pytest.mark.parametrize(
    "thing", [math.sqrt, functools.partial(round, ndigits=1), 5, None, int, "f"], ids=repr
)
def test_what_is_no_python_function_is_a_mistake_and_no_crash(thing):
    declared = RequestFeature(thing)
    assert declared.name
    mistake = refusal(declared)
    assert mistake.what == f"{declared.name} is not a Python function"
    assert mistake.got == repr(thing)[:80]


def test_the_place_of_what_has_none():
    assert place_of(math.sqrt) == repr(math.sqrt)
