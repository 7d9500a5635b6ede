"""What the service gate measured, as the report is told of it: through JSON, of both forms."""

import json
from dataclasses import asdict, replace

from interlock.gates.service.faults import DISK_FULL, STORE_SLOW
from interlock.gates.service.form import Form
from interlock.gates.service.latency import P99Below
from interlock.gates.service.memory import MemoryBelow
from interlock.gates.service.stress import FaultOutcome, FuzzOutcome, LoadStep, LoadWindow
from interlock.pipeline.probes.found import Found, measurement
from interlock.pipeline.telling.service import limit_ms, tell_service
from interlock.verdict import Exemption


def told(found, form=Form.FULL):
    made = measurement(
        found, form=form, tolerance=0.0, has_contracts=False, parts={"load": 4.0}, overdue=""
    )
    return tell_service(json.loads(json.dumps(asdict(made))), 20.0)


def test_what_the_full_form_measured_is_told():
    step = LoadStep(
        offered=200,
        seconds=4.0,
        connections=32,
        limit_seconds=0.25,
        answered=199.5,
        windows=(LoadWindow(n=400, late=1, unanswered=1), LoadWindow(n=400, late=2, unanswered=0)),
        p50_seconds=0.001,
        p99_seconds=0.004,
    )
    disk = FaultOutcome(fault=DISK_FULL, asked=24, refused=23, wrong=("due 1",))
    slow = FaultOutcome(fault=STORE_SLOW, exempt=Exemption.LOCAL_STORE)
    found = told(
        Found(
            load=(step, replace(step, judged=False, p50_seconds=None, p99_seconds=None)),
            faults=(disk, slow),
            cold_starts=(0.5, 0.6),
            memory_bytes=121_000_000,
            fuzz=FuzzOutcome(operations=17, sent=1_000, fitting=500, wrong=("POST /",)),
        )
    )
    judged, shown = found.load
    assert (judged.n, judged.late, judged.limit_ms, judged.p50) == (800, 3, 250.0, 1.0)
    assert (judged.judged, shown.judged, shown.p99) == (True, False, None)
    first, second = found.faults
    assert (first.planned, first.refused, first.wrong, first.why) == (True, 23, 1, "due 1")
    assert (second.planned, second.why) == (False, "the online store is a folder on this machine")
    assert (found.starts, found.memory, found.generated) == ((0.5, 0.6), 121.0, 1_000)
    assert found.generated_wrong == ("POST /",)
    assert (found.form, found.parts) == ("full", (("load", 4.0),))


def test_the_quick_form_has_nothing_of_it():
    found = told(Found(), Form.QUICK)
    assert (found.form, found.load, found.faults, found.starts) == ("quick", (), (), ())
    assert (found.memory, found.generated) == (None, None)


def test_the_limit_of_the_latency_is_the_latencys_own():
    assert limit_ms([MemoryBelow("1GB"), P99Below("20ms")]) == 20.0
    assert limit_ms([MemoryBelow("1GB")]) is None
