"""The service gate's probes against a real service, right and wrong."""

import dataclasses
import importlib.util
import re
import threading
from contextlib import closing
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from interlock.clock import monotonic
from interlock.digest import canonical_json
from interlock.errors import IntegrityError
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.gate import service_gate
from interlock.gates.service.latency import P99Below
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.pipeline.probes.allotted import Allotted
from interlock.pipeline.probes.bad_input import bad_requests, send_bad_requests
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.golden_answers import Golden
from interlock.pipeline.probes.parity import ParityRows
from interlock.pipeline.probes.post_deploy import Expected, post_deploy
from interlock.pipeline.probes.service import Questions, probe_contracts, probe_service
from interlock.product.contracts import ContractFile
from interlock.release.bundle import open_bundle
from interlock.release.coverage import Coverage
from interlock.release.limits import Limits
from interlock.release.segments import Axis, Segments
from interlock.serve.batch.answering import Answering
from interlock.serve.loaded.golden import read_golden
from interlock.serve.workers.process import start
from interlock.verdict import Exemption, Verdict


def _support():
    path = Path(__file__).parents[2] / "unit" / "serve" / "small_release.py"
    spec = importlib.util.spec_from_file_location("small_release_for_probes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


small = _support()


def no_history(definition, entities, grids):
    raise AssertionError("this release has no history")


def requests(n=60):
    columns, _ = small.training_columns(n, seed=7)
    return [
        {
            "valued_on": date(2024, 5, 1),
            "year_built": int(columns["year_built"][i]),
            "area": float(columns["area"][i]),
            "stories": str(columns["stories"][i]),
            "garage": None if np.isnan(columns["garage"][i]) else float(columns["garage"][i]),
        }
        for i in range(n)
    ]


def rows_of(directory, n=60):
    """Rows with what the release answers in process, as training would have it."""
    release = Answering.of(open_bundle(directory))
    asked = requests(n)
    columns = {f.name: [r[f.name] for r in asked] for f in release.schema.fields}
    outcome = release.answer(columns, [None] * n, as_of=0, history=no_history)
    answers = outcome.answers
    predictions = np.full((n, *answers.prediction.shape[1:]), np.nan)
    predictions[list(outcome.places)] = answers.prediction
    intervals = None
    if answers.low is not None:
        intervals = np.full((n, 2), np.nan)
        intervals[list(outcome.places)] = np.column_stack([answers.low, answers.high])
    return ParityRows(
        requests=asked,
        features=outcome.features,
        predictions=predictions,
        intervals=intervals,
        not_covered=outcome.not_covered,
    )


def questions(rows, **changes):
    made = Questions(
        rows=rows,
        thresholds={"area": (99.5, np.nextafter(99.5, 0), np.nextafter(99.5, 1e9))},
        history=no_history,
        clock=small.CLOCK,
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module", params=["boosting", "ridge", "classes"])
def bundle(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("bundles")
    return small.write_bundle(root, small.bundle_files(request.param))


@pytest.fixture(scope="module")
def boosting(tmp_path_factory):
    return small.write_bundle(tmp_path_factory.mktemp("bundles"), small.bundle_files())


@pytest.fixture(scope="module")
def service(boosting, tmp_path_factory):
    plan = small.plan_for(boosting, log=tmp_path_factory.mktemp("log"), clock=small.CLOCK)
    with start(plan) as running:
        yield running


@pytest.fixture
def client(service):
    with Client(service.url) as made:
        yield made


def verdicts(measurement):
    measurement = dataclasses.replace(measurement, unrecomputed=Exemption.NO_HISTORY)
    return {
        check.name: check.verdict
        for judge in service_gate([P99Below("2s")])
        for check in judge.judge(measurement)
    }


def test_a_right_service_passes_everything(bundle):
    due = questions(rows_of(bundle), tolerance=1e-12)
    begun = monotonic()
    probed = probe_service(bundle, due)
    took = monotonic() - begun
    measured = probed.measurement
    assert isinstance(measured, ServiceMeasurement)
    assert measured.bad_inputs_wrong == ()
    assert measured.differences == ()
    assert measured.rows_compared == 60
    assert measured.features_compared == 60 * 2 * (5 + 3)
    assert measured.edge_rows_compared + measured.edge_rows_refused > 20
    assert measured.edge_rows_compared > 15
    assert measured.bad_inputs_sent > 60
    assert set(verdicts(measured).values()) == {Verdict.PASSED, Verdict.NOT_APPLICABLE}
    assert (measured.orders_compared, measured.order_mismatches) == (75, 0)
    assert list(probed.seconds) == [
        "start",
        "contracts",
        "parity",
        "edges",
        "bad input",
        "field order",
        "latency",
        "stop",
    ]
    assert (measured.form, measured.overdue) == ("quick", "")
    assert measured.part_seconds == probed.seconds
    assert 0 < sum(probed.seconds.values()) <= took


def test_a_broken_contract_is_told_before_anything_else_is_measured(boosting):
    def contract(consumer, status):
        due = {"description": "no house", "request": {}, "response": {"status": status}}
        return ContractFile(
            path=Path(f"{consumer}.json"), digest="d", consumer=consumer, is_pact=False,
            interactions=(due, due),
        )  # fmt: skip

    due = questions(rows_of(boosting), contracts=[contract("bank", 422), contract("broker", 200)])
    told = []
    with closing(Allotted(60)) as allotted:
        probed = probe_service(
            boosting, due, allotted, noted=lambda line: told.append((line, [*allotted.parts]))
        )
    ((line, measured),) = told
    assert line.startswith(
        "the contract of broker is broken: no house: expected status 200, got 422"
    )
    assert measured == ["start", "contracts"]
    assert [len(one.broken) for one in probed.measurement.contracts] == [0, 2]
    assert probed.measurement.rows_compared == 60  # the rest is measured all the same


@pytest.fixture(scope="module", params=[False, True], ids=["null", "estimate"])
def limited(request, tmp_path_factory):
    """A release that answers for houses of 60 to 200 m² of one story alone."""
    seen = {("one",): (200, 30), ("two",): (3, 30)}
    coverage = Coverage(
        segments=(Segments(by=(Axis(name="stories", kind="category"),), min_rows=30, rows=seen),),
        limits=(Limits(name="area", ends=(60.0, 200.0), log=False, cutoff=3.5, n=400),),
        estimate=request.param,
    )
    files = small.bundle_files(**{"coverage.json": canonical_json(coverage.to_row())})
    return small.write_bundle(tmp_path_factory.mktemp("bundles"), files)


def test_what_is_not_covered_is_held_to_parity_too(limited):
    rows = rows_of(limited)
    assert 10 < sum(map(bool, rows.not_covered)) < 50
    measured = probe_service(limited, questions(rows)).measurement
    assert set(verdicts(measured).values()) == {Verdict.PASSED, Verdict.NOT_APPLICABLE}
    row = next(i for i, why in enumerate(rows.not_covered) if why)
    hidden = [*rows.not_covered[:row], "", *rows.not_covered[row + 1 :]]
    wrong = dataclasses.replace(rows, not_covered=hidden)
    found = probe_service(limited, questions(wrong)).measurement
    assert found.prediction_mismatches == 2
    assert found.differences[0] == f"row {row} (list): covered due True, got False"


def test_golden_answers_that_are_not_covered_are_compared_after_a_deployment(limited, tmp_path):
    bundle = open_bundle(limited)
    golden = read_golden(bundle.read("golden.json"))
    assert {bool(row.not_covered) for row in golden} == {True, False}
    schema = Answering.of(bundle).schema
    plan = small.plan_for(limited, log=tmp_path / "log", clock=small.CLOCK)
    with start(plan) as running, Client(running.url) as client:
        expected = Expected(digest=limited.name, golden=Golden(rows=golden, schema=schema))
        assert post_deploy(client, expected).opens
        wrong = [msgspec.structs.replace(row, not_covered="rare") for row in golden]
        off = Golden(rows=wrong, schema=schema)
        found = post_deploy(client, dataclasses.replace(expected, golden=off))
    assert {c.name for c in found.checks if not c.opens} == {"golden answers"}


def test_one_feature_one_bit_off_is_found(boosting):
    rows = rows_of(boosting)
    rooms = list(rows.features["rooms"])
    rooms[17] = float(np.nextafter(rooms[17], 1e9))
    wrong = dataclasses.replace(rows, features={**rows.features, "rooms": rooms})
    measured = probe_service(boosting, questions(wrong)).measurement
    assert measured.feature_mismatches == 2  # in a list and alone
    assert 0 < measured.worst_feature_difference < 1e-12
    due, got = repr(rooms[17]), repr(rows.features["rooms"][17])
    assert measured.differences[0] == f"row 17 (list): feature rooms due {due}, got {got}"
    assert verdicts(measured)["feature parity"] is Verdict.FAILED


def test_one_prediction_one_bit_off_is_found_and_a_tolerance_forgives_it(boosting):
    rows = rows_of(boosting)
    predictions = rows.predictions.copy()
    predictions[3] = np.nextafter(predictions[3], 1e9)
    wrong = dataclasses.replace(rows, predictions=predictions)
    measured = probe_service(boosting, questions(wrong)).measurement
    assert measured.prediction_mismatches == 2
    assert 0 < measured.worst_prediction_difference < 1e-14
    assert verdicts(measured)["prediction parity"] is Verdict.FAILED
    forgiven = probe_service(boosting, questions(wrong, tolerance=1e-12)).measurement
    assert forgiven.prediction_mismatches == 0


def test_a_row_that_the_service_refuses_is_unanswered(boosting):
    rows = rows_of(boosting)
    asked = [dict(row) for row in rows.requests]
    asked[5]["area"] = -1.0
    measured = probe_service(
        boosting, questions(dataclasses.replace(rows, requests=asked))
    ).measurement
    assert measured.unanswered > 0
    assert "row 5 (single): the answer due status 200, got 422" in " ".join(measured.differences)
    assert verdicts(measured)["every request answered"] is Verdict.FAILED


def test_a_tampered_bundle_is_not_started(boosting, tmp_path):
    copy = tmp_path / boosting.name
    for path in boosting.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(boosting)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    features = copy / "packed" / "features.py"
    features.write_bytes(features.read_bytes().replace(b"20", b"21"))
    with pytest.raises(IntegrityError):
        probe_service(copy, questions(rows_of(boosting)))


def test_the_corpus_is_judged_request_by_request(client, service):
    good = requests(1)[0]
    corpus = bad_requests(small.SCHEMA, good)
    names = [case.name for case in corpus]
    assert len(set(names)) == len(names)
    assert {"area: NaN", "area: 1e309", "garage: given twice", "too many rows"} <= set(names)
    assert {"area: beyond > 0", "year_built: beyond ≥ 1800", "stories: null"} <= set(names)
    assert "garage: null" not in names
    twisted = [dataclasses.replace(case, expected=200) for case in corpus]
    found = send_bad_requests(client, twisted, good)
    assert (found.sent, len(found.wrong)) == (len(corpus) + 1, len(corpus))
    assert not [text for text in found.wrong if "got 5" in text or "closed" in text]


def expected_of(directory):
    bundle = open_bundle(directory)
    rows = read_golden(bundle.read("golden.json"))
    return Expected(digest=bundle.digest, golden=Golden(rows=rows, schema=small.SCHEMA))


def test_post_deploy_tests_pass_on_the_right_service(client, boosting):
    result = post_deploy(client, expected_of(boosting))
    assert [(check.name, check.verdict) for check in result.checks] == [
        ("ready", Verdict.PASSED),
        ("the expected release is live", Verdict.PASSED),
        ("the schema is served", Verdict.PASSED),
        ("golden answers", Verdict.PASSED),
        ("a bad request is refused", Verdict.PASSED),
    ]
    assert result.checks[3].evidence == {"rows": 6, "answered": 6, "compared": 6}
    assert result.opens


def test_post_deploy_tests_see_another_release(client, boosting):
    right = expected_of(boosting)
    first, _, *others = right.golden.rows
    golden = dataclasses.replace(right.golden, rows=[_changed(first), *others])
    off = dataclasses.replace(right, digest="f" * 64, golden=golden)
    result = post_deploy(client, off)
    failed = {c.name: c.reason for c in result.checks if c.verdict is Verdict.FAILED}
    assert failed["the expected release is live"] == (
        f"expected {'f' * 12} to be live, got {boosting.name}"
    )
    assert failed["golden answers"].startswith("row 0: prediction expected ")
    assert not result.opens


def _changed(row):
    import msgspec

    return msgspec.structs.replace(row, prediction=row.prediction * (1 + 1e-9))


def test_post_deploy_tests_fail_when_nobody_answers():
    with Client("http://127.0.0.1:9", timeout_seconds=0.5) as gone:
        nothing = Golden(rows=(), schema=small.SCHEMA)
        result = post_deploy(gone, Expected(digest="f" * 64, golden=nothing))
    assert not result.opens
    assert {c.verdict for c in result.checks} == {Verdict.FAILED, Verdict.ERROR}
    assert result.checks[0].reason == (
        "expected 200 and ready, got the connection was closed without an answer"
    )


def test_contracts_whose_store_takes_for_ever_are_not_verified(boosting):
    def fill():
        threading.Timer(0.05, allotted._insist).start()
        while True:
            pass

    with closing(Allotted(60)) as allotted:
        measured = probe_contracts(boosting, [], fill, allotted)
    assert re.match(r"online store: ended after \d+\.\d s", measured.overdue)
    (answer,) = ConsumerContracts().judge(measured)
    assert (answer.verdict, answer.name) == (Verdict.ERROR, "consumer contracts")
