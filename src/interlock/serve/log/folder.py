"""A log that lies outside every project: what `interlock serve --bundle` has written somewhere."""

from __future__ import annotations

from pathlib import Path

from interlock.errors import OperatorError
from interlock.serve.log.archive import archives, entries
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.read import read_log
from interlock.serve.log.segment import list_segments
from interlock.store.atomic import storage


def require_log(folder: Path, product: str) -> None:
    """Raises OperatorError S192 unless that is a log of the product, and of no project's."""
    problem = _problem(folder, product)
    if problem is not None:
        raise OperatorError(
            "S192",
            "this folder is no log to erase from",
            where=str(folder),
            expected=f"a prediction log of {product} that `interlock serve --bundle` has written",
            got=problem,
            fix="name the folder given to its --log: by default `log`, beside the bundle",
            untouched="the folder, and everything else",
        )


def _problem(folder: Path, product: str) -> str | None:
    if not folder.is_dir():
        return "no folder"
    if len(folder.parents) > 3 and (folder.parents[3] / "ledger.sqlite").is_file():
        return "the log of a project's environment: erase there, with --environment"
    with storage(folder):
        if not list_segments(folder) and not list(folder.glob("*.tally")):
            return "a folder without a segment or counts of a log"
    other = _products(folder) - {product}
    return f"a log of {' and '.join(sorted(other))}" if other else None


def _products(folder: Path) -> set[str]:
    """Whose predictions are in it."""
    found = {PREDICTIONS.told(e).product for e in PREDICTIONS.of(read_log(folder))}
    for archive in archives(folder):
        shipped = entries(archive, tables=(PREDICTIONS,))
        found.update(PREDICTIONS.told(entry).product for entry in shipped)
    return found
