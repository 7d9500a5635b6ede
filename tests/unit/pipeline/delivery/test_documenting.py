"""A report that cannot be drawn is said, and changes nothing that was done."""

import pytest

from interlock.errors import StoreError
from interlock.pipeline.delivery import documenting
from interlock.pipeline.delivery.documenting import document, told
from interlock.report.content import Content, Data
from interlock.report.documents import CARD, JUNIT, REPORT, SUMMARY

CONTENT = Content(product="houses", number=7, as_of=0, status="prod runs 1.0.0")


def broken(error=None):
    def fail(*_):
        raise error or KeyError("slices")

    return fail


def test_what_can_be_told_is_told_and_the_rest_is_named():
    parts, undrawn = told({"data": lambda: "rows", "evaluation": broken(), "service": lambda: None})
    assert parts == {"data": "rows"}
    assert undrawn == ["evaluation: KeyError: 'slices'"]


def test_a_sound_delivery_has_all_of_its_documents(tmp_path):
    found = document(CONTENT, tmp_path, [], more={CARD: lambda: "a card"})
    assert (found.content, found.undrawn, found.missing) == (CONTENT, (), frozenset())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        (CARD, JUNIT, REPORT, SUMMARY)
    )
    assert (tmp_path / CARD).read_text() == "a card"


def test_the_report_says_what_it_lacks(tmp_path):
    document(CONTENT, tmp_path, ["evaluation: KeyError: 'slices'"], more={})
    said = "not shown here: evaluation: KeyError: "
    assert said in (tmp_path / REPORT).read_text()
    assert "X140" in (tmp_path / REPORT).read_text()
    assert said in (tmp_path / SUMMARY).read_text()


def test_a_page_that_cannot_be_drawn_is_drawn_without_its_figures(tmp_path, monkeypatch):
    whole = documenting.documents

    def draw(content):
        return broken(ZeroDivisionError("an axis of nothing"))() if content.data else whole(content)

    monkeypatch.setattr(documenting, "documents", draw)
    data = Data(read=10, usable=9)
    found = document(Content(**{**vars(CONTENT), "data": data}), tmp_path, [], more={})
    assert found.undrawn == ("the report: ZeroDivisionError: an axis of nothing",)
    assert (found.missing, found.content.data) == (frozenset(), None)
    assert "an axis of nothing" in (tmp_path / REPORT).read_text()


@pytest.mark.parametrize("error", [ValueError(), MemoryError("all of it"), StoreError("L101", "x")])
def test_nothing_stands_where_nothing_could_be_drawn(tmp_path, monkeypatch, error):
    """Not even what an interrupted delivery of the same number had drawn."""
    (tmp_path / REPORT).write_text("of before")
    monkeypatch.setattr(documenting, "documents", broken(error))
    found = document(CONTENT, tmp_path, [], more={CARD: broken()})
    assert list(tmp_path.iterdir()) == []
    assert found.missing == {REPORT, JUNIT, SUMMARY, CARD}
    assert [said.partition(":")[0] for said in found.undrawn] == [
        "the report",
        "a report without its figures",
        CARD,
    ]


def test_what_cannot_be_written_is_named_and_the_others_are_there(tmp_path):
    (tmp_path / REPORT / "in the way").mkdir(parents=True)
    found = document(CONTENT, tmp_path, [], more={})
    assert found.missing == {REPORT}
    assert found.undrawn[0].startswith("report.html: ")
    assert (tmp_path / JUNIT).is_file()


def test_an_interruption_is_none_of_its_crashes(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        told({"data": broken(KeyboardInterrupt())})
