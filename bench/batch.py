"""What a batch costs, beside a bare vectorised model call with its Parquet read and write.

``predict_file`` predicts a million houses (the sales of examples/valuation, again and again) with
the trees that the valuation product's model has, without request features and with ten. Beside it
stands a script's way: read the file chunk by chunk, code the categories through Arrow, call an ONNX
Runtime session, take the exponential, write the rows and their predictions to Parquet. It is run
with a session of one thread and with one of ONNX Runtime's defaults, which take every core; the
better counts. Predictions of both are compared: with several threads ONNX Runtime adds a row's
trees in another order, so that the last bit may differ; the batch's are the service's to the bit.

Both sides run in one process and in turns, on all cores it may use. Two ratios are told: of the
clock's seconds, and of processor time (all threads), which holds on a busy machine too; each is of
either side's quickest round. *Floor*: the bare way's processor time and that of ten plain Python
functions called on every row, and nothing else, ÷ the bare way's: what no implementation that calls
them row by row goes below. *Memory*: the peak of a process that predicts the rows, and four times
as many, with ten features.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from figures import Figure, parser, show
from valuation import EXAMPLE, kept

from interlock.data.request import Field, RequestSchema
from interlock.features.definition import FeatureDefinition, FeatureSet, Input
from interlock.features.request import PackedFeatures
from interlock.release.scorers.opening import open_scorer
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import predict_file
from interlock.train.answer import AnswerSpec
from interlock.train.encoder import Encoder

ROWS = 1_000_000
CHUNK = 20_000
SAME = 1e-12  # relative
AS_OF = 1_700_000_000_000_000
CATEGORIES = ("stories", "exterior_wall", "garage")
WHOLE = (
    "year_built",
    "living_area_sqft",
    "lot_sqft",
    "bedrooms",
    "full_baths",
    "half_baths",
    "rooms",
)
FLOATS = ("easting_m", "northing_m")
SOURCE = "\n".join(
    f"def f{i}(living_area_sqft: int, rooms: int) -> float:\n"
    f"    return living_area_sqft / (rooms + {i + 1})\n"
    for i in range(10)
)


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure batch prediction.")
    options.add_argument("--rows", type=int, default=ROWS, help="rows of the file")
    options.add_argument("--rounds", type=int, default=3, help="turns of either side")
    options.add_argument("--most", action="store_true", help="memory at ten times the rows, too")
    options.add_argument("--peak", type=int, help=argparse.SUPPRESS)  # one run, and its memory
    asked = options.parse_args()
    if asked.peak is not None:
        print(peak(asked.peak))
        return 0
    times = (1, 4, 10) if asked.most else (1, 4)
    figures = [*speed(asked.rows, asked.rounds), *memory(asked.rows, times)]
    return show(figures, as_json=asked.json)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds of the clock, and of all the process's threads."""

    clock: float
    processor: float

    @classmethod
    def least(cls, turns: Iterable[Spent]) -> Spent:
        """The least of several turns, of either kind of seconds."""
        spent = list(turns)
        return cls(
            clock=min(each.clock for each in spent),
            processor=min(each.processor for each in spent),
        )


def timed(work: Callable[[], object]) -> Spent:
    """What a piece of work takes."""
    clock, processor = perf_counter(), process_time()
    work()
    return Spent(clock=perf_counter() - clock, processor=process_time() - processor)


