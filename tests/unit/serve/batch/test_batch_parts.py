"""A batch in parts: taken up where it broke off, never mixed with another, readable as Delta."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import deltalake
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import Ridge

from interlock.data.request import Field, RequestSchema
from interlock.errors import OperatorError, StoreError
from interlock.features.definition import FeatureSet, Input
from interlock.features.request import PackedFeatures
from interlock.release.export.exporter import export
from interlock.release.scorers.opening import open_scorer
from interlock.serve.batch import parts
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.predict import predict_file
from interlock.serve.batch.tabular import TableReader
from interlock.train.answer import AnswerSpec
from interlock.train.encoder import Encoder

SCHEMA = RequestSchema(name="Item", fields=(Field(name="size", kind="float", gt=0),))
FEATURES = FeatureSet(request=(), histories=(), inputs=(Input(name="size", kind="float"),))


class BrokenOff(Exception):  # noqa: N818 - a stop, not a fault
    pass


def release():
    encoder = Encoder.fit(FEATURES.inputs, {"size": [1.0, 2.0]}, "tree")
    exported = export(Ridge().fit([[1.0], [2.0]], [2.0, 4.0]), encoder, task="regression")
    return Answering(
        schema=SCHEMA,
        features=FEATURES,
        packed=PackedFeatures.load({}, FEATURES, fields=["size"], name="parts"),
        encoder=encoder,
        scorer=open_scorer(exported.format, exported.payload, n_columns=1),
        spec=AnswerSpec(task="regression", link="identity"),
    )


RELEASE = release()
N = 1_000


def no_history(definition, entities, grids):
    raise AssertionError("there is none")


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "ROWS_A_PART", 200)
    sizes = [float(i % 50) for i in range(N)]  # every fiftieth is refused
    pq.write_table(
        pa.table({"id": list(range(N)), "size": sizes}), tmp_path / "in.parquet", row_group_size=130
    )
    return tmp_path / "in.parquet"


def run(source, output, *, stop_after=None, **options):
    """Predict in parts; ``stop_after`` so many rows it breaks."""
    seen = []

    def progress(done, total):
        seen.append(done)
        if stop_after is not None and done >= stop_after:
            raise BrokenOff

    options = {"form": "parts", "batch": "one", "chunk_rows": 70, **options}
    result = predict_file(
        RELEASE, source, output, history=no_history, as_of=0, progress=progress, **options
    )
    return result, seen


def read(path):
    return ds.dataset(sorted(path.glob("part-*.parquet"))).to_table()


def test_parts_hold_what_one_file_holds(source, tmp_path):
    whole, _ = run(source, tmp_path / "out.parquet", form="file")
    result, _ = run(source, tmp_path / "out")
    assert read(tmp_path / "out").equals(pq.read_table(tmp_path / "out.parquet"))
    assert (result.rows, result.answered, result.rejected) == (1_000, 980, 20)
    assert result.reasons == whole.reasons == {"size: must be > 0": 20}
    assert ds.dataset(tmp_path / "out").count_rows() == N, "what is no data is no data to readers"


@pytest.mark.parametrize("stop_after", [1, 300, 420, 999])
def test_a_broken_batch_goes_on_where_it_stopped(source, tmp_path, stop_after):
    once, _ = run(source, tmp_path / "once")
    with pytest.raises(BrokenOff):
        run(source, tmp_path / "twice", stop_after=stop_after)
    kept = sum(pq.read_metadata(p).num_rows for p in (tmp_path / "twice").glob("part-*"))
    result, seen = run(source, tmp_path / "twice")
    assert kept <= stop_after + 70
    assert seen[0] == kept + 70 or seen[0] - kept < 70, "rows that are there are not computed again"
    assert read(tmp_path / "twice").equals(read(tmp_path / "once"))
    assert (result.rows, result.answered, result.reasons) == (
        once.rows,
        once.answered,
        once.reasons,
    )


def test_another_batch_does_not_go_on_with_it(source, tmp_path):
    with pytest.raises(BrokenOff):
        run(source, tmp_path / "out", stop_after=300)
    with pytest.raises(OperatorError, match="the output of another batch"):
        run(source, tmp_path / "out", batch="two")
    run(source, tmp_path / "out")
    with pytest.raises(OperatorError, match="the whole output of an earlier batch"):
        run(source, tmp_path / "out")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(OperatorError, match="got: something else"):
        run(source, tmp_path / "other")


@pytest.mark.usefixtures("source")
def test_another_file_of_the_same_size_and_time_is_another_batch(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("id,size\n" + "".join(f"{i},1.5\n" for i in range(N)))
    before = source.stat()
    with pytest.raises(BrokenOff):
        run(source, tmp_path / "out", stop_after=300)
    source.write_text(source.read_text().replace(f"{N - 1},1.5", f"{N - 1},9.5"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.stat().st_size == before.st_size
    with pytest.raises(OperatorError, match="the output of another batch"):
        run(source, tmp_path / "out")


def test_a_delta_table_is_the_same_rows(source, tmp_path):
    run(source, tmp_path / "out", form="delta")
    table = deltalake.DeltaTable(tmp_path / "out").to_pyarrow_table().sort_by("id")
    assert table.column("prediction").equals(read(tmp_path / "out").column("prediction"))


@pytest.mark.parametrize("form", ["file", "parts"])
def test_rejected_rows_stand_apart_too(source, tmp_path, form):
    output = tmp_path / ("out.parquet" if form == "file" else "out")
    run(source, output, form=form, rejected_path=tmp_path / "rejected.csv")
    lines = (tmp_path / "rejected.csv").read_text().splitlines()
    assert len(lines) == 1 + 20
    assert all("size: must be > 0" in line for line in lines[1:])


@pytest.mark.parametrize("skip", [0, 1, 129, 130, 131, 699, 700, 910, 999])
def test_rows_are_read_once_from_wherever_it_goes_on(source, skip):
    reader = TableReader(source, chunk_rows=7)
    ids = [i for chunk in reader.chunks(skip=skip) for i in chunk["id"].to_pylist()]
    assert ids == list(range(skip, N))


def test_reading_holds_a_small_part_of_a_file(tmp_path):
    values, place = np.random.default_rng(0).random(10_000), tmp_path / "in.parquet"
    with pq.ParquetWriter(place, pa.schema([("x", pa.float64())])) as writer:
        for _ in range(40):
            writer.write_table(pa.table({"x": values}))
    before = pa.total_allocated_bytes()
    held = [
        pa.total_allocated_bytes() - before for _ in TableReader(place, chunk_rows=2_000).chunks()
    ]
    assert max(held) < place.stat().st_size / 4


@pytest.mark.parametrize("form", ["parts", "delta"])
def test_a_killed_process_leaves_whole_parts(source, tmp_path, form):
    script = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_batch_parts as here
        from pathlib import Path
        here.parts.ROWS_A_PART = 200
        def progress(done, total):
            if done >= 500:
                os.kill(os.getpid(), signal.SIGKILL)
        here.predict_file(here.RELEASE, Path({str(source)!r}), Path(sys.argv[1]),
            history=here.no_history, as_of=0, progress=progress, form={form!r}, batch="one",
            chunk_rows=70)
    """)
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path / "out")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not deltalake.DeltaTable.is_deltatable(str(tmp_path / "out"))
    run(source, tmp_path / "out", form=form)
    run(source, tmp_path / "once")
    assert read(tmp_path / "out").equals(read(tmp_path / "once"))
    assert not list((tmp_path / "out").glob(".*"))
    if form == "delta":
        table = deltalake.DeltaTable(tmp_path / "out").to_pyarrow_table()
        assert sorted(table["id"].to_pylist()) == list(range(N)), "each row once"


