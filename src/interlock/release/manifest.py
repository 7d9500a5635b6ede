"""What a bundle may hold: the names of its files, and the manifest that lists them.

Rules: names come from a closed list; the manifest is canonical JSON of the shape of format 1, so no
two manifests say the same thing. Pure functions of bytes; the directory is
:mod:`interlock.release.bundle`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from interlock.digest import canonical_json, digest_bytes, is_digest, parse_canonical
from interlock.errors import IntegrityError

FORMAT = 1
MANIFEST = "manifest.json"
ModelFormat = Literal["onnx", "skops", "lightgbm", "xgboost"]
MODEL_FORMATS: Mapping[str, ModelFormat] = {
    "model.onnx": "onnx",
    "model.skops": "skops",
    "model.lgb.txt": "lightgbm",
    "model.xgb.ubj": "xgboost",
}
"""The file that holds a model says its format."""
MODELS = tuple(MODEL_FORMATS)
REQUIRED = ("request.json", "features.json", "candidate.json")
_OTHERS = (
    "encoder.json",
    "answer.json",
    "profile.json",
    "golden.json",
    "coverage.json",
    "card.json",
    "background.json",
)
_NAMES = frozenset((*MODELS, *REQUIRED, *_OTHERS))
_PACKED = re.compile(r"packed/[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}){0,7}\.py")
_KEYS = {"format", "product", "files", "inputs", "candidate", "schema"}
_AGAIN = "fetch the bundle again from where it was built; do not use this copy"


def seal(
    files: Mapping[str, bytes],
    *,
    product: str,
    inputs: Mapping[str, str],
    candidate: str,
    schema: str,
) -> tuple[str, dict[str, bytes]]:
    """The digest, and the files with their manifest. Raises IntegrityError R109 or R111."""
    _check_names(files, where="the bundle to build")
    manifest = {
        "format": FORMAT,
        "product": product,
        "files": {
            name: {"sha256": digest_bytes(data), "size": len(data)} for name, data in files.items()
        },
        "inputs": dict(inputs),
        "candidate": candidate,
        "schema": schema,
    }
    data = canonical_json(manifest)
    checked_manifest(data, where="the bundle to build")
    return digest_bytes(data), {MANIFEST: data, **files}


def checked_manifest(data: bytes, *, where: str) -> dict[str, Any]:
    """The manifest in these bytes. Raises IntegrityError R103, R109 or R111."""
    try:
        manifest = parse_canonical(data)
    except ValueError as error:
        raise refused(
            "R103", f"{MANIFEST} cannot be read", where, "canonical JSON", str(error)
        ) from None
    problem = _shape_problem(manifest)
    if problem:
        raise refused("R103", f"{MANIFEST} is malformed", where, *problem)
    _check_names(manifest["files"], where=where)
    checked: dict[str, Any] = manifest
    return checked


def _check_names(names: Mapping[str, Any], *, where: str) -> None:
    for name in names:
        if name not in _NAMES and not _PACKED.fullmatch(name):
            raise refused(
                "R109",
                f"a bundle cannot hold a file of the name {name!r}",
                where,
                f"{', '.join(sorted(_NAMES))} or packed/<module>.py",
                repr(name),
            )
    if len({name.casefold() for name in names}) != len(names):
        raise refused(
            "R109",
            "two files of a bundle differ only in upper and lower case",
            where,
            "names that stay apart on every file system",
            ", ".join(sorted(names)),
        )
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise refused("R111", f"a bundle needs {missing[0]}", where, missing[0], "no such file")
    models = [name for name in MODELS if name in names]
    if len(models) != 1:
        raise refused(
            "R111",
            "a bundle holds exactly one model",
            where,
            f"one of {', '.join(MODELS)}",
            ", ".join(models) or "none",
        )


def _shape_problem(manifest: Any) -> tuple[str, str] | None:
    """What was expected and found, if the manifest has not the shape of format 1."""
    if not isinstance(manifest, dict) or set(manifest) != _KEYS:
        found = sorted(manifest) if isinstance(manifest, dict) else type(manifest).__name__
        return f"the keys {sorted(_KEYS)}", str(found)
    if type(manifest["format"]) is not int or manifest["format"] != FORMAT:
        return f"format {FORMAT}", repr(manifest["format"])
    for key in ("product", "candidate", "schema"):
        if not isinstance(manifest[key], str):
            return f"{key} as a string", repr(manifest[key])[:100]
    inputs, files = manifest["inputs"], manifest["files"]
    if not isinstance(inputs, dict) or not all(isinstance(v, str) for v in inputs.values()):
        return "inputs as strings by name", repr(inputs)[:100]
    if not isinstance(files, dict) or not all(map(_is_file_entry, files.values())):
        return "files with sha256 and size", repr(files)[:100]
    return None


def _is_file_entry(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) == {"sha256", "size"}
        and isinstance(entry["sha256"], str)
        and is_digest(entry["sha256"])
        and type(entry["size"]) is int
        and entry["size"] >= 0
    )


def refused(code: str, what: str, where: Path | str, expected: str, got: str) -> IntegrityError:
    """The error of bytes that are not a bundle's, or not this one's."""
    return IntegrityError(
        code,
        what,
        where=str(where),
        expected=expected,
        got=got,
        fix=_AGAIN,
        untouched="what is live",
    )
