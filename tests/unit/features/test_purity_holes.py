"""Ways around the rules that a reviewer once found open; each must stay shut."""

import ast

import pytest

from interlock.features.purity import impurities

BODIES = """
np.load(x)
np.save('f', x)
np.lib.npyio.DataSource('.').open('/etc/passwd').read()
json.codecs.builtins.open(x)
dataclasses.sys.modules['os']
np.ctypeslib.ctypes
typing.ForwardRef('x')._evaluate
getattr(datetime, 'now')()
operator.methodcaller('now')
operator.attrgetter('__class__')
np.datetime64('now')
statistics.NormalDist().samples(1)
getattr(x, '__cl' + 'ass__')
'{0.__class__}'.format(x)
dir(x)
help(x)
""".strip().splitlines()

IMPORTS = """
from collections import _sys
from enum import sys
from statistics import random
from operator import attrgetter
from numpy import random
""".strip().splitlines()


@pytest.mark.parametrize("body", BODIES)
def test_what_reaches_out_is_refused(body):
    assert list(impurities(ast.parse(f"def f(x):\n    return {body}")))


@pytest.mark.parametrize("line", IMPORTS)
def test_an_import_of_something_else_is_refused(line):
    assert list(impurities(ast.parse(f"def f(x):\n    {line}\n    return x")))


@pytest.mark.parametrize("default", ["[]", "{}", "set()", "statistics.NormalDist().samples(1)"])
def test_a_default_that_can_change_is_refused(default):
    assert list(impurities(ast.parse(f"def f(x, kept={default}):\n    return x")))


def test_what_is_pure_stays_allowed():
    source = """
def f(x, scale=2.0, names=("a", "b")):
    from datetime import time
    from math import sqrt
    return sqrt(x) * scale if time(1, 2).hour else names[0].upper()
"""
    assert list(impurities(ast.parse(source))) == []
