"""The packed request features at work: one row live, or column by column in training and batch.

Invariants: the same packed functions serve both; a missing argument that is not nullable makes the
result missing without a call; a result is checked against its declared kind; an exception is never
turned into a missing value.
"""

from __future__ import annotations

import ast
import math
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import ModuleType
from typing import Any

from interlock.clock import to_datetime
from interlock.data.rule import EXACT_INT
from interlock.errors import IntegrityError
from interlock.features.definition import FeatureDefinition, FeatureSet

AS_OF = "as_of"

Values = Sequence[Any]


class FeatureFailure(Exception):  # noqa: N818 - an outcome of a row, not a fault of the program
    """A feature raised, or gave a value that is not of its kind."""

    def __init__(self, feature: str, message: str) -> None:
        super().__init__(f"{feature}: {message}")
        self.feature = feature
        self.message = message


@dataclass(frozen=True)
class RowFailure:
    """Which row of a column-wise evaluation failed on which feature, and how."""

    row: int
    feature: str
    message: str


class PackedFeatures:
    """The request features of one release, loaded under a package name of their own."""

    def __init__(
        self,
        definitions: Sequence[FeatureDefinition],
        functions: Sequence[Callable[..., Any]],
        fields: Sequence[str],
    ) -> None:
        self.fields = tuple(fields)
        self._definitions = tuple(definitions)
        self.functions = tuple(functions)
        checks = tuple(checker(definition) for definition in definitions)
        self._row = _compile_row(self._definitions, self.functions, checks, fields)
        self._columns = tuple(map(_compile_column, self._definitions, self.functions, checks))

    @classmethod
    def load(
        cls, sources: Mapping[str, str], features: FeatureSet, *, fields: Sequence[str], name: str
    ) -> PackedFeatures:
        """Load packed modules; ``name`` must differ between releases (use the bundle's digest).

        Raises IntegrityError F110 when a module cannot be loaded or lacks a declared function.
        """
        functions = load_functions(sources, features.request, f"_interlock_packed_{name}")
        return cls(features.request, functions, fields)

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in definition order."""
        return tuple(definition.name for definition in self._definitions)

    @property
    def leaves(self) -> tuple[str, ...]:
        """The arguments that are not features themselves: request fields, or a source's columns."""
        asked = (a for d in self._definitions for a in d.arguments)
        return tuple(dict.fromkeys(a for a in asked if a not in self.names and a != AS_OF))

    def only(self, names: Sequence[str]) -> PackedFeatures:
        """The named features and those that they need."""
        kept = set(names)
        for definition in reversed(self._definitions):
            if definition.name in kept:
                kept |= set(definition.arguments)
        pairs = [
            (d, f) for d, f in zip(self._definitions, self.functions, strict=True) if d.name in kept
        ]
        definitions = [d for d, _ in pairs]
        made = {d.name for d in definitions}
        fields = dict.fromkeys(a for d in definitions for a in d.arguments if a not in made)
        fields.pop(AS_OF, None)
        return PackedFeatures(definitions, [f for _, f in pairs], tuple(fields))

    def row(self, values: Values, as_of: int) -> tuple[Any, ...]:
        """The features of one request, in definition order.

        ``values`` are the request's fields in declared order; ``as_of`` is the request's instant.
        Raises FeatureFailure.
        """
        return self._row(values, as_of)

    def columns(
        self, columns: Mapping[str, Values], as_of: Sequence[int]
    ) -> tuple[dict[str, list[Any]], tuple[RowFailure, ...]]:
        """The features of many rows, column by column, and the rows on which one failed.

        ``columns`` holds the request's fields as Python values, ``n_rows`` each. A failed row is
        missing from the failing feature on.
        """
        known: dict[str, Values] = dict(columns)
        if any(AS_OF in d.arguments for d in self._definitions):
            known[AS_OF] = [to_datetime(instant) for instant in as_of]
        failures: list[RowFailure] = []
        for definition, column in zip(self._definitions, self._columns, strict=True):
            arguments = [known[name] for name in definition.arguments]
            known[definition.name] = column(len(as_of), arguments, failures)
        return {name: list(known[name]) for name in self.names}, tuple(failures)


Column = Callable[[int, Sequence[Values], list[RowFailure]], list[Any]]


def _compile_column(
    definition: FeatureDefinition, function: Callable[..., Any], check: Callable[[Any], Any]
) -> Column:
    """The checked function on many rows, in one loop that calls nothing else for usual values.

    A value is None without a call where an argument that may not be None is.
    """
    names = [f"a{i}" for i in range(len(definition.arguments))]
    asked = zip(names, definition.arguments, strict=True)
    guard = " or ".join(f"{n} is None" for n, a in asked if a not in definition.nullable_arguments)
    call = checked(definition, f"function({', '.join(names)})", "check")
    row = f"({', '.join(names)},)" if names else "_"
    lines = [
        "def column(n_rows, arguments, failures):",
        "    found = []",
        "    append = found.append",
        f"    for {row} in {'zip(*arguments, strict=True)' if names else 'range(n_rows)'}:",
        "        try:",
        f"            append({f'None if {guard} else ' if guard else ''}{call})",
        "        except Exception as error:",
        "            failures.append(failure(len(found), name, describe(error)))",
        "            append(None)",
        "    return found",
    ]
    scope: dict[str, Any] = {"function": function, "check": check, "name": definition.name}
    scope |= {"failure": RowFailure, "describe": describe, **CHECKED}
    exec("\n".join(lines), scope)  # noqa: S102 - built from argument positions only
    return scope["column"]  # type: ignore[no-any-return]


