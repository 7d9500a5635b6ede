"""The page: its structure, its safety, its size, and that it is the same bytes twice."""

import html
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interlock.errors import Mistake
from interlock.evaluate.compare import Estimate
from interlock.report.content import (
    Attestation,
    Behaviour,
    BehaviourExample,
    Candidate,
    CandidateKind,
    CategoricalColumn,
    Command,
    Content,
    Data,
    Dependence,
    Evaluation,
    Explanations,
    FairnessJudged,
    FaultRate,
    GroupsCompared,
    GroupValue,
    InputDrift,
    InputImportance,
    Metric,
    NumericColumn,
    Quarantine,
    RegressionSummary,
    Revealed,
    SliceFinding,
    SlicesJudged,
    Step,
    StepStatus,
)
from interlock.report.html import MOST_BYTES, render
from interlock.report.residuals import summarise_regression
from interlock.stats.drift import Level, Shift
from interlock.verdict import Check, GateResult, Interval, Verdict

GOLDEN = Path(__file__).parent / "golden"
VOID = {"meta", "link", "br", "hr", "img", "input"}
HOSTILE = "</script><script>alert(1)</script>\x00\x1b[31m\u202e\"'&<svg onload=x>]]>--%}{{7*7}}"


class Page(HTMLParser):
    """Reads the page as a browser would: elements, attributes, texts, and what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self.open:
            self.texts.append((self.open[-1], " ".join(data.split())))

    def outline(self) -> str:
        """Headings, banner, captions, check names and column heads, a line each, in order."""
        kept = {"title": "", "h1": "# ", "h2": "\n## ", "h3": "### ", "figcaption": "figure: "}
        kept |= {"summary": "> ", "th": "  | ", "dt": "= ", "dd": "  ", "b": "* ", "code": "$ "}
        lines = []
        inside_svg = {"svg", "g", "text"}
        for tag, text in self.texts:
            if tag in kept and tag not in inside_svg:
                lines.append(kept[tag] + text)
        return "\n".join(lines) + "\n"


def svgs(text: str) -> list[str]:
    return re.findall(r"<svg.*?</svg>", text, flags=re.S)


@pytest.mark.parametrize("kind", ["blocked", "passed", "classifying"])
def test_the_structure_is_the_golden_one(kind: str, request: pytest.FixtureRequest) -> None:
    text = render(request.getfixturevalue(kind))
    page = Page(re.sub(r"<svg.*?</svg>", "", text, flags=re.S))
    assert page.open == []
    assert page.outline() == (GOLDEN / f"{kind}.txt").read_text("utf-8")


@pytest.mark.parametrize("kind", ["blocked", "passed", "classifying"])
def test_nothing_is_loaded_and_nothing_runs(kind: str, request: pytest.FixtureRequest) -> None:
    text = render(request.getfixturevalue(kind))
    assert "<script" not in text
    assert re.findall(r"https?://[^\"' <]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert "url(" not in text
    assert "@import" not in text
    for tag, attributes in Page(text).elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "src"
            assert name != "href" or str(value).startswith("#gate-")


def test_what_runs_is_said_once_and_what_ran_before_is_a_fact(passed: Content) -> None:
    now = replace(passed, status="prod runs 1.4.0, 1.3.0 is kept for rollback")
    text = render(now)
    assert text.count("prod runs") == 1
    assert "<dt>prod before</dt><dd>1.3.0, live 12 d</dd>" in text
    first = render(replace(now, champion=None, champion_live_for=None))
    assert "before</dt>" not in first


def test_a_statement_is_listed_once_however_often_it_was_signed(blocked: Content) -> None:
    assert blocked.lineage is not None
    signed = [
        Attestation(kind="gate: data, passed", keyid="9f" * 32, digest=digit * 64) for digit in "ab"
    ]
    signed.insert(1, Attestation(kind="gate: model, passed", keyid="9f" * 32, digest="c" * 64))
    lineage = replace(blocked.lineage, attestations=tuple(signed))
    text = render(replace(blocked, lineage=lineage))
    assert text.count("gate: data, passed") == 1
    assert text.index("a" * 12 + ", " + "b" * 12) < text.index("gate: model, passed")


def test_every_anchor_has_its_gate(blocked: Content) -> None:
    elements = Page(render(blocked)).elements
    anchors = {str(attributes["href"])[1:] for _, attributes in elements if "href" in attributes}
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert anchors == {"gate-data-gate", "gate-model-gate"}
    assert anchors <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["blocked", "passed", "classifying"])
def test_every_drawing_is_well_formed_and_named(kind: str, request: pytest.FixtureRequest) -> None:
    text = render(request.getfixturevalue(kind))
    drawings = svgs(text)
    assert len(drawings) > 5
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root[0].tag == "{http://www.w3.org/2000/svg}title"
        assert root[0].text
        assert root.get("role") == "img"
        assert "nan" not in drawing.lower().replace("finance", "")
    figures = text.split("<figure")[1:]
    assert figures
    for figure in figures:
        body = figure.split("</figure>")[0]
        assert "<details><summary>Numbers of this figure</summary>" in body
        assert body.count("<tr>") > 1


def test_equal_contents_give_equal_bytes(blocked: Content) -> None:
    assert render(blocked) == render(replace(blocked))


def test_the_bytes_do_not_depend_on_the_process() -> None:
    program = (
        "from interlock.report.content import *; from interlock.report.html import render;"
        "import hashlib;"
        "q=tuple(Quarantine(reason=f'r{i}', rows=3, samples=({k: 1 for k in set('abcdef')},))"
        " for i in range(3));"
        "c=Content(product='p', number=1, as_of=0, status='s',"
        " data=Data(read=9, usable=0, quarantined=q));"
        "print(hashlib.sha256(render(c).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_first_visible_check_is_the_failing_one(blocked: Content) -> None:
    text = render(blocked)
    opened = re.search(r'<details class="gate failed" id="gate-model-gate" open>.*', text, re.S)
    assert opened is not None
    # the gate, the worst examples of the behaviour that failed, the first reason of quarantine
    assert text.count(" open>") == 3
    first = re.search(r'<div class="check.*?</div>', opened[0], re.S)
    assert first is not None
    line = " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", "", first[0], flags=re.S).split())
    assert line.startswith("mdape 0.163 ≤ 0.150 ✖ failed · 95 % 0.158–0.168 · n 1,204")
    assert text.index("✖ failed at the model gate") < text.index("interlock explain M208")
    assert "Boosting was blocked at the model gate; prod still runs 1.3.0." in text


def test_a_bundles_short_name_stands_on_one_line(passed: Content) -> None:
    names = ("snapshot", "features", "data", "train", "model", "bundle", "service", "prod")
    steps = tuple(Step(name=n, status=StepStatus.RAN, detail="3787f5cd2c97") for n in names)
    text = render(replace(passed, steps=steps))
    assert 'style="--across: 4"' in text  # two rows, each step a quarter of the page
    assert 'style="--across: 1"' in render(passed)


def test_what_the_reason_names_stands_first(blocked: Content) -> None:
    text = render(blocked)
    (sample,) = re.findall(r"<thead>(<tr><th[^>]*>price<.*?</tr>)", text)
    assert re.findall(r"<th[^>]*>(\w+)</th>", sample) == ["price", "sale_id", "sold_on"]


def test_only_who_failed_or_ranked_lower_has_no_score(blocked: Content) -> None:
    assert blocked.evaluation is not None
    ridge = Candidate(name="ridge", kind=CandidateKind.CANDIDATE, seconds=0.2)
    candidates = (*blocked.evaluation.candidates, ridge)
    text = render(replace(blocked, evaluation=replace(blocked.evaluation, candidates=candidates)))
    assert "Ranked lower on the tune rows, so not scored here: ridge." in text
    assert "forest: Input X contains NaN" in text


def test_the_behaviour_that_failed_stands_first_with_its_worst_request(blocked: Content) -> None:
    text = render(blocked)
    part = text[text.index("<h2>Behaviour</h2>") :]
    assert part.index("answers follow full_baths") < part.index("answers follow bedrooms")
    opened = re.search(
        r"<details open><summary>answers follow full_baths: .*?</details>", part, re.S
    )
    assert opened is not None
    cells = re.findall(r"<td>(.*?)</td>", opened[0])
    assert cells == ["full_baths", "1", "2", "81,200", "77,900", "3", "missing"]
    assert "Could not be changed: 20 full_baths is at its greatest." in opened[0]


def test_an_importance_that_may_be_chance_is_not_bold(blocked: Content) -> None:
    text = render(blocked)
    part = text[text.index("Importance of the inputs") :]
    assert '<text x="222" y="35" text-anchor="end" class="name strong">area</text>' in part
    assert 'class="name">rooms</text>' in part
    assert "-0.2 % (-0.6 to 0.1)" in part
    assert "market (2 aggregates)" in part


def part_of(text: str, title: str) -> str:
    """One section of the page, without its drawings and tags, in one line."""
    found = re.search(rf"<h2>{title}</h2>(.*?)</section>", text, re.S)
    assert found is not None, title
    bare = re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found[1], flags=re.S)
    return " ".join(html.unescape(bare).split())


def test_what_moved_is_drawn_and_stands_first(blocked: Content) -> None:
    text = render(blocked)
    part = part_of(text, "Inputs, then and now")
    assert "3 inputs: 1 moved far, 1 with too few rows to say, 1 as they were." in part
    assert "<figcaption>area, then and now</figcaption>" in text
    assert "<figcaption>rooms, then and now</figcaption>" not in text
    assert "area ✖ high 0.610 < 0.0001 0.41 σ 1,000 800 " in part
    assert "garage ? insufficient 0.200 41 % of rows 1,000 12 " in part
    drawn = text[text.index("<figcaption>area, then") :].split("</figure>")[0]
    assert "missing: 2.0% before, 25.0% now" in drawn
    assert 'class="bar absent"' in drawn


def test_rates_that_are_not_as_they_were_are_listed(blocked: Content) -> None:
    part = part_of(render(blocked), "Inputs, then and now")
    assert "1 rate of 3 within the limit." in part
    assert "area missing ✖ high 1 % 25 % ≤ 2 % 800" in part
    assert "garage unseen ? insufficient not known not known 800" in part


def test_label_times_and_what_an_input_tells_are_said(blocked: Content) -> None:
    part = part_of(render(blocked), "Inputs, then and now")
    assert (
        "Declared to be known within 1d of the event; of 18,000 labels half were known within 12h,"
        " 95 % within 1d, 5 % later than declared; no label has come for 10 % of the newest 1,820"
        " rows that are due, 0 % of the 16,374 older ones."
    ) in part
    assert "area 0.820 16,000 rooms 0.310 16,000 zone the same everywhere" in part


def test_the_slice_that_failed_stands_first_with_what_is_allowed(blocked: Content) -> None:
    text = render(blocked)
    part = part_of(text, "Slices")
    assert part.index("stories = two ✖ failed 19.0 % 18–20 14.4 % 12.0 % 0.0030 300") < part.index(
        "stories = one ✔ passed 13.0 % 12–14 14.4 % 12.0 % 0.60 300"
    )
    assert "stories = three not judged: too few 40.0 % 39–41 14.4 % 12.0 % 9" in part
    assert "1 slice could not be judged" in part
    assert "? inconclusive coverage in every slice of garage: no slice has 100 rows" in part
    drawn = text[text.index("<figcaption>✖ mdape no more than") :].split("</figure>")[0]
    assert 'class="name strong">stories = two</text>' in drawn
    assert drawn.count('class="limit"/>') == 4  # a stroke a slice, wide and narrow


def test_groups_are_compared_beside_the_answer(blocked: Content) -> None:
    text = render(blocked)
    part = part_of(text, "Fairness")
    assert part.startswith(
        "✖ failed equalized_odds by garage: difference ≤ 5 % · 12 % ≤ 5 % · 95 % 8–16 · n 900"
    )
    assert "attached 71.0 % 69–73 300 900" in part
    assert "x not judged: too few 9" in part
    drawn = text[text.index("<figcaption>true_positive_rate by group") :].split("</figure>")[0]
    assert drawn.index(">attached<") < drawn.index(">none<")


def test_how_the_class_is_decided_is_told_and_drawn(classifying: Content) -> None:
    text = render(classifying)
    part = part_of(text, "The winner on the test rows")
    assert (
        "where predictions cost least; other tune rows would have put it between 0.240 and 0.410;"
        " cost on the tune rows 1 USD (0.80–1.30)."
    ) in part
    assert "<figcaption>Cost by threshold, on the tune rows</figcaption>" in text
    assert "decides at 30 %" in text
    assert "theory 25 %" in text
    table = part[part.index("Each class, at the release's decision") :]
    assert "on time 250 – – 40.0 % 35–45 – – late 250 50.0 % 45–55" in table


def test_interval_coverage_is_drawn_over_time(blocked: Content) -> None:
    text = render(blocked)
    drawn = text[text.index("Coverage of the prediction intervals over time") :]
    assert "promised 80 %" in drawn.split("</figure>")[0]


def test_missing_rows_have_a_bar_of_their_own(blocked: Content) -> None:
    text = render(blocked)
    row = re.search(r"<tr><td>year_built</td>.*?</tr>", text, re.S)
    assert row is not None
    assert re.search(r'<rect x="100" y="18" [^>]*class="missing"/>', row[0])  # 20 of 80 rows


def test_what_went_wrong_in_the_service_is_said_in_words(passed: Content) -> None:
    text = render(passed)
    assert "✖ different" in text
    assert "? nothing compared" in text
    assert "✖ not refused" in text
    assert text.index("✖ different") > text.index("? nothing compared")


def _hostile_test(name: str) -> RegressionSummary:
    y = np.arange(1.0, 101.0)
    labels = {f"{name}{k}": [name] * 50 + ["b"] * 50 for k in range(30)}
    return summarise_regression(y, y * 1.1, target=name, unit=name, slices=labels)


def _measured(value: float) -> Estimate:
    return Estimate(value=value, interval=Interval(low=value - 1, high=value + 1), n=9, units=9)


def _hostile_drift(name: str, texts: list[str]) -> tuple[InputDrift, ...]:
    """Every input has moved, over 50 categories."""
    labels = (*(f"{name}{k}" for k in range(50)), "missing")
    shift = Shift(psi=0.5, p=0.0, rows_before=5_000, rows_now=5_000, bins=51)
    return tuple(
        InputDrift(
            name=text,
            kind="str",
            shift=shift,
            level=Level.HIGH,
            q=0.0,
            magnitude=0.5,
            labels=labels,
            before=tuple(range(51)),
            now=tuple(range(51, 0, -1)),
        )
        for text in texts
    )


def _hostile_judged(name: str) -> dict[str, Any]:
    """30 checks of 200 slices and of 200 groups each, and 30 behaviour checks."""
    slices = tuple(
        SliceFinding(
            column=name,
            label=f"{name}{k}",
            n=900,
            share=0.1,
            value=_measured(k),
            allowed=50.0,
            verdict=Verdict.FAILED,
            reason=name,
        )
        for k in range(200)
    )
    groups = tuple(GroupValue(label=f"{name}{k}", n=9, value=_measured(k)) for k in range(200))
    compared = GroupsCompared(measure=name, unit=name, groups=groups)
    check = Check(name=name, verdict=Verdict.FAILED, reason=name * 20, measured=0.5, threshold=0.1)
    example = BehaviourExample(
        request={f"{name}{k}": name * 20 for k in range(40)},
        field=name,
        was=name,
        became=name,
        before={f"{name}{k}": 0.1 for k in range(40)},
        after=name,
    )
    return {
        "slices": tuple(
            SlicesJudged(name=f"{name}{k}", verdict=Verdict.FAILED, unit=name, slices=slices)
            for k in range(30)
        ),
        "fairness": (FairnessJudged(check=check, compared=(compared,) * 3),) * 30,
        "behaviour": tuple(
            Behaviour(
                name=f"{name}{k}",
                kind="directional",
                verdict=Verdict.FAILED,
                rows=9,
                violations=5,
                share=_measured(0.5),
                limit=0.1,
                skipped={name: 3},
                worst=(example,) * 20,
            )
            for k in range(30)
        ),
    }


def _hostile_explanations(name: str, texts: list[str]) -> Explanations:
    curve = tuple(float(k) for k in range(40))
    same = dict.fromkeys(("mean", "low", "high", "decile_low", "decile_high"), curve)
    dependences = [
        Dependence(name=name, unit=name, points=curve, deciles=curve, **same),
        Dependence(name=name, of=name, labels=tuple(f"{name}{k}" for k in range(40)), **same),
    ]
    return Explanations(
        metric=Metric(name=name, unit=name),
        rows=9,
        importances=tuple(
            InputImportance(name=text, inputs=(text,) * (1 + i % 2), loss=_measured(float(i)))
            for i, text in enumerate(texts)
        ),
        dependences=tuple(dependences * 20),
        target=name,
        target_unit=name,
    )


def hostile(name: str = HOSTILE, *, features: int = 500) -> Content:
    """500 features, each with two checks, and every text of it under attack."""
    names = [f"{name}{i}" for i in range(features)]
    columns = [
        NumericColumn(
            name=text,
            edges=tuple(float(k * k) for k in range(11)),
            counts=tuple(range(10)),
            missing=i,
            unit=name,
        )
        for i, text in enumerate(names[::2])
    ] + [
        CategoricalColumn(name=text, top=tuple((f"{name}{k}", k) for k in range(50)))
        for text in names[1::2]
    ]
    checks = tuple(
        Check(
            name=f"{kind} of {text}",
            verdict=verdict,
            measured=0.5,
            comparison="≤",
            threshold=0.4,
            interval=Interval(low=0.45, high=0.55),
            unit=name,
            reason=name * 20,
            evidence={f"{name}{k}": [name] * 100 for k in range(10)},
        )
        for text in names
        for kind, verdict in (("drift", Verdict.FAILED), ("range", Verdict.PASSED))
    )
    sample = {f"{name}{k}": name * 50 for k in range(40)}
    return Content(
        product=name,
        number=1,
        as_of=0,
        status=name,
        label=name,
        champion=name,
        environment=name,
        steps=(Step(name=name, status=StepStatus.FAILED, detail=name * 9),),
        gates=(GateResult(gate=name, checks=checks),),
        data=Data(
            read=10,
            usable=5,
            quarantined=tuple(
                Quarantine(reason=f"{name}{k}", rows=9, samples=(sample,) * 20) for k in range(99)
            ),
            columns=tuple(columns),
            drift=_hostile_drift(name, names),
            faults=tuple(
                FaultRate(
                    name=text,
                    fault="missing",
                    reference=0.1,
                    reference_rows=9,
                    share=0.5,
                    rows=9,
                    limit=0.2,
                    level=Level.HIGH,
                )
                for text in names
            ),
            revealed=tuple(Revealed(name=t, measure="AUC", strength=0.9, n=9) for t in names),
        ),
        explanations=_hostile_explanations(name, names),
        evaluation=Evaluation(
            metrics=(Metric(name=name, unit=name, limit=0.4),),
            winner=f"{name}0",
            test=_hostile_test(name),
            **_hostile_judged(name),
            candidates=tuple(
                Candidate(
                    name=f"{name}{k}",
                    kind=CandidateKind.CANDIDATE,
                    metrics={name: Estimate(value=0.1 * k, interval=None, n=9, units=9)},
                    params={name * 3: name * 90},
                    failure=name,
                )
                for k in range(100)
            ),
        ),
        next_commands=(Command(line=name, purpose=name),),
    )


def test_hostile_names_are_escaped_and_the_page_stays_small() -> None:
    text = render(hostile())
    size = len(text.encode())
    assert size < MOST_BYTES
    page = Page(text)
    assert page.open == []
    tags = {tag for tag, _ in page.elements}
    assert "script" not in tags
    assert "{{7*7}}" in text  # shown as it is, never evaluated
    assert "\x00" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
    for drawing in svgs(text):
        ET.fromstring(drawing)
    assert "more checks are not listed here" in text


@pytest.mark.parametrize("name", ["&" * 400, "\x00" * 400, "日本" * 200])
def test_the_longest_names_do_not_make_it_large(name: str) -> None:
    size = len(render(hostile(name)).encode())
    assert size < MOST_BYTES


def test_five_hundred_honest_features_are_all_named() -> None:
    text = render(hostile("feature", features=500))
    assert len(text.encode()) < MOST_BYTES
    assert "500 columns" in text


def test_what_stopped_it_beside_its_gates_stands_at_the_top(passed: Content) -> None:
    pinned = Mistake(code="E103", what="prod is pinned", got="1.3.0 <b>", fix="add --unpin")
    text = render(replace(passed, mistakes=(pinned,)))
    assert "! error: it did not reach its goal" in text
    said = re.search(r'<p class="mistake">(.*?)</p>', text)
    assert said is not None
    assert said[1] == "<b>E103</b> prod is pinned · got 1.3.0 &lt;b&gt; · add --unpin"


def test_the_mistake_of_a_shut_gate_is_not_said_twice(blocked: Content) -> None:
    shut = Mistake(code="M204", what="the model gate stays shut")
    assert 'class="mistake"' not in render(replace(blocked, mistakes=(shut,)))


def test_a_page_of_nothing_says_so() -> None:
    text = render(Content(product="p", number=1, as_of=0, status="It stopped."))
    assert "! error: no gate was reached" in text
    assert "The delivery stopped before its first gate." in text
    assert "passed" not in re.sub(r"<style>.*?</style>", "", text, flags=re.S)


def test_a_gate_without_checks_stays_shut_on_the_page() -> None:
    empty = GateResult(gate="model gate", checks=())
    text = render(Content(product="p", number=1, as_of=0, status="s", gates=(empty,)))
    assert "! error at the model gate" in text
    assert "A gate without checks stays shut." in text


def test_numbers_that_are_none_do_not_break_a_drawing() -> None:
    odd = Check(
        name="odd",
        verdict=Verdict.ERROR,
        measured=float("nan"),
        comparison="≤",
        threshold=float("inf"),
        interval=Interval(low=float("nan"), high=float("inf")),
    )
    gate = GateResult(gate="model gate", checks=(odd,))
    text = render(Content(product="p", number=1, as_of=0, status="s", gates=(gate,)))
    assert "NaN ≤ infinity" in text
    assert svgs(text) == []
