"""``interlock client``."""

from __future__ import annotations

from pathlib import Path

from interlock.cli.options import OF_PRODUCT, OfProduct
from interlock.cli.output import answer
from interlock.wording import as_typed


def client_command(
    release: str | None = None, /, *, out: Path, options: OfProduct = OF_PRODUCT
) -> None:
    """Write a typed Python client of a release's service, its JSON Schema and a curl example.

    Parameters
    ----------
    release
        A label or the beginning of a digest (default: what is live).
    out
        The folder to make; it must be new or empty.
    """
    from interlock.cli.opening import opened
    from interlock.use_cases import client

    with opened(options) as workspace:
        files = client.client(workspace, options.product, what=release, out=out)
    folder = str(out) if len(out.parts) > 1 else f"./{out}"  # a bare name is one on pip's index
    lines = [f"✔ wrote {len(files)} files to {out}", f"next: pip install {as_typed(folder)}"]
    row = {"path": str(out), "files": [str(path.relative_to(out)) for path in files]}
    answer("client", options, lambda: row, lambda: lines)
