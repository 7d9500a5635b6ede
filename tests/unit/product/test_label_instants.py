"""When a label is known: not before its row is, whatever the target says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.linear_model import Ridge

import interlock as il
from interlock.clock import instant_of

START = datetime(2013, 1, 1, tzinfo=UTC)


class Asked(il.Request):
    asked: datetime = il.asked_at()
    x: float


def label_at(folder: Path, *, target_after: str, known_after_hours: list[int]) -> list[int]:
    """Hours after the event at which each row's label is known."""
    events = [START + timedelta(days=i) for i in range(len(known_after_hours))]
    table = pa.table(
        {
            "id": list(range(len(events))),
            "asked": events,
            "known_at": [
                e + timedelta(hours=h) for e, h in zip(events, known_after_hours, strict=True)
            ],
            "x": [1.0] * len(events),
            "y": [2.0] * len(events),
        }
    )
    pq.write_table(table, folder / "rows.parquet")
    rows = il.Source("rows.parquet", key="id", event_time="asked", available_at="known_at")
    product = il.Product(
        "things",
        request=Asked,
        examples=rows.map(),
        target=il.Regression("y", available_after=target_after),
        candidates={"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())},
    )
    found = product.training_set(as_of="2014-01-01T00:00:00Z", project_dir=folder)
    instants = found.table.column("label_at").to_pylist()
    return [(at - instant_of(e)) // 3_600_000_000 for at, e in zip(instants, events, strict=True)]


def test_a_label_is_not_known_before_its_row(tmp_path):
    assert label_at(tmp_path, target_after="0s", known_after_hours=[2, 30]) == [2, 30]


def test_a_target_may_be_known_later_than_its_row(tmp_path):
    assert label_at(tmp_path, target_after="1d", known_after_hours=[2, 30]) == [24, 30]
