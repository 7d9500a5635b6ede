"""What packed source may contain: no clock, no randomness, no files, where it can be seen."""

import ast

import pytest

from interlock.features.purity import ALLOWED_IMPORTS, import_refusal, impurities


def reasons(code):
    return [reason for _, reason in impurities(ast.parse(code))]


@pytest.mark.parametrize(
    "code",
    [
        "math.sqrt(x) + np.log1p(x)",
        "x if x > 0 else None",
        "f'{x:.2f}'.strip()",
        "[y for y in x if y]",
        "datetime.fromisoformat(x).year",
        "as_of.year - x.year",
        "x.__name__",
        "import math\nfrom datetime import date",
        "def f(x):\n    def g(y):\n        return y\n    return g(x)",
        "try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = None",
    ],
)
def test_pure_code_has_no_impurities(code):
    assert reasons(code) == []


CLOCK = "reads the clock by .{}; ask for the argument as_of instead"
NO_SERVICE = "is not among the modules a service has"
EFFECT = "reaches a clock, randomness, a file or the network"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("datetime.now()", CLOCK.format("now")),
        ("datetime.utcnow()", CLOCK.format("utcnow")),
        ("date.today()", CLOCK.format("today")),
        ("d = datetime.now", CLOCK.format("now")),
        ("np.random.rand()", "reads randomness by .random"),
        ("open('x')", "uses open"),
        ("print(x)", "uses print"),
        ("eval(x)", "uses eval"),
        ("exec(x)", "uses exec"),
        ("__import__('os')", "uses __import__"),
        ("globals()['x']", "uses globals"),
        ("setattr(x, 'y', 1)", "uses setattr"),
        ("run = exec", "uses exec"),
        ("x.__class__", "reaches into __class__"),
        ("f.__globals__", "reaches into __globals__"),
        ("np.fromfile(x)", "reads or writes a file by .fromfile"),
        ("np.loadtxt(x)", "reads or writes a file by .loadtxt"),
        ("np.memmap(x)", "reads or writes a file by .memmap"),
        ("x.tofile(y)", "reads or writes a file by .tofile"),
        ("import os", f"imports os, which {EFFECT}"),
        ("from time import time", f"imports time, which {EFFECT}"),
        ("import os.path", f"imports os.path, which {EFFECT}"),
        ("import numpy.random", "imports numpy.random, which reads randomness"),
        ("from numpy.random import rand", "imports numpy.random, which reads randomness"),
        ("from numpy import random", "imports numpy.random, which reads randomness"),
        ("import foo", f"imports foo, which {NO_SERVICE}"),
        ("from . import sibling", "imports from the project inside a function"),
        ("from .sibling import f", "imports from the project inside a function"),
        ("global x", "changes a variable outside itself"),
        ("def f():\n  x = 1\n  def g():\n    nonlocal x\n", "changes a variable outside itself"),
        ("def f():\n  yield 1", "is asynchronous or a generator"),
        ("async def f(): ...", "is asynchronous or a generator"),
    ],
)
def test_what_is_visibly_not_pure_is_named(code, reason):
    assert reasons(code) == [reason]


def test_each_impurity_has_its_line_however_deep():
    code = "def f(x):\n    def g(y):\n        return open(y)\n    return date.today()\n"
    assert sorted(impurities(ast.parse(code))) == [
        (3, "uses open"),
        (4, "reads the clock by .today; ask for the argument as_of instead"),
    ]


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("math", ""),
        ("numpy", ""),
        ("numpy.linalg", ""),
        ("collections.abc", ""),
        ("numpy.random", "reads randomness"),
        ("numpy.random.mtrand", "reads randomness"),
        ("sklearn.linear_model", "is a training library, which the service does not have"),
        ("pandas", "is a training library, which the service does not have"),
        ("random", EFFECT),
        ("urllib.request", EFFECT),
        ("pathlib", EFFECT),
        ("interlock", NO_SERVICE),
        ("mathematics", NO_SERVICE),
        ("", NO_SERVICE),
    ],
)
def test_which_imports_a_packed_module_may_have(module, reason):
    assert import_refusal(module) == reason


def test_every_allowed_module_can_be_imported_without_effect():
    for module in ALLOWED_IMPORTS:
        assert import_refusal(module) == ""
        __import__(module)
