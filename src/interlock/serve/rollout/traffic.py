"""Which arm a unit belongs to: a pure function of its key and the rollout's salt.

A unit falls into one of 10,000 buckets: BLAKE2b of its key, keyed with the salt, 8 bytes, modulo
10,000. The first buckets are the challenger's. A share grows by taking in the buckets that follow,
so whoever the challenger answers stays with it; another rollout has another salt, so its challenger
gets other units.

>>> split = Split(salt="a rollout", buckets=1_000)
>>> arm_of((503719.2, 211677.7), split), arm_of((503719.2, 211677.7), Split("a rollout", 10_000))
('champion', 'challenger')
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from interlock.deploy.challenger import BUCKETS

CHAMPION, CHALLENGER = "champion", "challenger"
ARMS = (CHAMPION, CHALLENGER)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class Split:
    """So many buckets, from 0 on, are the challenger's."""

    salt: str
    buckets: int


def entity_key(entity: tuple[Any, ...]) -> bytes:
    """The unit's key as JSON without spare space: a list of its parts in their declared order.

    Zero has no sign, so that what is equal is one unit.

    >>> entity_key((-0.0, "a")), entity_key((-0.05,))
    (b'[0.0,"a"]', b'[-0.05]')
    """
    key = _ENCODER.encode(entity)
    if b"-0.0" not in key:
        return key
    return _ENCODER.encode([0.0 if type(part) is float and not part else part for part in entity])


def bucket_of(key: bytes, salt: str) -> int:
    """From 0 to 9,999, uniform over keys."""
    digest = blake2b(key, key=salt.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def arm_of(entity: tuple[Any, ...], split: Split) -> str:
    """The arm to which a unit of that key is assigned."""
    return CHALLENGER if bucket_of(entity_key(entity), split.salt) < split.buckets else CHAMPION
