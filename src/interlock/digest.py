"""Identity by content: SHA-256 over canonical bytes.

>>> digest_json({"b": 1, "a": [True, None]}) == digest_json({"a": [True, None], "b": 1})
True
>>> seed_from("snapshot", "candidate") == seed_from("snapshot", "candidate")
True
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_CHUNK = 1 << 20  # bytes


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spare space; NaN and infinities raise ValueError."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def parse_canonical(data: bytes) -> Any:
    """The value of canonical JSON; ValueError unless encoding it again gives the same bytes."""
    try:
        value = json.loads(data.decode())
        again = canonical_json(value)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if again != data:
        raise ValueError("the JSON is not in canonical form")
    return value


def digest_bytes(data: bytes | memoryview) -> str:
    """64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def digest_json(value: Any) -> str:
    """The digest of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def digest_file(path: Path) -> str:
    """The digest of a file's bytes, read in chunks."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def is_digest(text: str) -> bool:
    """Whether the text is a digest as this module writes them; names are checked before use."""
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


def seed_from(*parts: str) -> int:
    """A 32-bit seed that depends on nothing but the parts."""
    return int.from_bytes(hashlib.sha256("\x00".join(parts).encode()).digest()[:4], "big")
