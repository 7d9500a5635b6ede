"""Nothing is live where a command looked: the error, which names where something is."""

from __future__ import annotations

from interlock.errors import OperatorError
from interlock.wording import as_typed
from interlock.workspace import Workspace


def nothing_live(workspace: Workspace, product: str, environment: str, use: str) -> OperatorError:
    """The error E131 for an environment without a release; ``use`` says what for.

    The fix names the last environment that has one.
    """
    lives = {
        place.name: live.label or live.bundle[:12]
        for place in workspace.environments
        if (live := workspace.ledger.deployments.last(product, place.name)) is not None
    }
    deliver = ["interlock", "deliver"]
    if environment != workspace.environments[-1].name:
        deliver += ["--to", environment]
    fix = f"run `{as_typed(*deliver)}`"
    if lives:
        name, label = list(lives.items())[-1]
        fix += f", or say `{as_typed('--environment', name)}`, where {label} is live"
    return OperatorError(
        "E131",
        f"nothing is live {use}",
        where=f"{product} in {environment}",
        expected="a release",
        got="none",
        fix=fix,
    )
