"""What a delivery found in its data, for the checks of the data gate to judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DataMeasurement:
    """What one delivery found in its data. Counts are rows; instants are µs UTC.

    ``quarantined`` counts by reason, ``feature_failures`` by feature, ``violations`` by column:
    every column with constraints is listed, with 0 where none was violated. ``part_rows`` counts
    the rows of train, tune, calibrate and test. ``has_time`` is False for a product without time.
    """

    rows_read: int
    rows_usable: int
    without_label: int
    label_pending: int
    duplicates: int
    quarantined: Mapping[str, int]
    feature_failures: Mapping[str, int]
    violations: Mapping[str, int]
    part_rows: Mapping[str, int]
    newest_event: int | None
    as_of: int
    has_time: bool = True

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