def speed(n_rows: int, rounds: int) -> list[Figure]:
    """What the batch costs ÷ what the bare way does, without request features and with ten."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="interlock-bench-batch-") as place:
        given, ours, theirs = (Path(place) / f"{n}.parquet" for n in ("given", "ours", "theirs"))
        write_rows(given, n_rows)
        for n_features, goal in ((0, 1.3), (10, 2.5)):
            release = answering(n_features)
            ways: list[Callable[[], None]] = [partial(predicted, release, given, ours)]
            ways += [
                partial(bare, release, session, given, theirs)
                for session in sessions(release, n_features)
            ]
            turns = [[timed(way) for way in ways] for _ in range(rounds)]
            _same(ours, theirs, n_features)
            how = f"{n_features or 'no'} request features"
            batch = Spent.least(turn[0] for turn in turns)
            script = Spent.least(spent for turn in turns for spent in turn[1:])
            figures += compared(batch, script, how, goal)
        figures.append(floor(release, given, script))
    return figures


def compared(batch: Spent, script: Spent, how: str, goal: float) -> list[Figure]:
    """Both ratios and the seconds that they are of."""
    clock, processor = batch.clock / script.clock, batch.processor / script.processor
    return [
        Figure(name=f"batch ÷ bare, {how}", value=clock, goal=goal),
        Figure(name=f"batch ÷ bare, {how}, processor time", value=processor, goal=goal),
        Figure(name=f"batch, {how}, s", value=batch.clock),
        Figure(name=f"batch, {how}, processor s", value=batch.processor),
        Figure(name=f"bare, {how}, s", value=script.clock),
        Figure(name=f"bare, {how}, processor s", value=script.processor),
    ]


def floor(release: Answering, given: Path, script: Spent) -> Figure:
    """What the bare way and the plain functions alone come to, ÷ the bare way."""
    functions = release.packed.functions
    table = pq.read_table(given, columns=["living_area_sqft", "rooms"])
    areas, rooms = (table[name].to_pylist() for name in table.column_names)
    begun = process_time()
    for function in functions:
        deque(map(function, areas, rooms), maxlen=0)
    calls = process_time() - begun
    name = "floor: bare and ten functions a row ÷ bare, processor time"
    return Figure(name=name, value=(script.processor + calls) / script.processor)


def memory(n_rows: int, times: Sequence[int]) -> list[Figure]:
    """The peak of the rows, of more of them, and the last ÷ the first."""
    peaks = {
        n: float(
            subprocess.run(
                [sys.executable, __file__, "--peak", str(n * n_rows)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for n in times
    }
    told = [Figure(name=f"peak memory, {n * n_rows:,} rows, MB", value=peaks[n]) for n in times]
    name = f"peak memory, {times[-1] * n_rows:,} rows ÷ {n_rows:,} rows"
    return [*told, Figure(name=name, value=peaks[times[-1]] / peaks[1], goal=1.1)]


def peak(n_rows: int) -> float:
    """Megabytes at most while so many rows are predicted with ten features."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-batch-") as place:
        given = Path(place) / "given.parquet"
        write_rows(given, n_rows)
        predicted(answering(10), given, Path(place) / "ours.parquet")
    status = Path("/proc/self/status").read_text()  # ru_maxrss would count the parent's too
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@cache
def sales() -> pa.Table:
    """The houses sold, with what a request holds and the price."""
    table = pq.read_table(
        EXAMPLE / "data" / "sales.parquet", columns=[*WHOLE, *FLOATS, *CATEGORIES, "price"]
    ).drop_null()
    return table.filter(pc.greater(table["living_area_sqft"], 0))


def write_rows(path: Path, n_rows: int) -> None:
    """The sales again and again, in row groups, never whole in memory."""
    table = sales().drop_columns(["price"])
    with pq.ParquetWriter(path, table.schema) as writer:
        for start in range(0, n_rows, table.num_rows):
            writer.write_table(table.slice(0, n_rows - start))


def _schema() -> RequestSchema:
    fields = [Field(name=name, kind="int", ge=0) for name in WHOLE]
    fields += [Field(name=name, kind="float") for name in FLOATS]
    for name in CATEGORIES:
        known = tuple(sorted(set(sales()[name].to_pylist())))
        fields.append(Field(name=name, kind="category", categories=known))
    return RequestSchema(name="House", fields=tuple(fields))


def answering(n_features: int) -> Answering:
    """A release's parts: the valuation product's trees on the request and so many features."""
    schema = _schema()
    made = tuple(
        FeatureDefinition(
            name=f"f{i}",
            arguments=("living_area_sqft", "rooms"),
            nullable_arguments=(),
            kind="float",
            optional=False,
            module="houses",
            function=f"f{i}",
        )
        for i in range(n_features)
    )
    inputs = [Input(name=f.name, kind=f.kind, categories=f.categories) for f in schema.fields]
    inputs += [Input(name=d.name, kind="float") for d in made]
    features = FeatureSet(request=made, histories=(), inputs=tuple(inputs))
    encoder = Encoder.fit(inputs, _training(n_features), "tree")
    payload = _trees(encoder, n_features)
    return Answering(
        schema=schema,
        features=features,
        packed=PackedFeatures.load(
            {"houses": SOURCE},
            features,
            fields=[f.name for f in schema.fields],
            name=f"bench{n_features}",
        ),
        encoder=encoder,
        scorer=open_scorer("onnx", payload, n_columns=encoder.n_columns),
        spec=AnswerSpec(task="regression", link="identity", transform="log"),
    )


