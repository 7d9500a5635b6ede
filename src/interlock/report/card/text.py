"""The card as Markdown: the metadata, then the sections of Mitchell et al. 2019.

"Model Cards for Model Reporting", FAT* 2019, https://arxiv.org/abs/1810.03993. What a team did not
declare is said to be not declared. Names and declared texts are written so that no markup in them
takes effect (:func:`interlock.report.markdown.plain`). Equal cards give equal text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from interlock.report import phrases
from interlock.report.card.header import header
from interlock.report.card.parts import (
    checks,
    columns,
    groups,
    inputs,
    made_by,
    metrics,
    parameters,
    request,
    results,
    slices,
    split,
)
from interlock.report.content import ModelCard
from interlock.report.glyphs import VERDICT
from interlock.report.markdown import code, plain, table
from interlock.report.numbers import moment, percent
from interlock.verdict import GateResult
from interlock.wording import counted

NOT_DECLARED = "Not declared."
_PARAGRAPH = 2_000  # characters
_MOST_PARAGRAPHS = 20


def card_text(card: ModelCard) -> str:
    """The whole card."""
    label = plain(card.label) if card.label else "bundle (not released)"
    parts: list[str] = [header(card), f"# {code(card.product)} {label}"]
    parts += [f"**{plain(sentence)}.**" for sentence in card.erased]
    for title, blocks in (
        ("Model details", _details(card)),
        ("Intended use", _use(card)),
        ("Factors", _factors(card)),
        ("Metrics", _metrics(card)),
        ("Evaluation data", _evaluation_data(card)),
        ("Training data", _training_data(card)),
        ("Quantitative analyses", _analyses(card)),
        ("Ethical considerations", _ethics(card)),
        ("Caveats and recommendations", _caveats(card)),
    ):
        parts += [f"## {title}", *filter(None, blocks)]
    return "\n\n".join(parts) + "\n"


def _details(card: ModelCard) -> Iterable[str]:
    owners = ", ".join(plain(name, limit=80) for name in card.declared.owner_names)
    rows = [
        ("predicts", _predicts(card)),
        ("model", made_by(card.making)),
        ("bundle", code(card.digest)),
        ("owners", owners or "not declared"),
        ("license", plain(card.declared.license, limit=80) or "not declared"),
    ]
    if card.making.at is not None:
        commit = code(card.making.commit, limit=60) if card.making.commit else "no version control"
        dirty = ", with changes not committed" if card.making.dirty else ""
        rows.append(("made", f"{moment(card.making.at, zone=card.zone)} from {commit}{dirty}"))
    yield table(("", ""), [(name, text) for name, text in rows])
    yield parameters(card.making.params)
    yield "\n".join(f"- {plain(note)}" for note in card.making.notes)


def _predicts(card: ModelCard) -> str:
    unit = f" in {plain(card.unit, limit=24)}" if card.unit not in ("", "1") else ""
    text = f"{code(card.target)}{unit}, a {card.task}"
    if card.task != "regression":
        kinds = ", ".join(code(name, limit=40) for name in card.classes[:12])
        more = f" and {len(card.classes) - 12} more" if len(card.classes) > 12 else ""
        text = f"{code(card.target)}, {'one of ' if kinds else ''}{kinds}{more}"
    if card.interval is not None:
        text += f"; each answer has an interval made to hold {percent(card.interval)} of the truths"
    return text


def _use(card: ModelCard) -> Iterable[str]:
    yield from _declared(card.declared.intended_use)
    yield "### Out of scope"
    yield from _declared(card.declared.out_of_scope)
    yield "### The request"
    yield request(card.fields)
    yield "### What it answers for"
    if not card.covered:
        yield "Every valid request."
        return
    yield "\n".join(f"- {plain(sentence)}" for sentence in card.covered)
    given = "an estimate, marked as not covered" if card.estimates_uncovered else "no estimate"
    yield f"Any other valid request is given {given}, with the reason."


def _factors(card: ModelCard) -> Iterable[str]:
    said = "What the model sees."
    if any(found.importance is not None for found in card.inputs):
        said += (
            " Importance is by how much the ranking metric got worse on held-out rows when the"
            " input's values were shuffled; it says nothing of cause."
        )
    yield said
    yield inputs(card.inputs, _unit_of(card, card.ranked_by))


def _unit_of(card: ModelCard, name: str) -> str:
    return next((m.metric.unit for m in card.metrics if m.metric.name == name), "")


def _metrics(card: ModelCard) -> Iterable[str]:
    if card.ranked_by:
        yield f"Candidates are ranked by {code(card.ranked_by)}."
    yield metrics(card.metrics)


def _evaluation_data(card: ModelCard) -> Iterable[str]:
    n = max((found.estimate.n for found in card.metrics), default=0)
    yield (f"{counted(n, 'test row')}, which took no part in training. " if n else "") + split(card)
    yield columns(card.columns)


def _training_data(card: ModelCard) -> Iterable[str]:
    making = card.making
    said = []
    if making.n_rows is not None:
        said.append(f"{counted(making.n_rows, 'training row')}")
    if making.trained_until is not None:
        said.append(f"the last of {moment(making.trained_until, zone=card.zone)}")
    rows = ", ".join(said) or "Not known how many rows"
    until = ""
    if making.seen_until is not None:
        until = (
            " Tuning, calibration and tests saw rows up to"
            f" {moment(making.seen_until, zone=card.zone)}."
        )
    yield f"{rows}.{until}"
    if making.snapshot:
        yield f"Snapshot of the sources: {code(making.snapshot)}."


def _analyses(card: ModelCard) -> Iterable[str]:
    yield results(card.metrics)
    for judged in card.slices:
        yield f"### By slice: {plain(judged.name, limit=120)}"
        yield slices(judged)
    if not card.gates:
        yield "No gate has judged it."
    for gate in card.gates:
        yield f"### {_gate_title(gate)}"
        yield checks(gate)


def _gate_title(gate: GateResult) -> str:
    name = phrases.gate_name(gate.gate)
    return f"{plain(name[:1].upper() + name[1:])}: {VERDICT[gate.verdict]} {gate.verdict.value}"


def _ethics(card: ModelCard) -> Iterable[str]:
    yield from _declared(card.declared.ethics)
    for judged in card.fairness:
        check = judged.check
        said = [phrases.comparison(check), phrases.word(check), *phrases.facts(check)]
        yield f"### By group: {plain(check.name, limit=120)}"
        yield plain(" · ".join(filter(None, said)), limit=600)
        yield from map(groups, judged.compared)


def _caveats(card: ModelCard) -> Iterable[str]:
    yield from _declared(card.declared.caveats)
    if card.waivers:
        yield "A gate that stayed shut was opened by a person:"
        yield "\n".join(f"- {plain(phrases.waiver_line(w), limit=500)}" for w in card.waivers)
    told = [_told(gate) for gate in card.gates]
    found = [line for lines in told for line in lines]
    if found:
        yield "Checks that did not pass:"
        yield "\n".join(found[:40] + ([f"- {len(found) - 40:,} more"] if len(found) > 40 else []))


def _told(gate: GateResult) -> Sequence[str]:
    return [
        f"- {code(check.name)}: {plain(' · '.join([phrases.word(check), *phrases.remarks(check)]))}"
        for check in gate.checks
        if check.shuts or (check.advisory and not check.opens)
    ]


def _declared(text: str) -> Iterable[str]:
    """The paragraphs of a declared text; an empty line begins one."""
    found = [part for part in text.replace("\r", "").split("\n\n") if part.strip()]
    if not found:
        yield NOT_DECLARED
    for part in found[:_MOST_PARAGRAPHS]:
        yield _paragraph(part)


def _paragraph(text: str) -> str:
    """One line that begins no list, heading or code, whatever its first character is."""
    line = plain(" ".join(text.split()), limit=_PARAGRAPH)
    if line[:1] in ("-", "+", "="):
        return f"\\{line}"
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", line)
