"""The summary for a pull request: its exact text, its length, and that no name gets its way."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from interlock.clock import DAY
from interlock.evaluate.compare import Estimate
from interlock.release.waiver import UNCHECKED, Waiver
from interlock.report.content import (
    Candidate,
    CandidateKind,
    Command,
    Content,
    Evaluation,
    Metric,
    Step,
    StepStatus,
)
from interlock.report.markdown import MOST_LINES, code, plain, summary
from interlock.verdict import Check, GateResult, Interval, Verdict

BLOCKED = """### ✖ failed at the model gate · `valuation` delivery 193

Boosting was blocked at the model gate; prod still runs 1.3.0.

| check |  | value | 95 % interval | limit | rows |
| --- | --- | ---: | ---: | ---: | ---: |
| `mdape` | ✖ **failed** | 0.163 | 0.158–0.168 | ≤ 0.150 | 1,204 |
| `slice stories=three`<br>too few: 2 of 100 rows | ? **inconclusive** |  |  |  | 2 |

|  | `mdape`, lower is better | 95 % · │ limit ≤ 15 % |
| --- | ---: | --- |
| `boosting` candidate · **winner** | 16.3 % (15.8–16.8) | `····│├●┤····················` |
| `forest` candidate | ✖ **failed** | Input X contains NaN |
| `median` baseline | 27.3 % (26.5–28.1) | `····│··················├●─┤·` |
| `1.3.0` champion | 14.1 % (13.5–14.7) | `·├●┤│·······················` |
| `assessor` yardstick | 19.0 % | `····│······●················` |

| step |  |  |
| --- | --- | ---: |
| data gate | ✔ 1 of 1 check passed | 0.4 s |
| features | = cached | 0.0 s |
| train | ✔ ran | 4.1 s |
| model gate | ✖ 1 passed, 1 failed, 1 inconclusive, 1 not applicable | 0.3 s |
| service gate | – skipped |  |

```
interlock explain M208
```
"""


def test_the_markdown_of_a_blocked_delivery(blocked: Content) -> None:
    assert summary(blocked) == BLOCKED


def test_the_limit_of_a_failing_row_differs_from_its_value() -> None:
    close = Check(
        name="rate",
        verdict=Verdict.FAILED,
        measured=0.1500004,
        comparison="≤",
        threshold=0.15,
        evidence={
            "candidate": "a",
            "candidate_value": 0.2,
            "reference": "b",
            "reference_value": 0.1,
        },
    )
    gate = GateResult(gate="model", checks=(close,))
    text = summary(Content(product="p", number=1, as_of=0, status="s", gates=(gate,)))
    assert (
        "| `rate`<br>a 0.200 against b 0.100 | ✖ **failed** | 0.1500004 |  | ≤ 0.1500000 |  |"
        in text
    )


def test_no_name_becomes_markup_a_mention_or_a_link(blocked: Content) -> None:
    bad = Check(
        name="`|@ceo\n# x",
        verdict=Verdict.FAILED,
        reason="<img src=x> @ceo #12 [a](b) | c https://x.y www.x.y &amp; ~~d~~",
    )
    text = summary(replace(blocked, gates=(GateResult(gate="model gate", checks=(bad,)),)))
    assert "| `'\\|@ceo\\x0a# x`<br>" in text
    assert "\\<img src=x\\> @\u200bceo #\u200b12 \\[a\\](b) \\| c https:\u200b//x.y" in text
    assert "www\u200b.x.y &amp;amp; \\~\\~d\\~\\~" in text
    assert code("```") == "`'''`"


@given(st.text(max_size=60))
def test_a_plain_text_stays_in_its_cell(text: str) -> None:
    kept = plain(text)
    assert "\n" not in kept
    assert "|" not in kept.replace("\\|", "")
    assert "<" not in kept.replace("\\<", "")
    assert "`" not in kept.replace("\\`", "")


def waived(gate: str) -> Waiver:
    return Waiver(
        product="p",
        delivery="d",
        number=1,
        gate=gate,
        result="0" * 64,
        bundle=None,
        role="releaser",
        by="ada",
        rights=UNCHECKED,
        reason="a quiet @month",
        at=0,
        expires=DAY,
    )


def test_a_waiver_is_told_before_what_it_let_through(blocked: Content) -> None:
    lines = summary(replace(blocked, steps=(), waivers=(waived("model gate"),))).splitlines()
    assert lines[0].startswith("### ! let through: model gate waived")
    assert lines[4] == (
        "- ! model gate: waived by ada (releaser, rights unchecked) until 1970-01-02:"
        " a quiet @\u200bmonth"
    )


def test_however_much_there_is_it_stays_short() -> None:
    checks = tuple(
        Check(name=f"c{i}", verdict=Verdict.FAILED, measured=1.0, reason="r" * 900, n=9)
        for i in range(500)
    )
    interval = Interval(low=float("nan"), high=float("inf"))
    found = Estimate(value=float("nan"), interval=interval, n=1, units=1)
    many = Content(
        product="p" * 500,
        number=1,
        as_of=0,
        status="s\n" * 500,
        steps=tuple(Step(name=f"s{i}", status=StepStatus.RAN) for i in range(99)),
        gates=(GateResult(gate="model", checks=checks),),
        evaluation=Evaluation(
            metrics=(Metric(name="m"),),
            candidates=tuple(
                Candidate(name=f"c{i}", kind=CandidateKind.CANDIDATE, metrics={"m": found})
                for i in range(99)
            ),
        ),
        next_commands=tuple(Command(line=f"l{i}") for i in range(99)),
        waivers=(waived("service"),) * 9,
    )
    lines = summary(many).splitlines()
    assert len(lines) <= MOST_LINES
    assert "| 490 more |  |  |  |  |  |" in lines
    assert "| 87 more |  |  |" in lines
    assert all(len(line) < 600 for line in lines)
