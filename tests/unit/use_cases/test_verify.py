"""What lies in the state folder is held to the ledger, and all that is wrong is told at once."""

import pytest

from interlock.deploy.pointer import pointer_path, publish
from interlock.errors import ExitCode, IntegrityError
from interlock.store.rows import DeploymentRow
from interlock.use_cases.verify import verify
from interlock.workspace import Workspace

ROW = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip


def test_a_damaged_pointer_hides_no_other(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.interlock.log]\n")
    (tmp_path / "product.py").touch()
    workspace = Workspace.open(tmp_path, {})
    pointers = workspace.places.pointers
    publish(pointers, ROW)
    damaged = pointer_path(pointers, "prod", "rents")
    damaged.write_bytes(pointer_path(pointers, "prod", "houses").read_bytes()[:-9])
    with pytest.raises(IntegrityError) as caught:
        verify(workspace)
    assert [mistake.code for mistake in caught.value.mistakes] == ["R165", "L120"]
    assert caught.value.exit_code == ExitCode.INTEGRITY
