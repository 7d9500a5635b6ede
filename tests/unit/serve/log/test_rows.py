"""Rows made many at a time are those that each record tells by itself."""

import random
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.errors import IntegrityError
from interlock.serve.explanation import Explanation
from interlock.serve.log import rows as rows_module
from interlock.serve.log.logged import OUTCOMES, PREDICTIONS, TABLES
from interlock.serve.log.outcome import Outcome, outcome_bytes
from interlock.serve.log.packed import Packed
from interlock.serve.log.record import Phases, Record, record_bytes
from interlock.serve.log.row_records import RowRecord, RowRecords
from interlock.serve.log.rows import rows_of
from interlock.serve.log.segment import Segment, header, read_runs, seal_all, segment_path

SALT = 7
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(
        [0.1, -0.0, 1e16, 1e-5, 123456789.25, 127, 128, -32, -33, 65_536, 'a"\\\n\x7f']
    )
)
numbers = st.floats() | st.integers(-(2**53), 2**53)
records = st.builds(
    Record,
    id=st.text(max_size=40),
    time=st.integers(0, 2**51),
    product=st.sampled_from(["rents", "sales"]),
    status=st.sampled_from([200, 422, 503]),
    digest=st.sampled_from(["", "ab" * 32]),
    label=st.sampled_from(["", "1.0.0", "2.0.0 ä"]),
    assigned=st.sampled_from(["champion", "challenger"]),
    arm=st.sampled_from(["champion", "challenger", ""]),
    instead=st.sampled_from(["", "S140"]),
    pinned=st.booleans(),
    as_of=st.none() | st.integers(-(2**50), 2**51),
    entity=st.lists(plain, max_size=3).map(tuple),
    request=st.binary(max_size=40) | st.just(b'{"area":1}') | st.binary(min_size=256, max_size=300),
    features=st.dictionaries(
        st.sampled_from(["area", "rooms", "näme", 'qu"ote']), plain | st.lists(plain), max_size=4
    ),
    grid=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 2**51), max_size=2),
    prediction=plain,
    probabilities=st.none() | st.lists(numbers, max_size=3).map(tuple),
    interval=st.none() | st.tuples(numbers, numbers),
    not_covered=st.sampled_from(["", "area is too large"]),
    explanation=st.none()
    | st.just(
        Explanation(
            method="exact", background_rows=9, combine="add", base=1.0, model=2.5, contributions={}
        )
    ),
    degraded=st.booleans(),
    replay=st.booleans(),
    row=st.none() | st.integers(0, 2**31 - 1),
    error=st.sampled_from(["", "S110"]),
    message=st.text(max_size=20),
    phases=st.builds(Phases, decode=st.floats(), answer=numbers.map(float)),
)
outcomes = st.builds(
    Outcome,
    prediction=st.text(max_size=40),
    name=st.sampled_from(["price", "sold"]),
    value=st.floats() | st.integers(-(2**60), 2**60) | st.text(max_size=9) | st.booleans(),
    event_time=st.integers(-(2**50), 2**51),
    observed_at=st.integers(-(2**50), 2**51),
    source=st.sampled_from(["", "registry"]),
    revision=st.integers(0, 2**40),
    time=st.integers(0, 2**51),
    product=st.sampled_from(["", "rents"]),
)


def run_of(folder, payloads):
    """The payloads as a run, and its bytes."""
    path = segment_path(folder, "w0", 3)
    path.write_bytes(header(1, SALT) + seal_all(payloads, first=1, salt=SALT))
    (found,) = read_runs(Segment(path=path, worker="w0", number=3))
    return found[0], Packed(found[1], found[0].size)


def one_by_one(table, run, packed):
    """The rows as each record tells them."""
    told = []
    for entry in run.records(packed.data):
        if table.holds(entry.payload) and entry.payload.strip(b"\0"):
            place = {name: getattr(entry, name) for name in ("worker", "segment", "offset")}
            facts = table.row(table.told(entry))
            told.append({**place, "sequence": entry.sequence, **facts, "record": entry.payload})
    return pa.RecordBatch.from_pylist(told, schema=table.schema)


def same(table, payloads, *, names=None, only=None):
    """Both ways give the same, to the bit; the rows."""
    with tempfile.TemporaryDirectory() as folder:
        run, packed = run_of(Path(folder), payloads)
        expected = one_by_one(table, run, packed)
        found = rows_of(
            table, run, packed, names, only=None if only is None else np.array(only, np.int64)
        )
    if names is not None:
        expected = expected.select(names)
    if only is not None:
        expected = expected.take(pa.array(only, pa.int64()))
    found.validate(full=True)
    assert found.schema == expected.schema
    assert str(found.to_pylist()) == str(expected.to_pylist())  # NaN is itself here
    return found


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(records, min_size=1, max_size=3),
    others=st.lists(outcomes, max_size=2),
    few=st.sampled_from([1, 3, 32]),
    seed=st.integers(0, 1_000),
)
def test_rows_of_any_records_are_those_that_each_tells(kinds, others, few, seed):
    chance = random.Random(seed)
    some = [record_bytes(record) for record in kinds]
    some += [
        record_bytes(msgspec.structs.replace(k, id=str(n), time=n)) for n, k in enumerate(kinds)
    ]
    some += [outcome_bytes(outcome) for outcome in others] * 2
    some += [bytes(5)]  # an erased one
    chance.shuffle(some)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows_module, "_FEW", few)
        for table in TABLES:
            whole = same(table, some)
            names = chance.sample(table.schema.names, chance.randrange(1, 4))
            same(table, some, names=names)
            only = [row for row in range(whole.num_rows) if chance.random() < 0.5]
            same(table, some, names=names, only=only)


