"""``il.Product``: the declaration, with what a notebook asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.product.declaration import Declaration
from interlock.product.training_set import TrainingSet, training_set


@dataclass(frozen=True, kw_only=True)
class Product(Declaration):
    """One ML product; see :class:`interlock.product.declaration.Declaration` for its parts."""

    def training_set(
        self, *, as_of: str | None = None, project_dir: str | Path = "."
    ) -> TrainingSet:
        """The rows a delivery as of that moment would train on, for a notebook.

        ``as_of`` is a date or a time with an offset (default: now). Raises AuthorError with every
        mistake of the declaration or the data.
        """
        return training_set(self, as_of=as_of, project_dir=Path(project_dir))
