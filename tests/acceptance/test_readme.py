"""The README's example is taken from the page and delivered."""

import re
import shutil
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
def project(make_project, tmp_path):
    """A folder with the printed file and the sales beside it, and nothing else."""
    made = make_project(tmp_path / "as printed", product=printed_example())
    shutil.copy(SALES, made.folder / "data" / "sales.parquet")
    made.change('il.P99Below("20ms")', 'il.P99Below("10s")')  # a busy machine that runs tests
    return made


def test_the_printed_example_is_checked_and_delivered(project):
    checked = project.run("check", NO_COLOR="1")
    assert checked.code == 0, checked.err
    assert checked.out.splitlines()[0] == "✔ valuation: the declaration holds together"
    delivered = project.run("deliver", "--as-of", "1997-06-30", NO_COLOR="1")
    assert delivered.code == 0, delivered.err
    assert "✔ delivered: prod runs 1.0.0" in delivered.out


def test_asked_for_more_than_the_rows_can_show_the_model_gate_is_inconclusive(project):
    project.change('il.Below("mdape", 0.18)', 'il.Below("mdape", 0.15)')
    blocked = project.run("deliver", "--as-of", "1997-06-30", NO_COLOR="1")
    assert blocked.code == 3, blocked.err
    assert "? mdape below 15 %" in blocked.err
    assert "inconclusive" in blocked.err
    assert "no release made, nothing is live in prod" in blocked.out
