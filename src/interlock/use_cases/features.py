"""interlock features: the catalogue of a product's features."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from interlock.features.aggregates import History
from interlock.features.declare import RequestFeature
from interlock.features.lookup import view_name
from interlock.features.origin import made_of, span_of
from interlock.product.binding import Bound
from interlock.store.online import Unavailable
from interlock.store.online_place import open_reader
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class CatalogueRow:
    """One value that a model may see, or that keys a history.

    ``missing`` is its share in the champion's held-out rows, ``importance`` what the champion's
    metric lost when it was shuffled, between ``importance_low`` and ``importance_high`` with 95 %;
    ``as_of`` the grid point (µs) that is answered from now.
    """

    name: str
    kind: str
    type: str
    unit: str
    owner: str
    source: str
    window: str
    used: bool
    missing: float | None = None
    importance: float | None = None
    importance_low: float | None = None
    importance_high: float | None = None
    as_of: int | None = None


@dataclass(frozen=True, kw_only=True)
class FeaturesReport:
    """All of them; ``champion`` is the label of the release that the figures are of.

    It is empty where nothing is live in ``environment``: then nothing was measured.
    """

    product: str
    environment: str
    champion: str
    features: tuple[CatalogueRow, ...]


def features(
    workspace: Workspace, product: str | None = None, *, environment: str = "prod"
) -> FeaturesReport:
    """The declared features, with the champion's figures where there is one."""
    place = workspace.environment(environment)
    bound = workspace.bound(product)
    name = bound.product.name
    switch = workspace.switch(name)
    live = switch.believed(place.name)
    bundle = switch.bundle(live.bundle) if live else None
    importance = bundle.json("candidate.json").get("importance", {}) if bundle else {}
    missing = _missing(bundle.json("profile.json")) if bundle else {}
    grids = _grids(workspace, bound, place.name)
    rows = [*_fields(bound), *_request_features(bound), *_aggregates(bound, grids)]
    return FeaturesReport(
        product=name,
        environment=place.name,
        champion=live.label if live else "",
        features=tuple(_measured(row, missing, importance) for row in rows),
    )


def _fields(bound: Bound) -> list[CatalogueRow]:
    used = {i.name for i in bound.features.inputs}
    return [
        CatalogueRow(
            name=f.name,
            kind="request",
            type=f.kind + (" or null" if f.optional else ""),
            unit=f.unit,
            owner="",
            source=f"request {bound.schema.name}",
            window="",
            used=f.name in used,
        )
        for f in bound.schema.fields
    ]


def _request_features(bound: Bound) -> list[CatalogueRow]:
    used = {i.name for i in bound.features.inputs}
    declared = {f.name: f for f in bound.product.features if isinstance(f, RequestFeature)}
    return [
        CatalogueRow(
            name=d.name,
            kind="feature",
            type=d.kind + (" or null" if d.optional else ""),
            unit=d.unit,
            owner=declared[d.name].owner,
            source=", ".join(d.arguments),
            window="",
            used=d.name in used,
        )
        for d in bound.features.request
    ]


def _aggregates(bound: Bound, grids: Mapping[str, int]) -> list[CatalogueRow]:
    owners = [f.owner for f in bound.product.features if isinstance(f, History)]
    found = []
    for owner, history in zip(owners, bound.features.histories, strict=True):
        for a in history.aggregates:
            found.append(
                CatalogueRow(
                    name=a.name,
                    kind="history",
                    type=a.kind,
                    unit="",
                    owner=owner,
                    source=made_of(history, a),
                    window=span_of(history, a),
                    used=True,
                    as_of=grids.get(history.name),
                )
            )
    return found


def _grids(workspace: Workspace, bound: Bound, environment: str) -> dict[str, int]:
    """The grid point (µs) that each history is answered from now; none for what is not there."""
    stores, name = workspace.online, bound.product.name
    url, access = stores.url(environment, name), stores.access(environment, name)
    found: dict[str, int] = {}
    with closing(open_reader(url, access, workspace.settings.environ)) as reader:
        for history in bound.features.histories:
            with suppress(Unavailable):
                grid = reader.current(view_name(history))
                if grid is not None:
                    found[history.name] = grid
    return found


def _missing(profile: Mapping[str, Any]) -> dict[str, float]:
    """The share of missing values by input, from the release's profile."""
    found = {}
    for row in profile["inputs"]:
        n = row["n"]
        found[row["name"]] = row["missing"] / n if n else 0.0
    return found


def _measured(
    row: CatalogueRow, missing: Mapping[str, float], importance: Mapping[str, Any]
) -> CatalogueRow:
    known = importance.get(row.name) or {}
    return CatalogueRow(
        **{
            **vars(row),
            "missing": missing.get(row.name),
            "importance": known.get("mean"),
            "importance_low": known.get("low"),
            "importance_high": known.get("high"),
        }
    )
