"""The sources that a product reads, and the columns that they have."""

from __future__ import annotations

from pathlib import Path

from interlock.data.peek import columns_of, schema_mistakes
from interlock.data.source import Source
from interlock.errors import Mistake, collecting
from interlock.features.aggregates import History
from interlock.product.declaration import Declaration
from interlock.product.kinds import kinds_of


def sources_by_name(product: Declaration, mistakes: list[Mistake]) -> dict[str, Source]:
    """Every source of the product; two of one name that differ are a mistake."""
    found: dict[str, Source] = {}
    histories = [f.source for f in product.features if isinstance(f, History)]
    for source in (product.examples.source, *histories):
        other = found.setdefault(source.name, source)
        if other.to_row() != source.to_row():
            mistakes.append(
                Mistake(
                    code="C171",
                    what=f"two different sources are both named '{source.name}'",
                    expected="one source, or a name='…' of its own for each",
                    fix="give one of them another name",
                )
            )
    return found


def column_kinds(
    source: Source, project_dir: Path, zone: str | None, mistakes: list[Mistake]
) -> dict[str, str]:
    """The kinds of the source's columns, as declared or else as stored."""
    mistakes += source.mistakes()
    with collecting(mistakes):
        found = columns_of(source, project_dir=project_dir)
        mistakes += schema_mistakes(
            source, found, project_dir=project_dir, zone=source.zone or zone
        )
        stored = kinds_of(found)
        return stored | {name: c.kind for name, c in source.columns.items() if name in stored}
    return {}
