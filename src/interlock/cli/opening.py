"""Open the project a command is about, with a narrator that is silenced again at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from interlock.cli.narrate import narrator
from interlock.cli.options import InProject
from interlock.workspace import Workspace


@contextmanager
def opened(options: InProject, *, verbose: bool = False) -> Iterator[Workspace]:
    """The project's workspace."""
    with narrator(verbose=verbose) as told:
        yield Workspace.open(options.project, os.environ, told)
