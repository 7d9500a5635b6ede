"""What became of a prediction, as the log holds it: one record for each outcome sent.

Outcomes are append-only. The four facts of :attr:`Outcome.key` say which outcome it is; the same
sent again is the same outcome, and of several revisions the highest that had been observed by then
holds at any time. So nothing that was known is ever overwritten.

Records of this kind stand in the segments among those of predictions. Theirs are msgpack; these
begin with a byte that no msgpack value begins with, so neither is ever read for the other.

>>> sold = Outcome(prediction="031546", name="price", value=72_000.0, event_time=1, observed_at=2)
>>> payload = outcome_bytes(sold)
>>> is_outcome(payload), read_outcome(payload) == sold
(True, True)
"""

from __future__ import annotations

import msgspec

MARK = b"\xc1o"  # outcomes begin with it; msgpack leaves 0xc1 unused


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One outcome of one prediction. Instants are microseconds, UTC.

    ``prediction`` is the id that was answered; ``name`` what is told of it, the target's own name
    for what was predicted; ``event_time`` when it came about, ``observed_at`` when ``source``
    knew of it, ``time`` when the service was told.
    """

    prediction: str
    name: str
    value: float | int | str | bool
    event_time: int
    observed_at: int
    source: str = ""
    revision: int = 0
    time: int = 0
    product: str = ""

    @property
    def key(self) -> tuple[str, str, str, int]:
        """Which outcome it is, whatever it says."""
        return (self.prediction, self.name, self.source, self.revision)


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Outcome)


def outcome_bytes(outcome: Outcome) -> bytes:
    """The outcome as the log holds it."""
    return MARK + _ENCODER.encode(outcome)


def is_outcome(payload: bytes) -> bool:
    """Whether a payload of the log is an outcome."""
    return payload.startswith(MARK)


def read_outcome(payload: bytes) -> Outcome:
    """The inverse of :func:`outcome_bytes`. Raises msgspec.DecodeError for other bytes."""
    if not is_outcome(payload):
        raise msgspec.DecodeError("the record is no outcome")
    return _DECODER.decode(memoryview(payload)[len(MARK) :])