def describe(error: Exception) -> str:
    """What a packed function died of, for whoever asked about the row."""
    if isinstance(error, FeatureFailure):
        return error.message
    return f"{type(error).__name__}: {error}"


def checker(definition: FeatureDefinition) -> Callable[[Any], Any]:
    """A function that returns a value as its declared kind, or raises FeatureFailure."""
    convert = _CONVERT[definition.kind]
    exact = _EXACT[definition.kind]
    categories = frozenset(definition.categories)

    def check(value: Any) -> Any:
        if value is None:
            if definition.optional:
                return None
            raise FeatureFailure(definition.name, "returned None, but is not declared optional")
        try:
            found: Any = value if type(value) is exact else convert(value)
        except (TypeError, ValueError, OverflowError):
            raise FeatureFailure(
                definition.name, f"returned {type(value).__name__}, declared {definition.kind}"
            ) from None
        if found.__class__ is float:
            if not math.isfinite(found):
                raise FeatureFailure(definition.name, f"returned {found}; a missing value is None")
        elif found.__class__ is int and not -EXACT_INT <= found <= EXACT_INT:
            raise FeatureFailure(definition.name, "returned a whole number beyond ±2^53")
        elif definition.kind == "datetime" and found.tzinfo is None:
            raise FeatureFailure(definition.name, "returned a time without a zone")
        if categories and found not in categories:
            raise FeatureFailure(definition.name, f"returned {found!r}, not a declared category")
        return found

    return check


def _to_int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _to_float(value: Any) -> float:
    if isinstance(value, str | bytes | bool):
        raise TypeError
    return float(value)


def _to_date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _to_datetime(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError
    return value


def _to_bool(value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError
    return bool(value)


def _to_str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
    "str": _to_str,
    "category": _to_str,
    "date": _to_date,
    "datetime": _to_datetime,
}
_EXACT: dict[str, type] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "category": str,
    "date": date,
    "datetime": datetime,
}
_AT_A_GLANCE = {  # what :func:`checker` lets through as it is
    "int": "{}.__class__ is int and -EXACT_INT <= r <= EXACT_INT",
    "float": "{}.__class__ is float and -inf < r < inf",
    "bool": "{}.__class__ is bool",
    "str": "{}.__class__ is str",
    "date": "{}.__class__ is date",
}
CHECKED: Mapping[str, Any] = {"EXACT_INT": EXACT_INT, "inf": math.inf, "date": date}
"""What an expression of :func:`checked` needs in its scope."""


def checked(definition: FeatureDefinition, call: str, check: str) -> str:
    """Source of the checked result of a call; what is of its kind at a glance costs no other call.

    ``check`` is the name of the definition's :func:`checker`; ``r`` is assigned to.
    """
    glance = _AT_A_GLANCE.get("" if definition.categories else definition.kind)
    if glance is None:
        return f"{check}({call})"
    other = f"{check}(r)"
    if definition.kind == "float":  # a whole number is one
        other = f"float(r) if {_AT_A_GLANCE['int'].format('r')} else {other}"
    return f"r if {glance.format(f'(r := {call})')} else {other}"


def _compile_row(
    definitions: Sequence[FeatureDefinition],
    functions: Sequence[Callable[..., Any]],
    checks: Sequence[Callable[[Any], Any]],
    fields: Sequence[str],
) -> Callable[[Values, int], tuple[Any, ...]]:
    """One straight-line function for a row: positions, not names, so that nothing is looked up."""
    names = [definition.name for definition in definitions]
    scope: dict[str, Any] = {"fail": _row_failure, "names": names, **CHECKED}
    local = {name: f"v{i}" for i, name in enumerate(fields)}
    lines = [f"    {', '.join(local.values())}, = values"] if fields else []
    if any(AS_OF in d.arguments for d in definitions):
        scope["to_datetime"] = to_datetime
        local[AS_OF] = "moment"
        lines.append("    moment = to_datetime(as_of)")
    lines += ["    step = 0", "    try:"]
    for i, definition in enumerate(definitions):
        scope[f"f{i}"], scope[f"c{i}"] = functions[i], checks[i]
        arguments = [local[a] for a in definition.arguments]
        needed = [local[a] for a in definition.arguments if a not in definition.nullable_arguments]
        guard = " or ".join(f"{a} is None" for a in needed)
        call = checked(definition, f"f{i}({', '.join(arguments)})", f"c{i}")
        lines.append(f"        step = {i}")
        lines.append(f"        r{i} = {f'None if {guard} else ' if guard else ''}{call}")
        local[definition.name] = f"r{i}"
    results = "".join(f"r{i}, " for i in range(len(definitions)))
    lines.append(f"        return ({results})")
    lines += ["    except Exception as error:", "        raise fail(names[step], error) from error"]
    exec("def row(values, as_of):\n" + "\n".join(lines), scope)  # noqa: S102 - built from positions
    return scope["row"]  # type: ignore[no-any-return]


def _row_failure(name: str, error: Exception) -> FeatureFailure:
    return error if isinstance(error, FeatureFailure) else FeatureFailure(name, describe(error))


def load_functions(
    sources: Mapping[str, str], definitions: Sequence[FeatureDefinition], package: str
) -> list[Callable[..., Any]]:
    """The packed functions of the definitions, in order.

    Raises IntegrityError F110 when a module cannot be loaded or lacks a declared function.
    """
    try:
        modules = load_modules(sources, package)
    except Exception as error:  # running a module of the author's may raise anything
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
