"""Settings: ``[tool.interlock]`` of the project's pyproject.toml, and what the environment says.

Invariants: nothing is read in passing (the environment is an argument); unknown keys are mistakes,
all reported together; without a pyproject.toml the defaults hold.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from interlock.errors import Mistake, OperatorError

DEFAULT_ENVIRONMENTS: Mapping[str, Mapping[str, Any]] = {
    "dev": {"allow_dirty": True},
    "staging": {"allow_dirty": True},
    "prod": {"allow_dirty": False},
}
_TEXT, _TEXTS, _TABLE = "a string", "a list of strings", "a table"
_NUMBER, _SWITCH = "a whole number", "true or false"
_FITS: Mapping[str, Callable[[Any], bool]] = {
    _TEXT: lambda value: isinstance(value, str),
    _TEXTS: lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value),
    _TABLE: lambda value: isinstance(value, dict),
    _NUMBER: lambda value: isinstance(value, int) and not isinstance(value, bool),
    _SWITCH: lambda value: isinstance(value, bool),
}
_KNOWN = {
    "products": _TEXTS,
    "state": _TEXT,
    "environments": _TABLE,
    "service": _TABLE,
    "online": _TABLE,
    "log": _TABLE,
}
_ENVIRONMENT_KEYS = {
    "allow_dirty": _SWITCH,
    "present_champion": _SWITCH,
    "full_service_gate": _SWITCH,
    "allow_pinned_arm": _SWITCH,
    "waivable": _TEXTS,
}
_SERVICE_KEYS = {
    "host": _TEXT,
    "port": _NUMBER,
    "workers": _NUMBER,
    "token_file": _TEXT,
    "ack": _TEXT,
    "telemetry": _SWITCH,
    "server": _TEXT,
    "challenger_ms": _NUMBER,
}
_ONLINE_KEYS = {
    "url": _TEXT,
    "unavailable": _TEXT,
    "password_env": _TEXT,
    "password_file": _TEXT,
    "timeout_ms": _NUMBER,
    "keep": _NUMBER,
}
_LOG_KEYS = {
    "ship": _TEXT,
    "directory": _TEXT,
    "every": _TEXT,
    "size": _TEXT,
    "compact": _SWITCH,
    "retain": _TEXT,
    "full": _TEXT,
}
_SERVICE_CHOICES = {"ack": ("process", "disk"), "server": ("interlock", "granian")}
_ONLINE_CHOICES = {"unavailable": ("refuse", "defaults")}
_LOG_CHOICES = {"ship": ("parquet", "delta"), "full": ("refuse", "drop")}
_SPAN = re.compile(r"[1-9][0-9]{0,8}[smhdw]")
_SIZE = re.compile(r"([1-9][0-9]{0,8})(kB|MB|GB)")
_BYTES = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_LEAST = 1  # of timeout_ms and of keep
_SERVICE_BOUNDS = {"port": (0, 65_535), "workers": (1, 256), "challenger_ms": (10, 10_000)}


@dataclass(frozen=True, kw_only=True)
class OnlineSettings:
    """Where history features are looked up, and what happens when they cannot be.

    Without ``url`` each environment has a folder of its own. ``unavailable`` is "refuse" (503) or
    "defaults" (the declared ones, marked as degraded). The password stands in the environment
    variable or in the file of that name. ``keep`` is how many grid points stay.
    """

    url: str | None = None
    unavailable: Literal["refuse", "defaults"] = "refuse"
    password_env: str | None = None
    password_file: Path | None = None
    timeout_ms: int = 50
    keep: int = 3


@dataclass(frozen=True, kw_only=True)
class LogSettings:
    """What becomes of the prediction log while a service runs.

    ``ship`` is the form that finished segments are moved to, at every span ``every``, to
    ``directory`` (None: beside the log); None ships nothing. A segment ends at ``segment_bytes``,
    or after ``every`` where it is shipped; once a day what was shipped on days that are over is
    made few files, unless ``compact`` is false. What is older than the span ``retain`` is removed;
    None removes nothing. With ``full`` a full disk refuses requests, or drops records, counted.
    """

    ship: Literal["parquet", "delta"] | None = None
    directory: Path | None = None
    every: str = "5m"
    segment_bytes: int = 64_000_000
    compact: bool = True
    retain: str | None = None
    full: Literal["refuse", "drop"] = "refuse"


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
    online: OnlineSettings = OnlineSettings()
    log: LogSettings = LogSettings()
    environ: Mapping[str, str] = field(default_factory=dict)


def product_file(project_dir: Path, file: str) -> Path:
    """Where a product is declared. Raises OperatorError C152 where there is no such file."""
    path = project_dir / file
    if not path.is_file():
        raise OperatorError(
            "C152",
            "the product's file is not there",
            where=str(path),
            expected="a Python file that declares il.Product(…)",
            got="no such file",
            fix="run the command in the project's folder, or `interlock init` a project",
        )
    return path


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
        online=_online(declared.get("online", {}), project_dir),
        log=_log(declared.get("log", {}), project_dir),
        environ=dict(environ),
    )


def _online(declared: Mapping[str, Any], project_dir: Path) -> OnlineSettings:
    named = declared.get("password_file")
    file = None if named is None else project_dir / named
    return OnlineSettings(**{**declared, "password_file": file})


def _log(declared: Mapping[str, Any], project_dir: Path) -> LogSettings:
    given = {name: value for name, value in declared.items() if name not in ("size", "directory")}
    if "directory" in declared:
        given["directory"] = project_dir / declared["directory"]
    size = _SIZE.fullmatch(declared.get("size", ""))
    if size is not None:
        given["segment_bytes"] = int(size[1]) * _BYTES[size[2]]
    return LogSettings(**given)


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
    found: Any = document
    for part in ("tool", "interlock"):
        if not isinstance(found, dict):
            break
        found = found.get(part, {})
    if not isinstance(found, dict):
        wrong = _mistake("tool.interlock", _TABLE, repr(found), "correct the value")
        raise OperatorError.of([wrong])
    return found


def _mistakes(declared: Mapping[str, Any]) -> Iterator[Mistake]:
    yield from _wrong("tool.interlock", declared, _KNOWN)
    service = declared.get("service", {})
    if isinstance(service, dict):
        yield from _wrong("tool.interlock.service", service, _SERVICE_KEYS)
        yield from _wrong_choice("tool.interlock.service", service, _SERVICE_CHOICES)
        yield from _wrong_service(service)
    online = declared.get("online", {})
    if isinstance(online, dict):
        yield from _wrong("tool.interlock.online", online, _ONLINE_KEYS)
        yield from _wrong_choice("tool.interlock.online", online, _ONLINE_CHOICES)
        yield from _wrong_online(online)
    log = declared.get("log", {})
    if isinstance(log, dict):
        yield from _wrong("tool.interlock.log", log, _LOG_KEYS)
        yield from _wrong_choice("tool.interlock.log", log, _LOG_CHOICES)
        yield from _wrong_log(log)
    environments = declared.get("environments", {})
    for name, values in environments.items() if isinstance(environments, dict) else ():
        where = f"tool.interlock.environments.{name}"
        if name not in DEFAULT_ENVIRONMENTS:
            yield _mistake(where, ", ".join(DEFAULT_ENVIRONMENTS), name, "use one of those names")
        elif isinstance(values, dict):
            yield from _wrong(where, values, _ENVIRONMENT_KEYS)
        else:
            yield _mistake(where, _TABLE, repr(values), "correct the value")


def _wrong(where: str, values: Mapping[str, Any], known: Mapping[str, str]) -> Iterator[Mistake]:
    for key, value in values.items():
        if key not in known:
            yield _mistake(where, f"one of {', '.join(known)}", key, "correct or remove the key")
        elif not _FITS[known[key]](value):
            yield _mistake(f"{where}.{key}", known[key], repr(value), "correct the value")


def _wrong_choice(
    where: str, values: Mapping[str, Any], choices: Mapping[str, tuple[str, ...]]
) -> Iterator[Mistake]:
    for key, allowed in choices.items():
        chosen = values.get(key)
        if isinstance(chosen, str) and chosen not in allowed:
            yield _mistake(f"{where}.{key}", " or ".join(allowed), chosen, "use one of those")


def _wrong_service(values: Mapping[str, Any]) -> Iterator[Mistake]:
    for key, (least, most) in _SERVICE_BOUNDS.items():
        number: Any = values.get(key)
        if _FITS[_NUMBER](number) and not least <= number <= most:
            where = f"tool.interlock.service.{key}"
            yield _mistake(where, f"{least} to {most}", repr(number), "correct the value")


def _wrong_online(values: Mapping[str, Any]) -> Iterator[Mistake]:
    where = "tool.interlock.online"
    url = values.get("url")
    problem = url_problem(url) if isinstance(url, str) else None
    if problem is not None:
        expected = "redis://host:6379/0, or rediss://…"
        yield _mistake(f"{where}.url", expected, problem, "correct the URL; see password_env")
    for key in ("timeout_ms", "keep"):
        number: Any = values.get(key)
        if _FITS[_NUMBER](number) and number < _LEAST:
            expected = f"at least {_LEAST}"
            yield _mistake(f"{where}.{key}", expected, repr(number), "correct the value")
    if "password_env" in values and "password_file" in values:
        got = "password_env and password_file"
        yield _mistake(where, "one place for the password", got, "remove one of the two")


def _wrong_log(values: Mapping[str, Any]) -> Iterator[Mistake]:
    where = "tool.interlock.log"
    texts = {key: value for key, value in values.items() if isinstance(value, str)}
    for key in ("every", "retain"):
        if key in texts and not _SPAN.fullmatch(texts[key]):
            expected = "a whole number and one of s, m, h, d, w, such as 5m"
            yield _mistake(f"{where}.{key}", expected, texts[key], "correct the value")
    if "size" in texts and not _SIZE.fullmatch(texts["size"]):
        expected = "a whole number and one of kB, MB, GB, such as 64MB"
        yield _mistake(f"{where}.size", expected, texts["size"], "correct the value")
    for key in ("directory", "compact"):
        if key in values and "ship" not in values:
            yield _mistake(where, f"ship beside {key}", f"{key} alone", "add ship")


def url_problem(url: str) -> str | None:
    """What is wrong with the URL of a server of online features, or None.

    >>> url_problem("redis://cache:6379/0")
    >>> url_problem("redis://:secret@cache")
    'a password, which does not belong there'
    """
    if not url.startswith(("redis://", "rediss://")):
        return "another scheme, or none"
    try:
        parts = urlsplit(url)
        database = int(parts.path.strip("/") or "0")
        port = parts.port
    except ValueError:
        return "a port or a database that is no number"
    if parts.password is not None:
        return "a password, which does not belong there"
    if not parts.hostname or port == 0 or database < 0:
        return "no host, port and database"
    return "more than host, port and database" if parts.query or parts.fragment else None


def _mistake(where: str, expected: str, got: str, fix: str) -> Mistake:
    return Mistake(
        code="C151",
        what="a setting is not understood",
        where=f"pyproject.toml: {where}",
        expected=expected,
        got=got,
        fix=fix,
    )
