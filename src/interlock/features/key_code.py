"""The code that makes a history's keys, as text: equal texts make equal keys.

>>> packed = {"p": "SIZE = 2\\ndef block(x):\\n    return x // SIZE\\nOTHER = 3\\n"}
>>> block = FeatureDefinition(name="block", arguments=("x",), nullable_arguments=(), kind="int",
...     optional=False, module="p", function="block")
>>> print(key_code([block], packed, ["block"])[0])
SIZE = 2
def block(x):
    return x // SIZE
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from interlock.digest import canonical_json
from interlock.features.definition import FeatureDefinition


def key_code(
    features: Iterable[FeatureDefinition], packed: Mapping[str, str], keys: Sequence[str]
) -> list[str]:
    """Of each key that is a request feature, and of those that it is made of: code, declaration.

    The code is the packed function with what it names in its module; where it names another packed
    module, all of them.
    """
    by_name = {feature.name: feature for feature in features}
    found: list[str] = []
    todo, seen = list(keys), set[str]()
    while todo:
        name = todo.pop(0)
        feature = by_name.get(name)
        if feature is None or name in seen:
            continue
        seen.add(name)
        todo += feature.arguments
        found += [_named(packed, feature), canonical_json(asdict(feature)).decode()]
    return found


def _named(packed: Mapping[str, str], feature: FeatureDefinition) -> str:
    """The statements that the function needs, in the order of its module."""
    tree = ast.parse(packed[feature.module])
    binds = {name: node for node in tree.body for name in _bound(node)}
    todo, needed = [feature.function], set[ast.stmt]()
    while todo:
        node = binds.get(todo.pop())
        if node is not None and node not in needed:
            needed.add(node)
            todo += [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    if any(_of_project(node, packed) for node in needed):
        return "\n".join(f"# {name}\n{text}" for name, text in sorted(packed.items()))
    return "\n".join(ast.unparse(node) for node in tree.body if node in needed)


def _bound(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    return [part.id for part in ast.walk(node) if _is_stored(part)]  # type: ignore[attr-defined]


def _is_stored(part: ast.AST) -> bool:
    return isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)


def _of_project(node: ast.stmt, packed: Mapping[str, str]) -> bool:
    """Whether the statement takes something from another packed module."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return False
    if isinstance(node, ast.ImportFrom) and node.level:
        return True
    parts = {part for name in packed for part in name.replace("/", ".").split(".")}
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    names = {alias.name for alias in node.names} | {module}
    return any(part in parts for name in names for part in name.split("."))
