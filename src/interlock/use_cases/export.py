"""interlock export: a release with its proofs as one folder, to be served anywhere."""

from __future__ import annotations

import shutil
from pathlib import Path

from interlock.clock import now
from interlock.errors import OperatorError
from interlock.pipeline.exports import RELEASE_EXPORTED
from interlock.release.bundle import open_bundle
from interlock.use_cases.exported import verify_directory
from interlock.use_cases.releases import find_release
from interlock.wording import counted
from interlock.workspace import Workspace


def export(
    workspace: Workspace, product: str | None = None, *, what: str | None = None, out: Path
) -> Path:
    """Copy bundle, attestations, public keys and the present online store; the folder verifies."""
    bound = workspace.bound(product)
    release = find_release(workspace, bound.product.name, what)
    require_empty(out)
    workspace.ledger.append(
        RELEASE_EXPORTED,
        subject=release.bundle,
        product=bound.product.name,
        body={"where": str(out.absolute()), "by": workspace.user},
        at=now(),
    )
    tree = workspace.artifacts.tree(release.bundle)
    open_bundle(tree, expected_digest=release.bundle)
    shutil.copytree(tree, out / "bundle" / release.bundle)
    folder = out / "attestations" / release.bundle
    shutil.copytree(workspace.places.attestations(release.bundle), folder)
    keys = out / "keys"
    keys.mkdir()
    for key in workspace.notary().keys:
        (keys / f"{key.keyid}.pem").write_bytes(key.pem())
    deployer = workspace.deployer(bound, now())
    deployer.refreshing.fill("export", deployer.live.bundle(release.bundle))
    online = workspace.places.online("export", bound.product.name)
    if online.is_dir():
        shutil.copytree(online, out / "online", dirs_exist_ok=True)
    verify_directory(out)
    return out


def require_empty(out: Path) -> None:
    """Raises OperatorError E134 unless the folder is new or empty."""
    if out.exists() and any(out.iterdir()):
        raise OperatorError(
            "E134",
            "the folder to export to is not empty",
            where=str(out),
            expected="a new or empty folder",
            got=counted(len(list(out.iterdir())), "entry", "entries"),
            fix="name another folder",
        )
