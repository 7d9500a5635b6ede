"""One self-contained HTML file for a delivery: no script, nothing loaded, the same bytes twice.

It is complete with JavaScript off, reads in light, dark and print, and stays under
:data:`MOST_BYTES`: where the full page would be larger, lists are cut and what is left out is
counted on the page.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from interlock.report.content import Content
from interlock.report.names import shown
from interlock.report.page import page
from interlock.report.sections.table import Limits

MOST_BYTES = 300_000

_LIMITS = (
    Limits(),
    Limits(
        shut_checks=40,
        open_checks=60,
        drawn_columns=30,
        listed_columns=200,
        table_rows=25,
        figures=4,
        figure_rows=40,
    ),
    Limits(
        shut_checks=20,
        open_checks=20,
        drawn_columns=12,
        listed_columns=0,
        table_rows=8,
        figures=2,
        figure_rows=16,
        evidence=300,
    ),
    Limits(
        shut_checks=8,
        open_checks=4,
        drawn_columns=4,
        listed_columns=0,
        table_rows=2,
        figures=1,
        figure_rows=6,
        evidence=0,
    ),
    Limits(
        shut_checks=8,
        open_checks=4,
        drawn_columns=4,
        listed_columns=0,
        table_rows=2,
        figures=1,
        figure_rows=0,
        evidence=0,
    ),
)


def render(content: Content) -> str:
    """The whole page as text, to be written as UTF-8."""
    text = ""
    for limits in _LIMITS:
        text = _environment().get_template("report.html.j2").render(page=page(content, limits))
        if len(text.encode()) < MOST_BYTES:
            break
    return text


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("interlock.report", "templates"),
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _safe(value: object) -> object:
    """What every expression of the template passes through: no invisible character comes out.

    A number and its per cent sign are kept on one line.
    """
    if isinstance(value, Markup):
        return value
    return shown(value, limit=2_000).replace(" %", "\u00a0%")
