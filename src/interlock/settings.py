"""Settings: ``[tool.interlock]`` of the project's pyproject.toml, and what the environment says.

Invariants: nothing is read in passing (the environment is an argument); unknown keys are mistakes,
all reported together; without a pyproject.toml the defaults hold.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlock.errors import Mistake, OperatorError

DEFAULT_ENVIRONMENTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {"allow_dirty": True},
    "staging": {"allow_dirty": True},
    "prod": {"allow_dirty": False},
}
_KNOWN: Mapping[str, type] = {
    "products": list,
    "state": str,
    "environments": dict,
    "service": dict,
}
_ENVIRONMENT_KEYS: Mapping[str, type] = {"allow_dirty": bool, "trusted_keys": list}
_SERVICE_KEYS: Mapping[str, type] = {
    "host": str,
    "port": int,
    "token_file": str,
    "ack": str,
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where a project keeps things and what its environments ask for.

    ``state_dir`` holds everything Interlock writes; ``key_file`` the signing key, outside the
    project.
    """

    project_dir: Path
    state_dir: Path
    product_files: tuple[str, ...] = ("product.py",)
    environments: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: DEFAULT_ENVIRONMENTS
    )
    service: Mapping[str, Any] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)


def load_settings(project_dir: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a project. Raises OperatorError with every mistake in them."""
    project_dir = project_dir.resolve()
    declared = _declared(project_dir / "pyproject.toml")
    mistakes = list(_mistakes(declared))
    if mistakes:
        raise OperatorError.of(mistakes)
    environments = {
        name: {
            **DEFAULT_ENVIRONMENTS.get(name, {}),
            **declared.get("environments", {}).get(name, {}),
        }
        for name in [*DEFAULT_ENVIRONMENTS]
    }
    return Settings(
        project_dir=project_dir,
        state_dir=project_dir / declared.get("state", ".interlock"),
        product_files=tuple(declared.get("products", ["product.py"])),
        environments=environments,
        service=declared.get("service", {}),
        environ=dict(environ),
    )


def _declared(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(
            "C150",
            "pyproject.toml cannot be read",
            where=str(path),
            expected="TOML",
            got=str(error),
            fix="correct the file",
        ) from None
    found = document.get("tool", {}).get("interlock", {})
    return dict(found) if isinstance(found, dict) else {"": found}


def _mistakes(declared: Mapping[str, Any]) -> Iterator[Mistake]:
    yield from _wrong("tool.interlock", declared, _KNOWN)
    service = declared.get("service", {})
    if isinstance(service, dict):
        yield from _wrong("tool.interlock.service", service, _SERVICE_KEYS)
    environments = declared.get("environments", {})
    for name, values in environments.items() if isinstance(environments, dict) else ():
        where = f"tool.interlock.environments.{name}"
        if name not in DEFAULT_ENVIRONMENTS:
            yield _mistake(where, ", ".join(DEFAULT_ENVIRONMENTS), name, "use one of those names")
        elif isinstance(values, dict):
            yield from _wrong(where, values, _ENVIRONMENT_KEYS)


def _wrong(where: str, values: Mapping[str, Any], known: Mapping[str, type]) -> Iterator[Mistake]:
    for key, value in values.items():
        if key not in known:
            yield _mistake(where, f"one of {', '.join(known)}", key, "correct or remove the key")
        elif not isinstance(value, known[key]):
            wanted = known[key].__name__
            yield _mistake(f"{where}.{key}", f"a {wanted}", repr(value), "correct the value")


def _mistake(where: str, expected: str, got: str, fix: str) -> Mistake:
    return Mistake(
        code="C151",
        what="a setting is not understood",
        where=f"pyproject.toml: {where}",
        expected=expected,
        got=got,
        fix=fix,
    )
