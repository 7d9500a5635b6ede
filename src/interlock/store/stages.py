"""What stages put out, by the key of their inputs: with these a delivery resumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from interlock.store import projections as kinds
from interlock.store import schema
from interlock.store.database import Database
from interlock.store.rows import StageRow


@dataclass(frozen=True)
class Stages:
    """The last result of every stage that has run."""

    database: Database

    def put(self, stage: StageRow, *, product: str) -> None:
        """Record what a stage put out; for the same key the last result counts."""
        with self.database.turn() as turn:
            turn.record(
                kinds.STAGE_FINISHED,
                subject=stage.key,
                product=product,
                at=stage.at,
                body=vars(stage),
            )

    def get(self, key: str) -> StageRow | None:
        """What the stage with inputs of that key put out, if it has run."""
        table = schema.stage_results
        return self.database.first(StageRow, select(table).where(table.c.key == key))

    def forget(self, keys: Sequence[str], *, product: str, at: int) -> None:
        """Record that these outputs count no more: the stages run again where they are asked for.

        The events that they were recorded by stay.
        """
        if not keys:
            return
        with self.database.turn() as turn:
            turn.record(
                kinds.STAGES_FORGOTTEN,
                subject=product,
                product=product,
                at=at,
                body={"keys": list(keys)},
            )
