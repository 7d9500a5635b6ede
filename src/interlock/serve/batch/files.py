"""The files of a batch: which may be its input, its output and that of its rejected rows.

All is asked before the first row is read, but for one thing: whether the input is the same in the
end. A run that takes an hour does not find out then that it has nowhere to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from interlock.digest import digest_bytes
from interlock.errors import OperatorError
from interlock.serve.batch.tabular import is_csv

_END_BYTES = 1 << 16


def check_columns(
    input_path: Path, columns: pa.Schema, *, asked: Sequence[str], added: Sequence[str]
) -> None:
    """Raises OperatorError S155 for a field's column that is there twice, S157 for one to be added.

    ``asked`` are the columns that the fields are read from.
    """
    twice = [name for name in asked if columns.names.count(name) > 1]
    if twice:
        raise OperatorError(
            "S155",
            "the input file has more than one column of a name",
            where=str(input_path),
            expected="one column for each field of the request",
            got=", ".join(twice),
            fix="rename or drop the columns that are not meant",
        )
    clashing = [name for name in added if name in columns.names]
    if clashing:
        raise OperatorError(
            "S157",
            "the input has columns that the output would add",
            where=str(input_path),
            expected="columns other than " + ", ".join(added),
            got=", ".join(clashing),
            fix="rename these columns, or leave them out of the input",
        )


def check_output(input_path: Path, output_path: Path, *, directory: bool) -> None:
    """Raises OperatorError S154 for a name that says no format, S157 for that of the input."""
    if not directory:
        is_csv(output_path)
    if output_path.exists() and output_path.samefile(input_path):
        raise OperatorError(
            "S157",
            "the output would replace the input",
            where=str(output_path),
            expected="two different files",
            got="one file for both",
            fix="give the output another name",
        )


def check_rejected(
    rejected_path: Path, input_path: Path, output_path: Path, *, directory: bool
) -> None:
    """Raises OperatorError S154 as :func:`check_output`, S157 where rejected rows would do harm.

    In a ``directory`` of parts every Parquet file is taken for rows of the output.
    """
    is_csv(rejected_path)
    place, output = rejected_path.resolve(), output_path.resolve()
    within = directory and output in place.parents
    replaced = place in (output, input_path.resolve())
    if rejected_path.exists():
        replaced = replaced or rejected_path.samefile(input_path)
    if within or replaced:
        raise OperatorError(
            "S157",
            "the rejected rows would replace the input or stand among the output's",
            where=str(rejected_path),
            expected="a file of its own, outside the output's directory",
            got="a place within the output" if within else "the name of the input or the output",
            fix="give the rejected rows another name",
        )


def file_state(path: Path) -> tuple[int, ...]:
    """What is another when somebody has written the file."""
    there = path.stat()
    return there.st_size, there.st_mtime_ns


def ends_digest(path: Path) -> str:
    """A digest of how the file begins and ends, where formats keep what is in them.

    It tells files apart that somebody wrote with one size and one time, without reading all.
    """
    with path.open("rb") as stream:
        begun = stream.read(_END_BYTES)
        stream.seek(max(0, path.stat().st_size - _END_BYTES))
        return digest_bytes(begun + stream.read(_END_BYTES))


def check_unchanged(input_path: Path, begun: Sequence[int]) -> None:
    """Raises OperatorError S155 when the file is not what it was when the run began."""
    if not input_path.exists() or file_state(input_path) != begun:
        raise OperatorError(
            "S155",
            "the input file was changed while it was read",
            where=str(input_path),
            expected="the same file from the first row to the last",
            got="another size or time of writing, or no such file",
            fix="run it again when nobody writes the file; parts need another directory then",
            untouched="any earlier output",
        )
