"""``interlock init``."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.options import OUTPUT, Output
from interlock.cli.output import answer
from interlock.wording import as_typed


def init_command(folder: Path, /, *, options: Output = OUTPUT) -> None:
    """Make a small project that delivers as it stands.

    Parameters
    ----------
    folder
        The project's folder; it must be new or empty.
    """
    from interlock.use_cases import init

    files = init.init(folder)
    answer(
        "init",
        options,
        lambda: {"path": str(folder), "files": list(files)},
        lambda: [
            f"✔ made a project of {len(files)} files in {folder}",
            f"next: cd {as_typed(folder)} && interlock deliver",
        ],
    )