def test_the_records_of_a_release_are_read_together(monkeypatch):
    """None of them by itself but the one that its shape is learned of."""
    shared = Record(id="", time=0, product="rents", status=200, digest="ab" * 32, label="1.0.0")
    made = RowRecords(shared, ["area"], ["rooms", "where"])
    payloads = [
        made.encoded(
            RowRecord(
                f"id{n}",
                n,
                n + 1,
                (n * 1.25, f"u{n}", n),
                made.request((n,)),
                made.features((None if n % 5 else n * 300, f"wh\u00e4re {n}")),
                {"h": n << 40},
                None if n % 3 == 0 else n / 7,
                Phases(decode=n / 3),
                interval=None if n % 3 == 0 else (n / 9, n / 5),
                not_covered="far" if n % 3 == 0 else "",
            )
        )
        for n in range(300)
    ]
    with tempfile.TemporaryDirectory() as folder:
        run, packed = run_of(Path(folder), payloads)
        expected = one_by_one(PREDICTIONS, run, packed)
        told = []
        row = PREDICTIONS.row
        monkeypatch.setitem(
            PREDICTIONS.__dict__, "row", lambda record: told.append(record) or row(record)
        )
        assert rows_of(PREDICTIONS, run, packed).equals(expected)
    assert len(told) == 2  # covered ones, and the others


def test_what_no_other_looks_like_is_read_by_itself():
    shaped = [Record(id=f"{n}", time=n, product="rents", status=200, row=n) for n in range(99)]
    odd = msgspec.structs.replace(shaped[40], features={"a": [], "b": 1}, prediction=True)
    shaped[40:41] = [odd, msgspec.structs.replace(odd, features={"a": {"c": []}})]
    same(PREDICTIONS, [record_bytes(record) for record in shaped])


def test_a_value_that_only_one_can_say_makes_no_difference():
    """Numbers beyond 64 bits with a sign, and bytes that are no text."""
    for facts in ({"features": {"n": 2**64 - 1}}, {"request": b"\xff{"}, {"prediction": 2**63}):
        known = {"features": {"n": 1}, "request": b"{}", "prediction": 1} | facts
        made = [Record(id=f"{n}", time=n, product="p", status=200, **known) for n in range(50)]
        usual = {"features": {"n": 1}, "request": b"{}", "prediction": 1}
        made += [Record(id=f"{n}", time=n, product="p", status=200, **usual) for n in range(50)]
        same(PREDICTIONS, [record_bytes(record) for record in made])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("names", [None, ("time",)])
def test_a_record_of_another_form_is_refused_by_its_place(tmp_path, table, names):
    payload = table.mark if table is OUTCOMES else b""
    payloads = [payload + msgspec.msgpack.encode({"id": n, "time": "now"}) for n in range(60)]
    run, packed = run_of(tmp_path, payloads)
    with pytest.raises(IntegrityError, match="a logged record cannot be read") as raised:
        rows_of(table, run, packed, names)
    assert raised.value.code == "S180"
    assert "where: w0-00000003.log, byte 48\n" in str(raised.value)


def test_floats_are_told_as_python_tells_them():
    chance = random.Random(5)
    values = [chance.uniform(-1, 1) * 10 ** chance.randrange(-4, 16) for _ in range(2_000)]
    values += [5e-324, 1.7976931348623157e308, 0.0, -0.0, 1e16, 9999999999999998.0, 1e-4, 9.9e-5]
    for some in (values[:2_000], values):
        made = [
            Record(id="a", time=1, product="p", status=200, entity=(v,), features={"x": v})
            for v in some
        ]
        same(PREDICTIONS, [record_bytes(record) for record in made])


def test_every_character_is_told_as_json_tells_it():
    odd = [chr(code) for code in (*range(33), *map(ord, '"\\/'), 0x7F, 0x80, 0x2028, 0xFFFF)]
    for texts in ([chr(code) for code in range(0x800)], *([one] * 40 for one in odd)):
        made = [
            Record(id=t, time=1, product="p", status=200, entity=(t,), features={"x": t})
            for t in texts
        ]
        same(PREDICTIONS, [record_bytes(record) for record in made])


def test_a_beginning_that_is_the_same_says_nothing_of_what_follows():
    """Columns that need only a record's beginning, of records that differ behind it."""
    made = [
        Record(
            id=f"{n}", time=n, product="p", status=200 if n % 2 else 422, row=n if n % 3 else None
        )
        for n in range(100)
    ]
    payloads = [record_bytes(record) for record in made]
    for names in (["time"], ["status"], ["time", "row"], ["covered"], ["product", "id"]):
        same(PREDICTIONS, payloads, names=names)
