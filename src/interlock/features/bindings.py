"""Which names the statements of a module bind, change and use, as Python itself resolves them.

>>> tree = ast.parse("A = [x for x in range(3)]; import math as m; A.append(4)")
>>> {name: len(statements) for name, statements in bindings(tree).items()}
{'A': 2, 'm': 1}
>>> sorted(names_used(ast.parse("lambda x: x + m.pi", mode="eval").body))
['m']
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Callable, Iterable, Iterator

_SCOPES = (
    ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
)  # fmt: skip


def bindings(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """By name, the top-level statements that bind it, bind it again, delete it or change its value.

    What is done by a function that is called cannot be seen, and is left out.
    """
    found: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _names(statement, _bound_by):
            found.setdefault(name, []).append(statement)
    for statement in tree.body:
        for name in _names(statement, _changed_by):
            known = found.get(name, [])
            if known and statement not in known and not is_import(known[0]):
                known.append(statement)
    return found


def _names(statement: ast.stmt, by: Callable[[ast.AST], Iterator[str]]) -> Iterable[str]:
    """Each name once."""
    return dict.fromkeys(name for node in _of_module_scope(statement) for name in by(node))


def is_import(statement: ast.stmt) -> bool:
    """Whether the statement is an import."""
    return isinstance(statement, ast.Import | ast.ImportFrom)


def names_used(expression: ast.expr) -> set[str]:
    """Names that the expression reads from the module: not its own variables and arguments."""
    table = symtable.symtable(ast.unparse(expression), "<expression>", "eval")
    return set(globals_of(table))


def globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that a scope, or one inside it, takes from the module or the builtins."""
    for symbol in table.get_symbols():
        if symbol.is_global() or (table.get_type() == "class" and not symbol.is_assigned()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from globals_of(child)


def _of_module_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The node and those in it, down to where another scope begins."""
    yield node
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from _of_module_scope(child)


def _bound_by(node: ast.AST) -> Iterator[str]:
    """Names that this very node binds, deletes or assigns a part of."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, _SCOPES):
        yield from (n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
    elif isinstance(node, ast.Import):
        yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.asname or alias.name for alias in node.names)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield from () if isinstance(node.ctx, ast.Load) else _root(node)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield from (node.name,) if node.name else ()
    elif isinstance(node, ast.MatchMapping):
        yield from (node.rest,) if node.rest else ()


def _changed_by(node: ast.AST) -> Iterator[str]:
    """The name whose method this very node calls for nothing but its effect."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        yield from _root(call.func)


def _root(node: ast.expr) -> Iterator[str]:
    """The name at the left end of ``a.b[c].d()``."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
