"""interlock deliver: a copy that could not be written is found before anything runs."""

from pathlib import Path
from typing import Any

import pytest

from interlock.errors import StoreError
from interlock.report.documents import JUNIT
from interlock.use_cases.deliver import deliver


class Untouched:
    """A workspace of which nothing may be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")


def test_a_copy_must_have_a_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "checks.xml"):
        with pytest.raises(StoreError) as found:
            deliver(Untouched(), copies={JUNIT: place})  # type: ignore[arg-type]
        assert found.value.code == "L102"
        assert found.value.mistakes[0].where == str(place)
