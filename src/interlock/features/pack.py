"""Packing: slice declared functions, and what they use, out of the project's source.

The result is plain source, one packed module for each project module involved: the functions
without Interlock's decorators, the helpers and constants they name, and the imports they need.
What cannot be sliced is a mistake that says why. Training imports this same source.

Invariants: names are resolved as Python resolves them (``symtable``); only names bound once, at
the top level, are taken; constants are plain expressions; at run time nothing of the project is
imported.
"""

from __future__ import annotations

import ast
import importlib.util
import linecache
import symtable
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.errors import AuthorError, Mistake
from interlock.features.purity import import_refusal, impurities

_CONSTANT_NODES = (
    ast.Constant | ast.Tuple | ast.List | ast.Dict | ast.Set | ast.UnaryOp | ast.BinOp | ast.BoolOp
    | ast.Name | ast.Attribute | ast.Subscript | ast.Slice | ast.Compare | ast.IfExp | ast.JoinedStr
    | ast.FormattedValue | ast.Starred | ast.Call | ast.keyword | ast.comprehension | ast.DictComp
    | ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.Lambda | ast.arguments | ast.arg
    | ast.expr_context | ast.operator | ast.unaryop | ast.cmpop | ast.boolop
)  # fmt: skip
_PURE_BUILTINS = frozenset(
    """abs bool complex dict divmod enumerate filter float frozenset int len list map max min
    ord chr pow range repr reversed round set slice sorted str sum tuple zip""".split()
)


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Packed modules by name, and where each packed function stands in them."""

    sources: Mapping[str, str]
    locations: Mapping[Callable[..., Any], tuple[str, str]]


class _Refusal(Exception):  # noqa: N818 - becomes a Mistake
    def __init__(self, what: str, where: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix


def pack(functions: Sequence[Callable[..., Any]], project_dir: Path) -> Packed:
    """Pack plain functions. Raises AuthorError F102 with every function that cannot be packed."""
    slicer = _Slicer(project_dir.resolve())
    locations: dict[Callable[..., Any], tuple[str, str]] = {}
    mistakes: list[Mistake] = []
    for function in functions:
        try:
            locations[function] = slicer.add(function)
        except _Refusal as refusal:
            mistakes.append(
                Mistake(
                    code="F102",
                    what=f"{function.__name__} cannot be packed into a release: {refusal.what}",
                    where=refusal.where,
                    expected="a pure function of its arguments",
                    fix=refusal.fix,
                )
            )
    if mistakes:
        raise AuthorError.of(mistakes)
    return Packed(sources=slicer.sources(), locations=locations)


class _Slicer:
    """Collects the needed top-level statements of every project module involved."""

    def __init__(self, project_dir: Path) -> None:
        self._project_dir = project_dir
        self._modules: dict[str, _Module] = {}

    def add(self, function: Callable[..., Any]) -> tuple[str, str]:
        module = self._module_of(function)
        name = function.__name__
        if "<locals>" in function.__qualname__ or module.definition(name) is None:
            raise _Refusal(
                "it is not defined at the top level of its module",
                f"{module.path}:{function.__code__.co_firstlineno}",
                "move it to the top level of the module",
            )
        self._need(module, name)
        return module.packed_name, name

    def sources(self) -> dict[str, str]:
        used = sorted(self._modules.values(), key=lambda m: m.packed_name)
        return {module.packed_name: module.render() for module in used if module.needed}

    def _module_of(self, function: Callable[..., Any]) -> _Module:
        path = function.__code__.co_filename
        module = sys.modules.get(function.__module__)
        name = function.__module__ if module is not None else Path(path).stem
        return self._open(name, path)

    def _open(self, name: str, path: str) -> _Module:
        if name not in self._modules:
            lines = linecache.getlines(path)
            if not lines:
                raise _Refusal("its source cannot be read", path, "define it in a file")
            self._modules[name] = _Module(name, path, "".join(lines))
        return self._modules[name]

    def _need(self, module: _Module, name: str) -> None:
        statement = module.definition(name)
        if statement is None or name in module.needed:
            return
        module.needed[name] = statement
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._need_import(module, name, statement)
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            self._need_code(module, statement)
        else:
            self._need_constant(module, name, statement)

    def _need_code(self, module: _Module, statement: ast.FunctionDef | ast.ClassDef) -> None:
        for line, reason in impurities(_without_decorators(statement)):
            raise _Refusal(
                f"{statement.name} {reason}",
                f"{module.path}:{line}",
                "pass what it needs as an argument: a request field, a feature, or as_of",
            )
        for name in sorted(module.names_used_by(statement)):
            self._need(module, name)

    def _need_constant(self, module: _Module, name: str, statement: ast.stmt) -> None:
        value = getattr(statement, "value", None)
        place = f"{module.path}:{statement.lineno}"
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or value is None:
            raise _Refusal(
                f"'{name}' is bound in a way that cannot be sliced",
                place,
                "bind it once, at the top level, by a plain assignment",
            )
        for node in ast.walk(value):
            if not isinstance(node, _CONSTANT_NODES) or not self._is_plain_call(module, node):
                raise _Refusal(
                    f"the constant '{name}' is not a plain expression",
                    place,
                    "write the value out, or compute it from literals",
                )
        for _, reason in impurities(value):
            raise _Refusal(f"the constant '{name}' {reason}", place, "write the value out")
        for used in sorted({n.id for n in ast.walk(value) if isinstance(n, ast.Name)}):
            self._need(module, used)

    def _is_plain_call(self, module: _Module, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return True
        root = node.func
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Constant):
            return True
        return isinstance(root, ast.Name) and (
            module.definition(root.id) is not None or root.id in _PURE_BUILTINS
        )

    def _need_import(
        self, module: _Module, name: str, statement: ast.Import | ast.ImportFrom
    ) -> None:
        place = f"{module.path}:{statement.lineno}"
        if isinstance(statement, ast.Import):
            alias = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == name)
            if self._project_file(alias.name):
                raise _Refusal(
                    f"it uses the whole module {alias.name}",
                    place,
                    f"import the names instead: from {alias.name} import …",
                )
            self._refuse_import(alias.name, place)
            return
        target = _absolute(statement, module.name)
        path = self._project_file(target)
        if path is None:
            self._refuse_import(target, place)
            return
        alias = next(a for a in statement.names if (a.asname or a.name) == name)
        other = self._open(target, path)
        if other.definition(alias.name) is None:
            raise _Refusal(
                f"'{alias.name}' is not bound at the top level of {target}",
                place,
                "import a function or constant",
            )
        module.links[name] = (other, alias.name)
        self._need(other, alias.name)
        if _reaches(other, module):
            raise _Refusal(
                f"{module.name} and {target} import each other", place, "move the shared part out"
            )

    def _refuse_import(self, module: str, place: str) -> None:
        reason = import_refusal(module)
        if reason:
            raise _Refusal(
                f"it imports {module}, which {reason}", place, "do without it in a feature"
            )

    def _project_file(self, module: str) -> str | None:
        """The file of a module that belongs to the project, else None."""
        loaded = sys.modules.get(module)
        origin = getattr(loaded, "__file__", None)
        if origin is None:
            try:
                spec = importlib.util.find_spec(module)
            except (ImportError, ValueError):
                return None
            origin = spec.origin if spec else None
        if origin is None or not Path(origin).is_absolute():
            return None
        path = Path(origin).resolve()
        inside = path.is_relative_to(self._project_dir)
        return str(path) if inside and "site-packages" not in path.parts else None


class _Module:
    """One project module: its top-level statements, and those that are needed."""

    def __init__(self, name: str, path: str, source: str) -> None:
        self.name = name
        self.path = path
        self.packed_name = name.replace(".", "__").strip("_") or "main"
        self.needed: dict[str, ast.stmt] = {}
        self.links: dict[str, tuple[_Module, str]] = {}
        self._source = source
        self._bindings = _bindings(ast.parse(source))
        self._tables = {
            (table.get_name(), table.get_lineno()): table
            for table in symtable.symtable(source, path, "exec").get_children()
        }

    def definition(self, name: str) -> ast.stmt | None:
        """The one top-level statement that binds the name, or None for a builtin or unknown name.

        A name bound twice is refused.
        """
        found = self._bindings.get(name, [])
        if len(found) > 1:
            raise _Refusal(
                f"'{name}' is bound more than once",
                f"{self.path}:{found[1].lineno}",
                "bind it once, at the top level",
            )
        return found[0] if found else None

    def names_used_by(self, statement: ast.FunctionDef | ast.ClassDef) -> set[str]:
        """Global names read by the body, by defaults, bases and foreign decorators."""
        lines = [statement.lineno, *(d.lineno for d in statement.decorator_list)]
        tables = (self._tables.get((statement.name, line)) for line in lines)
        table = next(found for found in tables if found is not None)
        names = set(_globals_of(table))
        for part in _evaluated_outside(statement):
            names |= {n.id for n in ast.walk(part) if isinstance(n, ast.Name)}
        return names

    def render(self) -> str:
        """The packed module's source: imports first, then definitions in their order."""
        imports = {self._render_import(n, s) for n, s in self.needed.items() if _is_import(s)}
        others = {id(s): s for s in self.needed.values() if not _is_import(s)}
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
        text = ast.get_source_segment(self._source, statement) or ast.unparse(statement)
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            kept = [f"@{ast.unparse(d)}" for d in _foreign_decorators(statement)]
            return "\n".join([*kept, text])
        return text


def _bindings(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _bound_names(statement):
            found.setdefault(name, []).append(statement)
    return found


def _bound_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import):
        yield from (a.asname or a.name.split(".")[0] for a in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        yield from (a.asname or a.name for a in statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() or (table.get_type() == "class" and not symbol.is_assigned()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals_of(child)


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
    return name in ("feature", "label", "postprocess")


def _without_decorators(statement: ast.FunctionDef | ast.ClassDef) -> ast.AST:
    copy = ast.parse(ast.unparse(statement)).body[0]
    ast.increment_lineno(copy, statement.lineno - copy.lineno)
    assert isinstance(copy, ast.FunctionDef | ast.ClassDef)
    copy.decorator_list = []
    return copy


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _absolute(statement: ast.ImportFrom, module: str) -> str:
    if not statement.level:
        return statement.module or ""
    base = module.split(".")[: -statement.level]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _reaches(start: _Module, goal: _Module) -> bool:
    seen: set[str] = set()
    queue = [start]
    while queue:
        module = queue.pop()
        if module is goal:
            return True
        if module.name not in seen:
            seen.add(module.name)
            queue.extend(other for other, _ in module.links.values())
    return False
