"""How long a delivery takes, beside what it cannot do without.

Four goals, in one run:

- *data gate to bundle* beside a bare script: of a first delivery of examples/valuation the seconds
  of every step from snapshot to bundle, as the delivery itself reports them (reading, quarantine,
  features, data gate, training tests, three candidates, their packaging, the model gate, the
  sealed bundle), divided by the seconds that bare_valuation.py takes to read the same file, build
  the same features, fit the same candidates once and predict the test rows. Each in a process of
  its own; libraries that are imported before the work begins count on neither side.
- *a delivery in which nothing changed*: its process from start to end, less that of a process that
  imports the user's own product module.
- ``import interlock`` and ``interlock --help``, each less ``python -c pass``.

The two sides of a comparison alternate, and what is stated is the median of their pairs: a shared
machine is noisy, and says little about seconds but something about ratios.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from figures import Figure, parser, show
from valuation import AS_OF, BLOCKED, INTERLOCK, copy

BARE = Path(__file__).resolve().parent / "bare_valuation.py"
TO_BUNDLE = ("snapshot", "features", "data", "training tests", "train", "model", "bundle")
SHOWN_MODULES = 8


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One first delivery beside one bare run, and what followed; all in seconds."""

    stages: dict[str, float]
    bare: float
    delivery_process: float
    bare_process: float
    unchanged_process: float
    product_process: float
    unchanged_processor: float
    product_processor: float

    @property
    def to_bundle(self) -> float:
        return sum(seconds for name, seconds in self.stages.items() if name in TO_BUNDLE)


def main() -> int:
    """Print the figures; 1 when a goal does not hold."""
    options = parser("Measure deliveries and start-up.")
    options.add_argument("--pairs", type=int, default=5, help="first deliveries and bare runs")
    options.add_argument("--starts", type=int, default=11, help="pairs of short processes")
    asked = options.parse_args()
    figures = [*delivery_figures(asked.pairs), *start_figures(asked.starts), *module_figures()]
    return show(figures, as_json=asked.json)


def delivery_figures(n_pairs: int) -> list[Figure]:
    """The two goals of a delivery, and the time by stage."""
    pairs = [measured_pair() for _ in range(n_pairs)]
    names = dict.fromkeys(name for p in pairs for name in p.stages)
    stages = {name: median(p.stages[name] for p in pairs if name in p.stages) for name in names}
    return [
        Figure(
            name="data gate to bundle ÷ bare script",
            value=median(p.to_bundle / p.bare for p in pairs),
            goal=2.0,
        ),
        *(Figure(name=f"{s}, s", value=v) for s, v in stages.items() if s in TO_BUNDLE),
        Figure(name="snapshot to bundle together, s", value=median(p.to_bundle for p in pairs)),
        Figure(name="bare script, s", value=median(p.bare for p in pairs)),
        Figure(
            name="apart: bare process with imports, s", value=median(p.bare_process for p in pairs)
        ),
        *(Figure(name=f"apart: {s}, s", value=v) for s, v in stages.items() if s not in TO_BUNDLE),
        Figure(
            name="apart: first delivery's process, to prod, s",
            value=median(p.delivery_process for p in pairs),
        ),
        Figure(
            name="nothing changed, beyond importing the product, s",
            value=median(p.unchanged_process - p.product_process for p in pairs),
            goal=1.0,
        ),
        Figure(
            name="the same in processor time, s",
            value=median(p.unchanged_processor - p.product_processor for p in pairs),
        ),
        Figure(name="importing the product, s", value=median(p.product_process for p in pairs)),
    ]


def measured_pair() -> Pair:
    """A fresh copy of the project, delivered twice, beside the bare script."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as place:
        project = copy(Path(place) / "valuation")
        environ = os.environ | {"XDG_CONFIG_HOME": str(Path(place) / "config")}
        deliver = [INTERLOCK, "deliver", "--as-of", AS_OF, "--json"]

        def ran(command: Sequence[str], *, allowed: tuple[int, ...] = (0,)) -> str:
            done = subprocess.run(
                command, cwd=project, env=environ, check=False, capture_output=True, text=True
            )
            if done.returncode not in allowed:
                raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stderr}")
            return done.stdout

        product = [sys.executable, "-c", "import product"]
        ran(product)  # its bytecode is written once, as in any project that was used before
        first, delivery_process = timed(lambda: ran(deliver, allowed=(0, BLOCKED)))
        if json.loads(first)["exit_code"] == BLOCKED:
            ran(deliver)  # the machine was too busy to judge latency: ask that gate once more
        bare, bare_process = timed(lambda: ran([sys.executable, str(BARE), ".", AS_OF]))
        start = processor()
        second, unchanged_process = timed(lambda: ran(deliver))
        middle = processor()
        _, product_process = timed(lambda: ran(product))
        end = processor()
    if json.loads(second)["delivery"]["status"] != "unchanged":
        raise SystemExit("the second delivery changed something")
    return Pair(
        stages={step["name"]: step["seconds"] for step in json.loads(first)["steps"]},
        bare=json.loads(bare)["seconds"],
        delivery_process=delivery_process,
        bare_process=bare_process,
        unchanged_process=unchanged_process,
        product_process=product_process,
        unchanged_processor=middle - start,
        product_processor=end - middle,
    )


def timed(act: Callable[[], str]) -> tuple[str, float]:
    """What it gives, and the seconds it took."""
    started = time.perf_counter()
    found = act()
    return found, time.perf_counter() - started


def processor() -> float:
    """The processor's seconds that ended child processes have taken; busy neighbours add little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def start_figures(n_pairs: int) -> list[Figure]:
    """Start-up beyond an empty Python process."""
    empty = [sys.executable, "-c", "pass"]
    cases = (
        (
            "import interlock, beyond python -c pass, s",
            [sys.executable, "-c", "import interlock"],
            0.1,
        ),
        ("interlock --help, beyond python -c pass, s", [INTERLOCK, "--help"], 0.2),
    )
    return [
        Figure(
            name=name,
            value=median(silent(command) - silent(empty) for _ in range(n_pairs)),
            goal=goal,
        )
        for name, command, goal in cases
    ]


def silent(command: Sequence[str]) -> float:
    """The seconds a process takes."""
    return timed(
        lambda: subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )[1]


def module_figures() -> list[Figure]:
    """The modules of which ``interlock --help`` needs most time, without what they import."""
    found = subprocess.run(
        [sys.executable, "-X", "importtime", INTERLOCK, "--help"],
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    rows = [row.removeprefix("import time:").split("|") for row in found.splitlines()]
    own = [
        (int(row[0]), row[2].strip()) for row in rows if len(row) == 3 and row[0].strip().isdigit()
    ]
    return [
        Figure(name=f"interlock --help imports {name}, s", value=microseconds / 1e6)
        for microseconds, name in sorted(own, reverse=True)[:SHOWN_MODULES]
    ]


if __name__ == "__main__":
    sys.exit(main())