def test_a_table_that_was_not_logged_to_the_end_is_logged_by_the_next_run(source, tmp_path):
    with pytest.raises(BrokenOff):
        run(source, tmp_path / "out", form="delta", stop_after=N)
    (tmp_path / "out" / "_delta_log").mkdir()
    run(source, tmp_path / "out", form="delta")
    assert deltalake.DeltaTable(tmp_path / "out").to_pyarrow_table().num_rows == N


def test_rejected_rows_that_could_not_be_written_are_written_by_the_next_run(source, tmp_path):
    place = tmp_path / "there" / "rejected.csv"
    with pytest.raises(StoreError):
        run(source, tmp_path / "out", rejected_path=place)
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    place.parent.mkdir()
    _, seen = run(source, tmp_path / "out", rejected_path=place)
    assert seen == [], "no row is predicted again"
    assert len(place.read_text().splitlines()) == 1 + 20


def test_no_second_run_writes_while_one_does(source, tmp_path):
    refused = []

    def progress(done, total):
        if done >= 350 and not refused:
            with pytest.raises(OperatorError, match="a batch that is running") as caught:
                run(source, tmp_path / "out")
            refused.append(caught.value)

    predict_file(
        RELEASE,
        source,
        tmp_path / "out",
        history=no_history,
        as_of=0,
        form="parts",
        batch="one",
        chunk_rows=70,
        progress=progress,
    )
    assert refused
    assert read(tmp_path / "out")["id"].to_pylist() == list(range(N))


