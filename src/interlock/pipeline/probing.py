"""Stage: the service gate. Start the packaged service from the bundle alone, and question it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from interlock.features.assemble import as_of
from interlock.features.grid import grid_points
from interlock.features.oracle import can_recompute
from interlock.features.refresh import refresh
from interlock.gates.gate import run
from interlock.gates.service.gate import service_gate
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.dividing import split_examples, uncovered_rows
from interlock.pipeline.examples import load_examples
from interlock.pipeline.probes.contracts import asked_instants
from interlock.pipeline.probes.parity import ParityRows, spread_rows
from interlock.pipeline.probes.service import Questions, probe_service
from interlock.pipeline.snapshots import load_snapshots
from interlock.pipeline.symmetry import recompute_rows
from interlock.product.contracts import ContractFile, contract_files
from interlock.product.training_set import packed_features, source_rows
from interlock.release.bundle import open_bundle
from interlock.store.arrays import array_from_bytes
from interlock.store.online_sqlite import SqliteWriter
from interlock.train.encoder import Encoder
from interlock.verdict import Exemption, GateResult

_RECOMPUTED_ROWS = 40
_SILENT_ROWS = 100  # of those that are not covered


def judge_service(
    context: Context, snapshots: Outcome, examples: Outcome, trained: Outcome, digest: str
) -> Outcome:
    """The service gate; the output holds its result and what was measured."""
    checks = service_gate(context.bound.product.service_gate)
    contracts = contract_files(context.bound.project_dir, context.bound.product.name)
    inputs = {
        "bundle": digest,
        "contracts": [[contract.path.name, contract.digest] for contract in contracts],
        "table": examples.output["table"],
        "checks": [check.to_row() for check in checks],
    }

    def compute() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="interlock-online-") as place:
            questions = _questions(
                context, snapshots, examples, trained, digest, Path(place), contracts
            )
            probed = probe_service(context.artifacts.tree(digest), questions)
        measured = replace(probed.measurement, **_recomputed(context, snapshots, examples, trained))
        return {
            "result": run("service", checks, measured).to_row(),
            "measured": asdict(measured),
            "differences": [asdict(d) for d in probed.differences],
            "problems": list(probed.problems),
            "seconds": dict(probed.seconds),
        }

    return context.run("service gate", inputs, compute, keep=_opened)


def _opened(output: Mapping[str, Any]) -> bool:
    """A gate that stayed shut is asked again the next time: the machine may be quieter."""
    return GateResult.from_row(output["result"]).opens


def _recomputed(
    context: Context, snapshots: Outcome, examples: Outcome, trained: Outcome
) -> dict[str, Any]:
    """A sample of the test rows' history values, over again by the oracle."""
    bound = context.bound
    histories = [h for h in bound.features.histories if can_recompute(h)]
    if not histories:
        none = Exemption.CUSTOM_SQL if bound.features.histories else Exemption.NO_HISTORY
        return {"unrecomputed": none}
    rows = load_examples(context, examples.output)
    test = array_from_bytes(context.artifacts.get(trained.output["rows"]["test"]))
    sample = rows.table.take(pa.array(test[spread_rows(len(test), _RECOMPUTED_ROWS)]))
    history = source_rows(bound, packed_features(bound), load_snapshots(context, snapshots.output))
    found = [recompute_rows(h, history[h.name], sample) for h in histories]
    return {
        "oracle_values": sum(values for values, _ in found),
        "oracle_mismatches": sum(wrong for _, wrong in found),
    }


def _questions(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    trained: Outcome,
    digest: str,
    place: Path,
    contracts: Sequence[ContractFile],
) -> Questions:
    bound, output = context.bound, trained.output
    rows = load_examples(context, examples.output)
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    chosen = spread_rows(len(test))
    uncovered, whys = _silent_rows(context, examples)
    table = rows.table.take(pa.array(np.concatenate([test[chosen], uncovered])))
    history = source_rows(bound, packed_features(bound), load_snapshots(context, snapshots.output))
    instants = np.asarray(table.column("t").to_numpy())
    asked = np.array(asked_instants(contracts, bound.schema), dtype=np.int64)
    fill_store(context, history, np.concatenate([instants, asked]), place)
    candidate = open_bundle(context.artifacts.tree(digest), expected_digest=digest).json(
        "candidate.json"
    )
    return Questions(
        rows=_parity_rows(context, table, output, chosen, whys, rows.classes),
        thresholds=_thresholds(context, output, candidate),
        history=as_of(history),
        clock=int(table.column("t").to_numpy().max()) if table.num_rows else context.as_of,
        online=str(place) if bound.features.histories else None,
        tolerance=float(candidate["tolerance"]),
        contracts=contracts,
    )


def _silent_rows(context: Context, examples: Outcome) -> tuple[np.ndarray[Any, Any], Sequence[str]]:
    """Test rows that get a reason in place of a prediction, as row numbers, and the reasons."""
    rows, whys = uncovered_rows(context, split_examples(context, examples).output)
    if context.bound.product.not_covered == "estimate":
        return rows[:0], []  # what is answered there is compared at the edges
    chosen = spread_rows(len(rows), _SILENT_ROWS)
    return rows[chosen], [whys[i] for i in chosen.tolist()]


def fill_store(
    context: Context,
    history: Mapping[str, pa.Table],
    instants: np.ndarray[Any, Any],
    place: Path,
) -> None:
    """Real refreshes, one for each grid point that rows at those instants see."""
    for definition in context.bound.features.histories:
        grids = sorted(set(grid_points(instants, definition).tolist()))
        refresh(SqliteWriter(place, durable=False), definition, history[definition.name], grids)


def _parity_rows(
    context: Context,
    table: pa.Table,
    output: Mapping[str, Any],
    chosen: Any,
    whys: Sequence[str],
    classes: Sequence[Any],
) -> ParityRows:
    """The test rows chosen, then those that are not covered, for the reasons ``whys``."""
    fields = [f.name for f in context.bound.schema.fields]
    columns = {name: table.column(f"request.{name}").to_pylist() for name in fields}
    kept = output["candidates"][output["winner"]]["test"]
    scores = {
        k: _then_nan(array_from_bytes(context.artifacts.get(blob))[chosen], len(whys))
        for k, blob in kept.items()
    }
    intervals = None
    if "low" in scores:
        intervals = np.column_stack([scores["low"], scores["high"]])
    decided = np.nan_to_num(scores.get("answered", np.array([]))).astype(int).tolist()
    return ParityRows(
        requests=[
            dict(zip(fields, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
        features={
            name.removeprefix("feature."): table.column(name).to_pylist()
            for name in table.column_names
            if name.startswith("feature.")
        },
        predictions=scores["prediction"],
        intervals=intervals,
        not_covered=[*[""] * len(chosen), *whys] if whys else (),
        answered=[classes[place] for place in decided],
    )


def _then_nan(values: np.ndarray[Any, Any], n: int) -> np.ndarray[Any, Any]:
    return np.concatenate([values, np.full((n, *values.shape[1:]), np.nan)]) if n else values


def _thresholds(
    context: Context, output: Mapping[str, Any], candidate: Mapping[str, Any]
) -> dict[str, Any]:
    """The model's thresholds by request field, where a matrix column is the field itself."""
    row = output["candidates"][output["winner"]]
    if not row["encoder"]:
        return {}
    names = Encoder.from_row(context.get_json(row["encoder"])).names
    fields = {f.name for f in context.bound.schema.fields}
    return {
        names[int(place)]: values
        for place, values in candidate["edges"].items()
        if names[int(place)] in fields
    }
