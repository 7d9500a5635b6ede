"""interlock client: a small installable package that asks the service of a release."""

from __future__ import annotations

from pathlib import Path

from interlock.data.request import RequestSchema
from interlock.release.bundle import Bundle, open_bundle
from interlock.serve.contract import AnswerContract, Contract
from interlock.serve.loaded.golden import read_golden
from interlock.serve.plan import Limits
from interlock.store.atomic import write_file
from interlock.use_cases.client_source import client_files
from interlock.use_cases.export import require_empty
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


def client(
    workspace: Workspace, product: str | None = None, *, what: str | None = None, out: Path
) -> list[Path]:
    """Write the client's files into a new folder; what was written, in order.

    Raises OperatorError E134 when the folder is not empty, IntegrityError when the bundle does not
    verify.
    """
    release = find_release(workspace, workspace.delivered_product(product), what)
    bundle = open_bundle(workspace.artifacts.tree(release.bundle), expected_digest=release.bundle)
    return write_client(contract_of(bundle, release.label), out)


def contract_of(bundle: Bundle, label: str) -> Contract:
    """What a verified bundle promises its consumers, under a service's usual limits."""
    limits = Limits()
    return Contract(
        product=bundle.product,
        label=label,
        digest=bundle.digest,
        request=RequestSchema.from_row(bundle.json("request.json")),
        answer=AnswerContract.from_row(bundle.json("answer.json")),
        example=read_golden(bundle.read("golden.json"))[0].request,
        max_rows=limits.rows,
        max_body_bytes=limits.body_bytes,
    )


def write_client(contract: Contract, out: Path) -> list[Path]:
    """The client's files, written. Raises OperatorError E134."""
    require_empty(out)
    written = []
    for name, text in sorted(client_files(contract).items()):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode())
        written.append(path)
    for name in ("curl.sh", "curl-outcome.sh"):
        (out / name).chmod(0o755)
    return written
