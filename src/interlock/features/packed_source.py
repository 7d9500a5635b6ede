"""Packed source at work: its modules executed, and the functions that a release declares in them.

Invariant: what is executed is the digest-checked source of a release, never the project.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from interlock.errors import AUTHOR_FAULTS, IntegrityError
from interlock.features.definition import FeatureDefinition


def load_functions(
    sources: Mapping[str, str], definitions: Sequence[FeatureDefinition], package: str
) -> list[Callable[..., Any]]:
    """The packed functions of the definitions, in order.

    Raises IntegrityError F110 when a module cannot be loaded or lacks a declared function.
    """
    try:
        modules = load_modules(sources, package)
    except AUTHOR_FAULTS as error:
        raise IntegrityError(
            "F110",
            "the packed source of a release cannot be loaded",
            expected="modules that import one another and what the service has",
            got=f"{type(error).__name__}: {error}",
            fix="build the release again",
        ) from error
    functions = []
    for definition in definitions:
        function = getattr(modules.get(definition.module), definition.function, None)
        if not callable(function):
            raise IntegrityError(
                "F110",
                f"the packed source of {definition.name} is incomplete",
                expected=f"a function {definition.function} in packed/{definition.module}.py",
                fix="build the release again",
            )
        functions.append(function)
    return functions


def load_modules(sources: Mapping[str, str], package: str) -> dict[str, ModuleType]:
    """Execute packed modules as submodules of ``package``; loading it again replaces it."""
    root = ModuleType(package)
    root.__path__ = []
    sys.modules[package] = root
    loaded: dict[str, ModuleType] = {}
    for name in _load_order(sources):
        module = ModuleType(f"{package}.{name}")
        module.__package__ = package
        sys.modules[module.__name__] = module
        code = compile(sources[name], f"packed/{name}.py", "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - digest-checked source of a signed release
        setattr(root, name, module)
        loaded[name] = module
    return loaded


def _load_order(sources: Mapping[str, str]) -> list[str]:
    """Modules after those that they import; packing refuses circles."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for node in ast.parse(sources[name]).body:
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                visit(node.module)
        order.append(name)

    for name in sorted(sources):
        visit(name)
    return order
