"""The exact lines of the terminal and of a pull request."""

from dataclasses import replace

import pytest

from interlock.clock import DAY, HOUR, parse_instant
from interlock.release.waiver import UNCHECKED, Waiver
from interlock.report.content import Content, Step, StepStatus
from interlock.report.markdown import summary
from interlock.report.phrases import (
    check_phrase,
    comparison,
    delivery_phrase,
    gate_phrase,
    outcome,
    waiver_phrase,
)
from interlock.report.terminal import (
    check_line,
    delivery_lines,
    gate_lines,
    step_line,
)
from interlock.verdict import Check, Exemption, GateResult, Interval, Verdict

AS_OF = parse_instant("1997-06-30T00:00:00Z")


def test_the_header_says_what_is_live() -> None:
    assert (
        delivery_phrase("valuation", 193, AS_OF, champion="1.3.0", live_for=12 * DAY)
        == "valuation · delivery 193 · as of 1997-06-30 · prod runs 1.3.0 (live 12 d)"
    )
    assert (
        delivery_phrase("valuation", 1, AS_OF + 9 * HOUR, environment="staging")
        == "valuation · delivery 1 · as of 1997-06-30 09:00 UTC · staging runs nothing yet"
    )
    new_york = delivery_phrase("v", 1, AS_OF + 4 * HOUR, zone="America/New_York")
    assert "as of 1997-06-30 ·" in new_york


def test_a_blocked_delivery_line_by_line(blocked: Content) -> None:
    assert delivery_lines(blocked) == [
        "valuation · delivery 193 · as of 1997-06-30 · prod runs 1.3.0 (live 12 d)",
        "✔ data gate      1 of 1 check passed                                    0.4 s",
        "= features       cached · 9 request, 6 history                          0.0 s",
        "✔ train          3 candidates, best boosting                            4.1 s",
        "✖ model gate     1 passed, 1 failed, 1 inconclusive, 1 not applicable   0.3 s",
        "    ✖ mdape               0.163 ≤ 0.150      failed · 95 % 0.158–0.168 · n 1,204",
        "    ? slice stories=three inconclusive · n 2 · too few: 2 of 100 rows",
        "– service gate   skipped",
        "Boosting was blocked at the model gate; prod still runs 1.3.0.",
    ]


def test_advice_is_shown_beneath_what_shuts_the_gate_and_counted_apart() -> None:
    passed = Check(name="minimum rows", verdict=Verdict.PASSED)
    advice = Check(name="drift", verdict=Verdict.FAILED, reason="rooms", advisory=True)
    opened = GateResult(gate="data", checks=(passed, advice))
    assert gate_lines(opened) == [
        "✔ data gate      1 of 2 checks passed, 1 failed (advisory)",
        "    ✖ drift               failed, advisory · rooms",
    ]
    shut = replace(opened, checks=(*opened.checks, Check(name="fresh", verdict=Verdict.FAILED)))
    assert gate_lines(shut) == [
        "✖ data gate      1 passed, 2 failed (1 advisory)",
        "    ✖ fresh               failed",
        "    ✖ drift               failed, advisory · rooms",
    ]
    assert gate_lines(replace(shut, checks=(advice,))) == [
        "! data gate      0 passed, 1 failed (advisory): nothing was shown, so it stays shut",
        "    ✖ drift               failed, advisory · rooms",
    ]
    assert check_phrase(advice) == "drift ✖ failed, advisory · rooms"


def test_the_words_stand_in_columns() -> None:
    names = ("training tests", "post-deploy tests", "prod")
    lines = [step_line(Step(name=n, status=StepStatus.RAN, detail="is", seconds=1)) for n in names]
    assert [line.index(" is ") for line in lines] == [16, 16, 16]
    assert lines[1].startswith("✔ post-deploy    is ")
    passed = GateResult(gate=names[1], checks=(Check(name="ready", verdict=Verdict.PASSED),))
    assert gate_lines(passed) == ["✔ post-deploy    1 of 1 check passed"]


def test_verbose_shows_every_check_and_context_is_added(blocked: Content) -> None:
    lines = gate_lines(
        blocked.gates[1], 0.31, verbose=True, context=["18,204 rows", "37 quarantined"]
    )
    assert len(lines) == 5
    assert lines[0].endswith("not applicable · 18,204 rows · 37 quarantined 0.3 s")
    assert lines[-1] == (
        "    ✔ beats baseline median -11 % < 0 %        passed"
        " · 95 % -12.4 to -9.7 · boosting 16.3 % against median 27.3 %"
    )
    assert lines[-2] == "    – no worse than champion not applicable · no champion yet"


def test_a_gate_that_passed_but_whose_step_failed_shows_both(blocked: Content) -> None:
    steps = (Step(name="data gate", status=StepStatus.FAILED, detail="disk full"),)
    lines = delivery_lines(replace(blocked, steps=steps, gates=blocked.gates[:1]))
    assert lines[1] == "✖ data gate      failed · disk full"
    assert lines[2] == "✔ data gate      1 of 1 check passed"


