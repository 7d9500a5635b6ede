"""A delivery told to each of its readers: people, a pull request, a machine that reads tests.

>>> content = Content(product="p", number=1, as_of=0, status="It stopped.")
>>> sorted(documents(content))
['junit.xml', 'report.html', 'summary.md']
"""

from __future__ import annotations

from interlock.report.content import Content
from interlock.report.html import render
from interlock.report.junit import junit
from interlock.report.markdown import summary

REPORT, JUNIT, SUMMARY = "report.html", "junit.xml", "summary.md"
CARD = "card.md"  # only where a bundle was made


def documents(content: Content) -> dict[str, bytes]:
    """Each document by its file's name; equal contents give equal bytes."""
    return {
        REPORT: render(content).encode(),
        JUNIT: junit(content),
        SUMMARY: summary(content).encode(),
    }
