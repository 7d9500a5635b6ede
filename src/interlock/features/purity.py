"""What packed source may contain: pure code that needs nothing the service does not have.

A reader of this file sees the whole rule: imports come from an allow-list; names that read a clock,
a file, a network or randomness are refused where they can be seen.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Set
from types import ModuleType

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
    """open input exec eval compile __import__ globals locals vars getattr setattr delattr dir
    breakpoint exit quit print help license credits copyright""".split()
)
_UNSTABLE_CALLS = frozenset(["hash", "id"])
_CLOCKS = frozenset(["now", "utcnow", "today"])
_RANDOMNESS = frozenset(["random", "samples"])
_FILES = frozenset(
    """fromfile genfromtxt loadtxt memmap savetxt tofile load save savez savez_compressed fromregex
    DataSource""".split()
)
_REFLECTION = frozenset("attrgetter methodcaller".split())
_OTHER_MODULES = frozenset(
    "builtins codecs ctypeslib ctypes f2py lib modules os sys testing".split()
)
_HARMLESS_PRIVATE = frozenset("_asdict _fields _make _replace".split())
_SPECIAL_IN_TEXT = re.compile(r"[.\[]__\w+__")


def import_refusal(module: str) -> str:
    """Why a packed module may not import that; empty when it may."""
    top, *parts = module.split(".")
    if any(part.startswith("_") or part in _REFLECTION for part in parts):
        return "is private, or reaches beyond the module"
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
        elif isinstance(inner, ast.Constant):
            yield from ((line, reason) for reason in _text_reasons(inner.value))
        elif isinstance(inner, ast.arguments):
            yield from _default_reasons(inner)
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
    if import_refusal(module):
        return module
    found = getattr(importlib.import_module(module), name, None)
    if isinstance(found, ModuleType) and import_refusal(found.__name__):
        return found.__name__
    return part if import_refusal(part) or name.startswith("_") else module


def _name_reasons(name: str) -> Iterator[str]:
    if name in _FORBIDDEN_CALLS:
        yield f"uses {name}"
    elif name in _UNSTABLE_CALLS:
        yield f"uses {name}, which differs from process to process"


def _text_reasons(value: object) -> Iterator[str]:
    if isinstance(value, str) and _SPECIAL_IN_TEXT.search(value):
        yield "reaches into special attributes by a text"


def _default_reasons(arguments: ast.arguments) -> Iterator[tuple[int, str]]:
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call):
            yield default.lineno, "has a default that is made once and can change"


def _attribute_reasons(node: ast.Attribute) -> Iterator[str]:
    if node.attr in _CLOCKS:
        yield f"reads the clock by .{node.attr}; ask for the argument as_of instead"
    elif node.attr in _RANDOMNESS:
        yield f"reads randomness by .{node.attr}"
    elif node.attr in _FILES:
        yield f"reads or writes a file by .{node.attr}"
    elif node.attr in _REFLECTION or node.attr in _OTHER_MODULES:
        yield f"reaches beyond its imports by .{node.attr}"
    elif node.attr == "datetime64":
        yield "may read the clock by .datetime64; use datetime"
    elif (
        node.attr.startswith("_")
        and node.attr not in _HARMLESS_PRIVATE
        and not (node.attr.startswith("__"))
    ):
        yield f"reaches into what is private by .{node.attr}"
    elif node.attr.startswith("__") and node.attr.endswith("__") and node.attr != "__name__":
        yield f"reaches into {node.attr}"
