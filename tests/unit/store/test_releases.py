"""Releases in the ledger: a bundle has one label, a label one bundle."""

from dataclasses import replace

import pytest
from ledger_rows import RELEASE

from interlock.errors import OperatorError


def test_a_bundle_has_one_release_and_a_label_one_bundle(ledger):
    assert ledger.releases.add(RELEASE) == RELEASE
    assert ledger.releases.add(replace(RELEASE, label="9.9.9", delivery="d2")) == RELEASE
    assert ledger.releases.get("a" * 64) == RELEASE
    assert ledger.releases.labelled("valuation", "1.0.0") == RELEASE
    assert ledger.releases.labelled("valuation", "9.9.9") is None
    with pytest.raises(OperatorError) as caught:
        ledger.releases.add(replace(RELEASE, bundle="b" * 64))
    assert caught.value.code == "E111"
    second = replace(RELEASE, bundle="b" * 64, label="1.0.1")
    ledger.releases.add(second)
    assert ledger.releases.newest("valuation") == [second, RELEASE]
    assert ledger.releases.newest("valuation", limit=1) == [second]
