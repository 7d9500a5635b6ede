"""SVG elements as safe markup: every attribute and text is escaped, numbers are short.

>>> print(tag("text", "a < b", x=1.23456, class_="axis"))
<text x="1.2" class="axis">a &lt; b</text>
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from interlock.report.names import shown

_WIDTH_OF_CHARACTER = 0.56  # of the font size, on average for a sans-serif face


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; ``class_`` is written class, and ``stroke_width`` stroke-width."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    end = f">{inside}</{name}>" if children else "/>"
    return Markup(f"<{name}{written}{end}")  # noqa: S704  the one place where markup is made


def drawing(
    title: str, width: float, height: float, children: Iterable[object], *, class_: str = "chart"
) -> Markup:
    """A whole SVG picture with its title, which a screen reader speaks."""
    return tag(
        "svg",
        tag("title", shown(title, limit=300)),
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        class_=class_,
    )


def group(children: Iterable[object], **attributes: object) -> Markup:
    """A group of elements."""
    return tag("g", *children, **attributes)


def label(
    text: object,
    x: float,
    y: float,
    *,
    anchor: str | None = None,
    class_: str | None = None,
    room: float | None = None,
    size: float = 11,
) -> Markup:
    """A line of text, shortened in its middle where it would be wider than ``room``."""
    limit = 200 if room is None else max(3, int(room / (size * _WIDTH_OF_CHARACTER)))
    return tag("text", shown(text, limit=limit), x=x, y=y, text_anchor=anchor, class_=class_)


def text_width(text: str, *, size: float = 11) -> float:
    """About how wide the text is drawn: what :func:`label` needs as its room."""
    return (len(text) + 1) * size * _WIDTH_OF_CHARACTER


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("path", d=f"M{_value(x1)} {_value(y1)}L{_value(x2)} {_value(y2)}", class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """A line through points; closed, it may be filled."""
    steps = "L".join(f"{_value(x)} {_value(y)}" for x, y in points)
    return tag("path", d=f"M{steps}{'Z' if closed else ''}", class_=class_)


def box(x: float, y: float, width: float, height: float, class_: str, hint: str = "") -> Markup:
    """A rectangle; ``hint`` is shown under the pointer."""
    children = (tag("title", shown(hint)),) if hint else ()
    return tag("rect", *children, x=x, y=y, width=width, height=height, class_=class_)


def _value(value: object) -> str:
    """Numbers to a tenth of a unit, which no eye can tell from more."""
    if isinstance(value, float):
        text = f"{value:.1f}"
        text = text[:-2] if text.endswith(".0") else text
        return "0" if text == "-0" else text
    return str(value)
