from dataclasses import replace

import pytest

from interlock.errors import AuthorError
from interlock.gates.data.freshness import Fresh
from interlock.gates.data.gate import DEFAULT_DATA_GATE, data_gate
from interlock.gates.data.labels import LabelDelay
from interlock.gates.data.leakage import NoLeakage
from interlock.gates.data.rows import (
    MaxDuplicates,
    MaxFeatureFailures,
    MaxMissing,
    MaxQuarantined,
    MaxViolations,
    MinPerPart,
    MinRows,
)
from interlock.gates.data.shift import Drift, Integrity
from interlock.gates.gate import run
from interlock.verdict import Exemption, Verdict


@pytest.mark.parametrize(
    ("check", "change", "code", "reason"),
    [
        (MinRows(9_001), {}, "D151", "measured 9,000, must be ≥ 9,001"),
        (
            MaxQuarantined(0.002),
            {},
            "D152",
            "measured 0.25 %, must be ≤ 0.2 %: 20 × price: below 5000, 5 × key: missing",
        ),
        (Fresh("12h"), {}, "D153", "measured 1 days, must be ≤ 0.5 days: no event in the last 12h"),
        (
            MaxDuplicates(),
            {"duplicates": 1},
            "D154",
            "measured 0.01 %, must be ≤ 0 %: 1 × repeated key",
        ),
        (
            MaxFeatureFailures(0.0001),
            {},
            "D155",
            "measured 0.03 %, must be ≤ 0.01 %: 3 × age_years",
        ),
        (MaxViolations("price", 0.001), {}, "D156", "measured 0.2 %, must be ≤ 0.1 %: 20 × price"),
        (
            MinPerPart(train=1, tune=1, calibrate=1),
            {"part_rows": {"train": 1, "tune": 1, "calibrate": 1, "test": 0}},
            "D157",
            "measured 0, must be ≥ 100",
        ),
    ],
)
def test_a_missed_limit_fails_and_says_why(sound_data, check, change, code, reason):
    found = run("data gate", [check], replace(sound_data, **change)).checks
    (shut,) = [answer for answer in found if not answer.opens]
    assert (shut.verdict, shut.evidence["code"], shut.reason) == (Verdict.FAILED, code, reason)


@pytest.mark.parametrize(
    ("check", "change", "reason"),
    [
        (MaxQuarantined(), {"rows_read": 0}, "no rows were read"),
        (MaxViolations("size"), {}, "the column size was not checked"),
        (MaxMissing("size", 0.1), {}, "the source has no column size"),
        (MaxMissing("price", 0.1), {"missing": None}, "the source has no column price"),
        (MaxMissing("price", 0.1), {"rows_kept": None}, "the source has no column price"),
        (MaxMissing("price", 0.1), {"rows_kept": 0}, "no rows were read"),
        (Fresh("2d"), {"newest_event": None}, "no row has an event time"),
        (Fresh("2d"), {"as_of": 0}, "the newest event lies after the delivery's own time"),
        (MinPerPart(), {"part_rows": {}}, "the split has no part train"),
        (MinRows(1), {"rows_usable": 20_000}, "more rows are usable than were read"),
    ],
)
def test_what_was_not_measured_is_an_error(sound_data, check, change, reason):
    shut = run("data gate", [check], replace(sound_data, **change)).checks[0]
    assert (shut.verdict, shut.evidence, shut.reason) == (Verdict.ERROR, {"code": "D158"}, reason)


@pytest.mark.parametrize(
    "check",
    [
        MinRows(9_000),
        MaxQuarantined(0.0025),
        MaxDuplicates(),
        MaxFeatureFailures(0.0003),
        MaxViolations("price", 0.002),
        MaxMissing("garage", 400 / 9_500),
        Fresh("1d"),
        MinPerPart(train=7_000, test=1_000),
    ],
)
def test_a_limit_that_is_just_met_passes(sound_data, check):
    assert run("data gate", [check], sound_data).opens


def test_a_product_without_time_needs_no_fresh_events(sound_data):
    timeless = replace(sound_data, has_time=False, newest_event=None)
    (check,) = run("data gate", [Fresh("2d")], timeless).checks
    assert (check.verdict, check.exemption) == (Verdict.NOT_APPLICABLE, Exemption.NO_TIME)
    assert check.opens


