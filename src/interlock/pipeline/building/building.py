"""Stage: build the release's bundle from what was trained and judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.data.profile import profile
from interlock.digest import canonical_json, digest_json
from interlock.evaluate.metric import Metric
from interlock.pipeline.building.background import background
from interlock.pipeline.building.explaining import weigh_inputs
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.dividing import (
    cut,
    declared_split,
    split_examples,
    split_identity,
    uncovered_rows,
)
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.snapshots import snapshot_digests
from interlock.product.training_set import TrainingSet
from interlock.release import card
from interlock.release.coverage import FILE as COVERAGE
from interlock.release.manifest import seal
from interlock.serve.contract import AnswerContract
from interlock.store.arrays import array_from_bytes
from interlock.train.answer import AnswerSpec


def build(
    context: Context, snapshots: Outcome, examples: Outcome, trained: Outcome, judged: Outcome
) -> Outcome:
    """Seal the winner into a bundle; the output names its digest."""
    inputs = {
        "train": trained.key,
        "code": context.bound.code_digest,
        "snapshots": snapshot_digests(snapshots.output),
        "estimates": digest_json(_winner_estimates(trained, judged)),
        "metrics": [
            context.bound.metric_row(n) for n in sorted(_winner_estimates(trained, judged))
        ],
        "card": digest_json(_card(context)),
        "explanations": context.bound.product.explanations,
        "coverage": split_examples(context, examples).output["coverage"],
    }
    return context.run(
        "bundle",
        inputs,
        lambda: {"digest": _build(context, snapshots, examples, trained, judged)},
    )


def _card(context: Context) -> dict[str, Any] | None:
    declared = context.bound.product.card
    return declared.to_row() if declared is not None else None


def _winner_estimates(trained: Outcome, judged: Outcome) -> Any:
    return judged.output["estimates"].get(trained.output["winner"], {})


def _build(
    context: Context, snapshots: Outcome, examples: Outcome, trained: Outcome, judged: Outcome
) -> str:
    from interlock.pipeline.building.golden import golden  # noqa: PLC0415 - the service's code, to build only

    bound, output = context.bound, trained.output
    row = output["candidates"][output["winner"]]
    rows = load_examples(context, examples.output)
    weights = weigh_inputs(context, examples, trained).output
    files = _files(context, output, row, _winner_estimates(trained, judged), weights)
    divided = split_examples(context, examples).output
    if divided["coverage"] is not None:
        files[COVERAGE] = context.artifacts.get(divided["coverage"])
    files["profile.json"] = canonical_json(_profile(context, rows, output))
    known = background(context, rows, output, row) if bound.product.explanations else None
    if known is not None:
        files["background.json"] = known
    facts: dict[str, Any] = {
        "product": bound.product.name,
        "inputs": {
            "snapshot": digest_json(snapshot_digests(snapshots.output)),
            "code": bound.code_digest,
            "candidate": digest_json(bound.product.candidates[output["winner"]].to_row()),
        },
        "candidate": output["winner"],
        "schema": digest_json(bound.schema.to_row()),
    }
    files["golden.json"] = golden(
        context, files, facts, rows, output, uncovered_rows(context, divided)[0]
    )
    digest, whole = seal(files, **facts)
    context.artifacts.put_tree(digest, whole)
    return digest


def _files(
    context: Context,
    output: Mapping[str, Any],
    row: Mapping[str, Any],
    estimates: Any,
    weights: Mapping[str, Any],
) -> dict[str, bytes]:
    bound = context.bound
    answer = AnswerContract(
        spec=AnswerSpec.from_row(row["spec"]),
        target=bound.product.target.name,
        unit=getattr(bound.product.target, "unit", ""),
        entity=bound.product.unit_fields,
        postprocess=bound.postprocess,
    )
    candidate = {
        "name": output["winner"],
        "format": row["format"],
        "reason": row["reason"],
        "exporter": row["exporter"],
        "exactness": row["exactness"],
        "tolerance": row["tolerance"],
        "edges": row["edges"],
        "params": row["params"],
        "notes": row["notes"],
        "decision": row["decision"],
        "importance": weights["inputs"],
        "n_rows": row["n_rows"],
        "trained_until": output["trained_until"],
        "seen_until": output["seen_until"],
        "split": split_identity(context),
        "metric": bound.product.metric_name,
        "test": estimates,
        "metrics": {name: _meaning(bound.metric(name)) for name in estimates},
    }
    files = {
        "request.json": canonical_json(bound.schema.to_row()),
        "features.json": canonical_json(bound.features.to_row()),
        "answer.json": canonical_json(answer.to_row()),
        "candidate.json": canonical_json(candidate),
        row["file_name"]: context.artifacts.get(row["payload"]),
        **{f"packed/{name}.py": source.encode() for name, source in bound.packed.items()},
    }
    if bound.product.card is not None:
        files[card.FILE] = canonical_json(_card(context))
    if row["encoder"]:
        files["encoder.json"] = context.artifacts.get(row["encoder"])
    return files


def _meaning(metric: Metric) -> dict[str, Any]:
    """How its values are read, for a metric may be the product's own."""
    return {
        "better": metric.better,
        "target": metric.target,
        "unit": metric.unit,
        "meaning": metric.meaning,
    }


def _profile(context: Context, rows: TrainingSet, output: Mapping[str, Any]) -> Any:
    """Of held-out rows, so that a model's own training rows do not flatter it.

    Of all of them, covered or not: it is the requests to come that are compared with it.
    """
    test = cut(declared_split(context), rows).test
    train = array_from_bytes(context.artifacts.get(output["rows"]["train"]))
    held_out, seen = rows.stored_columns(test), rows.stored_columns(train)
    return profile(rows.inputs, held_out, seen=seen).to_row()
