"""What packed source may contain: pure code that needs nothing the service does not have.

A reader of this file sees the whole rule: imports come from an allow-list; names that read a clock,
a file, a network or randomness are refused where they can be seen.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

ALLOWED_IMPORTS = frozenset(
    """__future__ abc base64 bisect calendar cmath collections dataclasses datetime decimal
    difflib enum fractions functools hashlib heapq itertools json math numbers numpy
    operator re statistics string struct textwrap types typing unicodedata zlib zoneinfo""".split()
)
_TRAINING = frozenset(
    """sklearn pandas polars lightgbm xgboost catboost torch scipy duckdb""".split()
)
_EFFECTS = frozenset(
    """io os sys time random secrets uuid socket ssl subprocess pathlib shutil tempfile urllib
    http requests httpx sqlite3 threading multiprocessing asyncio ctypes pickle importlib""".split()
)
_FORBIDDEN_CALLS = frozenset(
    """open input exec eval compile __import__ globals locals vars setattr delattr breakpoint
    exit quit print""".split()
)
_UNSTABLE_CALLS = frozenset(["hash", "id"])
_CLOCKS = frozenset(["now", "utcnow", "today"])
_RANDOMNESS = frozenset(["random"])
_FILES = frozenset("fromfile genfromtxt loadtxt memmap savetxt tofile".split())


def import_refusal(module: str) -> str:
    """Why a packed module may not import that; empty when it may."""
    top = module.partition(".")[0]
    if top in ALLOWED_IMPORTS:
        return "reads randomness" if module.startswith("numpy.random") else ""
    if top in _TRAINING:
        return "is a training library, which the service does not have"
    if top in _EFFECTS:
        return "reaches a clock, randomness, a file or the network"
    return "is not among the modules a service has"


def impurities(node: ast.AST, outside: Set[str] | None = None) -> Iterator[tuple[int, str]]:
    """(line, reason) for everything in the code that is visibly not pure.

    ``outside`` are the names that the code takes from its module or the builtins (default: all);
    others are its own arguments and variables, whatever they are called.
    """
    for inner in ast.walk(node):
        line = getattr(inner, "lineno", 0)
        if isinstance(inner, ast.Global | ast.Nonlocal):
            yield line, "changes a variable outside itself"
        elif isinstance(inner, ast.Await | ast.AsyncFunctionDef | ast.Yield | ast.YieldFrom):
            yield line, "is asynchronous or a generator"
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            yield from ((line, reason) for reason in _import_reasons(inner))
        elif isinstance(inner, ast.Attribute):
            yield from ((line, reason) for reason in _attribute_reasons(inner))
        elif isinstance(inner, ast.Name) and (outside is None or inner.id in outside):
            yield from ((line, reason) for reason in _name_reasons(inner.id))


def _import_reasons(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif node.level:
        yield "imports from the project inside a function"
        return
    else:
        modules = [refused_part(node.module or "", alias.name) for alias in node.names]
    for module in dict.fromkeys(modules):
        reason = import_refusal(module)
        if reason:
            yield f"imports {module}, which {reason}"


def refused_part(module: str, name: str) -> str:
    """``module.name`` where that is what may not be imported, else the module."""
    part = f"{module}.{name}"
    return part if import_refusal(part) and not import_refusal(module) else module


def _name_reasons(name: str) -> Iterator[str]:
    if name in _FORBIDDEN_CALLS:
        yield f"uses {name}"
    elif name in _UNSTABLE_CALLS:
        yield f"uses {name}, which differs from process to process"


def _attribute_reasons(node: ast.Attribute) -> Iterator[str]:
    if node.attr in _CLOCKS:
        yield f"reads the clock by .{node.attr}; ask for the argument as_of instead"
    elif node.attr in _RANDOMNESS:
        yield f"reads randomness by .{node.attr}"
    elif node.attr in _FILES:
        yield f"reads or writes a file by .{node.attr}"
    elif node.attr.startswith("__") and node.attr.endswith("__") and node.attr != "__name__":
        yield f"reaches into {node.attr}"
