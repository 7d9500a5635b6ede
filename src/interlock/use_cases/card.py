"""interlock card: the model card of a release, from the release and its attestations alone."""

from __future__ import annotations

from pathlib import Path

from interlock.pipeline.rows.tombstones import erased_of
from interlock.pipeline.telling.card import tell_card
from interlock.release.attest import verify
from interlock.release.bundle import open_bundle
from interlock.report.card.text import card_text
from interlock.store.atomic import write_file
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


def card(
    workspace: Workspace,
    product: str | None = None,
    *,
    what: str | None = None,
    out: Path | None = None,
) -> str:
    """The card as Markdown, written to ``out`` too.

    Raises IntegrityError when bundle or attestations do not verify, StoreError L101 or L102.
    """
    release = find_release(workspace, workspace.delivered_product(product), what)
    bundle = open_bundle(workspace.artifacts.tree(release.bundle), expected_digest=release.bundle)
    notary = workspace.notary()
    said = [verify(e, notary.keys) for e in notary.envelopes(release.bundle)]
    erased = erased_of(workspace.ledger, release.product, notary.keys).get(release.bundle, ())
    text = card_text(tell_card(bundle, said, erased=erased))
    if out is not None:
        write_file(out, text.encode())
    return text
