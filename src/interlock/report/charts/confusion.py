"""A confusion table as a heat map: rows are what was true, columns what was answered."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.report.charts.svg import box, drawing, label

_LEFT, _TOP, _RIGHT = 104, 52, 396


def confusion(title: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Each cell: its rows and their share of the true class; darker for a greater share."""
    size = (_RIGHT - _LEFT) / len(classes)
    tall = min(size, 74)
    parts: list[object] = [
        label("answered", (_LEFT + _RIGHT) / 2, 14, anchor="middle", class_="axis"),
        label("true", _LEFT - 8, _TOP - 8, anchor="end", class_="axis"),
    ]
    for j, name in enumerate(classes):
        x = _LEFT + size * (j + 0.5)
        parts.append(label(name, x, _TOP - 8, anchor="middle", class_="name", room=size - 2))
    for i, row in enumerate(counts):
        y = _TOP + tall * i
        parts.append(
            label(
                classes[i], _LEFT - 8, y + tall / 2 + 4, anchor="end", class_="name", room=_LEFT - 8
            )
        )
        for j, count in enumerate(row):
            parts.extend(_cell(count, sum(row), _LEFT + size * j, y, size, tall))
    return drawing(title, 400, _TOP + tall * len(classes) + 6, parts)


def _cell(count: int, of: int, x: float, y: float, size: float, tall: float) -> list[Markup]:
    share = count / of if of else 0.0
    shade = min(4, int(share * 5))
    text = "strong heat-text" + (" on-dark" if shade >= 3 else "")
    made = [box(x + 1, y + 1, size - 2, tall - 2, f"heat shade-{shade}")]
    middle = x + size / 2
    roomy = tall >= 40 and size >= 40
    made.append(
        label(
            f"{count:,}", middle, y + tall / 2 + (0 if roomy else 4), anchor="middle", class_=text
        )
    )
    if roomy:
        made.append(
            label(
                f"{share:.0%}".replace("%", " %"),
                middle,
                y + tall / 2 + 15,
                anchor="middle",
                class_=text.replace("strong ", ""),
            )
        )
    return made