def test_no_escape_sequence_reaches_the_terminal() -> None:
    name = "price\x1b[31m\n\u202e"
    check = Check(name=name, verdict=Verdict.FAILED, reason=name, unit=name, measured=1.0)
    result = GateResult(gate=name, checks=(check,))
    step = Step(name=name, status=StepStatus.RAN, detail=name)
    header = delivery_phrase(name, 1, 0, champion=name, environment=name)
    for line in [*gate_lines(result), step_line(step), header, check_phrase(check)]:
        assert line.isprintable()
        assert "price\\x1b[31m\\x0a\\u202e" in line


def test_a_reason_that_repeats_the_comparison_is_said_once() -> None:
    check = Check(
        name="mdape below 15 %",
        verdict=Verdict.FAILED,
        measured=0.163,
        comparison="≤",
        threshold=0.15,
        interval=Interval(low=0.158, high=0.168),
        n=1_204,
        unit="%",
        reason="measured 16.3 %, 95 % interval 15.8 % to 16.8 %, must be ≤ 15 %; about 9 more",
    )
    assert check_phrase(check) == (
        "mdape below 15 % 16.3 % ≤ 15.0 % ✖ failed · 95 % 15.8–16.8 · n 1,204 · about 9 more"
    )
    bare = replace(check, reason="measured 16.3 %, must be ≤ 15 %")
    assert check_phrase(bare).endswith("· n 1,204")
    assert check_phrase(replace(check, reason="crashed: must be")).endswith("crashed: must be")


def test_a_check_without_an_exemption_keeps_the_gate_shut_in_words() -> None:
    check = Check(name="x", verdict=Verdict.NOT_APPLICABLE)
    assert "so the gate stays shut" in check_line(check)
    exempt = replace(check, exemption=Exemption.NO_TIME)
    assert check_line(exempt).endswith("not applicable · the product has no time")


@pytest.mark.parametrize(
    ("measured", "threshold", "unit", "expected"),
    [
        (0.163, 0.15, "", "0.163 ≤ 0.150"),
        (18204.0, 5000.0, "rows", "18,204 ≤ 5,000 rows"),
        (7.42, 20.0, "ms", "7.4 ≤ 20.0 ms"),
        (3.2e-14, 1e-12, "1", "3.20e-14 ≤ 1.00e-12"),
        (None, 5.0, "", "limit 5"),
        (5.0, None, "ms", "5 ms"),
        (None, None, "ms", ""),
        (float("nan"), 5.0, "", "NaN ≤ 5"),
        (0.1500004, 0.15, "", "0.1500004 ≤ 0.1500000"),
    ],
)
def test_comparisons(
    measured: float | None, threshold: float | None, unit: str, expected: str
) -> None:
    check = Check(
        name="c",
        verdict=Verdict.FAILED,
        measured=measured,
        comparison="≤",
        threshold=threshold,
        unit=unit,
    )
    assert comparison(check) == expected


def test_gate_phrases(blocked: Content, passed: Content) -> None:
    assert gate_phrase(passed.gates[0]) == "1 of 2 checks passed, 1 not applicable"
    assert gate_phrase(GateResult(gate="g", checks=())) == "no checks, so it stays shut"
    assert outcome(blocked) == "✖ failed at the model gate"
    assert outcome(passed) == "✔ passed every gate"
    crashed = Step(name="train", status=StepStatus.FAILED)
    assert outcome(replace(passed, steps=(crashed,))) == "! error at train"
    assert outcome(replace(passed, steps=(), gates=())) == "! error: no gate was reached"


WAIVER = Waiver(
    product="valuation",
    delivery="d" * 32,
    number=193,
    gate="model gate",
    result="0" * 64,
    bundle=None,
    role="releaser",
    by="ada\x1b[5m",
    rights=UNCHECKED,
    reason="a quiet month",
    at=0,
    expires=7 * DAY,
)


def test_a_waived_gate_is_no_passed_gate(blocked: Content) -> None:
    text = "waived by ada\\x1b[5m (releaser, rights unchecked) until 1970-01-08: a quiet month"
    assert waiver_phrase(WAIVER) == text
    step = Step(name="model gate", status=StepStatus.WAIVED, detail=text)
    waived = replace(blocked, waivers=(WAIVER,), steps=(*blocked.steps[:3], step))
    assert waived.stopped_at is None
    assert waived.verdict is Verdict.PASSED
    assert outcome(waived) == "! let through: model gate waived"
    lines = delivery_lines(waived)
    place = next(i for i, line in enumerate(lines) if "model gate" in line and "✖" in line)
    assert f"    ! {text}" in lines[place:]
    assert "until 1970-01-08: a quiet month" in summary(waived)
    other = replace(waived, waivers=(replace(WAIVER, gate="data gate"),))
    assert other.stopped_at == "model gate"
