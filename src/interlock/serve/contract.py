"""What a release promises its consumers: the request it takes and the answer it gives.

``answer.json`` in the bundle holds an :class:`AnswerContract`; with the request's schema and one
example it makes the :class:`Contract`, from which all pages about the API are written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.data.request import RequestSchema
from interlock.features.definition import FeatureDefinition
from interlock.release.coverage import Coverage
from interlock.train.answer import AnswerSpec


@dataclass(frozen=True, kw_only=True)
class AnswerContract:
    """How raw scores become the answer, and what the answer is called.

    ``target`` and ``unit`` name what is predicted; ``entity`` the request fields or features that
    together say what a prediction is about; ``postprocess`` the packed functions applied to what
    the scores stand for, in their order.
    """

    spec: AnswerSpec
    target: str
    unit: str = ""
    entity: tuple[str, ...] = ()
    postprocess: tuple[FeatureDefinition, ...] = ()

    @property
    def decided(self) -> str:
        """How the class that is answered is decided, in words; empty for a regression."""
        classes, decision = self.spec.classes, self.spec.decision
        if not classes:
            return ""
        if decision is None:
            return "the likeliest class"
        if decision.threshold is None:
            return "the class of least expected cost"
        no, yes = map(_named, classes)
        return f"{yes} from a probability of {decision.threshold:g} on, else {no}"

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; ``postprocess`` only where there is some."""
        after = {"postprocess": [asdict(d) for d in self.postprocess]} if self.postprocess else {}
        return {
            **after,
            "spec": self.spec.to_row(),
            "target": self.target,
            "unit": self.unit,
            "entity": list(self.entity),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> AnswerContract:
        """The inverse of :meth:`to_row`."""
        return cls(
            spec=AnswerSpec.from_row(row["spec"]),
            target=row["target"],
            unit=row["unit"],
            entity=tuple(row["entity"]),
            postprocess=tuple(map(FeatureDefinition.from_row, row.get("postprocess", ()))),
        )


def _named(value: Any) -> str:
    """A class as JSON writes it, but a text without its quotes."""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, kw_only=True)
class Contract:
    """A release seen from outside. ``example`` is a request that it answers.

    ``coverage`` is what it answers for, None where that is everything; ``max_explained`` how many
    rows of one request it explains, 0 where it cannot explain; ``isolated`` says that its model is
    in a native format and asked in a process apart.
    """

    product: str
    label: str
    digest: str
    request: RequestSchema
    answer: AnswerContract
    example: Mapping[str, Any]
    max_rows: int
    max_body_bytes: int
    needs_token: bool = False
    coverage: Coverage | None = None
    max_explained: int = 0
    isolated: bool = False


def class_name(value: Any) -> str:
    """A class as a key of JSON: 'late', '3', 'true'.

    >>> class_name(True), class_name(3), class_name("late")
    ('true', '3', 'late')
    """
    return value if isinstance(value, str) else str(value).lower()
