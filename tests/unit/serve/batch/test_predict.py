import csv
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.clock import DAY, parse_instant
from interlock.data.request import Field, RequestSchema
from interlock.errors import AuthorError, OperatorError, StoreError
from interlock.features.definition import (
    Aggregate,
    FeatureDefinition,
    FeatureSet,
    HistoryDefinition,
    Input,
)
from interlock.features.request import PackedFeatures
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import BatchResult, predict_file
from interlock.serve.batch.tabular import TableReader, TableWriter
from interlock.train.answer import AnswerSpec, PredictionInterval
from interlock.train.encoder import Encoder

SOURCE = """
def age(sold_on, built):
    if built == 1999:
        raise ValueError("no such year")
    return sold_on.year - built
"""
SCHEMA = RequestSchema(
    name="House",
    fields=(
        Field(name="sold_on", kind="date", asked_at=True, zone="UTC", model_input=False),
        Field(name="built", kind="int", ge=1800),
        Field(name="area", kind="float", gt=0),
        Field(name="style", kind="category", categories=("brick", "wood")),
        Field(name="garage", kind="int", optional=True),
    ),
)
FEATURES = FeatureSet(
    request=(
        FeatureDefinition(
            name="age",
            arguments=("sold_on", "built"),
            nullable_arguments=(),
            kind="int",
            optional=False,
            module="product",
            function="age",
        ),
    ),
    histories=(
        HistoryDefinition(
            name="market",
            source="sales",
            entity=(("style", "category"),),
            refresh=DAY,
            landing=0,
            aggregates=(
                Aggregate(
                    name="sales",
                    function="count",
                    column=None,
                    window=DAY,
                    ttl=None,
                    default=0,
                    kind="int",
                ),
            ),
            digest="",
        ),
    ),
    inputs=(
        Input(name="area", kind="float"),
        Input(name="style", kind="category", categories=("brick", "wood")),
        Input(name="garage", kind="int"),
        Input(name="age", kind="int"),
        Input(name="sales", kind="int"),
    ),
)
MATRIX = {
    "area": np.array([1.0]),
    "style": ["brick", "wood"],
    "garage": np.array([1.0]),
    "age": np.array([1.0]),
    "sales": np.array([1.0]),
}


class Sum:
    """Adds up the encoded columns; of a row whose area is 666.5 it makes an infinity."""

    needs = "matrix"

    def raw(self, rows):
        total = np.nansum(rows, axis=1)
        return np.where(rows[:, 0] == 666.5, np.inf, total)[:, None]

    def raw_one(self, row):
        return self.raw(np.array([row]))


class Share:
    """The share of the positive class: area over a hundred."""

    needs = "matrix"

    def raw(self, rows):
        return rows[:, :1] / 100

    def raw_one(self, row):
        return self.raw(np.array([row]))


def release(spec=None, scorer=None):
    return Answering(
        schema=SCHEMA,
        features=FEATURES,
        packed=PackedFeatures.load(
            {"product": SOURCE}, FEATURES, fields=[f.name for f in SCHEMA.fields], name="batch"
        ),
        encoder=Encoder.fit(FEATURES.inputs, MATRIX, "tree"),
        scorer=scorer or Sum(),
        spec=spec
        or AnswerSpec(
            task="regression",
            link="identity",
            interval=PredictionInterval(
                level=0.8, low_offset=-1.0, high_offset=2.0, space="identity", n=9
            ),
        ),
    )


def history(definition, entities, grids):
    assert set(grids.tolist()) <= {parse_instant("1997-03-01", zone="UTC")}
    return {"sales": [1_000 if style == "wood" else 2_000 for style in entities["style"]]}


def rows(n):
    return pa.table(
        {
            "id": [f"row {i}" for i in range(n)],
            "sold_on": [date(1997, 3, 1)] * n,
            "built": [1900 + i % 90 for i in range(n)],
            "area": [float(i + 1) for i in range(n)],
            "style": ["brick" if i % 2 else "wood" for i in range(n)],
            "garage": [None if i % 3 else 7 for i in range(n)],
        }
    )


def expected(i):
    age, garage = 97 - i % 90, 0 if i % 3 else 7
    return (i + 1) + (0 if i % 2 else 1) + garage + age + (2_000 if i % 2 else 1_000)


def predict(tmp_path, table, *, output="out.parquet", **options):
    source = tmp_path / "in.parquet"
    pq.write_table(table, source)
    return predict_file(
        options.pop("release", None) or release(),
        source,
        tmp_path / output,
        history=history,
        as_of=0,
        **options,
    )


