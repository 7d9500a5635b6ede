"""Every mistake in post-processing: its exact words, once; and what a good declaration binds to."""

from datetime import date
from pathlib import Path

import pytest

import interlock as il


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    area: float
    zone: str
    garage: int | None = None


class Named(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    prediction: float


@il.feature
def age(valued_on: date, built: int) -> int:
    return valued_on.year - built


@il.feature
def zone_age(built: int) -> str:
    return f"{built // 10}"


@il.feature
def cars(garage: int) -> int:
    return garage // 200


@il.feature
def wide(area: float) -> float | None:
    return area if area > 100 else None


@il.feature
def wider(wide: float) -> float:
    return wide * 2


STEP = 500


@il.postprocess
def to_500(prediction: float) -> float:
    """To five hundred."""
    return round(prediction / STEP) * STEP


@il.postprocess
def floor_at(prediction: float, area: float, age: int, garage: int | None) -> float:
    return max(prediction, area * age + (garage or 0))


@il.postprocess
def no_prediction(area: float) -> float:
    return area


@il.postprocess
def whole(prediction: float) -> int:
    return int(prediction)


@il.postprocess
def unknown(prediction: float, are: float) -> float:
    return prediction + are


@il.postprocess
def of_garage(prediction: float, garage: int) -> float:
    return prediction + garage


@il.postprocess
def of_cars(prediction: float, cars: int) -> float:
    return prediction + cars


@il.postprocess
def of_wider(prediction: float, wider: float) -> float:
    return prediction + wider


@il.postprocess
def of_median(prediction: float, median_price: float) -> float:
    return max(prediction, median_price)


@il.postprocess
def of_count(prediction: float, n_sales: int) -> float:
    return prediction if n_sales else 0.0


@il.postprocess
def impure(prediction: float) -> float:
    return prediction + open(0).fileno()


def plain(prediction: float) -> float:
    return prediction


WORDS = [
    (
        {"postprocess": [plain]},
        "error[F140]: postprocess=[…] holds something that is not a post-processing function\n"
        "  expected: functions under @il.postprocess\n"
        "  got: <function plain at",
    ),
    (
        {"postprocess": [no_prediction]},
        "error[F141]: no_prediction is not of the form of post-processing\n"
        "  where: {here}:{no_prediction}\n"
        "  expected: (prediction: float, …) -> float\n"
        "  got: (area: float) -> float\n"
        "  fix: take the prediction as a float, by that name, and return a float",
    ),
    (
        {"postprocess": [whole]},
        "error[F141]: whole is not of the form of post-processing\n"
        "  where: {here}:{whole}\n"
        "  expected: (prediction: float, …) -> float\n"
        "  got: (prediction: float) -> int\n"
        "  fix: take the prediction as a float, by that name, and return a float",
    ),
    (
        {"postprocess": [unknown]},
        "error[F106]: unknown asks for 'are', which nothing provides\n"
        "  where: {here}:{unknown}\n"
        "  expected: prediction, and names of request fields, features and aggregates\n"
        "  got: are\n"
        "  fix: did you mean 'area'?",
    ),
    (
        {"postprocess": [of_garage]},
        "error[F142]: of_garage asks for 'garage', which may be missing\n"
        "  where: {here}:{of_garage}\n"
        "  expected: garage: int | None\n"
        "  got: garage: int\n"
        "  fix: admit None, and say in the function what is answered without it",
    ),
    (
        {"postprocess": [to_500, to_500]},
        "error[F103]: the name 'to_500' is used twice\n"
        "  where: {here}:{to_500}\n"
        "  expected: each post-processing function once\n"
        "  fix: rename the function, or list it once",
    ),
    (
        {"postprocess": to_500},
        "error[C175]: postprocess=… of the product is not what belongs there\n"
        "  expected: a list of @il.postprocess functions\n"
        "  got: Postprocess(function=<function to_500 at",
    ),
    (
        {
            "postprocess": [to_500],
            "target": il.Multiclass("zone"),
            "candidates": {"prior": il.Baseline(il.ClassPrior())},
            "model_gate": [il.Below("log_loss", 1.0)],
        },
        "error[C143]: post-processing is for regressions, and the target is one of classes\n"
        "  expected: a target il.Regression(…), or no postprocess=[…]\n"
        "  got: il.Multiclass\n"
        "  fix: remove postprocess=[…]; probabilities are mended by calibrate='sigmoid'",
    ),
]


@pytest.mark.parametrize(("changes", "words"), WORDS)
def test_each_mistake_is_told_in_these_words(project, changes, words):
    places = {
        f.name: f.where.rsplit(":")[-1] for f in (no_prediction, whole, unknown, of_garage, to_500)
    }
    found = project.mistakes(House, **changes)
    due = words.format(here=Path(__file__), **places)
    assert [m for m in found if str(m).startswith(due)], "\n".join(map(str, found))


@pytest.mark.parametrize(
    ("after", "features"),
    [(of_cars, [cars]), (of_wider, [wide, wider]), (of_median, ["history"])],
)
def test_what_may_be_missing_must_be_admitted(project, after, features):
    features = [_history(project) if f == "history" else f for f in features]
    (mistake,) = project.mistakes(House, features=features, postprocess=[after])
    assert mistake.code == "F142"


def test_a_count_and_a_declared_default_are_never_missing(project):
    history = _history(project, default=0.0)
    bound = project.bind(House, features=[history], postprocess=[of_count, of_median])
    assert [d.name for d in bound.postprocess] == ["of_count", "of_median"]


def _history(project, default=None):
    sales = project.source()
    return il.History(
        sales,
        by="zone",
        refresh="1d",
        n_sales=il.count("30d"),
        median_price=il.median("price", "30d", default=default),
    )


def test_the_word_prediction_is_taken(project):
    source = project.source()
    found = project.mistakes(
        Named,
        examples=source.map(valued_on="sold_on", prediction="area"),
        postprocess=[to_500],
    )
    assert [m.code for m in found] == ["F141"]
    project.bind(Named, examples=source.map(valued_on="sold_on", prediction="area"))


def test_what_cannot_be_packed_is_refused(project):
    (mistake,) = project.mistakes(House, features=[age], postprocess=[impure])
    assert mistake.code == "F102"
    assert mistake.what.startswith("impure cannot be packed into a release: impure uses open")


def test_post_processing_is_bound_packed_and_part_of_the_code(project):
    bound = project.bind(House, features=[age], postprocess=[floor_at, to_500])
    first, second = bound.postprocess
    assert (first.name, first.arguments) == ("floor_at", ("prediction", "area", "age", "garage"))
    assert first.nullable_arguments == ("garage",)
    assert (second.name, second.description) == ("to_500", "To five hundred.")
    assert "STEP = 500" in bound.packed[second.module]
    plain_bound = project.bind(House, features=[age])
    other_order = project.bind(House, features=[age], postprocess=[to_500, floor_at])
    assert len({bound.code_digest, plain_bound.code_digest, other_order.code_digest}) == 3
    assert bound.features == plain_bound.features


def test_what_a_history_stands_for_does_not_depend_on_post_processing(project):
    sales = project.source()
    history = il.History(sales, by=zone_age, refresh="1d", n_sales=il.count("30d"))
    with_after = project.bind(House, features=[zone_age, history], postprocess=[to_500])
    without = project.bind(House, features=[zone_age, history])
    assert with_after.features.histories == without.features.histories
