"""Glyphs for verdicts and steps. A glyph always comes with its word, never alone.

>>> mark(Verdict.FAILED)
'✖ failed'
"""

from __future__ import annotations

from types import MappingProxyType

from interlock.report.content import StepStatus
from interlock.verdict import Check, Verdict

VERDICT = MappingProxyType(
    {
        Verdict.PASSED: "✔",
        Verdict.NOT_APPLICABLE: "–",
        Verdict.INCONCLUSIVE: "?",
        Verdict.FAILED: "✖",
        Verdict.ERROR: "!",
    }
)
STEP = MappingProxyType(
    {
        StepStatus.RAN: "✔",
        StepStatus.CACHED: "=",
        StepStatus.FAILED: "✖",
        StepStatus.WAIVED: "!",
        StepStatus.SKIPPED: "–",
    }
)


def mark(verdict: Verdict) -> str:
    """The verdict's glyph and word."""
    return f"{VERDICT[verdict]} {verdict.value}"


def severity(check: Check) -> int:
    """An order: what keeps the gate shut, then advice, then the rest; each the worst first."""
    rank = -20 if check.shuts else 0 if check.opens else -10
    return rank - tuple(Verdict).index(check.verdict)
