"""How much the service gate asks: in its quick form always, in its full form before prod.

The full form asks what the quick one does, and how the service starts, bears load, answers
generated requests and meets planned faults. Each form has a bound on its time that nothing moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Form(StrEnum):
    """The two forms of the service gate."""

    QUICK = "quick"
    FULL = "full"


LONGEST_SECONDS: Mapping[Form, float] = {Form.QUICK: 60.0, Form.FULL: 180.0}
"""After so long the gate ends whatever it started; what was not measured by then is an error."""
