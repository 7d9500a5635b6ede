"""Golden rows: requests with the answers that a release must give wherever it is served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.digest import digest_json
from interlock.pipeline.context import Context
from interlock.pipeline.probes.client import request_bytes
from interlock.product.training_set import TrainingSet
from interlock.release.bundle import Bundle
from interlock.serve.loaded.golden import golden_bytes, golden_row
from interlock.serve.loaded.release import assemble
from interlock.serve.plan import ServePlan
from interlock.store.arrays import array_from_bytes

GOLDEN_ROWS = 20
GOLDEN_NOT_COVERED = 4


def golden(
    context: Context,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
    rows: TrainingSet,
    output: Mapping[str, Any],
    uncovered: NDArray[np.int64],
) -> bytes:
    """Test rows spread over time, answered by the release as it will be served.

    With a few of the ``uncovered`` ones (row numbers), so that the limits of what it answers for
    are among what it must give again.
    """
    bundle = Bundle(
        digest=digest_json({name: len(data) for name, data in sorted(files.items())}),
        directory=Path(),
        manifest=dict(facts),
        files=files,
    )
    release = assemble(bundle, ServePlan(product=context.bound.product.name, log=""))
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    chosen = np.concatenate([_spread(test, GOLDEN_ROWS), _spread(uncovered, GOLDEN_NOT_COVERED)])
    table = rows.table.take(chosen).to_pylist()
    aggregates = [a.name for h in context.bound.features.histories for a in h.aggregates]
    return golden_bytes(
        [
            golden_row(
                release,
                plain_request(
                    {f.name: row[f"request.{f.name}"] for f in context.bound.schema.fields}
                ),
                as_of=row["t"],
                history=tuple(row[f"feature.{name}"] for name in aggregates),
            )
            for row in table
        ]
    )


def _spread(rows: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """At most so many of the rows, first and last among them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, limit).astype(int))] if len(rows) else rows


def plain_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as JSON has it: dates are texts."""
    found: dict[str, Any] = json.loads(request_bytes(request))
    return found
