"""By which columns a release's model gate cut the rows: the slices that the product declares.

They are read from what was signed about the release, so that they are known while the product's own
files are broken, and are those that it was judged by.
"""

from __future__ import annotations

from collections.abc import Iterable

from interlock.release.attest import GATE, Attestation


def slice_columns(said: Iterable[Attestation], delivery: str) -> tuple[str, ...]:
    """The columns that checks of the model gate of that delivery cut by, each once."""
    columns: dict[str, None] = {}
    for one in said:
        about = one.predicate
        if one.predicate_type != GATE or (about["gate"], about["delivery"]) != ("model", delivery):
            continue
        for check in about["checks"]:
            evidence = check["evidence"]
            cut = [row["column"] for row in evidence.get("slices", ())]
            columns |= dict.fromkeys([*cut, *evidence.get("left_out", ())])
    return tuple(columns)
