"""``interlock serve``."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer, error_lines, write_lines
from interlock.errors import InterlockError, OperatorError

if TYPE_CHECKING:
    from interlock.use_cases.exported import Serving


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where a service listens, with how many processes, and what it tells meanwhile."""

    host: str | None = None
    """The address to listen on (default: this machine only)."""

    port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65_535))] = None
    """The port to listen on; 0, the default, takes a free one."""

    workers: Annotated[int | None, Parameter(validator=Number(gte=1, lte=256))] = None
    """Processes that share the port, about one for each core (default: 1)."""

    access_log: Flag = False
    """One JSON line for each request on standard error; never bodies."""

    telemetry: Flag = False
    """A trace of each request for OpenTelemetry; OTEL_* variables say where to."""


_DEFAULT = Listening()


def serve_command(
    *,
    environment: str = "prod",
    listening: Listening = _DEFAULT,
    replay: Flag = False,
    first: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    bundle: Path | None = None,
    token_file: str | None = None,
    log: Path | None = None,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Answer requests with what is live, until told to stop.

    Parameters
    ----------
    environment
        What is live there answers.
    replay
        Answer for days gone by, with what was known then.
    first
        The first day to replay.
    until
        The last day to replay.
    bundle
        Serve a folder made by `interlock export`, without a project.
    token_file
        With --bundle: clients must send the token in this file.
    log
        With --bundle: the prediction log's folder (default: log, beside the bundle).
    """
    days = _days(replay, first, until)
    if bundle is not None:
        _serve_exported(bundle, listening, token_file, log, options)
    else:
        _serve_live(environment, listening, days, options)


def _serve_exported(
    bundle: Path,
    listening: Listening,
    token_file: str | None,
    log: Path | None,
    options: OfProduct,
) -> None:
    from interlock.serve.http.traces import asked_for
    from interlock.use_cases import exported

    exported.serve_exported(
        bundle,
        host=listening.host or "127.0.0.1",
        port=listening.port or 0,
        workers=listening.workers or 1,
        access_log=listening.access_log,
        telemetry=listening.telemetry or asked_for(os.environ),
        token_file=token_file,
        log=log,
        on_ready=partial(_ready, options, lambda: None),
    )


def _serve_live(
    environment: str, listening: Listening, days: tuple[str, str] | None, options: OfProduct
) -> None:
    from interlock.cli.narrate import narrator
    from interlock.cli.opening import opened
    from interlock.use_cases import serve

    with opened(options) as workspace, narrator() as told:
        told.started("serve")  # filling the stores of a replay takes its time
        serve.serve(
            workspace,
            options.product,
            environment=environment,
            host=listening.host,
            port=listening.port,
            workers=listening.workers,
            access_log=listening.access_log,
            telemetry=listening.telemetry,
            replay=days,
            on_ready=partial(_ready, options, told.close),
            on_trouble=_trouble,
        )


def _ready(options: OfProduct, before: Callable[[], None], serving: Serving) -> None:
    from interlock.cli.render import plain, ready_lines

    before()
    answer("serve", options, lambda: plain(serving), lambda: ready_lines(serving))


def _trouble(error: InterlockError) -> None:
    write_lines(sys.stderr, error_lines(error.mistakes))


def _days(replay: bool, first: str | None, until: str | None) -> tuple[str, str] | None:
    if replay and first and until:
        return first, until
    if not replay and not first and not until:
        return None
    raise OperatorError(
        "C161",
        "--replay, --from and --until go together",
        expected="all three or none",
        got=", ".join(
            name
            for name, given in (("--replay", replay), ("--from", first), ("--until", until))
            if given
        ),
        fix="for example: interlock serve --replay --from 1997-01-01 --until 1997-01-31",
    )
