"""What may stand beside what is live, by the two bundles."""

import copy

import pytest

from interlock.digest import canonical_json
from interlock.errors import OperatorError
from interlock.pipeline.deploying import rival
from interlock.pipeline.deploying.rival import require_own_tables
from interlock.release.bundle import Bundle
from interlock.release.coverage import Coverage
from interlock.release.limits import Limits
from interlock.train.answer import AnswerSpec

REQUEST = {"name": "House", "fields": [{"name": "area", "kind": "float", "ge": 10.0}]}
ANSWER = {
    "spec": AnswerSpec(task="regression", link="identity").to_row(),
    "target": "price",
    "unit": "USD",
    "entity": ["area"],
}
HISTORY = {
    "name": "market", "source": "sales", "entity": [["block", "str"]], "refresh": 1, "landing": 0,
    "aggregates": [], "digest": "5" * 64, "sql": None,
}  # fmt: skip
BLOCK = {
    "name": "block", "arguments": ["area"], "nullable_arguments": [], "kind": "str",
    "optional": False, "module": "product", "function": "block",
}  # fmt: skip
FEATURES = {"request": [BLOCK], "histories": [HISTORY], "inputs": []}
CODE = "def block(area):\n    return str(area // 20)\n"


def bundle(*, code=CODE, coverage=None, **changes):
    """A bundle with values changed by their dotted path in a file."""
    files = {"request": REQUEST, "answer": ANSWER, "features": FEATURES}
    files |= {} if coverage is None else {"coverage": coverage.to_row()}
    files = copy.deepcopy(files)
    for path, value in changes.items():
        *way, last = path.split("__")
        place = files
        for part in way:
            place = place[int(part)] if part.isdigit() else place[part]
        place[last] = value
    data = {f"{name}.json": canonical_json(row) for name, row in files.items()}
    return Bundle(
        digest="0" * 64,
        directory=None,
        manifest={},
        files=data | {"packed/product.py": code.encode()},
    )


def coverage(*, estimate):
    area = Limits(name="area", ends=(20.0, 400.0), log=True, cutoff=3.5, n=100)
    return Coverage(limits=(area,), estimate=estimate)


def require_rival(champion, challenger, *, where):
    rival.require_rival(champion, challenger, where=where, shadowed=False)


def refusal(check, challenger, champion=None):
    with pytest.raises(OperatorError) as caught:
        check(champion or bundle(), challenger, where="prod")
    assert caught.value.code == "E153"
    return caught.value.mistakes[0].got


def test_a_release_that_takes_and_answers_the_same_may():
    require_rival(bundle(), bundle(), where="prod")
    require_rival(bundle(), bundle(request__fields__0__ge=5.0), where="prod")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"request__fields__0__ge": 20.0}, "the lower bound is narrower"),
        ({"answer__unit": "EUR"}, "the unit of the answer: USD became EUR"),
        ({"answer__target": "rent"}, "the target: price became rent"),
        ({"answer__spec__classes": ["a", "b"]}, "the classes: () became ('a', 'b')"),
    ],
)
def test_one_that_breaks_a_consumer_may_not(change, why):
    assert why in refusal(require_rival, bundle(**change))


@pytest.mark.parametrize(
    ("old", "new"), [([0, 1], [False, True]), ([0, 1], [0.0, 1.0]), (["1", "2"], [1, 2])]
)
def test_classes_are_of_one_type(old, new):
    champion, challenger = (bundle(answer__spec__classes=classes) for classes in (old, new))
    got = refusal(require_rival, challenger, champion)
    assert got == f"the classes: {tuple(old)} became {tuple(new)}"
    require_rival(champion, champion, where="prod")


def test_only_beside_one_that_declines_may_one_decline():
    declining, estimating = (bundle(coverage=coverage(estimate=e)) for e in (False, True))
    why = "it gives no prediction for what it does not cover, and the champion always gives one"
    assert refusal(require_rival, declining) == why
    assert refusal(require_rival, declining, champion=estimating) == why
    for champion, challenger in (
        (bundle(), estimating),
        (declining, declining),
        (declining, bundle()),
        (bundle(), bundle(coverage=Coverage())),
    ):
        require_rival(champion, challenger, where="prod")


def test_without_a_unit_nothing_can_be_split():
    got = refusal(require_rival, bundle(), champion=bundle(answer__entity=[]))
    assert got == "the champion declares no unit to split the traffic by"


@pytest.mark.parametrize(
    ("shadowed", "fix"),
    [
        (False, "try it in shadow (--shadow), or deliver it when its consumers are ready"),
        (
            True,
            "leave it in shadow, or `interlock rollout promote` when its consumers are ready",
        ),
    ],
)
def test_the_fix_knows_whether_it_is_in_shadow_already(shadowed, fix):
    with pytest.raises(OperatorError) as caught:
        rival.require_rival(bundle(answer__entity=[]), bundle(), where="prod", shadowed=shadowed)
    assert caught.value.mistakes[0].fix == fix


def test_a_table_that_both_fill_has_one_kind_of_key():
    other = CODE.replace("20", "40")
    require_own_tables(bundle(), bundle(code=CODE + "\nX = 1\n"), where="prod")
    got = refusal(require_own_tables, bundle(code=other))
    assert got == "history market: its key is made by other code"
    renamed = bundle(code=other, features__histories__0__digest="6" * 64)
    require_own_tables(bundle(), renamed, where="prod")
