"""The exact text of `interlock diff`."""

from dataclasses import replace

import pytest

from interlock.cli.render_diff import diff_lines
from interlock.clock import DAY
from interlock.data.profile_shift import ProfileShift
from interlock.evaluate.compare import Estimate
from interlock.pipeline.contrast import Contrast, Disagreement, PairedMetric, Said
from interlock.release.diff import CodeChange, Difference, Mark, OwnMetric, ReleaseDiff
from interlock.release.schema_diff import Change
from interlock.stats.drift import Level, Shift
from interlock.store.rows import ReleaseRow
from interlock.use_cases.diff import DiffReport
from interlock.verdict import Interval


def release(label, digest):
    return ReleaseRow(
        bundle=digest * 64, product="rents", label=label, delivery="d", facts={}, created=0
    )


def shift(name, psi, level, exact=True):
    moved = Shift(psi=psi, p=0.0, rows_before=900, rows_now=900, bins=10)
    return ProfileShift(name=name, shift=moved, level=level, exact=exact)


SAME = ReleaseDiff(
    code=(CodeChange(module="product", mark=Mark.SAME, added=0, removed=0, lines=()),),
    request=(),
    answer=(Difference.of("target", "rent", "rent"), Difference.of("unit", "EUR", "EUR")),
    features=(),
    model=(Difference.of("candidate", "boosting", "boosting"),),
    parameters=(),
    data=(Difference.of("snapshot", "a" * 64, "b" * 64), Difference.of("rows", 900, 12_000)),
    shifts=(shift("area", 0.01, Level.OK), shift("zone", 0.02, Level.OK)),
    metrics=(
        OwnMetric(
            name="mdape",
            unit="%",
            before={"value": 0.1312, "low": 0.12, "high": 0.141, "n": 1204},
            after={"value": 0.1219, "low": None, "high": None, "n": 88},
        ),
        OwnMetric(name="mae", unit="EUR", before=None, after={"value": 90.0, "low": 80.0,
                  "high": 101.5, "n": 88}),
    ),
)  # fmt: skip
REPORT = DiffReport(
    product="rents",
    before=release("1.3.0", "6"),
    after=release("1.4.0", "d"),
    changes=SAME,
    contrast=None,
)
PLAIN = [
    "rents 1.3.0 → 1.4.0 · 666666666666 → dddddddddddd",
    "code",
    "  = the same packed/product.py",
    "request",
    "  = the same fields",
    "answer",
    "  = the same target rent, unit EUR",
    "features",
    "  = the same definitions",
    "model",
    "  = the same candidate boosting",
    "parameters",
    "  = the same",
    "data",
    "  ~ snapshot: aaaaaaaaaaaa → bbbbbbbbbbbb",
    "  ~ rows: 900 → 12,000",
    "  = no drift in 2 inputs of 2",
    "metrics, each release on its own test rows",
    "         1.3.0                        1.4.0",
    "  mdape  13.1 % (12.0–14.1), n 1,204  12.2 %, n 88",
    "  mae    not measured                 90 EUR (80–102), n 88",
]
COMPATIBLE = "✔ compatible: a consumer need not change anything"


def test_what_did_not_change_is_one_line_a_part():
    assert diff_lines(REPORT, all_code=False) == [*PLAIN, COMPATIBLE]


def test_a_release_and_itself():
    same = replace(REPORT, after=REPORT.before)
    assert diff_lines(same, all_code=False) == [
        "rents 1.3.0 → 1.3.0 · 666666666666 → 666666666666",
        "= the same release: 1.3.0",
    ]


def test_changes_with_their_marks_and_what_breaks_last():
    lines = tuple(f"+line {i}" for i in range(25))
    changes = replace(
        SAME,
        code=(
            CodeChange(module="old", mark=Mark.REMOVED, added=0, removed=1, lines=("-x = 1",)),
            CodeChange(module="product", mark=Mark.CHANGED, added=25, removed=0, lines=lines),
        ),
        request=(
            Change(field="area", what="the field is gone", breaking=True),
            Change(field="zone", what="a new optional field", breaking=False),
        ),
        answer=(Difference.of("unit", "EUR", "USD", breaking=True),),
        features=(
            Difference(name="age", mark=Mark.ADDED, after="int of on, built"),
            Difference(name="n", mark=Mark.REMOVED, before="count() of rents by zone"),
        ),
        parameters=(Difference.of("max_iter", 200, 300), Difference.of("early", True, None)),
        shifts=(
            shift("area", 0.12, Level.WARNING, exact=False),
            shift("zone", 0.31, Level.HIGH),
            shift("n", 0.5, Level.INSUFFICIENT),
        ),
    )
    shown = diff_lines(replace(REPORT, changes=changes), all_code=False)
    code = shown.index("code")
    assert shown[code + 1 : code + 4] == [
        "  − gone packed/old.py: 0 lines added, 1 removed",
        "      -x = 1",
        "  ~ changed packed/product.py: 25 lines added, 0 removed",
    ]
    assert shown[code + 23 : code + 25] == [
        "      +line 19",
        "      … 5 lines more: interlock diff --code",
    ]
    assert "      +line 24" in diff_lines(replace(REPORT, changes=changes), all_code=True)
    assert shown[shown.index("request") + 1 : shown.index("model")] == [
        "  ~ area: the field is gone, breaking",
        "  ~ zone: a new optional field",
        "answer",
        "  ~ unit: EUR → USD, breaking",
        "features",
        "  + new age: int of on, built",
        "  − gone n: count() of rents by zone",
    ]
    assert "  ~ early: yes → none" in shown
    drift = shown.index("  ~ zone drifted: PSI 0.31, high")
    assert shown[drift : drift + 4] == [
        "  ~ zone drifted: PSI 0.31, high",
        "  ~ area drifted: PSI 0.12, warning (read off quantiles)",
        "  ? too few rows to say: n",
        "  = no drift in 0 inputs of 3",
    ]
    assert shown[-3:] == [
        "✖ breaking: request: area: the field is gone",
        "✖ breaking: answer: ~ unit: EUR → USD",
        "✖ 2 breaking changes: a consumer must change with it",
    ]


