"""interlock predict: predict every row of a file with what is live, each row at its own time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from interlock.clock import now
from interlock.digest import digest_json
from interlock.features.assemble import as_of, history_rows
from interlock.pipeline.alone import storing
from interlock.pipeline.rows.snapshots import load_snapshots, snapshot_digests, take_snapshots
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import BatchResult, Form, predict_file
from interlock.serve.batch.tabular import TableReader
from interlock.use_cases.absence import nothing_live
from interlock.workspace import Workspace


def predict(
    workspace: Workspace,
    product: str | None = None,
    *,
    input_path: Path,
    output_path: Path,
    environment: str = "prod",
    explain: bool = False,
    form: Form = "file",
    rejected_path: Path | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> BatchResult:
    """Predict a Parquet or CSV file.

    Columns are named after the request's fields, or after the source columns they are mapped from.
    ``explain`` adds what each input contributed; ``form`` and ``rejected_path`` are those of
    :func:`interlock.serve.batch.predict.predict_file`.
    History features are those of each row's own time, by the same statement as in training.
    """
    place = workspace.environment(environment)
    bound = workspace.bound(product)
    deployer = workspace.deployer(bound, now())
    live = deployer.live.believed(place.name)
    if live is None:
        raise nothing_live(workspace, bound.product.name, place.name, "to predict with")
    release = Answering.of(deployer.live.bundle(live.bundle))
    with storing(workspace.places.storing):
        snapshots = take_snapshots(deployer.context).output
        taken = load_snapshots(deployer.context, snapshots)
    rows = {
        h.name: history_rows(h, release.packed, taken[h.source].revisions)
        for h in release.features.histories
    }
    return predict_file(
        release,
        input_path,
        output_path,
        history=as_of(rows),
        as_of=now(),
        names=_named_otherwise(input_path, bound.mapping),
        explain=explain,
        form=form,
        rejected_path=rejected_path,
        batch=digest_json({"release": live.bundle, "snapshots": snapshot_digests(snapshots)}),
        progress=progress,
    )


def _named_otherwise(path: Path, mapping: Mapping[str, str]) -> dict[str, str]:
    """Fields of the request that the file names as the source does: its columns by field."""
    there = set(TableReader(path, chunk_rows=1).schema().names)
    return {
        field: column for field, column in mapping.items() if field not in there and column in there
    }