def test_a_part_that_is_not_needed_is_not_asked_about(sound_data):
    measurement = replace(sound_data, part_rows={"train": 900, "test": 100})
    result = run("data gate", [MinPerPart(tune=0, calibrate=0)], measurement)
    assert [check.name for check in result.checks] == ["rows to train", "rows to test"]
    assert result.opens


def test_declared_limits_replace_those_always_on():
    assert data_gate([]) == DEFAULT_DATA_GATE
    found = data_gate([MaxQuarantined(0.5), MaxViolations("a"), MaxViolations("b")])
    assert found == (
        MaxQuarantined(0.5),
        MaxViolations("a"),
        MaxViolations("b"),
        MaxDuplicates(0.01),
        MaxFeatureFailures(0.01),
        MinPerPart(),
        NoLeakage(),
        Drift(),
        Integrity(),
        LabelDelay(),
    )
    blocking = data_gate([Drift(blocking=True)])
    assert [check for check in blocking if isinstance(check, Drift)] == [Drift(blocking=True)]


@pytest.mark.parametrize(
    ("check", "row"),
    [
        (MinRows(5), {"check": "MinRows", "n": 5}),
        (Fresh("2d"), {"check": "Fresh", "age": 172_800_000_000}),
        (Fresh("48h"), {"check": "Fresh", "age": 172_800_000_000}),
        (
            MinPerPart(),
            {"check": "MinPerPart", "train": 200, "tune": 30, "calibrate": 30, "test": 100},
        ),
        (MaxViolations("a"), {"check": "MaxViolations", "column": "a", "share": 0.0}),
        (MaxMissing("a", 0.5), {"check": "MaxMissing", "column": "a", "share": 0.5}),
        (
            NoLeakage(allow=("b", "a")),
            {"check": "NoLeakage", "limit": 0.99, "allow": ["a", "b"]},
        ),
        (Drift(), {"check": "Drift", "psi": 0.1, "blocking": False}),
    ],
)
def test_declarations_have_a_canonical_row(check, row):
    assert check.to_row() == row


@pytest.mark.parametrize(
    ("declare", "where", "got"),
    [
        (lambda: MinRows(0), "MinRows", "0"),
        (lambda: MinRows(float("nan")), "MinRows", "nan"),
        (lambda: MinRows(True), "MinRows", "True"),
        (lambda: MaxQuarantined(1.5), "MaxQuarantined", "1.5"),
        (lambda: MaxDuplicates(-0.1), "MaxDuplicates", "-0.1"),
        (lambda: MaxFeatureFailures("1%"), "MaxFeatureFailures", "'1%'"),
        (lambda: MaxViolations("a", float("inf")), "MaxViolations('a')", "inf"),
        (lambda: Fresh("0d"), "Fresh", "0"),
        (lambda: MinPerPart(test=-1), "MinPerPart(test=…)", "-1"),
        (lambda: MinPerPart(train=0, tune=0, calibrate=0, test=0), "MinPerPart", "0"),
        (lambda: MaxQuarantined(1), "MaxQuarantined", "1"),
        (lambda: MaxDuplicates(1.0), "MaxDuplicates", "1.0"),
        (lambda: MaxFeatureFailures(1), "MaxFeatureFailures", "1"),
        (lambda: MaxViolations("a", 1), "MaxViolations('a')", "1"),
        (lambda: MaxMissing("a", 1), "MaxMissing('a')", "1"),
    ],
)
def test_a_limit_that_is_none_is_refused(declare, where, got):
    with pytest.raises(AuthorError) as refused:
        declare().validate()
    (mistake,) = refused.value.mistakes
    assert (mistake.code, mistake.where, mistake.got) == ("D150", where, got)


def test_the_message_of_a_bad_share():
    with pytest.raises(AuthorError) as refused:
        MaxQuarantined(10).validate()
    assert str(refused.value) == (
        "error[D150]: the limit of MaxQuarantined cannot be used\n"
        "  where: MaxQuarantined\n"
        "  expected: a finite number, 0 to 0.999\n"
        "  got: 10\n"
        "  fix: declare a limit that can be both met and missed"
    )