def estimate(value, low=None, high=None):
    interval = None if low is None else Interval(low=low, high=high)
    return Estimate(value=value, interval=interval, n=700, units=700)


def paired(name, change, better="lower", unit="%"):
    return PairedMetric(
        name=name, unit=unit, better=better, before=estimate(0.13), after=estimate(0.12),
        change=change,
    )  # fmt: skip


CONTRAST = Contrast(
    as_of=10_000 * DAY,
    rows=800,
    both=790,
    unseen=700,
    relative=True,
    unit="EUR",
    metrics=(
        paired("mdape", estimate(-0.01, -0.02, -0.004)),
        paired("within_10", estimate(-0.01, -0.02, -0.004), better="higher"),
        paired("mape", estimate(-0.01, -0.02, 0.004)),
        paired("mean_error", estimate(5, 3, 7), better="target", unit="EUR"),
        paired("own", replace(estimate(float("nan")), reason="it raised")),
    ),
    disagreements=(
        Disagreement(key=17, at=9_990 * DAY, before=Said(value=800.0), after=Said(value=1_000.0),
                     truth=950.0, size=0.25, request={}),
    ),
)  # fmt: skip


def contrast_lines(contrast):
    shown = diff_lines(replace(REPORT, contrast=contrast), all_code=False)
    assert (shown[: len(PLAIN)], shown[-1]) == (PLAIN, COMPATIBLE)
    return shown[len(PLAIN) : -1]


def test_both_on_the_same_rows():
    assert contrast_lines(CONTRAST) == [
        "on the same rows: 800 test rows as of 1997-05-19, 790 answered by both",
        "  on those 700 that neither has learned from:",
        "  ~ mdape       13 % → 12 %            -1 % (-2.00 to -0.40)  1.4.0 is better",
        "  ~ within_10   13 % → 12 %            -1 % (-2.00 to -0.40)  1.3.0 is better",
        "  = mape        13 % → 12 %            -1 % (-2.00 to 0.40)   no difference shown",
        "  ~ mean_error  0.130 EUR → 0.120 EUR  5 EUR (3–7)            changed",
        "  ? own         13 % → 12 %            no interval            it raised",
        "where they disagree most",
        "  row  about       1.3.0    1.4.0      difference  in truth",
        "  17   1997-05-09  800 EUR  1,000 EUR  +25.0 %     950 EUR",
    ]


def test_rows_that_are_not_covered_are_told():
    told = contrast_lines(replace(CONTRAST, not_covered=(3, 9)))
    assert told[1] == "  not covered: 3 by 1.3.0, 9 by 1.4.0; these are not compared"


def test_classes_and_plain_numbers_disagree_in_their_own_way():
    classes = Disagreement(
        key="a", at=0, before=Said(value="late", probability=0.81),
        after=Said(value="on time", probability=0.55), truth="late", size=0.36, request={},
    )  # fmt: skip
    numbers = Disagreement(
        key="b", at=0, before=Said(value=5.0), after=Said(value=3.5), truth=4.0, size=-1.5,
        request={},
    )  # fmt: skip
    shown = contrast_lines(replace(CONTRAST, disagreements=(classes,), metrics=()))
    assert shown[-1].split("  ")[-2:] == ["36 % of probability", "late"]
    assert "late 0.810" in shown[-1]
    shown = contrast_lines(replace(CONTRAST, disagreements=(numbers,), relative=False))
    assert "-1.5 EUR" in shown[-1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"reason": "1.3.0 cannot answer these rows: its classes are not those of today"},
            "  ? not compared: 1.3.0 cannot answer these rows: its classes are not those of today",
        ),
        ({"unjudged": "too few: 3 rows"}, "  ? metrics not compared: too few: 3 rows"),
        ({"disagreements": ()}, "  = the same answer to every row"),
        ({"disagreements": (), "both": 0}, "  – no row to disagree on"),
    ],
)
def test_what_was_not_compared_is_said(changes, said):
    assert said in contrast_lines(replace(CONTRAST, **changes))
