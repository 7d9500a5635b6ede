"""The names of reference lines: none is crossed by another line where that can be had."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.report.charts.references import Reference, arrange

WIDTH = 600.0


def _span(text: str, place: float, right: bool) -> tuple[float, float]:
    width = len(text) * 6.4
    return (place + 5, place + 5 + width) if right else (place - 5 - width, place - 5)


@given(
    places=st.lists(st.floats(150, 450), min_size=2, max_size=2),
    texts=st.lists(st.text("abc", min_size=1, max_size=20), min_size=2, max_size=2),
)
def test_the_name_of_one_line_is_not_crossed_by_the_other(
    places: list[float], texts: list[str]
) -> None:
    references = [
        Reference(value=place, text=text) for place, text in zip(places, texts, strict=True)
    ]
    placed = arrange(references, places, 0.0, WIDTH)
    assert sorted(one.row for one in placed) == [0, 1]
    spans = [
        _span(*given) for given in zip(texts, places, [one.right for one in placed], strict=True)
    ]
    for one, (low, high) in zip(placed, spans, strict=True):
        assert 0 <= low <= high <= WIDTH
        above = [p for p, other in zip(places, placed, strict=True) if other.row < one.row]
        assert not any(low < place < high for place in above)


def test_many_lines_each_have_a_row() -> None:
    references = [Reference(value=float(i), text="a name") for i in range(9)]
    placed = arrange(references, [60.0 * i for i in range(9)], 0.0, WIDTH)
    assert [one.row for one in placed] == list(range(9))
    assert placed[0].right
    assert not placed[-1].right


def test_a_name_at_the_rim_stands_inside() -> None:
    references = [Reference(value=1.0, text="champion 12.8 %")]
    assert arrange(references, [3.0], 0.0, WIDTH)[0].right
    assert not arrange(references, [597.0], 0.0, WIDTH)[0].right
