"""``interlock explain``."""

from __future__ import annotations

from interlock.cli.options import OUTPUT, Output
from interlock.cli.output import answer


def explain_command(code: str | None = None, /, *, options: Output = OUTPUT) -> None:
    """What an error code means, and what to do.

    Parameters
    ----------
    code
        A code such as M204 (default: list them all).
    """
    from interlock.use_cases import explain

    if code is None:
        pages = explain.pages()
        answer(
            "explain",
            options,
            lambda: {"codes": {page.code: page.title for page in pages}},
            lambda: [f"{page.code}  {page.title}" for page in pages],
        )
        return
    page = explain.explain(code)
    answer(
        "explain",
        options,
        lambda: {"code": page.code, "title": page.title, "text": page.text},
        lambda: [f"{page.code}: {page.title}", "", *page.text.splitlines()],
    )
