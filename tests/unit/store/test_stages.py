"""What stages put out: the last result counts, until it is forgotten."""

from dataclasses import replace

from ledger_rows import STAGE


def test_a_stage_result_is_found_by_its_key_and_the_last_counts(ledger):
    assert ledger.stages.get(STAGE.key) is None
    ledger.stages.put(STAGE, product="valuation")
    assert ledger.stages.get(STAGE.key) == STAGE
    ledger.stages.put(replace(STAGE, output=[1, None]), product="valuation")
    assert ledger.stages.get(STAGE.key) == replace(STAGE, output=[1, None])


def test_a_forgotten_stage_is_not_known_and_may_run_again(ledger):
    other = replace(STAGE, key="9" * 64)
    for stage in (STAGE, other):
        ledger.stages.put(stage, product="valuation")
    ledger.stages.forget([STAGE.key, "8" * 64], product="valuation", at=13)
    assert ledger.stages.get(STAGE.key) is None
    assert ledger.stages.get(other.key) == other
    assert ledger.altered_projections() == ()
    before = ledger.head()
    ledger.stages.forget([], product="valuation", at=13)
    assert ledger.head() == before
    ledger.stages.put(STAGE, product="valuation")
    assert ledger.stages.get(STAGE.key) == STAGE
    ledger.rebuild()
    assert ledger.stages.get(STAGE.key) == STAGE
