"""What an exporter hands back: what it wrote, and in the end the bytes of a packaged model.

An exporter that cannot match an estimator raises :class:`Refusal` with the reason; the caller then
keeps the model in a safe native format. Nothing here is imported by the service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from interlock.release.manifest import MODEL_FORMATS, ModelFormat
from interlock.train.answer import Link
from interlock.train.encoder import Encoder

FILE_NAMES: Mapping[ModelFormat, str] = {format: name for name, format in MODEL_FORMATS.items()}


class Refusal(Exception):  # noqa: N818 - an answer, not an error: the caller has another way
    """An exact export of this estimator is not known; the text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Where a model's answer may jump, by matrix column.

    ``thresholds`` are the numeric split points as the model's native code compares them; ``codes``
    the category codes it knows; ``missing`` and ``infinite`` say what else it accepts.
    """

    thresholds: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    codes: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    missing: bool = False
    infinite: bool = False


def merged(all_edges: Sequence[Edges]) -> Edges:
    """The edges of estimators that see the same matrix; it may hold what all of them accept."""
    thresholds: dict[int, set[float]] = {}
    codes: dict[int, set[float]] = {}
    for edges in all_edges:
        for given, found in ((edges.thresholds, thresholds), (edges.codes, codes)):
            for column, values in given.items():
                found.setdefault(column, set()).update(values)
    return Edges(
        thresholds={column: tuple(sorted(v)) for column, v in sorted(thresholds.items())},
        codes={column: tuple(sorted(v)) for column, v in sorted(codes.items())},
        missing=all(edges.missing for edges in all_edges),
        infinite=all(edges.infinite for edges in all_edges),
    )


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an exporter wrote into a graph: the tensor ``name``, doubles (n_rows, width).

    ``tolerance`` is the relative difference from the estimator's own raw scores that the order of
    additions leaves open; 0 where there is none. ``single`` says that the estimator itself gives
    floats.
    """

    name: str
    width: int
    edges: Edges = Edges()
    tolerance: float = 0.0
    single: bool = False


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A packaged model.

    ``encoder`` makes its matrix, None where it takes the feature columns themselves;
    ``link`` turns raw scores into what the estimator predicts; ``reason`` says why the format is
    what it is; ``exporter`` names the module that made it; ``edges`` feed the parity check.
    """

    format: ModelFormat
    file_name: str
    payload: bytes
    link: Link
    reason: str
    exporter: str
    edges: Edges
    tolerance: float
    encoder: Encoder | None = None
