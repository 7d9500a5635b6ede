"""What is scored is what will be answered: post-processing over the examples' rows."""

import numpy as np
import pytest

import interlock as il
from interlock.errors import AuthorError
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import take_snapshots
from interlock.pipeline.training.finishing import Finishing
from interlock.train.answer import Answers


@il.feature
def decade(built: int) -> int:
    return built // 10 * 10


@il.postprocess
def floor_at(prediction: float, decade: int, built: int) -> float:
    if built == 1957:
        raise ValueError("no such year")
    return max(prediction, decade + built / 10_000)


def finishing(bench, **changes):
    context = bench.context(features=[decade], **changes)
    examples = make_examples(context, take_snapshots(context))
    return Finishing.of(context.bound, load_examples(context, examples.output))


def test_rows_are_finished_with_their_own_values(bench):
    found = finishing(bench, postprocess=[floor_at]).finish(
        Answers(value=np.array([0.0, 5_000.0, 0.0])), np.array([3, 4, 8])
    )
    assert found.value.tolist() == [1950.1953, 5_000.0, 1950.1958]


def test_a_row_that_fails_is_an_error_and_named(bench):
    with pytest.raises(AuthorError) as failed:
        finishing(bench, postprocess=[floor_at]).finish(
            Answers(value=np.zeros(3)), np.array([6, 7, 8])
        )
    assert str(failed.value) == (
        "error[T120]: floor_at cannot post-process what the model answers\n"
        "  where: 1 of 3 held-out rows\n"
        "  expected: a finite number for every prediction and every row\n"
        "  got: ValueError: no such year, for example where decade is 1950, built is 1957\n"
        "  fix: make the function answer for such a row"
    )


def test_a_search_is_scored_on_what_will_be_answered(bench):
    made = finishing(bench, postprocess=[floor_at])
    measure = made.measured(lambda y, prediction: float(prediction.sum()), np.array([0, 1]))
    assert measure(np.zeros(2), np.zeros(2)) == pytest.approx(1950.195 + 1950.1951)


def test_without_post_processing_nothing_is_touched(bench):
    nothing, answers = finishing(bench), Answers(value=np.zeros(1))
    assert nothing.finish(answers, np.array([0])) is answers
    assert nothing.measured(max, np.array([0])) is max
