"""Erasing records of the prediction log, shipped or not, for good.

Rules:

- what is to go is written down first (``erasing.json``: places, never a key), so that an erasure
  that dies is finished by the next one; doing it twice is doing it once;
- in a segment a record's payload is overwritten with zeros where it lies: its worker may still be
  appending, and no other record's place changes;
- an archive is rewritten without the rows, and what held them before is deleted;
- what became of a prediction goes with it, also where it was refused, and so does an outcome that
  names the unit: in words always, by a prediction's id or a number only where no answer of the log
  has that id;
- torn tails, kept aside or not, may hold anything and were never answered: they go as well.
"""

from __future__ import annotations

import json
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from interlock.data.naming import names, words
from interlock.data.unit import is_part
from interlock.serve.log.archive import Archive, archives, entries
from interlock.serve.log.logged import OUTCOMES, PREDICTIONS
from interlock.serve.log.outcome import Outcome
from interlock.serve.log.read import read_log
from interlock.serve.log.record import Record
from interlock.serve.log.segment import (
    HEADER_SIZE,
    Damage,
    Segment,
    erased,
    list_segments,
    read_header,
    read_runs,
)
from interlock.serve.log.segment import Record as Entry
from interlock.serve.log.shipping import delete_segment, finished, records
from interlock.serve.log.start import recover_dead
from interlock.serve.log.table import Place
from interlock.store.atomic import storage, sync_directory, write_file

_JOURNAL = "erasing.json"


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One act: its id, what it is told as, and the rows (worker, segment, offset, sequence, size).

    ``size`` is of the payload, in bytes. ``unclear`` counts records that may be about it and stay.
    """

    id: str
    kind: str
    facts: Mapping[str, Any]
    rows: tuple[tuple[str, int, int, int, int], ...]
    unclear: int = 0

    def places(self) -> dict[Place, set[int]]:
        """The offsets by segment."""
        found: dict[Place, set[int]] = defaultdict(set)
        for worker, segment, offset, _, _ in self.rows:
            found[Place(worker=worker, segment=segment)].add(offset)
        return found


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to go: such predictions with all their outcomes, and such outcomes besides.

    ``outcome`` is also told whether the log has an answer of that id, which stays. ``unclear`` is
    asked of predictions that stay, whether they may be wanted for all that can be said.
    """

    prediction: Callable[[Record], bool]
    outcome: Callable[[Outcome, bool], bool]
    unclear: Callable[[Record], bool] = lambda record: False


def of_unit(key: tuple[str, ...]) -> Wanted:
    """Everything about the unit of that key; a value is compared as it is in stored tables.

    A refused request has no unit; it counts as the unit's when its body names every part, and so
    does an outcome of an unknown prediction. An answer about a unit of another number of parts, or
    about none, is unclear when its request names every part: what releases declared it by differs.

    >>> refused = Record(id="a", time=1, product="p", status=422, request=b'{"house": 17, "x": 1e9')
    >>> of_unit(("17.0",)).prediction(refused), of_unit(("1",)).prediction(refused)
    (True, False)
    """

    def predicted(record: Record) -> bool:
        if record.status == 200:
            return _is_unit(record.entity, key)
        return names(record.request.decode("utf-8", "replace") + " " + record.message, key)

    def came_about(outcome: Outcome, known: bool) -> bool:
        said = [outcome.name, outcome.source]
        if not known:
            said.append(outcome.prediction)
        if not known or isinstance(outcome.value, str):
            said.append(str(outcome.value))
        return names(" ".join(said), key)

    def unclear(record: Record) -> bool:
        if record.status != 200 or len(record.entity) == len(key):
            return False
        return names(record.request.decode("utf-8", "replace"), key)

    return Wanted(prediction=predicted, outcome=came_about, unclear=unclear)


def _is_unit(entity: tuple[Any, ...], key: tuple[str, ...]) -> bool:
    """Whether the key is that entity; what the log shows is always a way to say it."""
    return len(entity) == len(key) and all(
        str(value) == part or is_part(value, part) for value, part in zip(entity, key, strict=True)
    )


def before(instant: int) -> Wanted:
    """Everything logged before an instant (µs UTC), and what became of it."""
    return Wanted(prediction=lambda r: r.time < instant, outcome=lambda o, _: o.time < instant)


