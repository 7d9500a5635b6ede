"""The model card: the Hub's metadata, its exact text, and that no text breaks out of its place."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from interlock.clock import parse_instant
from interlock.evaluate.compare import Estimate
from interlock.release.card import Card
from interlock.report.card.header import header
from interlock.report.card.text import card_text
from interlock.report.card.yaml import block
from interlock.report.content import (
    CardField,
    CardInput,
    CardMaking,
    CardMetric,
    CategoricalColumn,
    FairnessJudged,
    GroupsCompared,
    GroupValue,
    Metric,
    ModelCard,
    NumericColumn,
    SliceFinding,
    SlicesJudged,
)
from interlock.report.names import shown
from interlock.verdict import Check, GateResult, Interval, Verdict

GOLDEN = Path(__file__).parent / "golden" / "card.md"
SECTIONS = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]
LOST = Estimate(value=0.16, interval=Interval(low=0.15, high=0.18), n=0, units=0)
HOSTILE = (
    "\n---\nlicense: mit\n# x\n|<script>alert(1)</script>\x00\x1b[31m\u202e`@ceo` [a](b) ${{x}} !!"
)


def made(name: str = "price") -> ModelCard:
    interval = Interval(low=0.116, high=0.129)
    mdape = Estimate(value=0.123, interval=interval, n=1_443, units=1_443)
    mae = Estimate(value=0.00001234, interval=None, n=1_443, units=1_443)
    return ModelCard(
        product=name,
        digest="3787f5cd" * 8,
        label="1.0.1",
        task="regression",
        target=name,
        unit="USD",
        interval=0.8,
        zone="America/New_York",
        declared=Card(
            intended_use="A first estimate.\n\n- not a list\n\n1. nor this",
            owners=("valuation",),
            license="apache-2.0",
        ),
        making=CardMaking(
            candidate="boosting",
            kind="HistGradientBoostingRegressor",
            format="onnx",
            exactness="2,048 of 2,048 held-out rows answered equal to the bit as trained",
            params={"max_iter": 300, "loss": "absolute_error", name: None},
            notes=("a note",),
            n_rows=16_094,
            trained_until=parse_instant("1997-01-24T05:00:00Z"),
            seen_until=parse_instant("1997-03-27T05:00:00Z"),
            split={"by": "time", "tune": "30d", "calibrate": "30d", "test": "90d"},
            snapshot="9698e124" * 8,
            commit="ea562cc",
            dirty=True,
            at=parse_instant("1997-06-30T12:00:00Z"),
        ),
        ranked_by="mdape",
        metrics=(
            CardMetric(
                metric=Metric(name="mdape", unit="%", meaning="median absolute error, relative"),
                estimate=mdape,
            ),
            CardMetric(
                metric=Metric(name=name, unit="USD", lower_is_better=False, meaning=name),
                estimate=mae,
            ),
        ),
        fields=(
            CardField(name=name, kind="int", unit="ft²", allowed="> 0", description=name),
            CardField(name="garage", kind="category", allowed="a, b", optional=True),
        ),
        inputs=(
            CardInput(name="age", made_of="valued_on, year_built", unit="years"),
            CardInput(name=name, made_of="the request", importance=LOST),
        ),
        covered=(f"{name}: 10 of 12 segments",),
        columns=(
            NumericColumn(name=name, edges=(1.0, 2.0, 9.0), counts=(5, 5), missing=1),
            CategoricalColumn(name="garage", top=((name, 7), ("b", 3))),
        ),
        gates=(
            GateResult(
                gate="model",
                checks=(
                    Check(name=name, verdict=Verdict.PASSED, measured=0.123, threshold=0.15),
                    Check(
                        name="drift", verdict=Verdict.FAILED, advisory=True, reason=f"{name} moved"
                    ),
                ),
            ),
        ),
        slices=(
            SlicesJudged(
                name=f"{name} in every slice",
                verdict=Verdict.FAILED,
                unit="%",
                slices=(
                    _slice("one", name, Verdict.PASSED, 900),
                    _slice(name, "b", Verdict.FAILED, 300),
                    _slice("c", "d", None, 3),
                ),
            ),
        ),
        fairness=(
            FairnessJudged(
                check=Check(
                    name=f"selection_rate by {name}",
                    verdict=Verdict.PASSED,
                    measured=0.01,
                    comparison="≤",
                    threshold=0.05,
                    unit="%",
                    n=900,
                ),
                compared=(
                    GroupsCompared(
                        measure="selection_rate",
                        unit="%",
                        groups=(
                            GroupValue(label=name, n=400, value=mdape),
                            GroupValue(label="few", n=4, reason="too few"),
                        ),
                    ),
                ),
            ),
        ),
    )


def _slice(column: str, label: str, verdict: Verdict | None, n: int) -> SliceFinding:
    found = Estimate(value=0.2, interval=Interval(low=0.19, high=0.21), n=n, units=n)
    return SliceFinding(
        column=column,
        label=label,
        n=n,
        share=0.1,
        value=found if verdict else None,
        allowed=0.15,
        verdict=verdict,
        reason="" if verdict else "too few",
    )


def metadata(text: str) -> dict[str, Any]:
    """What stands between the two rules, as any reader of front matter takes it."""
    found = re.match(r"---\n(.*?)\n---\n", text, re.S)
    assert found is not None
    read: dict[str, Any] = yaml.safe_load(found[1])
    return read


def test_the_text_is_the_golden_one() -> None:
    assert card_text(made()) == GOLDEN.read_text("utf-8")


def test_equal_cards_give_equal_text() -> None:
    assert card_text(made()) == card_text(replace(made()))


def test_the_metadata_is_in_the_format_of_the_hub() -> None:
    read = metadata(card_text(made()))
    assert read["language"] == ["en"]
    assert read["license"] == "apache-2.0"
    assert read["library_name"] == "onnx"
    assert read["pipeline_tag"] == "tabular-regression"
    assert {"interlock", "tabular-regression"} <= set(read["tags"])
    (index,) = read["model-index"]
    assert index["name"] == "price"
    (result,) = index["results"]
    assert result["task"] == {"type": "tabular-regression"}
    assert result["dataset"] == {
        "type": "price",
        "name": "test rows of price",
        "split": "test",
        "revision": "9698e124" * 8,
    }
    assert result["metrics"] == [
        {"type": "mdape", "value": 0.123, "name": "mdape, share of 1"},
        {"type": "price", "value": 1.234e-05, "name": "price, USD"},
    ]


@pytest.mark.parametrize(
    ("license_", "found"),
    [
        ("", {"license": "unknown"}),
        ("mit", {"license": "mit"}),
        ("House Terms 2", {"license": "other", "license_name": "House Terms 2"}),
    ],
)
def test_licenses(license_: str, found: dict[str, str]) -> None:
    read = metadata(header(replace(made(), declared=Card(license=license_))) + "\n")
    assert {k: v for k, v in read.items() if k.startswith("license")} == found


def test_what_is_not_declared_is_said_to_be_so() -> None:
    bare = ModelCard(
        product="p",
        digest="0" * 64,
        task="binary",
        target="late",
        classes=("no", "yes"),
        making=CardMaking(candidate="c", format="skops"),
    )
    text = card_text(bare)
    assert text.count("\nNot declared.\n") == 4
    assert "# `p` bundle (not released)" in text
    assert "| owners | not declared |" in text
    assert "`late`, one of `no`, `yes`" in text
    assert "No gate has judged it." in text
    assert metadata(text)["pipeline_tag"] == "tabular-classification"
    assert metadata(text)["library_name"] == "sklearn"


def test_a_hostile_name_stays_in_its_place() -> None:
    text = card_text(made(HOSTILE))
    read = metadata(text)
    assert read["license"] == "apache-2.0"
    assert read["model-index"][0]["name"] == shown(HOSTILE, limit=1_000)
    body = text.split("\n---\n", 1)[1]
    assert re.findall(r"^## (.*)$", body, re.M) == SECTIONS
    assert len(re.findall(r"^# ", body, re.M)) == 1
    outside = re.sub(r"`[^`\n]*`", "", body)
    for bad in ("<script", "\x00", "\x1b", "\u202e", "@ceo", "](b)"):
        assert bad not in outside.replace("\\<", "").replace("\\]", ""), bad
    for line in body.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")


texts = st.text(max_size=30)


def flat(value: Any) -> Any:
    """The value as it must be read back: texts as they are shown."""
    if isinstance(value, dict):
        return {shown(k, limit=1_000): flat(v) for k, v in value.items()}
    if isinstance(value, list):
        return [flat(v) for v in value]
    return shown(value, limit=1_000) if isinstance(value, str) else value


@given(st.dictionaries(texts, texts | st.booleans() | st.integers() | st.lists(texts), min_size=1))
def test_what_is_written_is_what_is_read(value: dict[str, Any]) -> None:
    assert yaml.safe_load(block(value)) == flat(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_as_numbers(value: float) -> None:
    read = yaml.safe_load(block({"value": value}))["value"]
    assert isinstance(read, int | float)
    assert read == pytest.approx(value, rel=1e-5, abs=0)
