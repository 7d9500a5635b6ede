"""What every declared function shares, whatever it declares."""

import functools

import pytest

import interlock as il
from interlock.evaluate.custom import CustomMetric
from interlock.features.declare import Label, Postprocess, RequestFeature
from interlock.features.function import DeclaredFunction, arguments_of, name_of, place_of
from interlock.features.outliers import OutlierRule


def plain(a, b=2):
    return a + b


DECLARED = (
    RequestFeature(plain),
    Label(plain),
    Postprocess(plain),
    OutlierRule(plain),
    CustomMetric(plain, better="lower"),
)


@pytest.mark.parametrize("declared", DECLARED, ids=lambda one: type(one).__name__)
def test_it_stays_the_function_that_it_was_and_says_where(declared):
    assert isinstance(declared, DeclaredFunction)
    assert (declared(1), declared(1, b=5)) == (3, 6)
    assert (declared.name, declared.function) == ("plain", plain)
    assert declared.where == f"{__file__}:{plain.__code__.co_firstlineno}"


def test_the_function_under_its_wrappers_is_looked_at():
    @functools.wraps(plain)
    def wrapped(*args, **kwargs):
        return plain(*args, **kwargs)

    assert arguments_of(wrapped) == ("a", "b")
    assert place_of(wrapped) == place_of(plain)


def test_what_is_no_function_is_told_as_it_is():
    odd = functools.partial(plain, 1)
    assert name_of(odd) == repr(odd)[:80]
    assert place_of(odd) == repr(odd)[:80]
    assert arguments_of(odd) == ()
    assert il.feature(odd).name == name_of(odd)
