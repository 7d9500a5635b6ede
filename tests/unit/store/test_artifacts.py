"""Artifacts: the contract that every place they are kept in must hold, and the local folder's."""

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
import uuid
from pathlib import Path

import pytest

from interlock.digest import digest_bytes
from interlock.errors import IntegrityError, OperatorError, StoreError
from interlock.store import atomic
from interlock.store.artifacts import ArtifactStore
from interlock.store.atomic import write_file

FILES = {"manifest.json": b"{}", "packed/a.py": b"A = 1\n"}
DIGEST = digest_bytes(b"a tree")


class Contract:
    """Every subclass gives a ``store``."""

    def test_what_is_put_can_be_got(self, store):
        digest = store.put(b"rows")
        assert digest == digest_bytes(b"rows")
        assert store.has(digest)
        assert store.get(digest) == b"rows"

    def test_twice_is_once(self, store):
        assert store.put(b"rows") == store.put(b"rows")

    def test_what_is_deleted_is_gone_and_twice_is_once(self, store):
        digest, other = store.put(b"rows"), store.put(b"others")
        store.delete(digest)
        store.delete(digest)
        assert not store.has(digest)
        assert store.get(other) == b"others"
        assert store.put(b"rows") == digest
        assert store.get(digest) == b"rows"

    def test_absent_is_not_corrupt(self, store):
        with pytest.raises(StoreError) as caught:
            store.get("0" * 64)
        assert caught.value.code == "L103"
        assert not store.has("0" * 64)

    def test_other_bytes_than_stored_are_refused(self, store):
        digest = store.put(b"rows")
        with store.filesystem.open(store.path(digest), "wb") as stream:
            stream.write(b"rowz")
        with pytest.raises(IntegrityError) as caught:
            store.get(digest)
        assert caught.value.code == "R101"
        assert caught.value.mistakes[0].expected == digest
        assert caught.value.mistakes[0].got == digest_bytes(b"rowz")

    @pytest.mark.parametrize("name", ["../" * 20 + "etc/passwd", "0" * 63 + "/", "", ".." * 32])
    def test_a_name_that_is_no_digest_never_becomes_a_path(self, store, name):
        for act in (store.get, store.has, store.path):
            with pytest.raises(StoreError) as caught:
                act(name)
            assert caught.value.code == "L105"


class TestMemory(Contract):
    @pytest.fixture
    def store(self, tmp_path):
        return ArtifactStore.open(f"memory://{uuid.uuid4()}")

    def test_trees_need_a_folder(self, store):
        with pytest.raises(OperatorError) as caught:
            store.put_tree(DIGEST, FILES)
        assert caught.value.code == "L106"


