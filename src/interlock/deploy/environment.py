"""Environments: dev, staging and prod unless the project declares its own.

>>> [environment.name for environment in environments({})]
['dev', 'staging', 'prod']
>>> environments({"prod": {"allow_dirty": True}})[-1].policy.allow_dirty
True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from interlock.deploy.excuse import WAIVABLE
from interlock.deploy.policy import Policy
from interlock.errors import OperatorError
from interlock.store.names import check_name

_PINNING = ("dev", "staging")  # in these the arm may be chosen, unless they say else
_PINNED = "allow_pinned_arm"
_DEFAULTS = {
    "dev": Policy(allow_dirty=True),
    "staging": Policy(allow_dirty=True),
    "prod": Policy(post_deploy_in="staging", present_champion=True, full_service_gate=True),
}
_KINDS = {field.name: field.type for field in fields(Policy)}
_BOOLEANS = {"allow_dirty", "present_champion", "full_service_gate", _PINNED}
_LISTS = {"gates", "trusted", "waivable"}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A place where a product is live; a release passes them by ``order``, from 0.

    ``allow_pinned_arm``: who asks for a prediction without a token may choose the arm.
    """

    name: str
    order: int
    policy: Policy
    allow_pinned_arm: bool = False


def environments(settings: Mapping[str, Mapping[str, Any]]) -> tuple[Environment, ...]:
    """The environments in order, from ``[tool.interlock.environments]``.

    A known name changes what the table says and keeps the rest of its default. Names that are not
    known come first to last as they stand, and replace the defaults only if none of those is named.
    Raises OperatorError E105.
    """
    ours = bool(settings) and not set(settings) & set(_DEFAULTS)
    known = {} if ours else dict(_DEFAULTS)
    pinning = dict.fromkeys(known, False) | {name: name in known for name in _PINNING}
    for name, table in settings.items():
        check_name(name, "environment")
        known[name] = _policy(name, known.get(name, Policy()), table)
        pinning[name] = _pinned(name, pinning.get(name, False), table)
    found = tuple(
        Environment(name=name, order=order, policy=policy, allow_pinned_arm=pinning[name])
        for order, (name, policy) in enumerate(known.items())
    )
    for environment in found:
        _check_earlier(environment, found)
    return found


def environment_named(
    known: Sequence[Environment], name: str, *, besides: Sequence[str] = ()
) -> Environment:
    """The environment of that name. Raises OperatorError E106.

    ``besides`` are what else could have been asked for in its place.
    """
    for environment in known:
        if environment.name == name:
            return environment
    raise OperatorError(
        "E106",
        "there is no such environment",
        expected="one of " + ", ".join((*(e.name for e in known), *besides)),
        got=repr(name)[:100],
        fix="use one of these names, or declare the environment in pyproject.toml",
    )


def path_to(known: Sequence[Environment], name: str) -> tuple[Environment, ...]:
    """The environments that a delivery to that one passes, itself last."""
    goal = environment_named(known, name)
    return tuple(e for e in known if e.order <= goal.order)


def passed(path: Sequence[Environment]) -> tuple[Environment, ...]:
    """Those of a path that a release is deployed in: where it is tested for the last, and that."""
    last = path[-1]
    return tuple(e for e in path if e is last or e.name == last.policy.post_deploy_in)


def waivable(known: Sequence[Environment]) -> tuple[str, ...]:
    """The gates of which every one of these environments accepts a waiver."""
    return tuple(gate for gate in WAIVABLE if all(gate in e.policy.waivable for e in known))


def _policy(name: str, default: Policy, table: Mapping[str, Any]) -> Policy:
    changes: dict[str, Any] = {}
    if not isinstance(table, Mapping):
        raise _malformed(name, "a table", repr(table))
    for key, value in table.items():
        if key == _PINNED:
            continue
        if key not in _KINDS:
            raise _malformed(name, "one of the keys " + ", ".join((*_KINDS, _PINNED)), repr(key))
        changes[key] = _value(name, key, value)
    return replace(default, **changes)


def _pinned(name: str, default: bool, table: Mapping[str, Any]) -> bool:
    return bool(_value(name, _PINNED, table.get(_PINNED, default)))


def _value(name: str, key: str, value: Any) -> Any:
    if key in _BOOLEANS:
        if not isinstance(value, bool):
            raise _malformed(name, f"{key} = true or false", repr(value))
        return value
    if key in _LISTS:
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise _malformed(name, f"{key} as a list of strings", repr(value))
        if key == "waivable" and not set(value) <= set(WAIVABLE):
            raise _malformed(name, f"{key} as some of {', '.join(WAIVABLE)}, or []", repr(value))
        return tuple(value)
    if not isinstance(value, str):
        raise _malformed(name, f"{key} as an environment's name", repr(value))
    return value or None


def _check_earlier(environment: Environment, known: Sequence[Environment]) -> None:
    wanted = environment.policy.post_deploy_in
    earlier = [e.name for e in known if e.order < environment.order]
    if wanted is not None and wanted not in earlier:
        raise _malformed(
            environment.name,
            "post_deploy_in as an environment before it: " + (", ".join(earlier) or "none is"),
            repr(wanted),
        )


def _malformed(name: str, expected: str, got: str) -> OperatorError:
    return OperatorError(
        "E105",
        "an environment's settings cannot be read",
        where=f"[tool.interlock.environments.{name}]",
        expected=expected,
        got=got[:100],
        fix="correct the value in pyproject.toml",
    )
