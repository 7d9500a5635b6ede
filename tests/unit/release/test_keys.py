"""Keys: made once, kept from others, refused where they would leak."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from interlock.errors import OperatorError
from interlock.release.keys import PublicKey, SigningKey, key_file, load, load_or_create


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "interlock" / "signing-key.pem"


def test_a_key_is_made_on_first_use_and_kept(path, project):
    first = load_or_create(path, project=project)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert load_or_create(path, project=project).public == first.public
    assert [p.name for p in path.parent.iterdir()] == ["signing-key.pem"]


def test_a_loose_umask_changes_nothing(path, project):
    before = os.umask(0)
    try:
        load_or_create(path, project=project)
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o660, 0o602])
def test_a_key_that_others_can_read_is_refused(path, project, loose):
    load_or_create(path, project=project)
    path.chmod(loose)
    with pytest.raises(OperatorError) as caught:
        load(path)
    assert str(caught.value) == (
        "error[R130]: others can read the signing key\n"
        f"  where: {path}\n"
        "  expected: mode 0600\n"
        f"  got: mode {loose:04o}\n"
        f"  fix: chmod 600 {path}; if others may have read it, delete it and make a new one"
    )


def test_a_key_inside_the_project_is_refused_and_not_made(project, tmp_path):
    (tmp_path / "link").symlink_to(project)
    for path in (project / "k.pem", project / "a" / "k.pem", tmp_path / "link" / "k.pem"):
        with pytest.raises(OperatorError) as caught:
            load_or_create(path, project=project)
        assert caught.value.code == "R131"
        assert not path.exists()


def test_what_is_not_an_ed25519_key_is_refused(path):
    path.parent.mkdir(parents=True)
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for data in (b"", b"garbage", other):
        path.write_bytes(data)
        path.chmod(0o600)
        with pytest.raises(OperatorError) as caught:
            load(path)
        assert caught.value.code == "R132"


def test_a_public_key_travels_as_pem():
    key = SigningKey.generate()
    pem = key.public.pem()
    assert pem.startswith(b"-----BEGIN PUBLIC KEY-----")
    assert PublicKey.from_pem(pem) == key.public
    assert len(key.public.keyid) == 64
    with pytest.raises(OperatorError) as caught:
        PublicKey.from_pem(b"-----BEGIN", where="prod.pem")
    assert caught.value.code == "R132"


def test_the_private_half_shows_nowhere():
    key = SigningKey.generate()
    assert repr(key) == "SigningKey()"


def test_the_file_is_where_the_environment_says():
    assert key_file({"INTERLOCK_KEY_FILE": "/k/a.pem", "HOME": "/h"}) == Path("/k/a.pem")
    assert key_file({"HOME": "/h"}) == Path("/h/.config/interlock/signing-key.pem")


def test_processes_that_start_at_once_share_one_key(path, project):
    script = (
        "import sys; from pathlib import Path; from interlock.release.keys import load_or_create\n"
        "print(load_or_create(Path(sys.argv[1]), project=Path(sys.argv[2])).public.keyid)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(project)], stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    assert len({process.communicate()[0] for process in running}) == 1
