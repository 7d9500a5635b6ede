"""A small real release: five request fields, three packed features, a boosted or a linear model."""

import json

import msgspec
import numpy as np

from interlock.data.request import Field, RequestSchema
from interlock.digest import canonical_json
from interlock.features.definition import FeatureDefinition, FeatureSet, Input
from interlock.release.bundle import Bundle
from interlock.release.export.exporter import export, keep
from interlock.release.manifest import seal
from interlock.serve.contract import AnswerContract
from interlock.serve.loaded.golden import golden_bytes, golden_row
from interlock.serve.loaded.release import assemble
from interlock.serve.plan import ServePlan
from interlock.train.answer import AnswerSpec, PredictionInterval
from interlock.train.encoder import Encoder

SCHEMA = RequestSchema(
    name="House",
    fields=(
        Field(name="valued_on", kind="date", asked_at=True, zone="UTC", model_input=False),
        Field(name="year_built", kind="int", ge=1800),
        Field(name="area", kind="float", gt=0, unit="m²", description="living area"),
        Field(name="stories", kind="category", categories=("one", "two"), description="<b>floors"),
        Field(name="garage", kind="float", optional=True),
    ),
)
SOURCE = """
from datetime import date

def age(valued_on: date, year_built: int) -> int:
    return valued_on.year - year_built

def area_per_story(area: float, stories: str) -> float:
    return area / {"one": 1, "two": 2}[stories]

def rooms(area: float) -> float:
    if area == 13.0:
        raise ValueError("thirteen")
    return area * 1e306 if area > 1e300 else area / 20
"""
INPUTS = (
    Input(name="year_built", kind="int"),
    Input(name="area", kind="float"),
    Input(name="stories", kind="category", categories=("one", "two")),
    Input(name="garage", kind="float"),
    Input(name="age", kind="int"),
    Input(name="area_per_story", kind="float"),
    Input(name="rooms", kind="float"),
)


def feature(name, kind, *arguments):
    return FeatureDefinition(
        name=name,
        arguments=arguments,
        nullable_arguments=(),
        kind=kind,
        optional=False,
        module="features",
        function=name,
    )


FEATURES = FeatureSet(
    request=(
        feature("age", "int", "valued_on", "year_built"),
        feature("area_per_story", "float", "area", "stories"),
        feature("rooms", "float", "area"),
    ),
    histories=(),
    inputs=INPUTS,
)
REQUEST = {
    "valued_on": "2024-05-31",
    "year_built": 1990,
    "area": 120.0,
    "stories": "one",
    "garage": None,
}
CLOCK = 1_717_200_000_000_000  # 2024-06-01T00:00Z


def training_columns(n=400, seed=1):
    rng = np.random.default_rng(seed)
    area = rng.uniform(40, 300, n)
    stories = rng.choice(["one", "two"], n)
    year = rng.integers(1900, 2020, n)
    columns = {
        "year_built": year.astype(float),
        "area": area,
        "stories": list(stories),
        "garage": np.where(rng.random(n) < 0.3, np.nan, rng.uniform(10, 40, n)),
        "age": 2024.0 - year,
        "area_per_story": area / np.where(stories == "one", 1, 2),
        "rooms": area / 20,
    }
    return columns, 1_000 * area + 100 * year * rng.uniform(0.9, 1.1, n)


def background(n=12):
    """The file with background rows to explain with."""
    columns, _ = training_columns()
    rows = {
        name: [None if v is None or v != v else v for v in list(values)[:n]]
        for name, values in columns.items()
    }
    return canonical_json({"columns": rows})


def fit(kind, seed):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    columns, price = training_columns(seed=seed)
    encoder = Encoder.fit(INPUTS, columns, "linear" if kind == "ridge" else "tree")
    matrix = encoder.transform(columns)
    if kind == "classes":
        model = HistGradientBoostingClassifier(max_iter=20, random_state=0)
        model.fit(matrix, price > np.median(price))
        exported = export(model, encoder, task="binary")
        spec = AnswerSpec(task="binary", link=exported.link, classes=(False, True))
        return encoder, exported, AnswerContract(spec=spec, target="dear", entity=("year_built",))
    if kind == "native":
        exported = native(encoder, matrix, price)
        spec = AnswerSpec(task="regression", link=exported.link)
        return encoder, exported, AnswerContract(spec=spec, target="price", unit="USD")
    model = Ridge() if kind == "ridge" else HistGradientBoostingRegressor(max_iter=40)
    model.fit(matrix, np.log(price))
    exported = export(model, encoder, task="regression")
    interval = PredictionInterval(level=0.8, low_offset=-0.1, high_offset=0.1, space="log", n=99)
    spec = AnswerSpec(task="regression", link=exported.link, transform="log", interval=interval)
    answer = AnswerContract(
        spec=spec, target="price", unit="USD", entity=("year_built", "area_per_story")
    )
    return encoder, exported, answer


def native(encoder, matrix, price):
    """LightGBM in its own format, as where no exact graph is known."""
    from lightgbm import LGBMRegressor

    model = LGBMRegressor(n_estimators=5, min_child_samples=5, verbose=-1).fit(matrix, price)
    return keep(model, task="regression", reason="kept for a test", encoder=encoder)


def bundle_files(kind="boosting", seed=1, **changes):
    """The files of a bundle, its golden answers among them."""
    encoder, exported, answer = fit(kind, seed)
    files = {
        "request.json": canonical_json(SCHEMA.to_row()),
        "features.json": canonical_json(FEATURES.to_row()),
        "packed/features.py": SOURCE.encode(),
        "encoder.json": canonical_json(encoder.to_row()),
        "answer.json": canonical_json(answer.to_row()),
        "candidate.json": canonical_json({"name": kind}),
        exported.file_name: exported.payload,
    }
    files |= changes
    release = assemble(
        Bundle(digest="0" * 64, directory=None, manifest=MANIFEST, files=files), plan_for(None)
    )
    rows = [
        golden_row(release, REQUEST | {"area": area, "stories": stories}, as_of=CLOCK)
        for area in (50.0, 120.0, 290.5)
        for stories in ("one", "two")
    ]
    return files | {"golden.json": golden_bytes(rows)}


INPUT_DIGESTS = {"snapshot": "5" * 64}
MANIFEST = {"product": "valuation", "inputs": INPUT_DIGESTS, "candidate": "boosting"}


def write_bundle(root, files, product="valuation"):
    """The directory of the bundle that these files make."""
    digest, sealed = seal(
        files, product=product, inputs=INPUT_DIGESTS, candidate="boosting", schema="6" * 64
    )
    for name, data in sealed.items():
        path = root / digest / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root / digest


def plan_for(directory, *, log="/nonexistent", **changes):
    plan = ServePlan(
        product="valuation", bundle=str(directory), label="1.4.0", log=str(log), replay=True
    )
    return msgspec.structs.replace(plan, **changes)


def request_body(**changes):
    """The example request with fields changed; ``...`` leaves one out."""
    return json.dumps({k: v for k, v in (REQUEST | changes).items() if v is not ...}).encode()
