"""The packed request features at work: one row live, or column by column in training and batch.

Invariants: the same packed functions serve both; a missing argument that is not nullable makes the
result missing without a call; a result is checked against its declared kind; an exception is never
turned into a missing value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.clock import to_datetime
from interlock.errors import AUTHOR_FAULTS
from interlock.features.definition import FeatureDefinition, FeatureSet
from interlock.features.packed_source import load_functions
from interlock.features.result import CHECKED, FeatureFailure, checked, checker, describe

AS_OF = "as_of"

Values = Sequence[Any]


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
        "        except AUTHOR_FAULTS as error:",
        "            failures.append(failure(len(found), name, describe(error)))",
        "            append(None)",
        "    return found",
    ]
    scope: dict[str, Any] = {"function": function, "check": check, "name": definition.name}
    scope |= {
        "failure": RowFailure,
        "describe": describe,
        **CHECKED,
        "AUTHOR_FAULTS": AUTHOR_FAULTS,
    }
    exec("\n".join(lines), scope)  # noqa: S102 - built from argument positions only
    return scope["column"]  # type: ignore[no-any-return]


def _compile_row(
    definitions: Sequence[FeatureDefinition],
    functions: Sequence[Callable[..., Any]],
    checks: Sequence[Callable[[Any], Any]],
    fields: Sequence[str],
) -> Callable[[Values, int], tuple[Any, ...]]:
    """One straight-line function for a row: positions, not names, so that nothing is looked up."""
    names = [definition.name for definition in definitions]
    scope: dict[str, Any] = {"fail": _row_failure, "names": names, **CHECKED}
    scope["AUTHOR_FAULTS"] = AUTHOR_FAULTS
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
    lines += ["    except AUTHOR_FAULTS as error:"]
    lines += ["        raise fail(names[step], error) from error"]
    exec("def row(values, as_of):\n" + "\n".join(lines), scope)  # noqa: S102 - built from positions
    return scope["row"]  # type: ignore[no-any-return]


def _row_failure(name: str, error: BaseException) -> FeatureFailure:
    return error if isinstance(error, FeatureFailure) else FeatureFailure(name, describe(error))
