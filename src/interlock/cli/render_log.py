"""The prediction log, as lines for people or as JSON; and what the flags ask of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from interlock.cli.render import plain, table
from interlock.clock import now, parse_instant, parse_span
from interlock.report.names import shown
from interlock.serve.log.view import Asked
from interlock.wording import as_typed, counted

if TYPE_CHECKING:
    from interlock.pipeline.erasing.grid_points import GridPoints
    from interlock.pipeline.erasing.removing import Removed
    from interlock.use_cases.log import CompactReport, LogReport, ShipReport
    from interlock.use_cases.log_erase import EraseReport

_SPAN = re.compile(r"[0-9]+[a-z]+")
_OUTCOMES = ("observed", "id", "outcome", "value", "source", "revision", "said")
_HEAD = ("time", "id", "status", "release", "arm", "entity", "prediction", "said")


def asked_of(*, since: str | None, until: str | None, **rest: Any) -> Asked:
    """The filters with their instants; a day is one in UTC. Raises AuthorError C102, C106."""
    return Asked(since=_instant(since), until=_instant(until), **rest)


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    if _SPAN.fullmatch(text):
        return now() - parse_span(text)
    return parse_instant(text, zone="UTC", also="a span before now such as 1h")


def log_lines(report: LogReport) -> list[str]:
    """One line a record, the newest first, then one an outcome; the last line counts."""
    rows = [_HEAD, *(_cells(row) for row in report.rows)]
    lines = table(rows) if report.rows else []
    if report.outcomes:
        lines += ["", *table([_OUTCOMES, *map(_outcome_cells, report.outcomes)]), ""]
    return [*lines, *_ending(report)]


def query_lines(report: LogReport) -> list[str]:
    """The columns that the statement gives."""
    rows = [tuple(shown(name) for name in report.rows[0])] if report.rows else []
    rows += [tuple(_text(value) for value in row.values()) for row in report.rows]
    return [*table(rows), *_ending(report, "row")]


def _ending(report: LogReport, noun: str = "record") -> list[str]:
    where = f"{shown(report.product)} in {report.environment}"
    lines = []
    if report.unreadable:
        lines.append(f"! passed over {report.unreadable:,} unreadable bytes")
    if report.unknown:
        lines.append(
            f"! {counted(report.unknown, 'outcome')} of predictions that are not in this log"
        )
    if report.parts:
        lines.append(f"! the key has not as many parts as the unit: {_parts(report.parts)}")
    if report.out is not None:
        lines.append(f"✔ wrote {counted(report.found, 'row')} to {report.out}")
    elif report.found > len(report.rows):
        lines.append(f"{where}: {len(report.rows):,} of {counted(report.found, noun)}")
    else:
        lines.append(f"{where}: {counted(report.found, noun)}")
    return lines


def _parts(numbers: tuple[int, ...]) -> str:
    """'2 parts; …'; 0 stands for a release that declares no unit."""
    known = " or ".join(counted(n, "part") if n else "no unit is declared" for n in numbers)
    return f"{known}; a part is a word after --entity"


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    answered = row["class"] if row["class"] is not None else row["prediction"]
    said = row["not_covered"] or " ".join(part for part in (row["error"], row["message"]) if part)
    return (
        _text(row["time"]),
        shown(row["id"]),
        str(row["status"]),
        shown(row["release"]),
        shown(row["arm"]),
        shown(" ".join(row["entity"])),
        _text(answered),
        shown(said),
    )


def _outcome_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    said = (
        f"superseded {_text(row['superseded_at'])}" if row["superseded_at"] is not None else "",
        "disputed: sent with another value too" if row["disputed"] else "",
        "" if row["known"] else "its prediction is not in this log",
    )
    return (
        _text(row["observed_at"]),
        shown(row["prediction_id"]),
        shown(row["name"]),
        _text(row["class"] if row["class"] is not None else row["value"]),
        shown(row["source"]),
        str(row["revision"]),
        "; ".join(part for part in said if part),
    )


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:,.6g}"
    return "" if value is None else shown(str(value))


def log_row(report: LogReport) -> dict[str, Any]:
    """For ``--json``: every column; instants in ISO 8601."""
    row: dict[str, Any] = plain(report)
    for name in ("rows", "outcomes"):
        row[name] = [{k: _value(v) for k, v in r.items()} for r in getattr(report, name)]
    return row


def _value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else plain(value)


def ship_lines(report: ShipReport) -> list[str]:
    """What went, what stays, and why."""
    done = report.shipped
    lines = [
        f"! {shown(name)} stays: it holds unreadable bytes (interlock explain S153)"
        for name in done.damaged
    ]
    if done.open_bytes:
        lines.append(
            f"  {counted(done.open_bytes, 'byte is', 'bytes are')} in segments not finished yet"
        )
    return [
        *lines,
        f"✔ shipped {counted(done.rows, 'record')} of {counted(done.segments, 'segment')} "
        f"to {report.directory}",
    ]


def compact_lines(report: CompactReport) -> list[str]:
    """How many files became how many."""
    done = report.compacted
    if not done.files:
        return ["= nothing to compact: the files of days that are over are few already"]
    return [
        f"✔ compacted {counted(done.files, 'file')} of {counted(done.rows, 'record')} "
        f"to {counted(done.made, 'file')}"
    ]


def erase_lines(report: EraseReport) -> list[str]:
    """What went, what stays and what to do about it; where was looked, and where not."""
    where = f"{shown(report.product)} in {report.environment}"
    lines = ["! finished an erasure that had been interrupted"] if report.resumed else []
    lines.append(f"✔ removed {counted(report.rows, 'record')} from the log of {where}")
    if report.searched is None:
        return lines
    for log in report.outside:
        lines += ["! finished an erasure that had been interrupted there"] * log.resumed
        lines.append(f"✔ removed {counted(log.rows, 'record')} from the log in {log.where}")
    lines += _removed_lines(report.removed)
    if report.grid_points is not None:
        lines += _online_lines(report.grid_points)
    return [*lines, *_staying_lines(report), *_ending_lines(report)]


def _removed_lines(removed: Removed) -> list[str]:
    lines = []
    if removed.snapshots:
        made = counted(removed.files, "file")
        lines.append(
            f"✔ erased {counted(len(removed.snapshots), 'snapshot')} that held it, "
            f"and {made} that stages had made"
        )
    if removed.unreproducible:
        lines.append(f"  not reproducible any more: {', '.join(removed.unreproducible)}")
    if removed.withdrawn:
        lines.append(f"✔ withdrew releases that held it: {', '.join(removed.withdrawn)}")
    return lines


def _online_lines(found: GridPoints) -> Iterator[str]:
    if found.deleted:
        yield f"✔ deleted {counted(found.deleted, 'table')} of online stores"
    if found.rows:
        yield f"✔ took {counted(found.rows, 'row')} out of what online stores answer from"
    if found.remade:
        made = counted(found.remade, "table")
        yield f"✔ computed {made} that online stores answer from again, without it"
    if found.server:
        yield (
            "  a Redis server keeps what it deleted in its append-only file until BGREWRITEAOF, in "
            "its dump until the next BGSAVE, and in their copies"
        )


def _staying_lines(report: EraseReport) -> Iterator[str]:
    if not report.searched:
        yield "! stored snapshots were not searched: the declared unit has not so many parts"
    for place, unclear in (
        (f"of {report.environment}", report.unclear),
        *((f"in {log.where}", log.unclear) for log in report.outside),
    ):
        if unclear:
            yield (
                f"! {counted(unclear, 'answer')} in the log {place} may be about it: of no unit, "
                "or one of other parts, and the request names it"
            )
    for name in report.unsearched:
        yield f"! source {shown(name)} has no column of the unit's key: its snapshots stay"
    for name in report.renamed:
        yield (
            f"! source {shown(name)} was stored without the columns of the unit's key, too, as it "
            "is declared now: those snapshots stay, and may hold it; declare it as it was, then "
            "run this again"
        )
    for held in report.removed.live:
        yield (
            f"! release {held.label}, live in {' and '.join(held.live_in)}, holds it in "
            f"{' and '.join(held.files)}: deliver anew without it, then run this again"
        )
    for path in report.reports:
        yield f"! may name it, and stays: {path}"
    for name in () if report.sources is None else report.sources.hold:
        yield (
            f"! source {shown(name)} still holds it: the next delivery or refresh brings it back "
            "unless it is erased there"
        )
    for name in () if report.sources is None else report.sources.unreadable:
        yield f"! source {shown(name)} cannot be read, and may hold it"
    for one in () if report.grid_points is None else report.grid_points.staying:
        yield (
            f"! {one.environment} answers from history {shown(one.history)}, made of rows that "
            "held it or may have, and that are not stored: erase it in the sources, run "
            f"`interlock refresh --environment {one.environment}`, then this again"
        )
    for path in report.exports.hold:
        yield f"! an export holds it, or may: {path}"
    for name in report.logs:
        outside = name.startswith("/")
        which = f"in {name}" if outside else f"of {name}"
        how = as_typed("--log" if outside else "--environment", name)
        yield f"! the log {which} was not searched: run this with {how}"


def _ending_lines(report: EraseReport) -> Iterator[str]:
    """Where was looked; that it is done is said only where nothing is known to be left."""
    exports = counted(report.exports.searched, "recorded export")
    gone = (
        f" ({counted(report.exports.gone, 'more is', 'more are')} gone)"
        if report.exports.gone
        else ""
    )
    stored = ", stored snapshots and what was made of them, releases, reports, online stores"
    logs = f"{counted(1 + len(report.outside), 'log')}" if report.outside else "this log"
    read = "" if report.sources is None else ", the sources"
    yield f"  searched: {logs}{stored if report.searched else ''}{read}, {exports}{gone}"
    yield (
        f"  not searched: {'' if read else 'the sources, '}copies of exports, files of "
        "predictions, logs of exported releases that were not named (--log), backups, what disks "
        "keep of deleted files, what models learned"
    )
    if report.left:
        still = counted(
            report.left, "place named above still holds", "places named above still hold"
        )
        yield f"✖ not done: {still} it, or may"
    else:
        yield "✔ done: no place that was searched holds it"
