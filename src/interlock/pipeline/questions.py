"""What the service gate asks of a release, from what its delivery has: rows, limits, history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from msgspec import structs

from interlock.features.assemble import as_of
from interlock.features.grid import grid_points
from interlock.features.lookup import view_name
from interlock.features.refresh import refresh
from interlock.gates.service.form import Form
from interlock.gates.service.load import Sustains
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.probes.contracts import asked_instants
from interlock.pipeline.probes.fault_server import StoreServer
from interlock.pipeline.probes.load import Wanted
from interlock.pipeline.probes.parity import ParityRows, spread_rows
from interlock.pipeline.probes.service import Questions
from interlock.pipeline.rows.dividing import split_examples, uncovered_rows
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.snapshots import load_snapshots
from interlock.product.contracts import ContractFile
from interlock.product.training_set import packed_features, source_rows
from interlock.release.bundle import open_bundle
from interlock.store.arrays import array_from_bytes
from interlock.store.online import OnlineWriter
from interlock.store.online_place import open_writer
from interlock.store.online_sqlite import SqliteWriter
from interlock.train.encoder import Encoder

_SILENT_ROWS = 100  # of those that are not covered
_FEW_ROWS = 8  # that planned faults ask about
_LENT_SECONDS = 3_600  # until a server deletes what a gate that was killed left on it


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How much is asked, and what a service does without its online store, or with a full disk."""

    form: Form = Form.QUICK
    unavailable: Literal["refuse", "defaults"] = "refuse"
    log_full: Literal["refuse", "drop"] = "refuse"
    stores: OnlineStores | None = None


def questions(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    trained: Outcome,
    digest: str,
    place: Path,
    contracts: Sequence[ContractFile],
    asked: Asked,
    loads: Sequence[Wanted],
) -> Questions:
    """The questions; online stores that they need are filled under ``place``."""
    bound, output = context.bound, trained.output
    rows = load_examples(context, examples.output)
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    chosen = spread_rows(len(test))
    uncovered, whys = _silent_rows(context, examples)
    table = rows.table.take(pa.array(np.concatenate([test[chosen], uncovered])))
    history = source_rows(bound, packed_features(bound), load_snapshots(context, snapshots.output))
    instants = np.asarray(table.column("t").to_numpy())
    moments = np.array(asked_instants(contracts, bound.schema), dtype=np.int64)
    everything = SqliteWriter(place / "online", durable=False)
    fill_store(context, history, np.concatenate([instants, moments]), everything)
    few, server = spread_rows(len(chosen), _FEW_ROWS), None
    if asked.form is Form.FULL:
        fill_store(context, history, instants[few], SqliteWriter(place / "few", durable=False))
        server = _store_server(context, history, instants[few], asked.stores, digest)
    candidate = open_bundle(context.artifacts.tree(digest), expected_digest=digest).json(
        "candidate.json"
    )
    compared = _parity_rows(context, table, output, chosen, whys, rows.classes)
    stored = bool(bound.features.histories)
    return Questions(
        rows=compared,
        thresholds=_thresholds(context, output, candidate),
        history=as_of(history),
        clock=int(table.column("t").to_numpy().max()) if table.num_rows else context.as_of,
        online=str(place / "online") if stored else None,
        tolerance=float(candidate["tolerance"]),
        contracts=contracts,
        form=asked.form,
        loads=loads,
        few_rows=[compared.requests[row] for row in few.tolist()],
        few=place / "few" if stored else None,
        history_unavailable=asked.unavailable,
        log_full=asked.log_full,
        server=server,
    )


def contract_store(
    context: Context, snapshots: Outcome, contracts: Sequence[ContractFile], place: Path
) -> tuple[str | None, int]:
    """An online store for what the contracts' rows ask about, and the moment to replay."""
    bound = context.bound
    moments = np.array([*asked_instants(contracts, bound.schema), context.as_of], dtype=np.int64)
    if bound.features.histories:
        history = load_snapshots(context, snapshots.output)
        rows = source_rows(bound, packed_features(bound), history)
        fill_store(context, rows, moments, SqliteWriter(place, durable=False))
    return (str(place) if bound.features.histories else None), context.as_of


def wanted_loads(checks: Sequence[Any]) -> list[Wanted]:
    """What the checks ask about load."""
    return [
        Wanted(rate=check.rate, limit_seconds=check.limit_seconds)
        for check in checks
        if isinstance(check, Sustains)
    ]


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
    writer: OnlineWriter,
) -> None:
    """Real refreshes, one for each grid point that rows at those instants see."""
    for definition in context.bound.features.histories:
        grids = sorted(set(grid_points(instants, definition).tolist()))
        refresh(writer, definition, history[definition.name], grids)


def _store_server(
    context: Context,
    history: Mapping[str, pa.Table],
    instants: np.ndarray[Any, Any],
    stores: OnlineStores | None,
    digest: str,
) -> StoreServer | None:
    """A place of the gate's own on the server of the environments; None where they have none."""
    if stores is None or stores.settings.url is None:
        return None
    name, url = context.bound.product.name, stores.settings.url
    namespace = f"gate:{name}:{digest[:12]}"
    access = structs.replace(stores.access("gate", name), namespace=namespace)

    def fill() -> None:
        lent = open_writer(url, access, stores.environ, expires_seconds=_LENT_SECONDS)
        with closing(lent) as writer:
            fill_store(context, history, instants, writer)

    def empty() -> None:
        with closing(open_writer(url, access, stores.environ)) as writer:
            for definition in context.bound.features.histories:
                writer.forget(view_name(definition))

    return StoreServer(url=url, access=access, fill=fill, empty=empty)


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
