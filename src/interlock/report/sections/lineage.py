"""What the release was made from, and who signed what about it."""

from __future__ import annotations

from interlock.report.content import (
    Content,
)
from interlock.report.names import shown
from interlock.report.sections.table import Limits, Table, cut


def lineage(content: Content, limits: Limits) -> tuple[Table, ...]:
    """Inputs, attestations, seeds and libraries."""
    lineage = content.lineage
    if lineage is None:
        return ()
    commit = shown(lineage.commit) if lineage.commit else "not in version control"
    inputs = [("commit", f"{commit}, with changes not committed" if lineage.dirty else commit)]
    if lineage.snapshot:
        inputs.append(("snapshot", shown(lineage.snapshot)))
    if lineage.code:
        inputs.append(("packed code", shown(lineage.code)))
    if content.digest:
        inputs.append(("bundle", shown(content.digest)))
    tables = [Table(title="Made from", head=("input", "identity"), rows=tuple(inputs))]
    if lineage.attestations:
        signed = sorted(lineage.attestations, key=lambda a: (a.kind, a.digest, a.keyid))
        rows = [(shown(a.kind), shown(a.keyid, limit=80), shown(a.digest)) for a in signed]
        tables.append(cut("Attestations", ("statement", "signed by key", "digest"), rows, limits))
    seeds = [(shown(name), str(lineage.seeds[name])) for name in sorted(lineage.seeds)]
    if seeds:
        tables.append(cut("Seeds", ("for", "seed"), seeds, limits))
    versions = [(shown(name), shown(v)) for name, v in sorted(lineage.libraries.items())]
    if versions:
        tables.append(cut("Libraries", ("library", "version"), versions, limits, most=100))
    return tuple(tables)
