"""``interlock rollout`` and its commands."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from interlock.cli.options import OF_PRODUCT, Flag, OfProduct
from interlock.cli.output import answer
from interlock.errors import OperatorError

rollout_command = App(name="rollout")


@rollout_command.command(name="start")
def start_command(
    release: str,
    /,
    *,
    environment: str = "prod",
    share: str | None = None,
    shadow: Flag = False,
    reason: str = "",
    unpin: Flag = False,
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Set a release beside what is live; running services follow.

    Parameters
    ----------
    release
        A label, or the beginning of a digest, of a release that the environment admits.
    environment
        Where.
    share
        The share of the units that it answers, such as 10%.
    shadow
        It answers nobody: what is asked is scored beside the service.
    reason
        Why, for the record.
    unpin
        Also beside a release that a rollback pinned.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_rollout import started_lines
    from interlock.use_cases import rollout

    if shadow == (share is not None):
        raise OperatorError(
            "C164",
            "a rollout has a share or is in shadow",
            expected="--share or --shadow",
            got="both" if shadow else "neither",
            fix="for example: interlock rollout start 1.1.0 --share 10%",
        )
    with opened(options) as workspace:
        report = rollout.start(
            workspace,
            options.product,
            release=release,
            environment=environment,
            share=share,
            reason=reason,
            unpin=unpin,
        )
    answer("rollout start", options, lambda: plain(report), lambda: started_lines(report))


@rollout_command.command(name="grow")
def grow_command(
    *,
    share: str,
    environment: str = "prod",
    reason: str = "",
    options: OfProduct = OF_PRODUCT,
) -> None:
    """Give the challenger a larger share; one in shadow begins to answer.

    Parameters
    ----------
    share
        The new share of the units, larger than the present one, such as 50%.
    environment
        Where.
    reason
        Why, for the record.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_rollout import grown_lines
    from interlock.use_cases import rollout

    with opened(options) as workspace:
        report = rollout.grow(
            workspace, options.product, share=share, environment=environment, reason=reason
        )
    answer("rollout grow", options, lambda: plain(report), lambda: grown_lines(report))


@rollout_command.command(name="show")
def show_command(
    *,
    environment: str = "prod",
    by: Annotated[tuple[str, ...] | None, Parameter(negative="")] = None,
    tolerance: str = "5%",
    options: OfProduct = OF_PRODUCT,
) -> None:
    """The rollout that runs; of one in shadow, what both releases answer to the same requests.

    Parameters
    ----------
    environment
        Where.
    by
        A request field or feature to compare by, instead of the slices of the model gate.
    tolerance
        From where on a difference is large: in the target's unit, or a share of the answer.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_rollout import shown_lines, tolerance_of
    from interlock.clock import now
    from interlock.use_cases import rollout

    within = tolerance_of(tolerance)
    with opened(options) as workspace:
        report = rollout.show(
            workspace, options.product, environment=environment, by=by or (), tolerance=within
        )
    answer("rollout show", options, lambda: plain(report), lambda: shown_lines(report, at=now()))


@rollout_command.command(name="promote")
def promote_command(
    *, environment: str = "prod", reason: str = "", options: OfProduct = OF_PRODUCT
) -> None:
    """Make the challenger the champion; that ends its rollout.

    Parameters
    ----------
    environment
        Where.
    reason
        Why, for the record.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_rollout import promoted_lines
    from interlock.use_cases import rollout

    with opened(options) as workspace:
        row = rollout.promote(workspace, options.product, environment=environment, reason=reason)
    answer("rollout promote", options, lambda: plain(row), lambda: promoted_lines(row))


@rollout_command.command(name="stop")
def stop_command(
    *, environment: str = "prod", reason: str = "", options: OfProduct = OF_PRODUCT
) -> None:
    """End the rollout; the champion answers everybody.

    Parameters
    ----------
    environment
        Where.
    reason
        Why, for the record.
    """
    from interlock.cli.opening import opened
    from interlock.cli.render import plain
    from interlock.cli.render_rollout import stopped_lines
    from interlock.use_cases import rollout

    with opened(options) as workspace:
        report = rollout.stop(workspace, options.product, environment=environment, reason=reason)
    answer("rollout stop", options, lambda: plain(report), lambda: stopped_lines(report))
