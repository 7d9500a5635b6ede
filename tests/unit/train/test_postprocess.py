"""Post-processing: one definition for one row and for many, and no raw value in its stead."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition
from interlock.train.answer import AnswerOne, Answers
from interlock.train.postprocess import PostprocessFailure, PostProcessing

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def definition(name, *arguments, nullable=()):
    return FeatureDefinition(
        name=name,
        arguments=arguments or ("prediction",),
        nullable_arguments=nullable,
        kind="float",
        optional=False,
        module="product",
        function=name,
    )


def made(*functions):
    """Post-processing of (function, arguments…) pairs."""
    definitions = [definition(f.__name__, *arguments) for f, *arguments in functions]
    return PostProcessing(definitions, [f for f, *_ in functions])


def to_500(prediction):
    return round(prediction / 500) * 500


def floor_at(prediction, land):
    return max(prediction, land)


def turned(prediction):
    return -prediction


def answer(value, low=None, high=None):
    return AnswerOne(value=value, low=low, high=high, probabilities=None)


def test_functions_are_applied_in_their_order():
    forward = made((to_500, "prediction"), (floor_at, "prediction", "land"))
    backward = made((floor_at, "prediction", "land"), (to_500, "prediction"))
    assert forward.one(answer(1_740.0), (1_749.0,)) == answer(1_749.0)
    assert backward.one(answer(1_740.0), (1_749.0,)) == answer(1_500.0)


def test_the_interval_goes_through_the_same_functions():
    found = made((to_500, "prediction")).one(answer(1_740.0, 1_260.0, 2_240.0), ())
    assert found == answer(1_500.0, 1_500.0, 2_000.0)


def test_a_prediction_may_stand_at_any_place_among_the_arguments():
    def capped(garage, prediction, land):
        return min(prediction, land if garage is None else land + garage)

    after = PostProcessing(
        [definition("capped", "garage", "prediction", "land", nullable=("garage",))], [capped]
    )
    assert after.arguments == ("garage", "land")
    assert after.one(answer(900.0), (None, 500.0)) == answer(500.0)
    assert after.one(answer(900.0), (7, 500.0)) == answer(507.0)


@given(value=finite, low=finite, high=finite)
def test_an_interval_never_loses_its_prediction(value, low, high):
    low, value, high = sorted((low, value, high))
    found = made((turned, "prediction")).one(answer(value, low, high), ())
    assert found.value == -value
    assert (found.low, found.high) == (-high, -low)
    assert found.low <= found.value <= found.high


@given(
    rows=st.lists(st.tuples(finite, finite, finite, st.none() | finite), max_size=8),
    divisor=st.sampled_from([0.0, 7.0, 500.0]),
)
def test_many_rows_get_what_one_row_gets_to_the_bit(rows, divisor):
    def stepped(prediction, step):
        return divisor * math.floor(prediction / (divisor if step is None else step))

    after = PostProcessing(
        [definition("stepped", "prediction", "step", nullable=("step",))], [stepped]
    )
    columns = np.array([r[:3] for r in rows], dtype=float).reshape(-1, 3)
    many, failures = after.many(
        Answers(value=columns[:, 0], low=columns[:, 1], high=columns[:, 2]),
        {"step": [r[3] for r in rows]},
    )
    failed = {f.row: f.message for f in failures}
    for number, (value, low, high, step) in enumerate(rows):
        got = (many.value[number], many.low[number], many.high[number])
        if number in failed:
            with pytest.raises(PostprocessFailure) as failure:
                after.one(answer(value, low, high), (step,))
            assert failed[number] == failure.value.message
            assert all(map(math.isnan, got))
        else:
            one = after.one(answer(value, low, high), (step,))
            assert np.array(got).tobytes() == np.array([one.value, one.low, one.high]).tobytes()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda prediction: None, "returned None, but is not declared optional"),
        (lambda prediction: math.nan, "returned nan; a missing value is None"),
        (lambda prediction: math.inf, "returned inf; a missing value is None"),
        (lambda prediction: "9", "returned str, declared float"),
        (lambda prediction: True, "returned bool, declared float"),
        (lambda prediction: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda prediction: sys.exit(0), "SystemExit: 0"),
    ],
)
def test_a_function_that_gives_no_number_fails_its_row(function, message):
    after = PostProcessing([definition("broken")], [function])
    with pytest.raises(PostprocessFailure) as failed:
        after.one(answer(1.0), ())
    assert (failed.value.function, failed.value.message) == ("broken", message)
    many, (failure,) = after.many(Answers(value=np.array([1.0])), {})
    assert (failure.row, failure.feature, failure.message) == (0, "broken", message)
    assert np.isnan(many.value).all()


def test_a_failure_at_an_end_of_the_interval_fails_the_row():
    def root(prediction):
        return math.sqrt(prediction)

    after = made((root, "prediction"))
    assert after.one(answer(4.0), ()) == answer(2.0)
    with pytest.raises(PostprocessFailure, match=r"^root: ValueError: "):
        after.one(answer(4.0, -1.0, 9.0), ())


def test_a_missing_value_that_is_needed_fails_the_row():
    with pytest.raises(PostprocessFailure) as failed:
        made((floor_at, "prediction", "land")).one(answer(1.0), (None,))
    assert failed.value.message == "a value that it needs is missing"


@pytest.mark.parametrize("parts", [(math.nan,), (math.inf, 1.0, 2.0), (1.0, -math.inf, 2.0)])
def test_an_answer_that_is_not_finite_is_the_models_own_failure(parts):
    found = made((turned, "prediction")).one(answer(*parts), ())
    assert str(found) == str(answer(*parts))


def test_nothing_to_do_changes_nothing():
    nothing = PostProcessing.load({}, (), name="none")
    answers = Answers(value=np.array([1.0]))
    assert nothing.many(answers, {}) == (answers, ())
    assert nothing.one(answer(1.0), ()) == answer(1.0)


def test_functions_are_loaded_from_packed_source():
    source = {"product": "def to_500(prediction):\n    return round(prediction / 500) * 500\n"}
    loaded = PostProcessing.load(source, [definition("to_500")], name="test")
    assert loaded.one(answer(1_740.0), ()) == answer(1_500.0)
    with pytest.raises(IntegrityError) as refused:
        PostProcessing.load(source, [definition("to_1000")], name="test")
    assert refused.value.code == "F110"
