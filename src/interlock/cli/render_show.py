"""What a release is, as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from interlock.cli.render import SHORT, table
from interlock.release.attest import Attestation
from interlock.release.waiver import Waiver
from interlock.report.names import shown
from interlock.report.numbers import (
    moment,
)
from interlock.report.phrases import gate_name, packaging, waiver_phrase
from interlock.wording import counted

if TYPE_CHECKING:
    from interlock.use_cases.show import ShowReport


def show_lines(report: ShowReport) -> list[str]:
    """What it is, what it takes, what it was made from, who vouches for it."""
    release = report.release
    live = ", ".join(report.live_in) or "nowhere"
    return [
        f"{shown(release.product)} {release.label} · live in {live}",
        f"digest {release.bundle}",
        *erased_lines(report.erased),
        *waiver_lines(report.waivers),
        "model",
        *table([(name, shown(value)) for name, value in _facts(report.candidate)]),
        "request",
        *table([_field_cells(f) for f in report.request.get("fields", ())]),
        *_answers_for(report.answers_for),
        "made from",
        *table([(name, shown(value)) for name, value in report.inputs.items()]),
        "files",
        *table([(name, counted(size, "byte")) for name, size in report.files.items()]),
        "attestations",
        *table([_attestation_cells(a) for a in sorted(report.attestations, key=_said_at)]),
        f"✔ verified: {counted(len(report.files) + 1, 'file')}, "
        f"{counted(len(report.attestations), 'attestation')}",
    ]


def erased_lines(sentences: Sequence[str]) -> list[str]:
    """A line an erasure; nothing where there was none."""
    return [f"! {shown(sentence, limit=200)}" for sentence in sentences]


def _answers_for(sentences: Sequence[str]) -> list[str]:
    """A line a limit, under a title; nothing for a release that answers for everything."""
    return ["answers for", *(f"  {shown(line, limit=160)}" for line in sentences)] * bool(sentences)


def waiver_lines(waivers: Sequence[Waiver]) -> list[str]:
    """A line a waiver, under a title; nothing where there are none."""
    if not waivers:
        return []
    return ["waivers", *(f"  ! {gate_name(w.gate)}: {waiver_phrase(w)}" for w in waivers)]


def _facts(candidate: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, _fact(name, value))
        for name, value in candidate.items()
        if isinstance(value, str | int | float) and value != ""
    ]


def _fact(name: str, value: str | float) -> str | float:
    if isinstance(value, str):
        return packaging(value) if name == "format" else value
    return moment(int(value)) if name.endswith("_until") else value


def _field_cells(field: Mapping[str, Any]) -> tuple[str, ...]:
    signs = (("≥", "ge"), (">", "gt"), ("≤", "le"), ("<", "lt"))
    bounds = [f"{sign} {field[name]:g}" for sign, name in signs if field.get(name) is not None]
    closed = " | ".join(field.get("categories") or ())
    notes = ["prediction time" if field.get("asked_at") else "", *bounds, field.get("unit") or ""]
    return (
        shown(field["name"], limit=60),
        field["kind"] + (" or null" if field.get("optional") else ""),
        shown(closed or ", ".join(filter(None, notes)), limit=200),
    )


def _attestation_cells(attestation: Attestation) -> tuple[str, str, str]:
    at = _said_at(attestation)
    signed = f"signed by {attestation.signer[:SHORT]}"
    return shown(attestation.told, limit=100), moment(at) if at else "", signed


def _said_at(attestation: Attestation) -> int:
    return int(attestation.predicate.get("at", 0))
