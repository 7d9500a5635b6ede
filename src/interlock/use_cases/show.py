"""interlock show: what a release is made of, and what is proven of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.pipeline.rows.tombstones import erased_of
from interlock.release.attest import Attestation, verify
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.coverage import FILE as COVERAGE
from interlock.release.coverage import Coverage
from interlock.release.waiver import Waiver, waivers_among
from interlock.store.rows import ReleaseRow
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ShowReport:
    """A release, verified: its facts, its model, its request, its attestations, its waivers.

    ``answers_for`` is what it covers, a sentence each; empty where it covers everything. ``erased``
    is what erasures did to it, such as that it cannot be reproduced.
    """

    release: ReleaseRow
    live_in: tuple[str, ...]
    inputs: Mapping[str, str]
    candidate: Mapping[str, Any]
    request: Mapping[str, Any]
    features: Mapping[str, Any]
    files: Mapping[str, int]
    attestations: tuple[Attestation, ...]
    waivers: tuple[Waiver, ...] = ()
    answers_for: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()


def show(
    workspace: Workspace, product: str | None = None, *, what: str | None = None
) -> ShowReport:
    """Raises IntegrityError when bundle or attestations do not verify."""
    name = workspace.delivered_product(product)
    release = find_release(workspace, name, what)
    bundle = open_bundle(workspace.artifacts.tree(release.bundle), expected_digest=release.bundle)
    notary = workspace.notary()
    live = [
        e.name
        for e in workspace.environments
        if (row := workspace.ledger.deployments.last(name, e.name)) and row.bundle == release.bundle
    ]
    said = tuple(verify(e, notary.keys) for e in notary.envelopes(release.bundle))
    return ShowReport(
        release=release,
        live_in=tuple(live),
        inputs=bundle.inputs,
        candidate=bundle.json("candidate.json"),
        request=bundle.json("request.json"),
        features=bundle.json("features.json"),
        files={file: len(data) for file, data in sorted(bundle.files.items())},
        attestations=said,
        waivers=waivers_among(said),
        answers_for=_covered(bundle),
        erased=erased_of(workspace.ledger, name, notary.keys).get(release.bundle, ()),
    )


def _covered(bundle: Bundle) -> tuple[str, ...]:
    if COVERAGE not in bundle.files:
        return ()
    return Coverage.from_row(bundle.json(COVERAGE)).sentences
