"""From a directory to a release that may answer, or an error and nothing.

The order is the promise: bytes verified → admitted by the environment's policy → features, encoder
and model loaded → golden answers computed again and compared → warmed up.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from interlock.errors import IntegrityError
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.scorers.opening import open_scorer
from interlock.serve.loaded.admission import require_admission
from interlock.serve.loaded.golden import check_golden, read_golden
from interlock.serve.loaded.release import LoadedRelease, OpenScorer, assemble
from interlock.serve.loaded.stored_history import open_history
from interlock.serve.plan import ServePlan

_WARM_UP = 3  # rounds over the golden rows


def load(
    directory: Path,
    plan: ServePlan,
    *,
    digest: str,
    label: str = "",
    scorer_of: OpenScorer = open_scorer,
    in_shadow: bool = False,
) -> LoadedRelease:
    """Verify, admit, load, compare, warm up; ``in_shadow``: it is to answer nobody.

    Raises IntegrityError, BlockedError, OperatorError.
    """
    if plan.digest is not None and digest != plan.digest:
        raise _refused("another bundle than the plan allows", plan.digest, digest)
    bundle = open_bundle(directory, expected_digest=digest)
    if bundle.product != plan.product:
        raise _refused("a bundle of another product", plan.product, bundle.product)
    require_admission(bundle, plan, in_shadow=in_shadow)
    try:
        release = assemble(bundle, plan, label=label, scorer_of=scorer_of)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable(bundle, error) from error
    rows = read_golden(bundle.read("golden.json"))
    for _ in range(_WARM_UP):
        check_golden(release, rows)
    return replace(
        release,
        contract=replace(release.contract, example=rows[0].request),
        history=open_history(
            release.histories, (*release.fields, *release.names), plan, os.environ
        ),
    )


def _unreadable(bundle: Bundle, error: Exception) -> IntegrityError:
    return IntegrityError(
        "S131",
        "the release's files do not fit this version of Interlock",
        where=str(bundle.directory),
        expected="request, features, encoder, answer as this version writes them",
        got=f"{type(error).__name__}: {error}",
        fix="serve it with the version it was built with, or build it again",
        untouched="what is live",
    )


def _refused(what: str, expected: str, got: str) -> IntegrityError:
    return IntegrityError(
        "S130",
        f"the service was pointed at {what}",
        expected=expected,
        got=got,
        fix="point it at the release it was planned for",
        untouched="what is live",
    )
