"""interlock diff: what differs between two releases, and how they fare on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.clock import now
from interlock.errors import InterlockError, OperatorError, first_line
from interlock.pipeline.alone import storing
from interlock.pipeline.contrast import Contrast, contrast
from interlock.pipeline.rows.tombstones import erased_of
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.diff import ReleaseDiff, diff
from interlock.store.rows import ReleaseRow
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class DiffReport:
    """``before`` and ``after``, what differs, and both on the same rows (None: not asked for).

    ``erased`` is what erasures did to either, by label.
    """

    product: str
    before: ReleaseRow
    after: ReleaseRow
    changes: ReleaseDiff
    contrast: Contrast | None
    erased: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether it is one release under two names."""
        return self.before.bundle == self.after.bundle


def compare(
    workspace: Workspace,
    product: str | None = None,
    *,
    before: str,
    after: str | None = None,
    rows: int = 5,
) -> DiffReport:
    """Each release is a label, the beginning of a digest, or an environment: what is live there.

    ``after`` is by default what is live in the last environment. ``rows`` disagreements are shown;
    with 0 nothing is scored. Raises OperatorError E130 or E131, IntegrityError for bundles that do
    not verify. What keeps rows from being scored is in the report.
    """
    name = workspace.delivered_product(product)
    chosen = [_release(workspace, name, what) for what in (before, after)]
    bundles = [_opened(workspace, release) for release in chosen]
    same = chosen[0].bundle == chosen[1].bundle
    erased = erased_of(workspace.ledger, name, workspace.notary().keys)
    return DiffReport(
        product=name,
        before=chosen[0],
        after=chosen[1],
        changes=diff(*bundles),
        erased={r.label: erased[r.bundle] for r in chosen if r.bundle in erased},
        contrast=None
        if same or not rows
        else _contrast(workspace, name, bundles, (chosen[0].label, chosen[1].label), rows),
    )


def _release(workspace: Workspace, product: str, what: str | None) -> ReleaseRow:
    """An environment's name stands for what is live there."""
    if what not in {e.name for e in workspace.environments}:
        return find_release(workspace, product, what)
    live = workspace.ledger.deployments.last(product, what)
    if live is None:
        raise OperatorError(
            "E131",
            "nothing is live there to compare",
            where=f"{product} in {what}",
            expected="a release",
            got="none",
            fix="run `interlock deliver`, or name a label or a digest",
        )
    return find_release(workspace, product, live.bundle)


def _opened(workspace: Workspace, release: ReleaseRow) -> Bundle:
    return open_bundle(workspace.artifacts.tree(release.bundle), expected_digest=release.bundle)


def _contrast(
    workspace: Workspace,
    product: str,
    bundles: list[Bundle],
    labels: tuple[str, str],
    rows: int,
) -> Contrast:
    """On the test rows as of the product's newest delivery."""
    newest = workspace.ledger.deliveries.newest(product=product, limit=1)
    moment = newest[0].as_of if newest else now()
    try:
        context = workspace.context(workspace.bound(product), moment)
        with storing(workspace.places.storing):
            return contrast(context, bundles[0], bundles[1], labels=labels, most=rows)
    except InterlockError as error:
        return Contrast(as_of=moment, reason=first_line(error))
