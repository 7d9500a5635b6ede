"""Where nothing is live the error names the way there, and an environment that has a release."""

from types import SimpleNamespace

import pytest

from interlock.use_cases.absence import nothing_live


def workspace(**lives):
    """Environments as ever; ``lives`` are labels (or None) of what is live in some of them."""
    rows = {
        name: SimpleNamespace(label=label, bundle="0123456789abcdef")
        for name, label in lives.items()
    }
    return SimpleNamespace(
        environments=[SimpleNamespace(name=name) for name in ("dev", "staging", "prod")],
        ledger=SimpleNamespace(
            deployments=SimpleNamespace(last=lambda product, name: rows.get(name))
        ),
    )


@pytest.mark.parametrize(
    ("lives", "asked", "fix"),
    [
        ({}, "prod", "run `interlock deliver`"),
        ({}, "staging", "run `interlock deliver --to staging`"),
        (
            {"dev": "1.0.0", "staging": "1.1.0"},
            "prod",
            "run `interlock deliver`, or say `--environment staging`, where 1.1.0 is live",
        ),
        (
            {"prod": None},
            "dev",
            "run `interlock deliver --to dev`, or say `--environment prod`,"
            " where 0123456789ab is live",
        ),
    ],
)
def test_the_fix_leads_to_a_release(lives, asked, fix):
    error = nothing_live(workspace(**lives), "houses", asked, "to predict with")
    assert (error.code, str(error.mistakes[0].fix)) == ("E131", fix)
    assert "nothing is live to predict with" in str(error)
