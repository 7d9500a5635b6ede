"""What the release was made from, and who signed what about it."""

from __future__ import annotations

from interlock.report.blocks import Fold, Section, Table, section
from interlock.report.content import Content, Lineage
from interlock.report.names import shown
from interlock.report.sections.table import Limits, cut

_MOST_LIBRARIES = 100
_SHORT = 12  # of a digest or a key's id: enough to find it, and what the command line shows


def lineage(content: Content, limits: Limits) -> Section | None:
    """Inputs, attestations, seeds and libraries."""
    found = content.lineage
    if found is None:
        return None
    return section(
        "Lineage",
        _inputs(content, found),
        _attestations(found, limits),
        _seeds(found, limits),
        _libraries(found, limits),
    )


def _inputs(content: Content, found: Lineage) -> Table:
    commit = shown(found.commit) if found.commit else "not in version control"
    rows = [("commit", f"{commit}, with changes not committed" if found.dirty else commit)]
    if found.snapshot:
        rows.append(("snapshot", shown(found.snapshot)))
    if found.code:
        rows.append(("packed code", shown(found.code)))
    if content.digest:
        rows.append(("bundle", shown(content.digest)))
    return Table(title="Made from", head=("input", "identity"), rows=tuple(rows))


def _attestations(found: Lineage, limits: Limits) -> Table | None:
    if not found.attestations:
        return None
    said: dict[tuple[str, str], list[str]] = {}  # each once, though several deliveries said it
    for one in found.attestations:
        said.setdefault((one.kind, one.keyid[:_SHORT]), []).append(one.digest[:_SHORT])
    rows = [(shown(kind), shown(key), shown(", ".join(all_))) for (kind, key), all_ in said.items()]
    return cut("Attestations", ("statement", "signed by key", "digest"), rows, limits)


def _seeds(found: Lineage, limits: Limits) -> Fold | None:
    rows = [(shown(name), str(found.seeds[name])) for name in sorted(found.seeds)]
    if not rows:
        return None
    return Fold(summary="Seeds", blocks=(cut("", ("for", "seed"), rows, limits),))


def _libraries(found: Lineage, limits: Limits) -> Fold | None:
    rows = [(shown(name), shown(version)) for name, version in sorted(found.libraries.items())]
    if not rows:
        return None
    table = cut("", ("library", "version"), rows, limits, most=_MOST_LIBRARIES)
    return Fold(summary="Libraries", blocks=(table,))
