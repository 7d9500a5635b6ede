"""The options that commands share. Each command takes one of these records, flattened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

_COMMON = Group("Common options", sort_key=100)
_FLAG = Parameter(negative="", show_default=False, group=_COMMON)

Flag = Annotated[bool, Parameter(negative="", show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Output:
    """How a command answers."""

    json: Annotated[bool, _FLAG] = False
    """Answer with one JSON object on standard output."""

    debug: Annotated[bool, _FLAG] = False
    """Show the traceback of an error."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class InProject(Output):
    """A command about a whole project."""

    project: Annotated[Path, Parameter(name=("--project", "-C"), group=_COMMON)] = Path()
    """The project's folder."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class OfProduct(InProject):
    """A command about one product of a project."""

    product: Annotated[str | None, Parameter(group=_COMMON)] = None
    """The product, where the project declares several."""


OUTPUT = Output()
IN_PROJECT = InProject()
OF_PRODUCT = OfProduct()
