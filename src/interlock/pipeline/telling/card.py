"""A release as a model card tells it, from its bundle and the attestations about it alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from interlock.data.profile import CategoricalProfile, Profile
from interlock.data.request import Field, RequestSchema
from interlock.evaluate.compare import Estimate
from interlock.evaluate.metrics import METRICS
from interlock.features.definition import FeatureSet
from interlock.features.origin import made_of, span_of
from interlock.pipeline.telling.fairness import tell_fairness
from interlock.pipeline.telling.slices import tell_slices
from interlock.release import card as declared_card
from interlock.release import coverage
from interlock.release.attest import BUILD, GATE, POST_DEPLOY, RELEASE, Attestation
from interlock.release.bundle import Bundle
from interlock.release.card import Card
from interlock.release.waiver import waivers_among
from interlock.report import content as report
from interlock.verdict import GateResult, Interval

_GATES = ("data", "training tests", "model", "service", "post-deploy tests")
_TOP = 8  # values of a category


def tell_card(
    bundle: Bundle, attestations: Sequence[Attestation], *, erased: Sequence[str] = ()
) -> report.ModelCard:
    """The card of a verified bundle; of several statements of one kind the newest counts.

    ``erased`` is what recorded erasures did to it, a sentence each.
    """
    answer, candidate = bundle.json("answer.json"), bundle.json("candidate.json")
    schema = RequestSchema.from_row(bundle.json("request.json"))
    gates = _gates(attestations)
    covered = _coverage(bundle)
    release = _newest(attestations, RELEASE)
    interval = answer["spec"]["interval"]
    return report.ModelCard(
        product=bundle.product,
        digest=bundle.digest,
        label=release.get("label"),
        task=answer["spec"]["task"],
        target=answer["target"],
        unit=answer["unit"],
        classes=tuple(map(str, answer["spec"]["classes"])),
        interval=interval["level"] if interval else None,
        zone=next((f.zone for f in schema.fields if f.asked_at and f.zone), "UTC"),
        declared=_declared(bundle),
        making=_making(bundle, candidate, _newest(attestations, BUILD)),
        ranked_by=candidate["metric"],
        metrics=_metrics(candidate, answer["unit"]),
        fields=tuple(_field(field) for field in schema.fields),
        inputs=_inputs(bundle, schema, candidate.get("importance") or {}),
        covered=covered.sentences,
        estimates_uncovered=covered.estimate,
        columns=_columns(bundle),
        gates=gates,
        erased=tuple(erased),
        waivers=waivers_among(attestations),
        slices=tuple(found for gate in gates for found in tell_slices(gate)),
        fairness=tuple(found for gate in gates for found in tell_fairness(gate)),
    )


def _declared(bundle: Bundle) -> Card:
    if declared_card.FILE not in bundle.files:
        return Card()
    return Card.from_row(bundle.json(declared_card.FILE))


def _coverage(bundle: Bundle) -> coverage.Coverage:
    if coverage.FILE not in bundle.files:
        return coverage.Coverage()
    return coverage.Coverage.from_row(bundle.json(coverage.FILE))


def _newest(attestations: Iterable[Attestation], kind: str) -> Mapping[str, Any]:
    found = [a.predicate for a in attestations if a.predicate_type == kind]
    return max(found, key=lambda predicate: predicate["at"], default={})


def _gates(attestations: Iterable[Attestation]) -> tuple[GateResult, ...]:
    """The newest word of each gate, in the order of the path."""
    newest: dict[str, Mapping[str, Any]] = {}
    for attestation in attestations:
        if attestation.predicate_type not in (GATE, POST_DEPLOY):
            continue
        said = attestation.predicate
        if said["gate"] not in newest or said["at"] > newest[said["gate"]]["at"]:
            newest[said["gate"]] = said
    order = [*(g for g in _GATES if g in newest), *sorted(newest.keys() - set(_GATES))]
    return tuple(GateResult.from_row(newest[name]) for name in order)


def _making(
    bundle: Bundle, candidate: Mapping[str, Any], built: Mapping[str, Any]
) -> report.CardMaking:
    commit = built.get("commit")
    return report.CardMaking(
        candidate=candidate["name"],
        kind=str(candidate["params"].get("class", "")).rpartition(".")[2],
        format=candidate["format"],
        exactness=_exactness(candidate["exactness"].get("held out")),
        params=candidate["params"].get("params", candidate["params"]),
        notes=tuple(candidate["notes"]),
        n_rows=candidate["n_rows"],
        trained_until=candidate["trained_until"],
        seen_until=candidate["seen_until"],
        split=candidate["split"],
        snapshot=bundle.inputs["snapshot"],
        commit=None if commit is None or commit.startswith("files:") else commit,
        dirty=bool(built.get("dirty", False)),
        at=built.get("at"),
    )


def _exactness(held_out: Mapping[str, Any] | None) -> str:
    if not held_out:
        return ""
    equal, rows = held_out["bit_identical"], held_out["rows"]
    text = f"{equal:,} of {rows:,} held-out rows answered equal to the bit as trained"
    worst = held_out["worst_relative"]
    return text if equal == rows else f"{text}, the others within {worst:.1e} relative"


def _metrics(candidate: Mapping[str, Any], unit: str) -> tuple[report.CardMetric, ...]:
    """Those that were measured, the ranking metric first."""
    said = candidate.get("metrics", {})
    names = sorted(candidate["test"], key=lambda name: (name != candidate["metric"], name))
    return tuple(
        report.CardMetric(
            metric=_metric(name, said.get(name) or _builtin(name), unit),
            estimate=_estimate(candidate["test"][name]),
        )
        for name in names
        if candidate["test"][name]["value"] is not None
    )


def _builtin(name: str) -> Mapping[str, Any]:
    """What this version knows of a metric, for a bundle that does not say."""
    known = METRICS.get(name)
    return vars(known) if known is not None else {}


def _metric(name: str, said: Mapping[str, Any], unit: str) -> report.Metric:
    return report.Metric(
        name=name,
        lower_is_better=said.get("better") == "lower",
        best=said.get("target"),
        unit=said.get("unit", "1") or unit,
        meaning=said.get("meaning", ""),
    )


def _estimate(measured: Mapping[str, Any]) -> Estimate:
    interval = None
    if measured["low"] is not None and measured["high"] is not None:
        interval = Interval(low=measured["low"], high=measured["high"])
    return Estimate(
        value=measured["value"], interval=interval, n=measured["n"], units=measured["n"]
    )


def _field(field: Field) -> report.CardField:
    allowed = [f"{sign} {bound:g}" for sign, bound in field.rule.bounds]
    if field.categories:
        allowed.append(", ".join(field.categories))
    if field.asked_at:
        allowed.append("the time that is asked for")
    return report.CardField(
        name=field.name,
        kind=field.kind,
        unit=field.unit,
        allowed=" and ".join(allowed),
        optional=field.optional,
        description=field.description,
    )


def _inputs(
    bundle: Bundle, schema: RequestSchema, importance: Mapping[str, Any]
) -> tuple[report.CardInput, ...]:
    features = FeatureSet.from_row(bundle.json("features.json"))
    fields = {f.name: f for f in schema.fields}
    functions = {f.name: f for f in features.request}
    aggregates = {a.name: (h, a) for h in features.histories for a in h.aggregates}
    found = []
    for one in features.inputs:
        origin, unit, said = "the request", "", ""
        if one.name in fields:
            unit, said = fields[one.name].unit, fields[one.name].description
        elif one.name in functions:
            made = functions[one.name]
            origin, unit, said = ", ".join(made.arguments), made.unit, made.description
        elif one.name in aggregates:
            history, aggregate = aggregates[one.name]
            origin = f"{made_of(history, aggregate)} ({span_of(history, aggregate)})"
        found.append(
            report.CardInput(
                name=one.name,
                made_of=origin,
                unit=unit,
                description=said,
                importance=_importance(importance.get(one.name)),
            )
        )
    return tuple(found)


def _importance(lost: Mapping[str, Any] | None) -> Estimate | None:
    if not lost or lost["mean"] is None:
        return None
    interval = None
    if lost["low"] is not None and lost["high"] is not None:
        interval = Interval(low=lost["low"], high=lost["high"])
    return Estimate(value=lost["mean"], interval=interval, n=0, units=0)


def _columns(bundle: Bundle) -> tuple[report.Column, ...]:
    profile = Profile.from_row(bundle.json("profile.json"))
    found: list[report.Column] = []
    for one in profile.inputs:
        if isinstance(one, CategoricalProfile):
            rest = one.other + sum(n for _, n in one.top[_TOP:])
            found.append(
                report.CategoricalColumn(
                    name=one.name, top=tuple(one.top[:_TOP]), other=rest, missing=one.missing
                )
            )
        elif one.minimum is not None and one.maximum is not None:
            edges = (one.minimum, *one.edges, one.maximum)
            found.append(
                report.NumericColumn(
                    name=one.name, edges=edges, counts=one.counts, missing=one.missing
                )
            )
        else:
            found.append(
                report.NumericColumn(name=one.name, edges=(), counts=(), missing=one.missing)
            )
    return tuple(found)
