"""One module of the project, as packing sees it: what it binds, what is needed, what it becomes.

Invariant: what is rendered is the source as it was written, statement by statement, less
Interlock's own decorators.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from copy import copy
from pathlib import Path

from interlock.features.bindings import bindings, globals_of, is_import, names_used

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__doc__", "__module__", "__qualname__"}


class Refusal(Exception):  # noqa: N818 - becomes a Mistake
    """Why something cannot be packed, where, and what to do."""

    def __init__(self, what: str, where: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix


class ProjectModule:
    """One project module: its top-level statements, and those that are needed."""

    def __init__(self, name: str, path: str, source: str) -> None:
        self.name = name
        self.path = path
        self.packed_name = name.replace(".", "__").strip("_") or "main"
        self.needed: dict[str, ast.stmt] = {}
        self.links: dict[str, tuple[ProjectModule, str]] = {}
        self._source = source
        self._bindings = bindings(ast.parse(source))
        self._tables = {
            (table.get_name(), table.get_lineno()): table
            for table in symtable.symtable(source, path, "exec").get_children()
        }

    def definition(self, name: str) -> ast.stmt | None:
        """The one top-level statement that binds the name, or None for a builtin or unknown name.

        A name bound twice, or changed after it was bound, is refused.
        """
        found = self._bindings.get(name, [])
        if len(found) > 1:
            raise Refusal(
                f"'{name}' is bound more than once, or changed after",
                f"{self.path}:{found[1].lineno}",
                "bind it once, at the top level, and leave it",
            )
        return found[0] if found else None

    def refuse_unbound(self, name: str) -> None:
        """Refuse a name that is no builtin either: ``import *`` may bring it, or nothing does."""
        if name in _BUILTINS:
            return
        stars = self._bindings.get("*", [])
        raise Refusal(
            f"it uses '{name}', which nothing in {self.name} binds",
            f"{self.path}:{stars[0].lineno}" if stars else self.path,
            "import it by its name" if stars else "bind it at the top level, or correct the name",
        )

    def names_used_by(self, statement: ast.FunctionDef | ast.ClassDef) -> set[str]:
        """Global names read by the body, by defaults, bases and foreign decorators."""
        lines = [statement.lineno, *(d.lineno for d in statement.decorator_list)]
        tables = (self._tables.get((statement.name, line)) for line in lines)
        table = next(found for found in tables if found is not None)
        names = set(globals_of(table))
        for part in _evaluated_outside(statement):
            names |= names_used(part)
        for part in _class_annotations(statement):
            names |= {name for name in names_used(part) if self._is_typing(name)}
        return names

    def _is_typing(self, name: str) -> bool:
        """Whether a word such as ClassVar, which a dataclass looks at in its annotations."""
        found = self._bindings.get(name, [None])[0]
        modules = [a.name for a in found.names] if isinstance(found, ast.Import) else []
        modules += [found.module or ""] if isinstance(found, ast.ImportFrom) else []
        return any(module in ("typing", "dataclasses") for module in modules)

    def absolute(self, statement: ast.ImportFrom) -> str:
        """The module imported from; relative names start at this module's package."""
        if not statement.level:
            return statement.module or ""
        up = statement.level - (Path(self.path).name == "__init__.py")
        parts = self.name.split(".")
        base = parts[: len(parts) - up]
        return ".".join([*base, *([statement.module] if statement.module else [])])

    def reaches(self, goal: ProjectModule) -> bool:
        """Whether its links lead to the other module."""
        seen: set[str] = set()
        queue = [self]
        while queue:
            module = queue.pop()
            if module is goal:
                return True
            if module.name not in seen:
                seen.add(module.name)
                queue.extend(other for other, _ in module.links.values())
        return False

    def render(self) -> str:
        """The packed module's source: imports first, then definitions in their order."""
        imports = {self._render_import(n, s) for n, s in self.needed.items() if is_import(s)}
        others = {id(s): s for s in self.needed.values() if not is_import(s)}
        ordered = sorted(others.values(), key=lambda s: s.lineno)
        blocks = [self._render_definition(s) for s in ordered]
        head = "\n".join(["from __future__ import annotations", *sorted(imports)])
        return "\n\n\n".join([head, *blocks]) + "\n"

    def _render_import(self, name: str, statement: ast.stmt) -> str:
        if name in self.links:
            other, original = self.links[name]
            alias = "" if original == name else f" as {name}"
            return f"from .{other.packed_name} import {original}{alias}"
        if isinstance(statement, ast.ImportFrom):
            alias_node = next(a for a in statement.names if (a.asname or a.name) == name)
            return ast.unparse(ast.ImportFrom(statement.module, [alias_node], 0))
        assert isinstance(statement, ast.Import)
        alias_node = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == name)
        return ast.unparse(ast.Import([alias_node]))

    def _render_definition(self, statement: ast.stmt) -> str:
        text = self._text(statement)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            kept = [f"@{ast.unparse(d)}" for d in _foreign_decorators(statement)]
            return "\n".join([*kept, text])
        return text

    def _text(self, statement: ast.stmt) -> str:
        """The statement as it was written, with a comment at its end."""
        lines = self._source.split("\n")[statement.lineno - 1 : statement.end_lineno]
        rest = lines[-1].encode()[statement.end_col_offset :].decode().strip()
        if statement.col_offset == 0 and (not rest or rest.startswith("#")):
            return "\n".join(lines).rstrip()
        return ast.get_source_segment(self._source, statement) or ast.unparse(statement)


def _evaluated_outside(statement: ast.FunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Expressions of a definition that Python evaluates in the module's scope, less annotations."""
    parts: list[ast.expr] = list(_foreign_decorators(statement))
    if isinstance(statement, ast.ClassDef):
        return [*parts, *statement.bases, *(k.value for k in statement.keywords)]
    arguments = statement.args
    return [*parts, *arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]


def _foreign_decorators(statement: ast.FunctionDef | ast.ClassDef) -> list[ast.expr]:
    """Decorators other than Interlock's own, which are stripped."""
    return [d for d in statement.decorator_list if not _is_interlock(d)]


def _is_interlock(decorator: ast.expr) -> bool:
    node = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("feature", "label", "postprocess", "metric", "outlier")


def _class_annotations(statement: ast.FunctionDef | ast.ClassDef) -> list[ast.expr]:
    """The annotations of a class's own variables."""
    if isinstance(statement, ast.FunctionDef):
        return []
    return [s.annotation for s in statement.body if isinstance(s, ast.AnnAssign)]


def without_decorators(statement: ast.FunctionDef | ast.ClassDef) -> ast.AST:
    """The definition alone."""
    bare = copy(statement)
    bare.decorator_list = []
    return bare