def begin(log: Path, wanted: Wanted, kind: str, facts: dict[str, Any]) -> Erasure:
    """Write down what is to go. Needs the lock, alone, and :func:`pending` to be None."""
    found: set[tuple[str, int, int, int, int]] = set()
    gone: set[str] = set()
    unclear: set[tuple[str, int, int, int, int]] = set()
    unanswered = {o.prediction for _, o in _outcomes(log) if wanted.outcome(o, False)}
    refused: list[tuple[Entry, frozenset[str]]] = []  # outcomes, and the words in what is kept
    for entry in PREDICTIONS.of(_every(log)):
        record = PREDICTIONS.told(entry)
        if wanted.prediction(record):
            gone.add(record.id)
            found.add(_row(entry))
        elif record.status == 200:
            unanswered.discard(record.id)
            if wanted.unclear(record):
                unclear.add(_row(entry))
        elif record.told_outcomes:
            refused.append((entry, words(record.request.decode("utf-8", "replace"))))
    found |= {_row(entry) for entry, said in refused if not gone.isdisjoint(said)}
    for entry, outcome in _outcomes(log):
        if outcome.prediction in gone or wanted.outcome(
            outcome, outcome.prediction not in unanswered
        ):
            found.add(_row(entry))
    act = Erasure(
        id=secrets.token_hex(16),
        kind=kind,
        facts=facts,
        rows=tuple(sorted(found)),
        unclear=len(unclear),
    )
    write_file(log / _JOURNAL, json.dumps(asdict(act)).encode(), mode=0o600)
    return act


def _every(log: Path) -> Iterator[Entry]:
    """Every record in segments and archives; one that is in both comes twice."""
    yield from read_log(log)
    for archive in archives(log):
        yield from entries(archive)


def _outcomes(log: Path) -> Iterator[tuple[Entry, Outcome]]:
    return ((entry, OUTCOMES.told(entry)) for entry in OUTCOMES.of(_every(log)))


def _row(entry: Entry) -> tuple[str, int, int, int, int]:
    return (entry.worker, entry.segment, entry.offset, entry.sequence, len(entry.payload))


def pending(log: Path) -> Erasure | None:
    """The erasure that was begun and not ended."""
    path = log / _JOURNAL
    if not path.is_file():
        return None
    row = json.loads(path.read_bytes())
    return Erasure(**{**row, "rows": tuple(tuple(r) for r in row["rows"])})


def apply(log: Path, act: Erasure) -> None:
    """Remove the rows wherever they are. Raises StoreError L101, L102."""
    places = act.places()
    for segment in list_segments(log):
        place = Place(worker=segment.worker, segment=segment.number)
        if place in places:
            rows = [r for r in act.rows if r[:2] == (place.worker, place.segment)]
            overwrite(segment, [r[2:] for r in rows])
    known: list[Archive] = archives(log)
    for archive in known:
        archive.sweep()
        if places:
            archive.drop(places)
    drop_torn(log)


def drop_torn(log: Path) -> None:
    """Delete what was torn off, of workers that died without being started again as well."""
    with storage(log):
        recover_dead(log)
        for torn in log.glob("*.torn"):
            torn.unlink()
        sync_directory(log)


def end(log: Path) -> None:
    """Forget the act; segments that hold nothing any more are deleted."""
    for segment in finished(list_segments(log)):
        damaged = any(isinstance(found, Damage) for found in read_runs(segment))
        if not damaged and next(records(segment), None) is None:
            delete_segment(segment)
    with storage(log):
        (log / _JOURNAL).unlink(missing_ok=True)
        sync_directory(log)


def overwrite(segment: Segment, rows: Sequence[tuple[int, ...]]) -> None:
    """Put zeros where those records' payloads lie: (offset, sequence, size of the payload)."""
    with storage(segment.path), segment.path.open("r+b", buffering=0) as stream:
        head = read_header(stream.read(HEADER_SIZE))
        if head is None:  # nothing in it can be read, and nothing was found in it
            return
        for offset, sequence, size in rows:
            os.pwrite(stream.fileno(), erased(size, sequence=sequence, salt=head[1]), offset)
        os.fsync(stream.fileno())
