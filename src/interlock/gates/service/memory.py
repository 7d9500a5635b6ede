"""The check of how much memory the service needs.

>>> parse_bytes("150MB"), parse_bytes("1.5GB")
(150000000, 1500000000)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from interlock.errors import AuthorError
from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.verdict import Check

MEGABYTE = 1_000_000
_UNITS = {"kB": 1_000, "MB": MEGABYTE, "GB": 1_000 * MEGABYTE}
_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(kB|MB|GB)")


@dataclass(frozen=True)
class MemoryBelow(Declared):
    """One worker never holds more than ``limit`` of memory, such as "150MB".

    The highest resident size that the operating system has seen, after all that was asked of it,
    the model's own process included where it has one; asked in the full form.
    """

    limit: str

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(parse_bytes(self.limit), "V101", "MemoryBelow", low=1)

    def to_row(self) -> dict[str, Any]:
        """The limit in bytes, so that "1GB" and "1000MB" are the same declaration."""
        return {"check": "MemoryBelow", "limit": parse_bytes(self.limit)}

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the peak; none measured is an error."""
        name, peak = f"memory below {self.limit}", measurement.memory_bytes
        if peak is None or not peak > 0:
            return (unmeasured(name, "V107", "no memory was measured"),)
        limit = Limit(at_most=parse_bytes(self.limit) / MEGABYTE)
        return (counted(name, "V115", peak / MEGABYTE, limit, unit="MB"),)


def parse_bytes(text: str) -> int:
    """'150MB' as bytes. Raises AuthorError V101 for anything else."""
    found = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise AuthorError(
            "V101",
            "a size of memory cannot be read",
            expected="a number and one of kB, MB, GB, such as '150MB'",
            got=repr(text)[:100],
            fix="write the size as, for example, '150MB'",
        )
    return round(float(found[1]) * _UNITS[found[2]])