class TestLocal(Contract):
    @pytest.fixture
    def store(self, tmp_path):
        return ArtifactStore.open(tmp_path / "a place with spaces #1")

    def test_a_damaged_blob_is_set_aside_and_written_anew(self, store):
        digest = store.put(b"rows")
        Path(store.path(digest)).write_bytes(b"rowz")
        assert store.put(b"rows") == digest
        assert store.get(digest) == b"rows"
        (kept,) = (Path(store.root) / "refused").iterdir()
        assert kept.read_bytes() == b"rowz"

    def test_what_is_deleted_leaves_nothing_aside(self, store):
        digest = store.put(b"rows")
        Path(store.path(digest)).write_bytes(b"damaged rows")
        store.put(b"rows")
        store.put_tree(DIGEST, FILES)
        (store.tree(DIGEST) / "manifest.json").write_bytes(b"damaged")
        store.put_tree(DIGEST, FILES)
        assert len(list(Path(store.root, "refused").iterdir())) == 2
        for _ in range(2):
            store.delete(digest)
            store.delete_tree(DIGEST)
        assert not store.has_tree(DIGEST)
        assert [path for path in Path(store.root).rglob("*") if path.is_file()] == []

    def test_a_tree_stands_as_given(self, store):
        directory = store.put_tree(DIGEST, FILES)
        assert directory == Path(store.root) / "bundles" / DIGEST
        assert {
            str(p.relative_to(directory)): p.read_bytes()
            for p in directory.rglob("*")
            if p.is_file()
        } == FILES
        assert store.has_tree(DIGEST)
        assert store.put_tree(DIGEST, FILES) == directory
        assert [p.name for p in directory.parent.iterdir()] == [DIGEST]

    def test_a_damaged_tree_is_set_aside_and_written_anew(self, store):
        directory = store.put_tree(DIGEST, FILES)
        (directory / "extra").write_bytes(b"")
        store.put_tree(DIGEST, FILES)
        assert not (directory / "extra").exists()
        (kept,) = (Path(store.root) / "refused").iterdir()
        assert (kept / "extra").exists()

    def test_full_disk_while_a_tree_is_written_shows_nothing(self, store, monkeypatch):
        real = os.fsync
        calls = []

        def full(descriptor):
            calls.append(descriptor)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        monkeypatch.setattr(atomic.os, "fsync", full)
        with pytest.raises(StoreError) as caught:
            store.put_tree(DIGEST, FILES)
        directory = store.tree(DIGEST)
        assert str(caught.value) == (
            "error[L101]: the disk is full\n"
            f"  where: {directory}\n"
            "  got: No space left on device\n"
            "  fix: free some space, then run the same command again\n"
            "  untouched: what was stored before"
        )
        assert list(directory.parent.iterdir()) == []

    def test_full_disk_while_a_blob_is_written_shows_nothing(self, store, monkeypatch):
        def full(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(atomic.os, "fsync", full)
        with pytest.raises(StoreError) as caught:
            store.put(b"rows")
        assert caught.value.code == "L101"
        assert [p for p in Path(store.root).rglob("*") if p.is_file()] == []

    def test_a_file_that_the_system_refuses_to_grow_shows_nothing(self, store):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(StoreError) as caught:
                store.put(bytes(1_000_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.code == "L101"
        assert [p for p in Path(store.root).rglob("*") if p.is_file()] == []

    def test_a_place_that_is_a_file_is_said_plainly(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreError) as caught:
            ArtifactStore.open(tmp_path / "file").put(b"rows")
        assert caught.value.code == "L102"

    def test_sweep_removes_only_what_killed_writers_left(self, store):
        directory = store.put_tree(DIGEST, FILES)
        digest = store.put(b"rows")
        left = directory.parent / ".partial-0123"
        left.mkdir()
        (left / "manifest.json").write_bytes(b"{")
        (directory.parent / ".partial-4567").write_bytes(b"")
        assert store.sweep(before_seconds=left.stat().st_mtime - 60) == 0
        assert store.sweep(before_seconds=left.stat().st_mtime + 60) == 2
        assert store.has_tree(DIGEST)
        assert store.get(digest) == b"rows"


KILLED = textwrap.dedent("""
    import os, sys
    from pathlib import Path
    from interlock.store import atomic
    from interlock.store.artifacts import ArtifactStore

    root, survive = sys.argv[1], int(sys.argv[2])
    steps = [0]
    def dying(real):
        def step(*arguments, **named):
            steps[0] += 1
            if steps[0] > survive:
                os.kill(os.getpid(), 9)
            return real(*arguments, **named)
        return step
    os.open, os.fsync, Path.rename = dying(os.open), dying(os.fsync), dying(Path.rename)
    store = ArtifactStore.open(root)
    store.put_tree("d" * 64, {"manifest.json": b"{}", "packed/a.py": b"A = 1"})
    print("whole")
""")


def test_killed_at_any_step_a_tree_is_whole_or_not_there(tmp_path):
    outcomes = set()
    for survive in range(0, 16, 2):
        store = ArtifactStore.open(tmp_path / str(survive))
        child = subprocess.run(
            [sys.executable, "-c", KILLED, store.root, str(survive)], capture_output=True, text=True
        )
        assert child.returncode in (0, -signal.SIGKILL), child.stderr
        directory = store.tree("d" * 64)
        outcomes.add(directory.exists())
        if directory.exists():
            found = sorted(p.name for p in directory.rglob("*") if p.is_file())
            assert found == ["a.py", "manifest.json"]
            assert (directory / "packed" / "a.py").read_bytes() == b"A = 1"
    assert outcomes == {True, False}


def test_a_reader_sees_old_or_new_bytes_while_a_file_is_replaced(tmp_path):
    path = tmp_path / "pointer"
    write_file(path, b"a" * 10_000)
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path\n"
            "from interlock.store.atomic import write_file\n"
            "for k in range(100): write_file(Path(sys.argv[1]), (b'a', b'b')[k % 2] * 10_000)",
            str(path),
        ]
    )
    seen = set()
    while child.poll() is None:
        seen.add(path.read_bytes())
    assert seen <= {b"a" * 10_000, b"b" * 10_000}
    assert child.returncode == 0
