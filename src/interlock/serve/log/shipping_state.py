"""How shipping stands: what the process that ships left, and what lies in segments now.

Invariants: the file is replaced whole and holds no key of a unit; what cannot be read counts as not
there, for nothing that answers requests depends on it.

>>> import tempfile
>>> log = Path(tempfile.mkdtemp())
>>> write_state(log, ShippingState(tried_at=6, shipped_at=5))
>>> standing(log).shipped_at, standing(log).unshipped_bytes
(5, 0)
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from interlock.serve.log.segment import list_segments
from interlock.store.atomic import write_file

_FILE = "shipping.json"


class ShippingState(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried last. Instants in microseconds.

    ``shipped_at`` is the last run that ended well, ``failures`` those since then that did not, and
    ``problem`` why.
    """

    tried_at: int
    shipped_at: int | None = None
    failures: int = 0
    problem: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How shipping stands; ``unshipped_bytes`` are those of all segments, the open ones too."""

    unshipped_bytes: int
    shipped_at: int | None
    failures: int
    problem: str


def write_state(log: Path, state: ShippingState) -> None:
    """Leave it beside the segments. Raises StoreError L101, L102."""
    write_file(log / _FILE, msgspec.json.encode(state))


def read_state(log: Path) -> ShippingState | None:
    """What was left there."""
    with suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode((log / _FILE).read_bytes(), type=ShippingState)
    return None


def standing(log: Path) -> Standing | None:
    """How it stands now; None for a log that nothing ships. Raises OSError."""
    state = read_state(log)
    if state is None:
        return None
    total = 0
    for segment in list_segments(log):
        with suppress(FileNotFoundError):  # shipped meanwhile
            total += segment.path.stat().st_size
    return Standing(
        unshipped_bytes=total,
        shipped_at=state.shipped_at,
        failures=state.failures,
        problem=state.problem,
    )
