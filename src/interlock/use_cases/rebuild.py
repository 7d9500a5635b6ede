"""interlock rebuild: the ledger's tables of its events, or a lost ledger of what is signed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from interlock.clock import now
from interlock.digest import digest_bytes
from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.pipeline.rebuilding.entries import Kept, Signed, unsaid
from interlock.pipeline.rebuilding.origin import beginning
from interlock.release.attest import verify as verify_envelope
from interlock.store.ledger import Copy, Ledger
from interlock.use_cases.exported import misplaced
from interlock.use_cases.verify import ledger_mistakes, verify_whole
from interlock.workspace import Workspace

TABLES_REBUILT = "tables rebuilt"


@dataclass(frozen=True, kw_only=True)
class RebuildReport:
    """What was made anew: ``tables`` of so many ``events``, or all of so many ``attestations``."""

    events: int
    tables: tuple[str, ...] = ()
    attestations: int = 0


def rebuild(workspace: Workspace) -> RebuildReport:
    """Make tables that were altered anew of the events; a ledger without events of signatures.

    Raises IntegrityError R160 where the chain is broken; for a lost ledger what `interlock verify`
    would, of what it is made of and of what was made, and R173 where something was not signed.
    Nothing is written then.
    """
    copy = workspace.ledger.read()
    return _of_events(workspace, copy) if copy.events else _of_signatures(workspace)


def _of_events(workspace: Workspace, copy: Copy) -> RebuildReport:
    aside = "restore the ledger from a backup; if it was lost, and this one begun since: set its "
    aside += f"file {workspace.places.ledger} aside, and run `interlock rebuild` again"
    found = ledger_mistakes(workspace, copy)
    broken = [replace(mistake, fix=aside) for mistake in found if mistake.code != "R161"]
    if broken:
        raise IntegrityError.of(broken)
    if copy.altered:
        workspace.ledger.rebuild()
        body = {"tables": list(copy.altered), "by": workspace.user}
        workspace.ledger.append(TABLES_REBUILT, subject="ledger", product="", body=body, at=now())
    return RebuildReport(events=workspace.ledger.head().sequence, tables=copy.altered)


def _of_signatures(workspace: Workspace) -> RebuildReport:
    notary = workspace.notary()
    kept = list(_kept(notary))
    if not kept:
        raise unsaid(str(workspace.places.all_attestations), "anything of a release")
    names = [digest_bytes(one.envelope) for one in kept]
    entries = [beginning(notary, names, at=now()), *Signed.of(kept).entries(_numbers(workspace))]
    for one in kept:
        workspace.artifacts.put(one.envelope)  # the ledger says that it is there
    tried = Ledger.in_memory()
    tried.begin(entries)
    _, mistakes = verify_whole(replace(workspace, ledger=tried), tried.read())
    if mistakes:
        raise IntegrityError.of(mistakes)
    head = workspace.ledger.begin(entries)
    return RebuildReport(events=head.sequence, attestations=len(kept))


def _kept(notary: Notary) -> Iterator[Kept]:
    """Every statement. Raises IntegrityError R120, R121, R122, or R162 for one out of place."""
    for path in sorted(notary.places.all_attestations.glob("*/*.json")):
        envelope = path.read_bytes()
        said = verify_envelope(envelope, notary.keys, where=str(path))
        if (path.parent.name, path.stem) != (said.subject, digest_bytes(envelope)):
            raise misplaced(path)
        yield Kept(said=said, envelope=envelope)


def _numbers(workspace: Workspace) -> dict[str, int]:
    """The last delivery of each product that left its folder, so that no report is overwritten."""
    found: dict[str, int] = {}
    for folder in (workspace.places.root / "deliveries").glob("*/*"):
        if folder.name.isdecimal():
            product = folder.parent.name
            found[product] = max(found.get(product, 0), int(folder.name))
    return found
