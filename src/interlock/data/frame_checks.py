"""Checks that only Pandera knows, run on the rows: those that fail are quarantined with the reason.

A check that fails for the table as a whole, or raises, says nothing of a row: the source cannot be
used then. The rows it sees are those known by the snapshot's moment that no other rule has set
aside, so that a check which looks at all of them sees none of the future.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from interlock.digest import digest_json
from interlock.errors import AuthorError


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameChecks:
    """``schema`` is a ``pandera.DataFrameSchema`` with no more than what is left to check.

    ``columns`` are those it names; ``whole`` says that some checks look at the whole table.
    """

    schema: Any
    columns: tuple[str, ...]
    whole: bool

    def to_row(self, declared_at: str) -> dict[str, Any]:
        """What identifies the checks: their names, and the project's code they may be made of.

        ``declared_at`` is the source's place, file and line. What a check function calls cannot be
        known from outside, so every module loaded from that folder counts.
        """
        named = {
            name: [[str(check.name), repr(check.statistics)] for check in column.checks]
            for name, column in self.schema.columns.items()
        }
        types = {name: str(column.dtype) for name, column in self.schema.columns.items()}
        table = [[str(check.name), repr(check.statistics)] for check in self.schema.checks]
        folder = Path(declared_at.rpartition(":")[0]).resolve().parent
        code = digest_json(dict(sorted(_modules(folder))))
        return {"columns": named, "types": types, "table": table, "code": code}

    def failures(
        self, table: pa.Table, *, where: str
    ) -> Iterator[tuple[npt.NDArray[np.intp], str]]:
        """(row numbers, reason) for every check that rows fail. Raises AuthorError D115."""
        from pandera.errors import SchemaErrors  # noqa: PLC0415 - an extra

        names = table.column_names if self.whole else list(self.columns)
        frame = table.select(names).to_pandas(date_as_object=True)
        try:
            self.schema.validate(frame, lazy=True)
        except SchemaErrors as error:
            yield from _by_reason(error.failure_cases, where)


def _by_reason(cases: Any, where: str) -> Iterator[tuple[npt.NDArray[np.intp], str]]:
    reasons: dict[str, set[int]] = {}
    for case in cases.to_dict("records"):
        if case["index"] is None or case["index"] != case["index"]:
            raise _of_the_table(case, where)
        column = case["column"] if case["schema_context"] == "Column" else "row"
        reason = f"{column}: fails the check '{case['check']}'"
        reasons.setdefault(reason, set()).add(int(case["index"]))
    for reason, rows in sorted(reasons.items()):
        yield np.array(sorted(rows), dtype=np.intp), reason


def _of_the_table(case: Mapping[str, Any], where: str) -> AuthorError:
    return AuthorError(
        "D115",
        "a check of a source's schema failed for the table as a whole",
        where=where,
        expected="a check that says yes or no of each row",
        got=f"{case['check']}: {str(case['failure_case'])[:200]}",
        fix="return one truth value a row; what concerns all rows belongs into the data gate",
    )


def _modules(folder: Path) -> Iterator[tuple[str, str]]:
    """(path, digest) of every module that was loaded from the folder, installed ones aside."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or "site-packages" in file:
            continue
        path = Path(file)
        if path.is_relative_to(folder) and path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()
