"""The rows that drift is measured on, and Evidently's drift preset on them.

Imports nothing of Interlock: bench/verdicts.py takes the rows from here, and runs this file with
the Python of an environment that has Evidently.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import numpy as np

NUMBERS = tuple(f"n{i}" for i in range(15))
CATEGORIES = tuple(f"c{i}" for i in range(5))
NAMES = np.array([f"v{i}" for i in range(30)], dtype=object)
SHARES = np.arange(30, 0, -1) / np.arange(30, 0, -1).sum()


def columns(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    """Fifteen numbers, one in twenty missing, and five categories of thirty values."""
    found: dict[str, Any] = {}
    for i, name in enumerate(NUMBERS):
        values = rng.standard_t(4, rows) if i % 3 else rng.normal(size=rows)
        values[rng.random(rows) < 0.05] = np.nan
        found[name] = values
    for name in CATEGORIES:
        found[name] = NAMES[rng.choice(len(NAMES), rows, p=SHARES)]
    return found


def main() -> None:
    """Print the processor seconds of the preset on so many rows, as JSON."""
    import pandas as pd  # noqa: PLC0415 - only that environment has them
    from evidently import Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    rows = int(sys.argv[1])
    before, now = (pd.DataFrame(columns(np.random.default_rng(seed), rows)) for seed in (1, 2))
    began = time.process_time()
    answer = Report([DataDriftPreset()]).run(now, before)
    worked = time.process_time() - began
    drifted = json.loads(answer.json())["metrics"][0]["value"]
    told = {
        "seconds": worked,
        "version": version("evidently"),
        "drifted": f"drifted columns {drifted}",
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
