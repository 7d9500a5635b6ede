"""``interlock diff``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer


def diff_command(
    before: str,
    after: str | None = None,
    /,
    *,
    rows: Annotated[int, Parameter(validator=Number(gte=0, lte=100))] = 5,
    code: Flag = False,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """What differs between two releases, and where they disagree.

    Parameters
    ----------
    before
        A label, the beginning of a digest, or an environment (what is live there).
    after
        The other one (default: what is live in the last environment).
    rows
        Of how many rows to tell how they disagree; 0 scores none.
    code
        Show every changed line of code, not the first few.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_diff import diff_lines
    from interlock.use_cases import diff

    with opened(options) as workspace:
        report = diff.compare(workspace, options.product, before=before, after=after, rows=rows)

    def row() -> dict[str, object]:
        found: dict[str, object] = plain(report)
        return {**found, "same": report.same, "breaking": list(report.changes.breaking)}

    answer("diff", options, row, lambda: diff_lines(report, all_code=code))
