"""``interlock log`` and its commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer
from interlock.errors import ExitCode

if TYPE_CHECKING:
    from interlock.serve.log.view import Asked

log_command = App(name="log")
_Key = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which records are asked for; what is not given is not asked."""

    since: str | None = None
    """From this instant on: a date, ISO 8601 with an offset, or a span before now such as 1h."""

    until: str | None = None
    """Before this instant."""

    id: Annotated[tuple[str, ...] | None, Parameter(negative="")] = None
    """A prediction's id; may be given several times."""

    release: str | None = None
    """A label, or the beginning of a digest."""

    status: int | None = None
    """The status answered, such as 200 or 422."""

    entity: _Key | None = None
    """The unit's key, part by part."""

    arm: str | None = None
    """The arm that answered."""

    covered: Flag = False
    """Only rows that the release answers for."""

    rejected: Flag = False
    """Only refused requests and rows that are not covered."""

    def asked(self) -> Asked:
        """The same with instants. Raises AuthorError C102, C106."""
        from interlock.cli.render_log import asked_of

        return asked_of(
            since=self.since,
            until=self.until,
            ids=self.id or (),
            release=self.release,
            status=self.status,
            entity=self.entity or (),
            arm=self.arm,
            covered=True if self.covered else None,
            rejected=self.rejected,
        )


_ALL = Filters()


@log_command.default
def show_command(
    *,
    environment: str = "prod",
    filters: Filters = _ALL,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    sql: str | None = None,
    out: Path | None = None,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """What was answered and refused: show, filter, query, export; newest first.

    Parameters
    ----------
    environment
        Whose prediction log to look at; "replay" is what replays answered.
    limit
        How many to show.
    sql
        One SELECT over the views `predictions` and `outcomes`; it can write nothing.
    out
        Write all of them to this file, .parquet, .csv or .jsonl, instead of showing some.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render_log import log_lines, log_row, query_lines
    from interlock.use_cases import log

    with opened(options) as workspace:
        if sql is not None:
            report = log.query_log(
                workspace, options.product, environment=environment, statement=sql, out=out
            )
        else:
            report = log.show_log(
                workspace,
                options.product,
                environment=environment,
                asked=filters.asked(),
                limit=limit,
                out=out,
            )
    lines = log_lines if sql is None else query_lines
    answer("log", options, lambda: log_row(report), lambda: lines(report))


@log_command.command(name="ship")
def ship_command(
    *,
    environment: str = "prod",
    to: Literal["parquet", "delta"] = "parquet",
    dir: Path | None = None,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Move finished segments of the log to Parquet files or a Delta table.

    Parameters
    ----------
    environment
        Whose prediction log to ship.
    to
        In which form.
    dir
        The folder to ship to (default: one beside the log).
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_log import ship_lines
    from interlock.use_cases import log

    with opened(options) as workspace:
        report = log.ship_log(
            workspace, options.product, environment=environment, to=to, directory=dir
        )
    answer("log", options, lambda: plain(report), lambda: ship_lines(report))


@log_command.command(name="compact")
def compact_command(*, environment: str = "prod", options: OfProduct = OF_PRODUCT) -> None:
    """Make few files of the many that were shipped on days that are over (UTC).

    Parameters
    ----------
    environment
        Whose prediction log.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_log import compact_lines
    from interlock.use_cases import log

    with opened(options) as workspace:
        report = log.compact_log(workspace, options.product, environment=environment)
    answer("log", options, lambda: plain(report), lambda: compact_lines(report))


@log_command.command(name="erase")
def erase_command(
    *,
    entity: _Key,
    reason: str,
    environment: str = "prod",
    log: Annotated[tuple[Path, ...] | None, Parameter(negative="")] = None,
    options: OfProduct = OF_PRODUCT,
) -> int:
    """Erase one unit from the log and from what deliveries stored of it, on record.

    Ends with 8 while a place that was searched holds it still, or may: each is named.

    Parameters
    ----------
    entity
        The unit's key, part by part.
    reason
        Why; it stays in the ledger for ever and may not name the unit.
    environment
        Whose prediction log.
    log
        A log of `interlock serve --bundle`, erased from too; may be given several times.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_log import erase_lines
    from interlock.use_cases import log_erase

    with opened(options) as workspace:
        report = log_erase.erase(
            workspace,
            options.product,
            environment=environment,
            key=entity,
            reason=reason,
            logs=log or (),
        )
    code = int(ExitCode.PENDING if report.left else ExitCode.OK)
    answer(
        "log",
        options,
        lambda: {"exit_code": code, **plain(report)},
        lambda: erase_lines(report),
    )
    return code


@log_command.command(name="retain")
def retain_command(
    *, older_than: str, environment: str = "prod", options: OfProduct = OF_PRODUCT
) -> None:
    """Remove records that are older than a span, shipped or not.

    Parameters
    ----------
    older_than
        How long records are kept, such as 90d.
    environment
        Whose prediction log.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_log import erase_lines
    from interlock.use_cases import log_erase

    with opened(options) as workspace:
        report = log_erase.retain(
            workspace, options.product, environment=environment, older_than=older_than
        )
    answer("log", options, lambda: plain(report), lambda: erase_lines(report))
