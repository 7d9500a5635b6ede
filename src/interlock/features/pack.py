"""Packing: slice declared functions, and what they use, out of the project's source.

The result is plain source, one packed module for each project module involved: the functions
without Interlock's decorators, the helpers and constants they name, and the imports they need.
What cannot be sliced is a mistake that says why. Training imports this same source.

Invariants: names are resolved as Python resolves them; only names bound once, at the top level, and
not changed after, are taken; constants are plain expressions; at run time nothing of the project is
imported.
"""

from __future__ import annotations

import ast
import importlib.util
import linecache
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from interlock.errors import AuthorError, Mistake
from interlock.features.bindings import names_used
from interlock.features.function import name_of, plain_function
from interlock.features.project_module import ProjectModule, Refusal, without_decorators
from interlock.features.purity import import_refusal, impurities, refused_part

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
_FILE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Packed:
    """Packed modules by name, and where each packed function stands in them."""

    sources: Mapping[str, str]
    locations: Mapping[Callable[..., Any], tuple[str, str]]


def pack(
    functions: Sequence[Callable[..., Any]], project_dir: Path, *, also: Sequence[str] = ()
) -> Packed:
    """Pack plain functions. Raises AuthorError F102 with every function that cannot be packed.

    ``also`` are modules that they may import although no service has them: for functions that stay
    at home.
    """
    slicer = _Slicer(project_dir.resolve(), tuple(also))
    locations: dict[Callable[..., Any], tuple[str, str]] = {}
    mistakes: list[Mistake] = []
    for function in functions:
        try:
            locations[function] = slicer.add(function)
        except Refusal as refusal:
            mistakes.append(
                Mistake(
                    code="F102",
                    what=f"{name_of(function)} cannot be packed into a release: {refusal.what}",
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

    def __init__(self, project_dir: Path, also: tuple[str, ...]) -> None:
        self._project_dir = project_dir
        self._also = also
        self._modules: dict[str, ProjectModule] = {}

    def add(self, function: Callable[..., Any]) -> tuple[str, str]:
        plain = plain_function(function)
        if plain is None:
            raise Refusal("it is not a Python function", "", "write it with def, in a file")
        module = self._module_of(plain)
        name = plain.__name__
        if plain.__qualname__ != name or module.definition(name) is None:
            raise Refusal(
                "it is not defined at the top level of its module",
                f"{module.path}:{plain.__code__.co_firstlineno}",
                "move it to the top level of the module",
            )
        self._need(module, name)
        return module.packed_name, name

    def sources(self) -> dict[str, str]:
        used = sorted(self._modules.values(), key=lambda m: m.packed_name)
        return {module.packed_name: module.render() for module in used if module.needed}

    def _module_of(self, function: FunctionType) -> ProjectModule:
        path = function.__code__.co_filename
        module = sys.modules.get(function.__module__)
        name = function.__module__ if module is not None else Path(path).stem
        return self._open(name, path)

    def _open(self, name: str, path: str) -> ProjectModule:
        if name in self._modules:
            return self._modules[name]
        linecache.checkcache(path)
        lines = linecache.getlines(path)
        if not lines and not Path(path).is_file():
            raise Refusal("its source cannot be read", path, "define it in a file")
        module = ProjectModule(name, path, "".join(lines))
        if not _FILE_NAME.fullmatch(module.packed_name):
            raise Refusal(
                f"the module {name} cannot be a file of a release",
                path,
                "give it a name of at most 64 letters without accents, digits and '_'",
            )
        for other in self._modules.values():
            if other.packed_name == module.packed_name:
                raise Refusal(
                    f"the modules {other.name} and {name} would be one file, "
                    f"{module.packed_name}.py",
                    path,
                    "rename one of them",
                )
        self._modules[name] = module
        return module

    def _need(self, module: ProjectModule, name: str) -> None:
        statement = module.definition(name)
        if name in module.needed:
            return
        if statement is None:
            module.refuse_unbound(name)
            return
        module.needed[name] = statement
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._need_import(module, name, statement)
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            self._need_code(module, statement)
        else:
            self._need_constant(module, name, statement)

    def _need_code(self, module: ProjectModule, statement: ast.FunctionDef | ast.ClassDef) -> None:
        used = module.names_used_by(statement)
        for line, reason in impurities(without_decorators(statement), used):
            raise Refusal(
                f"{statement.name} {reason}",
                f"{module.path}:{line}",
                "pass what it needs as an argument: a request field, a feature, or as_of",
            )
        for name in sorted(used):
            self._need(module, name)

    def _need_constant(self, module: ProjectModule, name: str, statement: ast.stmt) -> None:
        value = getattr(statement, "value", None)
        place = f"{module.path}:{statement.lineno}"
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or value is None:
            raise Refusal(
                f"'{name}' is bound in a way that cannot be sliced",
                place,
                "bind it once, at the top level, by a plain assignment",
            )
        used = names_used(value)
        for _, reason in impurities(value, used):
            raise Refusal(f"the constant '{name}' {reason}", place, "write the value out")
        for node in ast.walk(value):
            if not isinstance(node, _CONSTANT_NODES) or not self._is_plain_call(module, node):
                raise Refusal(
                    f"the constant '{name}' is not a plain expression",
                    place,
                    "write the value out, or compute it from literals",
                )
        for inner in sorted(used):
            self._need(module, inner)

    def _is_plain_call(self, module: ProjectModule, node: ast.AST) -> bool:
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
        self, module: ProjectModule, name: str, statement: ast.Import | ast.ImportFrom
    ) -> None:
        place = f"{module.path}:{statement.lineno}"
        if isinstance(statement, ast.Import):
            alias = next(a for a in statement.names if (a.asname or a.name.split(".")[0]) == name)
            if self._project_file(alias.name):
                raise _whole_module(alias.name, place)
            self._refuse_import(alias.name, place)
            return
        target = module.absolute(statement)
        alias = next(a for a in statement.names if (a.asname or a.name) == name)
        path = self._project_file(target)
        other = self._open(target, path) if path is not None else None
        bound = other is not None and other.definition(alias.name) is not None
        if not bound and self._project_file(f"{target}.{alias.name}"):
            raise _whole_module(f"{target}.{alias.name}", place)
        if other is None:
            self._refuse_import(refused_part(target, alias.name), place)
            return
        if not bound:
            raise Refusal(
                f"'{alias.name}' is not bound at the top level of {target}",
                place,
                "import a function or constant",
            )
        module.links[name] = (other, alias.name)
        self._need(other, alias.name)
        if other.reaches(module):
            raise Refusal(
                f"{module.name} and {target} import each other", place, "move the shared part out"
            )

    def _refuse_import(self, module: str, place: str) -> None:
        reason = import_refusal(module)
        if reason and not any(f"{module}.".startswith(f"{other}.") for other in self._also):
            raise Refusal(
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


def _whole_module(module: str, place: str) -> Refusal:
    return Refusal(
        f"it uses the whole module {module}",
        place,
        f"import the names instead: from {module} import …",
    )
