"""Stage: freeze the rows of every source as they were known at the delivery's time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from interlock.data.read import Seen, see
from interlock.data.snapshot import Taken, from_parquet, table_bytes, to_parquet
from interlock.data.source import Source
from interlock.data.taking import latest_availability, take
from interlock.digest import digest_bytes
from interlock.errors import AuthorError
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.tombstones import SNAPSHOT, refuse_erased

_BLOBS = ("rows", "quarantined")


def take_snapshots(context: Context) -> Outcome:
    """Snapshot each source; the output maps its name to manifest and blobs.

    A moment after the newest row is known is the same moment: so a delivery as of now is not run
    again for data that did not change. Raises AuthorError D116 for rows that were erased.
    """
    bound = context.bound
    seen = {
        name: see(source, project_dir=bound.project_dir) for name, source in bound.sources.items()
    }
    moments = {
        name: _effective(context, source, seen[name]) for name, source in bound.sources.items()
    }
    inputs = {
        "digests": {name: found.digest for name, found in seen.items()},
        "moments": moments,
        "zone": bound.zone,
    }
    outcome = context.run(SNAPSHOT, inputs, lambda: _take_all(context, seen, moments))
    _refuse_erased(
        context, {name: [kept[k] for k in _BLOBS] for name, kept in outcome.output.items()}
    )
    return outcome


def _effective(context: Context, source: Source, seen: Seen) -> int | None:
    """The delivery's time, or the moment the newest row became known if that is earlier."""
    facts = context.run(
        "source facts",
        {"digest": seen.digest, "zone": context.bound.zone},
        lambda: {
            "latest": latest_availability(
                source, project_dir=context.bound.project_dir, zone=context.bound.zone, seen=seen
            )
        },
    )
    latest = facts.output["latest"]
    return None if latest is None else min(context.as_of, int(latest))


def _take_all(
    context: Context, seen: Mapping[str, Seen], moments: Mapping[str, int | None]
) -> dict[str, Any]:
    """Read again, queries too: one that gives other rows each time is found here."""
    output = {}
    for name, source in context.bound.sources.items():
        moment = moments[name]
        taken = take(
            source,
            as_of=context.as_of if moment is None else moment,
            project_dir=context.bound.project_dir,
            zone=context.bound.zone,
        )
        if taken.manifest.source_digest != seen[name].digest:
            raise _changed_meanwhile(source)
        data = dict(zip(_BLOBS, (to_parquet(taken), table_bytes(taken.quarantined)), strict=True))
        _refuse_erased(context, {name: [digest_bytes(blob) for blob in data.values()]})
        stored = {kind: context.artifacts.put(blob) for kind, blob in data.items()}
        output[name] = {"manifest": taken.manifest.to_row(), **stored}
    return output


def _refuse_erased(context: Context, blobs: Mapping[str, list[str]]) -> None:
    refuse_erased(context.ledger, context.bound.product.name, blobs)


def _changed_meanwhile(source: Source) -> AuthorError:
    return AuthorError(
        "D113",
        "a source changed while it was read",
        where=source.label,
        expected="the same rows from the first look to the last",
        got="other rows, or a query that gives others each time",
        fix="deliver again once it has been written; give a query an order of its own",
    )


def load_snapshots(context: Context, output: Mapping[str, Any]) -> dict[str, Taken]:
    """The snapshots behind a stage's output, each read once."""

    def read(kept: Mapping[str, Any]) -> Taken:
        rows, quarantined = (context.artifacts.get(kept[k]) for k in _BLOBS)
        return from_parquet(rows, quarantined=quarantined)

    return {
        name: context.once("snapshot", kept["rows"], partial(read, kept))
        for name, kept in output.items()
    }


def snapshot_digests(output: Mapping[str, Any]) -> dict[str, str]:
    """The identity of each source's rows."""
    return {name: kept["manifest"]["digest"] for name, kept in output.items()}
