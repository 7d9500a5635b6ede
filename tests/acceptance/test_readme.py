"""The README's example is taken from the page and delivered."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SALES = ROOT / "examples" / "valuation" / "data" / "sales.parquet"


def printed_example() -> str:
    """The one Python block that declares a product."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
    (found,) = [block for block in blocks if "il.Product(" in block]
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the printed file and the sales beside it, and nothing else."""
    place = tmp_path / "as printed"
    (place / "data").mkdir(parents=True)
    shutil.copy(SALES, place / "data" / "sales.parquet")
    (place / "product.py").write_text(printed_example(), encoding="utf-8")
    return place


def interlock(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CONFIG_HOME": str(project.parent / "config"), "NO_COLOR": "1"}
    environment["PYTHONIOENCODING"] = "utf-8"
    return subprocess.run(
        [sys.executable, "-m", "interlock", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )


def test_the_printed_example_is_checked_and_delivered(project: Path) -> None:
    checked = interlock(project, "check")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout == "✔ valuation: the declaration holds together\n"
    delivered = interlock(project, "deliver", "--as-of", "1997-06-30")
    assert delivered.returncode == 0, delivered.stderr
    assert "✔ delivered: prod runs 1.0.0" in delivered.stdout


def test_asked_for_more_than_the_rows_can_show_the_model_gate_is_inconclusive(
    project: Path,
) -> None:
    file = project / "product.py"
    declared = file.read_text(encoding="utf-8")
    assert 'il.Below("mdape", 0.18)' in declared
    file.write_text(declared.replace('"mdape", 0.18', '"mdape", 0.15'), encoding="utf-8")
    blocked = interlock(project, "deliver", "--as-of", "1997-06-30")
    assert blocked.returncode == 3, blocked.stderr
    assert "? mdape below 15 %" in blocked.stderr
    assert "inconclusive" in blocked.stderr
    assert "no release made, nothing is live in prod" in blocked.stdout