def _training(n_features: int) -> dict[str, Any]:
    table = sales()
    columns: dict[str, Any] = {
        name: table[name].to_numpy().astype(np.float64) for name in (*WHOLE, *FLOATS)
    }
    columns |= {name: np.array(table[name].to_pylist(), dtype=object) for name in CATEGORIES}
    for i in range(n_features):
        columns[f"f{i}"] = columns["living_area_sqft"] / (columns["rooms"] + i + 1)
    return columns


def _trees(encoder: Encoder, n_features: int) -> bytes:
    """The graph of the fitted trees, kept between runs."""
    place = kept("batch") / f"trees-{n_features}.onnx"
    if not place.exists():
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - seldom

        from interlock.release.export.exporter import exact  # noqa: PLC0415 - seldom

        trees = HistGradientBoostingRegressor(
            loss="absolute_error", max_iter=300, learning_rate=0.06, early_stopping=False
        )
        x, y = encoder.transform(_training(n_features)), np.log(sales()["price"].to_numpy())
        place.write_bytes(exact(trees.fit(x, y)).payload)
    return place.read_bytes()


def sessions(release: Answering, n_features: int) -> list[onnxruntime.InferenceSession]:
    """The model as a script would open it: on one thread, and by ONNX Runtime's defaults."""
    assert release.encoder is not None
    alone = onnxruntime.SessionOptions()
    alone.intra_op_num_threads = 1
    return [
        onnxruntime.InferenceSession(
            _trees(release.encoder, n_features), options, providers=["CPUExecutionProvider"]
        )
        for options in (alone, onnxruntime.SessionOptions())
    ]


def predicted(release: Answering, given: Path, out: Path) -> None:
    """The batch."""
    result = predict_file(release, given, out, history=_no_history, as_of=AS_OF, chunk_rows=CHUNK)
    if result.answered != result.rows:
        raise SystemExit(f"{result.rejected} of {result.rows} rows were rejected")


def _no_history(*_: Any) -> Any:
    raise AssertionError("the release has no history")


def bare(release: Answering, session: onnxruntime.InferenceSession, given: Path, out: Path) -> None:
    """A script that predicts the same rows and asks no questions."""
    file = pq.ParquetFile(given)
    schema = file.schema_arrow.append(pa.field("prediction", pa.float64()))
    with pq.ParquetWriter(out, schema) as writer:
        for batch in file.iter_batches(batch_size=CHUNK):
            (raw,) = session.run(["raw"], {"X": _matrix(release, batch)})
            values = np.exp(raw[:, 0])
            writer.write_table(pa.table([*batch.columns, pa.array(values)], schema=schema))


def _matrix(release: Answering, batch: pa.RecordBatch) -> np.ndarray:
    assert release.encoder is not None
    columns = {name: batch.column(name).to_numpy() for name in (*WHOLE, *FLOATS)}
    out = np.empty((batch.num_rows, release.encoder.n_columns))
    for place, part in enumerate(release.encoder.parts):
        if part.name in CATEGORIES:
            known = pa.array(part.vocabulary)
            out[:, place] = pc.index_in(batch.column(part.name), value_set=known).to_numpy()
        elif part.name in columns:
            out[:, place] = columns[part.name]
        else:
            out[:, place] = columns["living_area_sqft"] / (
                columns["rooms"] + int(part.name[1:]) + 1
            )
    return out


def _same(ours: Path, theirs: Path, n_features: int) -> None:
    a, b = (pq.read_table(path, columns=["prediction"])["prediction"] for path in (ours, theirs))
    if not np.allclose(a.to_numpy(), b.to_numpy(), rtol=SAME, atol=0.0):
        raise SystemExit(f"predictions differ with {n_features} features")


if __name__ == "__main__":
    sys.exit(main())