def test_a_run_that_died_before_it_said_whose_output_it_is_is_begun_again(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_batch.json").touch()
    run(source, tmp_path / "out")
    assert read(tmp_path / "out")["id"].to_pylist() == list(range(N))


def test_nothing_is_taken_out_of_a_directory_of_somebody_else(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".film.mp4.part").write_text("half of it")
    with pytest.raises(OperatorError, match="S158"):
        run(source, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".film.mp4.part"]


@pytest.mark.parametrize("form", ["file", "parts", "delta"])
def test_no_rows_give_an_output_with_the_columns_and_without_rows(source, tmp_path, form):
    pq.write_table(pq.read_table(source).slice(0, 0), source)
    output, rejected = tmp_path / "out.parquet", tmp_path / "rejected.parquet"
    result, _ = run(source, output, form=form, rejected_path=rejected)
    found = [ds.dataset(output).to_table(), pq.read_table(rejected)]
    if form == "delta":
        found.append(deltalake.DeltaTable(output).to_pyarrow_table())
    assert result.rows == 0
    for table in found:
        assert table.num_rows == 0
        assert table.column_names[:3] == ["id", "size", "prediction"]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("file", "in.parquet"),
        ("file", "out"),
        ("file", "linked.parquet"),
        ("parts", "in.parquet"),
        ("parts", "out/rejected.parquet"),
        ("delta", "out/deeper/rejected.csv"),
    ],
)
def test_rejected_rows_replace_nothing_and_mix_with_nothing(source, tmp_path, form, name):
    output = tmp_path / ("out.parquet" if form == "file" else "out")
    rejected = output if name == "out" else tmp_path / name
    if name == "linked.parquet":
        rejected.symlink_to(source)
    before = source.read_bytes()
    with pytest.raises(OperatorError, match="S157"):
        run(source, output, form=form, rejected_path=rejected)
    assert source.read_bytes() == before
    assert not output.exists(), "it is said before anything is computed"


def test_rejected_rows_in_no_known_format_are_refused_before_anything_is_computed(source, tmp_path):
    with pytest.raises(OperatorError, match="S154"):
        run(source, tmp_path / "out.parquet", form="file", rejected_path=tmp_path / "rejected.txt")
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("form", ["file", "parts"])
def test_an_input_that_changes_meanwhile_gives_no_output(source, tmp_path, form):
    other = pq.read_table(source).slice(0, 900)

    def progress(done, total):
        pq.write_table(other, tmp_path / "new.parquet")
        (tmp_path / "new.parquet").replace(source)

    output = tmp_path / "out.parquet"
    with pytest.raises(OperatorError, match="was changed while it was read"):
        predict_file(
            RELEASE, source, output, history=no_history, as_of=0, form=form, progress=progress
        )
    assert not (output / "_SUCCESS").exists()
    assert form == "parts" or not output.exists()


def test_fields_read_from_other_columns_are_another_batch(source, tmp_path):
    table = pq.read_table(source)
    pq.write_table(table.append_column("width", table["size"]), source)
    with pytest.raises(BrokenOff):
        run(source, tmp_path / "out", stop_after=300)
    with pytest.raises(OperatorError, match="the output of another batch"):
        run(source, tmp_path / "out", names={"size": "width"})