def test_every_row_gets_its_answer_in_order_in_chunks(tmp_path):
    seen = []
    result = predict(
        tmp_path,
        rows(1_050),
        chunk_rows=100,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert result == BatchResult(
        rows=1_050,
        answered=1_050,
        not_covered=0,
        rejected=0,
        reasons={},
        path=tmp_path / "out.parquet",
    )
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column_names == [
        *rows(1).column_names,
        "prediction",
        "interval_low",
        "interval_high",
        "covered",
        "not_covered",
        "rejected_reason",
    ]
    assert out.column("id").to_pylist() == [f"row {i}" for i in range(1_050)]
    assert out.column("prediction").to_pylist() == [expected(i) for i in range(1_050)]
    assert out.column("interval_low").to_pylist() == [expected(i) - 1.0 for i in range(1_050)]
    assert out.column("interval_high").to_pylist() == [expected(i) + 2.0 for i in range(1_050)]
    assert out.column("rejected_reason").null_count == 1_050
    assert out.column("covered").to_pylist() == [True] * 1_050
    assert out.column("not_covered").null_count == 1_050
    assert seen[0] == (100, 1_050)
    assert seen[-1] == (1_050, 1_050)


def test_rejected_rows_stay_in_place_with_a_reason(tmp_path):
    table = rows(8).set_column(
        2, "built", pa.array([1900, 1700, None, 1999, 1901, 1902, 1903, 1904])
    )
    table = table.set_column(3, "area", pa.array([1.0, 1.0, 1.0, 1.0, 666.5, -1.0, np.nan, 2.0]))
    result = predict(tmp_path, table, chunk_rows=3)
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column("rejected_reason").to_pylist() == [
        None,
        "built: must be ≥ 1800",
        "built: is missing",
        "feature age: ValueError: no such year",
        "the model gave no finite answer",
        "area: must be > 0",
        "area: must be a finite number",
        None,
    ]
    found = out.column("prediction").to_pylist()
    assert [v is None for v in found] == [False, True, True, True, True, True, True, False]
    assert out.column("covered").to_pylist() == [None if v is None else True for v in found]
    assert (result.rows, result.answered, result.rejected) == (8, 2, 6)
    assert sum(result.reasons.values()) == 6
    assert result.reasons["built: is missing"] == 1


class Choosy:
    """As many scores as ``width``; raises where there is an area of which it is not asked."""

    needs = "matrix"

    def __init__(self, *refused, width=1):
        self.refused, self.width = refused, width

    def raw(self, rows):
        if np.isin(rows[:, 0], self.refused).any():
            raise KeyError("an area of which nobody said anything")
        return np.repeat(rows[:, :1] / 100, self.width, axis=1)


@pytest.mark.parametrize("width", [1, 3])
def test_a_row_at_which_a_native_model_raises_costs_no_other_its_answer(tmp_path, width):
    of = "quantiles" if width == 3 else "prediction"
    interval = PredictionInterval(
        level=0.8, low_offset=0.0, high_offset=0.0, space="identity", n=9, of=of
    )
    spec = AnswerSpec(task="regression", link="identity", interval=interval)
    model = Choosy(5.0, 9.0, 10.0, width=width)
    result = predict(tmp_path, rows(20), chunk_rows=9, release=release(spec, model))
    out = pq.read_table(tmp_path / "out.parquet")
    found = [None if i in (4, 8, 9) else (i + 1) / 100 for i in range(20)]
    assert out.column("prediction").to_pylist() == found
    assert result.reasons == {"the model gave no finite answer": 3}
    assert result.rows == 20


@pytest.mark.parametrize(
    "spec",
    [
        AnswerSpec(task="binary", link="logit", classes=("no", "yes")),
        AnswerSpec(task="multiclass", link="softmax", classes=("a", "b", "c", "d")),
        AnswerSpec(task="binary", link="probability", classes=("no", "yes")),
    ],
    ids=lambda spec: spec.link,
)
def test_a_native_model_may_raise_at_every_row(tmp_path, spec):
    model = Choosy(1.0, 2.0, 3.0)
    result = predict(tmp_path, rows(3), release=release(spec, model))
    assert (result.rows, result.rejected) == (3, 3)


def test_an_infinite_score_is_no_answer_even_where_its_power_is_finite(tmp_path):
    spec = AnswerSpec(task="regression", link="identity", transform="log")

    class Nothing(Sum):
        def raw(self, rows):
            return np.where(rows[:, :1] == 2.0, -np.inf, 0.0)

    result = predict(tmp_path, rows(3), release=release(spec, Nothing()))
    assert (result.answered, result.rejected) == (2, 1)


def test_classes_have_names_and_probabilities(tmp_path):
    spec = AnswerSpec(task="binary", link="probability", classes=("on time", "late"))
    result = predict(tmp_path, rows(80), release=release(spec, Share()))
    out = pq.read_table(tmp_path / "out.parquet")
    assert result.answered == 80
    assert out.column("prediction").to_pylist() == ["on time"] * 50 + ["late"] * 30
    assert out.column("probability_late").to_pylist() == [(i + 1) / 100 for i in range(80)]
    assert "interval_low" not in out.column_names


def test_csv_in_and_out_carries_texts_through_unchanged(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(
        "code,sold_on,built,area,style,garage,note\n"
        '007,1997-03-01,1950,10.5,brick,7,"a, ""quoted""\nnote"\n'
        "008,1997-03-01,1950,ten,brick,,\n"
        "009,1997-03-01,1950,10.5,wood,,ü\n",
        encoding="utf-8",
    )
    out = tmp_path / "out.csv"
    result = predict_file(release(), source, out, history=history, as_of=0)
    assert (result.rows, result.answered, result.rejected) == (3, 2, 1)
    with out.open(newline="", encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    assert [row["code"] for row in found] == ["007", "008", "009"]
    assert found[0]["note"] == 'a, "quoted"\nnote'
    assert float(found[0]["prediction"]) == 10.5 + 0 + 7 + 47 + 2_000
    assert float(found[2]["prediction"]) == 10.5 + 1 + 47 + 1_000
    assert (found[1]["prediction"], found[1]["rejected_reason"]) == (
        "",
        "area: must be a finite number",
    )


def test_an_empty_line_of_one_column_is_a_row(tmp_path):
    (tmp_path / "in.csv").write_text("area\n1.5\n\n2.5\n")
    chunks = TableReader(tmp_path / "in.csv", chunk_rows=10).chunks()
    assert [v for chunk in chunks for v in chunk["area"].to_pylist()] == ["1.5", None, "2.5"]
    (tmp_path / "in.csv").write_text("area,style\n1.5,wood\n\n2.5,wood\n")
    chunks = TableReader(tmp_path / "in.csv", chunk_rows=10).chunks()
    assert [v for chunk in chunks for v in chunk["area"].to_pylist()] == ["1.5", "2.5"]


def test_two_writers_of_one_name_each_write_a_whole_file(tmp_path):
    schema = pa.schema([("a", pa.int64())])
    with (
        TableWriter(tmp_path / "out.parquet", schema) as one,
        TableWriter(tmp_path / "out.parquet", schema) as other,
    ):
        for writer, values in ((one, [1] * 1_000), (other, [2])):
            writer.write(pa.table({"a": values}))
        other.commit()
        assert pq.read_table(tmp_path / "out.parquet")["a"].to_pylist() == [2]
        one.commit()
    assert pq.read_table(tmp_path / "out.parquet")["a"].to_pylist() == [1] * 1_000
    assert left_over(tmp_path) == ["out.parquet"]


def test_an_output_keeps_its_name_through_a_power_cut(tmp_path, monkeypatch):
    synced = []

    def fsync(descriptor, real=os.fsync):
        there = (tmp_path / "out.parquet").exists()
        synced.append((os.fstat(descriptor).st_ino == tmp_path.stat().st_ino, there))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    predict(tmp_path, rows(3))
    assert synced == [(False, False), (True, True)], "the bytes, then the name"


def test_source_columns_are_mapped_to_request_fields(tmp_path):
    table = rows(5).rename_columns(["id", "date", "built", "area", "style", "garage"])
    result = predict(tmp_path, table, names={"sold_on": "date"})
    assert result.answered == 5
    assert pq.read_table(tmp_path / "out.parquet").column_names[1] == "date"


def test_an_optional_column_may_be_absent(tmp_path):
    assert predict(tmp_path, rows(3).drop_columns(["garage"])).answered == 3


def test_a_file_without_rows_gives_a_file_without_rows(tmp_path):
    assert predict(tmp_path, rows(3).slice(0, 0)).rows == 0
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def left_over(tmp_path):
    return sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("in."))


def test_missing_and_ill_typed_columns_are_named_all_at_once(tmp_path):
    table = rows(3).drop_columns(["built"]).set_column(2, "area", pa.array(["a", "b", "c"]))
    with pytest.raises(AuthorError) as caught:
        predict(tmp_path, table)
    said = str(caught.value)
    assert "built" in said
    assert "area" in said
    assert str(tmp_path / "in.parquet") in said
    assert left_over(tmp_path) == []


def test_a_missing_input_is_said(tmp_path):
    with pytest.raises(OperatorError) as caught:
        predict_file(release(), tmp_path / "no.csv", tmp_path / "out.csv", history=history, as_of=0)
    assert str(caught.value) == (
        "error[S155]: the input file is missing\n"
        f"  where: {tmp_path}/no.csv\n"
        "  expected: a CSV file with a header\n"
        "  got: no such file\n"
        "  fix: correct the path"
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [("in.parquet", b""), ("in.parquet", b"PAR1 and no more"), ("in.csv", b"")],
)
def test_a_broken_input_is_said(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OperatorError, match="S155"):
        predict_file(release(), tmp_path / name, tmp_path / "out.csv", history=history, as_of=0)
    assert left_over(tmp_path) == []


def test_a_csv_that_breaks_off_leaves_the_earlier_output(tmp_path):
    (tmp_path / "out.csv").write_text("earlier")
    line = "1997-03-01,1950,10.5,brick\n"
    (tmp_path / "in.csv").write_text("sold_on,built,area,style\n" + 60_000 * line + "1,2,3\n")
    with pytest.raises(OperatorError, match="S155"):
        predict_file(release(), tmp_path / "in.csv", tmp_path / "out.csv", history=history, as_of=0)
    assert (tmp_path / "out.csv").read_text() == "earlier"
    assert left_over(tmp_path) == ["out.csv"]


@pytest.mark.parametrize("name", ["out.xlsx", "out"])
def test_an_unknown_format_is_refused(tmp_path, name):
    with pytest.raises(OperatorError, match="S154"):
        predict(tmp_path, rows(1), output=name)


def test_input_and_output_must_differ(tmp_path):
    with pytest.raises(OperatorError, match="would replace the input"):
        predict(tmp_path, rows(1), output="in.parquet")


def test_an_output_as_input_is_refused(tmp_path):
    with pytest.raises(OperatorError) as caught:
        predict(tmp_path, rows(1).append_column("prediction", pa.array([1.0])))
    assert "got: prediction" in str(caught.value)


def test_an_input_with_a_field_twice_is_refused(tmp_path):
    table = rows(2)
    with pytest.raises(OperatorError, match="more than one column of a name") as caught:
        predict(tmp_path, pa.table([*table.columns, table["area"]], [*table.column_names, "area"]))
    assert "got: area" in str(caught.value)
    assert left_over(tmp_path) == []


def test_an_output_that_is_a_directory_is_said_before_anything_is_computed(tmp_path):
    (tmp_path / "out.parquet").mkdir()
    with pytest.raises(StoreError, match="S156"):
        predict(tmp_path, rows(1), progress=lambda done, total: pytest.fail("it was computed"))
    assert left_over(tmp_path) == ["out.parquet"]


def test_an_output_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(StoreError, match="S156"):
        predict(tmp_path, rows(1), output="no/such/place/out.parquet")


def test_columns_that_csv_cannot_hold_are_said(tmp_path):
    table = rows(2).append_column("tags", pa.array([["a"], ["b"]]))
    with pytest.raises(StoreError) as caught:
        predict(tmp_path, table, output="out.csv")
    assert "lists and structs need a Parquet output" in str(caught.value)
    assert left_over(tmp_path) == []


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict(tmp_path, rows(10), progress=interrupt)
    assert left_over(tmp_path) == []


def test_the_http_path_does_not_import_batch_or_arrow():
    program = (
        "import sys, json, interlock.serve.workers.worker; "
        "unwanted = ('pyarrow', 'interlock.serve.batch.predict'); "
        "print(json.dumps([m for m in unwanted if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    program = f"""
import resource, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import pyarrow as pa, pyarrow.parquet as pq
import test_predict as t
place = Path({str(tmp_path)!r})
def run(n):
    with pq.ParquetWriter(place / "in.parquet", t.rows(1).schema) as w:
        for _ in range(n // 5_000):
            w.write_table(t.rows(5_000))
    t.predict_file(t.release(), place / "in.parquet", place / "out.parquet",
                   history=t.history, as_of=0, chunk_rows=2_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = run(20_000)
print(run(80_000) / first)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.25
