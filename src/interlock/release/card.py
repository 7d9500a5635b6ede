"""What a team says of its model: the part of a model card that cannot be measured.

It stands in the release's bundle as ``card.json``, so that it goes wherever the release goes.
Mitchell et al. 2019, "Model Cards for Model Reporting", sections 4.1, 4.2, 4.8 and 4.9.

>>> Card(intended_use="A first estimate.", owners="valuation team").owner_names
('valuation team',)
>>> Card.from_row(Card(license="mit").to_row()).license
'mit'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

FILE = "card.json"


@dataclass(frozen=True, kw_only=True)
class Card:
    """Texts for the model card; what is left empty is said to be not declared.

    ``license`` is an identifier of the Hugging Face Hub ("mit", "apache-2.0") or a license's name,
    ``language`` the language of these texts (ISO 639-1), ``ethics`` and ``caveats`` what the card
    says of ethical considerations, of caveats and recommendations. An empty line begins a
    paragraph.
    """

    intended_use: str = ""
    out_of_scope: str = ""
    owners: str | Sequence[str] = ()
    license: str = ""
    ethics: str = ""
    caveats: str = ""
    language: str = "en"

    @property
    def owner_names(self) -> tuple[str, ...]:
        """The owners as a tuple."""
        return (self.owners,) if isinstance(self.owners, str) else tuple(self.owners)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The arguments that are no text, or one that cannot be written."""
        texts = [f.name for f in fields(self) if f.name != "owners"]
        found = [name for name in texts if not _is_text(getattr(self, name))]
        listed = isinstance(self.owners, str | list | tuple)
        if not listed or not all(map(_is_text, self.owners)):
            found.append("owners")
        return tuple(found)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "owners": list(self.owner_names)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Card:
        """The inverse of :meth:`to_row`."""
        return cls(**{**row, "owners": tuple(row["owners"])})


def _is_text(value: object) -> bool:
    """Half of a surrogate pair is no character, and no file can hold it."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)
