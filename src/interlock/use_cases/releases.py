"""Which release a user means: a label, a digest or its beginning, or what is live."""

from __future__ import annotations

from interlock.errors import OperatorError
from interlock.pipeline.rows.tombstones import require_not_withdrawn
from interlock.store.rows import ReleaseRow
from interlock.workspace import Workspace

_SHORTEST = 6  # characters of a digest


def find_release(workspace: Workspace, product: str, what: str | None) -> ReleaseRow:
    """The release. Raises OperatorError E130 when there is none, or more than one; E145."""
    releases = workspace.ledger.releases.newest(product)
    if what is None:
        live = workspace.ledger.deployments.last(product, workspace.environments[-1].name)
        found = [r for r in releases if live is not None and r.bundle == live.bundle]
        found = found or releases[:1]
    else:
        found = [r for r in releases if r.label == what]
        if not found and len(what) >= _SHORTEST:
            found = [r for r in releases if r.bundle.startswith(what)]
    if len(found) == 1:
        require_not_withdrawn(workspace.ledger, product, found[0].bundle, found[0].label)
        return found[0]
    known = ", ".join(r.label for r in releases[:10])
    raise OperatorError(
        "E130",
        "there is no release yet" if not releases else "no one release is meant",
        where=f"product {product}",
        expected=f"a label ({known}) or a digest" if known else "a release",
        got=what or "nothing",
        fix="see `interlock history`" if releases else "run `interlock deliver`",
    )
