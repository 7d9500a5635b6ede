"""The bundle: whatever is changed, added, removed, swapped or linked, it does not open."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.digest import canonical_json, digest_bytes
from interlock.errors import IntegrityError
from interlock.release.bundle import open_bundle
from interlock.release.manifest import MANIFEST, seal


def refused(directory: Path, expected_digest: str | None = None) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        open_bundle(directory, expected_digest=expected_digest)
    return caught.value


def test_what_was_built_opens(make_bundle, files):
    bundle = make_bundle()
    again = open_bundle(bundle.directory)
    assert again == bundle
    assert again.directory.name == again.digest
    assert digest_bytes((bundle.directory / MANIFEST).read_bytes()) == bundle.digest
    assert dict(again.files) == files
    assert again.product == "valuation"
    assert again.inputs == {"snapshot": "5" * 64}
    assert again.candidate == "ridge"
    assert again.model_name == "model.onnx"
    assert again.packed == {"features": "def age(y):\n    return y\n"}
    assert again.json("candidate.json") == {"name": "ridge"}


def test_the_same_files_make_the_same_digest_in_any_order(files):
    named = {"product": "p", "inputs": {}, "candidate": "c", "schema": "s"}
    backwards = dict(reversed(files.items()))
    assert seal(files, **named)[0] == seal(backwards, **named)[0]


@pytest.mark.parametrize(
    "change",
    [{"product": "other"}, {"inputs": {"snapshot": "6" * 64}}, {"candidate": "x"}, {"schema": ""}],
)
def test_everything_in_the_manifest_is_in_the_digest(make_bundle, change):
    assert make_bundle().digest != make_bundle(**change).digest


def test_what_was_read_stays_although_the_file_changes(make_bundle):
    bundle = open_bundle(make_bundle().directory)
    (bundle.directory / "model.onnx").write_bytes(b"evil")
    assert bundle.read("model.onnx") == bytes(range(64))


def test_every_single_flipped_bit_is_found(make_bundle):
    directory = make_bundle().directory
    paths = [path for path in directory.rglob("*") if path.is_file()]
    assert len(paths) == 6
    for path in paths:
        data = path.read_bytes()
        with path.open("r+b", buffering=0) as stream:
            for bit in range(8 * len(data)):
                flipped = bytearray(data)
                flipped[bit // 8] ^= 1 << bit % 8
                stream.seek(0)
                stream.write(flipped)
                assert path.name in str(refused(directory))
            stream.seek(0)
            stream.write(data)
    open_bundle(directory)


def test_flipped_bits_of_a_big_model_are_found(make_bundle, files):
    size = 3_000_000
    directory = make_bundle({**files, "model.onnx": bytes(size)}).directory
    chance = random.Random(7)
    for bit in [0, 8 * size - 1, *(chance.randrange(8 * size) for _ in range(20))]:
        with (directory / "model.onnx").open("r+b") as stream:
            stream.seek(bit // 8)
            stream.write(bytes([1 << bit % 8]))
        assert refused(directory).code == "R107"
        with (directory / "model.onnx").open("r+b") as stream:
            stream.seek(bit // 8)
            stream.write(b"\0")
    open_bundle(directory)


def test_the_message_names_the_file_and_what_to_do(make_bundle):
    bundle = make_bundle()
    path = bundle.directory / "model.onnx"
    path.write_bytes(bytes(64))
    assert str(refused(bundle.directory)) == (
        "error[R107]: 'model.onnx' is not the file that was released\n"
        f"  where: {path}\n"
        f"  expected: {digest_bytes(bytes(range(64)))}\n"
        f"  got: {digest_bytes(bytes(64))}\n"
        "  fix: fetch the bundle again from where it was built; do not use this copy\n"
        "  untouched: what is live"
    )


@pytest.mark.parametrize("cut", [0, 1, 63])
def test_a_cut_file_is_found(make_bundle, cut):
    directory = make_bundle().directory
    (directory / "model.onnx").write_bytes(bytes(range(64))[:cut])
    assert refused(directory).code == "R107"


def test_a_grown_file_is_found_without_reading_it_all(make_bundle):
    directory = make_bundle().directory
    with (directory / "model.onnx").open("ab") as stream:
        stream.truncate(1 << 40)  # a sparse terabyte
    assert refused(directory).code == "R107"


@pytest.mark.parametrize(
    "name",
    ["extra.py", "model.skops", ".hidden", "packed/evil.py", "packed/__pycache__/x.pyc",
     "encoder.json", "features", "packed/.x", "model.pkl"],
)  # fmt: skip
def test_an_added_file_is_found(make_bundle, name):
    directory = make_bundle().directory
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).write_bytes(b"")
    assert refused(directory).code == "R106"


def test_an_added_empty_folder_is_found(make_bundle):
    directory = make_bundle().directory
    (directory / "more").mkdir()
    assert refused(directory).code == "R106"


@pytest.mark.parametrize(
    "name", ["model.onnx", "request.json", "packed/features.py", "manifest.json"]
)
def test_a_removed_file_is_found(make_bundle, name):
    directory = make_bundle().directory
    (directory / name).unlink()
    error = refused(directory)
    assert error.code == "R105"
    assert name in str(error)


def test_two_swapped_files_are_found(make_bundle):
    directory = make_bundle().directory
    one, other = directory / "request.json", directory / "features.json"
    first, second = one.read_bytes(), other.read_bytes()
    assert len(first) == len(second)
    one.write_bytes(second)
    other.write_bytes(first)
    assert refused(directory).code == "R107"


def test_a_model_of_another_release_is_found(make_bundle, files):
    old = make_bundle()
    new = make_bundle({**files, "model.onnx": bytes(64)})
    for name in ("model.onnx", MANIFEST):
        (new.directory / name).write_bytes((old.directory / name).read_bytes())
    assert refused(new.directory).code == "R104"
    (old.directory / "model.onnx").write_bytes(bytes(64))
    assert refused(old.directory).code == "R107"


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "packed/features.py"])
def test_a_link_to_the_same_bytes_is_refused(make_bundle, tmp_path, name):
    directory = make_bundle().directory
    (directory / name).rename(tmp_path / "elsewhere")
    (directory / name).symlink_to(tmp_path / "elsewhere")
    assert refused(directory).code == "R108"


def test_a_linked_folder_is_refused(make_bundle, tmp_path):
    directory = make_bundle().directory
    (directory / "packed").rename(tmp_path / "packed")
    (directory / "packed").symlink_to(tmp_path / "packed")
    assert refused(directory).code == "R108"


def test_a_pipe_in_place_of_a_file_does_not_hang(make_bundle):
    directory = make_bundle().directory
    (directory / "model.onnx").unlink()
    os.mkfifo(directory / "model.onnx")
    assert refused(directory).code == "R108"


def test_a_link_to_a_bundle_is_refused(make_bundle, tmp_path):
    bundle = make_bundle()
    (tmp_path / bundle.digest).symlink_to(bundle.directory)
    assert refused(tmp_path / bundle.digest).code == "R102"
    assert refused(tmp_path / ("0" * 64)).code == "R102"


def test_a_whole_other_bundle_is_refused_by_its_digest(make_bundle):
    one, other = make_bundle(), make_bundle(candidate="boosting")
    assert refused(one.directory, other.digest).code == "R104"
    other.directory.rename(other.directory.with_name("away"))
    one.directory.rename(other.directory)
    assert refused(other.directory).code == "R104"


def test_a_copy_under_another_name_needs_its_digest(make_bundle, tmp_path):
    bundle = make_bundle()
    bundle.directory.rename(tmp_path / "my bundle")
    assert refused(tmp_path / "my bundle").code == "R110"
    assert open_bundle(tmp_path / "my bundle", expected_digest=bundle.digest).files == bundle.files


@pytest.mark.parametrize(
    "name",
    ["../x.json", "/etc/passwd", "packed/../x.py", "packed/a/b.py", "packed/a..b.py", "packed/.py",
     "packed/a.py\n", "packed\\a.py", "PACKED/a.py", "model.pkl", "model.joblib", "manifest.json",
     "packed/a.pyc", "file:///x", "packed/%2e%2e.py", "packed/ä.py", "", "x.onnx.data"],
)  # fmt: skip
def test_names_outside_the_list_neither_build_nor_open(make_bundle, files, name):
    with pytest.raises(IntegrityError) as caught:
        make_bundle({**files, name: b""})
    assert caught.value.code == "R109"
    directory = make_bundle().directory
    manifest = json.loads((directory / MANIFEST).read_bytes())
    manifest["files"][name] = {"sha256": digest_bytes(b""), "size": 0}
    data = canonical_json(manifest)
    (directory / MANIFEST).write_bytes(data)
    assert refused(directory, digest_bytes(data)).code == "R109"


def test_names_that_one_disk_would_confuse_are_refused(make_bundle, files):
    with pytest.raises(IntegrityError) as caught:
        make_bundle({**files, "packed/Features.py": b""})
    assert caught.value.code == "R109"


@pytest.mark.parametrize("missing", ["request.json", "features.json", "candidate.json"])
def test_a_bundle_without_its_parts_is_not_built(make_bundle, files, missing):
    del files[missing]
    with pytest.raises(IntegrityError) as caught:
        make_bundle(files)
    assert caught.value.code == "R111"


def test_a_bundle_holds_exactly_one_model(make_bundle, files):
    with pytest.raises(IntegrityError) as caught:
        make_bundle({**files, "model.skops": b""})
    assert caught.value.code == "R111"
    del files["model.onnx"]
    with pytest.raises(IntegrityError) as caught:
        make_bundle(files)
    assert caught.value.code == "R111"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m.update(format=2),
        lambda m: m.update(format=True),
        lambda m: m.update(extra=1),
        lambda m: m.pop("inputs"),
        lambda m: m.update(files=[]),
        lambda m: m.update(inputs={"snapshot": 1}),
        lambda m: m.update(product=None),
        lambda m: m["files"]["model.onnx"].update(size=-1),
        lambda m: m["files"]["model.onnx"].update(size=64.0),
        lambda m: m["files"]["model.onnx"].update(size=True),
        lambda m: m["files"]["model.onnx"].update(sha256="../x"),
        lambda m: m["files"]["model.onnx"].update(sha256=None),
        lambda m: m["files"]["model.onnx"].update(path="/etc/passwd"),
    ],
)
def test_a_malformed_manifest_is_refused_although_its_digest_fits(make_bundle, spoil):
    directory = make_bundle().directory
    manifest = json.loads((directory / MANIFEST).read_bytes())
    spoil(manifest)
    data = canonical_json(manifest)
    (directory / MANIFEST).write_bytes(data)
    assert refused(directory, digest_bytes(data)).code == "R103"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data.replace(b'"format":1', b'"format":1,"format":1'),
        lambda data: data.replace(b'"ridge"', b'"\\u0072idge"'),
        lambda data: data.replace(b'"ridge"', b'"\\ud800"'),
        lambda data: data.replace(b'"ridge"', b"NaN"),
        lambda data: b"\xff" + data,
        lambda data: b"[" * 100_000,
        lambda data: b"",
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b'"size":64', b'"size":' + b"9" * 5_000),
    ],
)
def test_a_manifest_that_is_not_canonical_is_refused_although_its_digest_fits(make_bundle, spoil):
    directory = make_bundle().directory
    data = spoil((directory / MANIFEST).read_bytes())
    (directory / MANIFEST).write_bytes(data)
    assert refused(directory, digest_bytes(data)).code == "R103"


def test_the_service_opens_a_bundle_without_heavy_libraries():
    script = (
        "import sys, interlock.release.bundle, interlock.release.attest\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'sklearn', 'sqlalchemy', 'pandas', 'fsspec'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
