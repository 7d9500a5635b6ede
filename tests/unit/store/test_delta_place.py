"""A folder in which no Delta table can stand is named before anything is written."""

from pathlib import Path

import pytest

from interlock.errors import OperatorError
from interlock.store.delta_place import require_delta_place

FIX = "write parts"


def refused(path, *, changes):
    try:
        require_delta_place(path, changes=changes, fix=FIX)
    except OperatorError as error:
        return error.code == "S190"
    return False


def test_what_is_said():
    with pytest.raises(OperatorError) as caught:
        require_delta_place(Path("/srv/a%20b/log"), changes=True, fix=FIX, untouched="the log")
    assert str(caught.value).splitlines() == [
        "error[S190]: a Delta table cannot stand in a folder of this name",
        "  where: /srv/a%20b/log",
        "  expected: no % with two digits behind it, no backslash, no control character, "
        "none of [ ] ^ |",
        "  got: '/srv/a%20b/log'",
        "  fix: write parts",
        "  untouched: the log",
    ]


@pytest.mark.parametrize(
    "name", ["a%20b", "%zz%2F", "back\\slash", "line\nbreak", "\x7f", "\udcff"]
)
def test_no_table_stands_there(name):
    assert refused(Path("/srv", name, "log"), changes=False)
    assert refused(Path("/srv", name, "log"), changes=True)


@pytest.mark.parametrize("name", ["a[b", "a]b", "a^b", "a|b"])
def test_a_table_stands_there_that_cannot_be_changed(name):
    assert not refused(Path("/srv", name), changes=False)
    assert refused(Path("/srv", name), changes=True)


@pytest.mark.parametrize("name", ["a b", "100%", "%zz", "a#b?c", "é漢🏠", "*'&+~;:\"`{}<>"])
def test_any_other_name_will_do(name):
    assert not refused(Path("/srv", name), changes=True)


def test_what_counts_is_where_a_link_leads(tmp_path):
    (tmp_path / "link").symlink_to("a%20b")
    assert refused(tmp_path / "link", changes=False)
