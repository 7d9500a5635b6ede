"""Packing: what is sliced out of a project, what is refused, and that the slice runs alone."""

import ast
import importlib
import sys

import pytest

from interlock.errors import AuthorError
from interlock.features.pack import pack
from interlock.features.project_module import ProjectModule, Refusal

HEAD = "from __future__ import annotations"

# -- what is taken ---------------------------------------------------------------------------


def test_a_function_without_its_decorator_and_with_its_comments(project):
    source = project.source(
        '''
        """A product."""
        import interlock as il
        import pandas  # for the notebook only

        UNUSED = pandas.DataFrame()


        @il.feature(unit="years")
        def age(sold: int, built: int) -> int:
            """Years between the two."""
            # the year counts, not the day
            return sold - built  # never negative


        product = object()
        ''',
        "age",
    )
    assert source == (
        HEAD + "\n\n\n"
        "def age(sold: int, built: int) -> int:\n"
        '    """Years between the two."""\n'
        "    # the year counts, not the day\n"
        "    return sold - built  # never negative\n"
    )


def test_constants_helpers_and_imports_that_are_used_and_no_others(project):
    source = project.source(
        """
        import json
        import math
        from datetime import date, datetime
        from decimal import Decimal as D

        import interlock as il

        SQUARE = 2
        UNIT = SQUARE * 10
        OTHER = 5


        def _round(x):
            return math.floor(x / UNIT) * UNIT


        def unused(x):
            return json.dumps(x)


        @il.feature
        def cell(x: float, d: date) -> int:
            return _round(x) + int(D(1)) + d.year
        """,
        "cell",
    )
    assert source == (
        HEAD + "\n"
        "from decimal import Decimal as D\n"
        "import math\n\n\n"
        "SQUARE = 2\n\n\n"
        "UNIT = SQUARE * 10\n\n\n"
        "def _round(x):\n"
        "    return math.floor(x / UNIT) * UNIT\n\n\n"
        "def cell(x: float, d: date) -> int:\n"
        "    return _round(x) + int(D(1)) + d.year\n"
    )


def test_the_slice_runs_without_the_project_and_without_interlock(project):
    project.write(
        "product",
        """
        import re

        import interlock as il
        from geo import cell

        WORDS = {"one": 1, "two": 2}
        PATTERN = re.compile(r"[a-z]+")


        @il.feature
        def where(x: float, stories: str) -> str:
            found = PATTERN.match(stories)
            return f"{cell(x)}:{WORDS[found[0]]}"
        """,
    )
    project.write("geo", "STEP = 500.0\n\ndef cell(x):\n    return int(x // STEP)\n")
    packed = project.pack("product", "where")
    assert sorted(packed.sources) == ["geo", "product"]
    assert project.alone(packed, "product", "where", 1_250.0, "two") == "2:2"


def test_features_that_call_other_features(project):
    project.write(
        "product",
        """
        import interlock as il

        @il.feature
        def cell(x: float) -> int:
            return int(x // 100)

        @il.feature(unit="m")
        def row(x: float, y: float) -> str:
            return f"{cell(x)}:{cell(y)}"
        """,
    )
    packed = project.pack("product", "row", "cell")
    assert [name for _, name in packed.locations.values()] == ["row", "cell"]
    assert project.alone(packed, "product", "row", 120.0, 250.0) == "1:2"
    assert "@" not in packed.sources["product"]


def test_imports_from_other_modules_of_the_project_relative_aliased_and_re_exported(project):
    project.write("shop/__init__.py"[:-3], "from .text import clean\n")
    project.write("shop/text", "import string\n\nEND = '.'\n\ndef clean(t):\n    return t + END\n")
    project.write(
        "shop/deep/more",
        "from ..text import END as STOP\n\ndef twice(t):\n    return t + STOP * 2\n",
    )
    project.write("shop/deep/__init__.py"[:-3], "")
    project.write(
        "product",
        """
        from shop import clean
        from shop.deep.more import twice as double

        def name(t: str) -> str:
            return clean(t) + double(t)
        """,
    )
    packed = project.pack("product", "name")
    assert packed.sources == {
        "product": f"{HEAD}\n"
        "from .shop import clean\n"
        "from .shop__deep__more import twice as double\n\n\n"
        "def name(t: str) -> str:\n    return clean(t) + double(t)\n",
        "shop": f"{HEAD}\nfrom .shop__text import clean\n",
        "shop__deep__more": f"{HEAD}\nfrom .shop__text import END as STOP\n\n\n"
        "def twice(t):\n    return t + STOP * 2\n",
        "shop__text": f"{HEAD}\n\n\nEND = '.'\n\n\ndef clean(t):\n    return t + END\n",
    }
    assert project.alone(packed, "product", "name", "a") == "a.a.."


def test_default_arguments_bring_what_they_name(project):
    source = project.source(
        """
        FIRST, LAST = 1900, 1997
        UNUSED = 3

        def span(a, *, b=LAST, c=FIRST):
            return b - c + a

        def age(x: int) -> int:
            return span(x)
        """,
        "age",
    )
    assert "FIRST, LAST = 1900, 1997\n" in source
    assert source.count("FIRST, LAST") == 1
    assert "UNUSED" not in source


def test_locals_that_hide_a_name_bring_nothing(project):
    source = project.source(
        """
        import os

        x = os.environ
        y = open("/dev/null")

        def age(x: int) -> int:
            y = x + 1
            return sum(z for z in [x, y]) + (lambda y: y)(x)
        """,
        "age",
    )
    assert source.startswith(f"{HEAD}\n\n\ndef age")


def test_variables_of_comprehensions_belong_to_nobody(project):
    source = project.source(
        """
        SQUARES = [x * x for x in range(4)]
        CUBES = {x: x**3 for x in range(4)}
        ODD = tuple(filter(lambda x: x % 2, SQUARES))
        for y in range(3):
            pass
        TWICE = [2 * y for y in SQUARES]

        def age(i: int) -> int:
            return SQUARES[i] + CUBES[i] + len([x for x in ODD]) + TWICE[i]
        """,
        "age",
    )
    assert source == (
        HEAD + "\n\n\n"
        "SQUARES = [x * x for x in range(4)]\n\n\n"
        "CUBES = {x: x**3 for x in range(4)}\n\n\n"
        "ODD = tuple(filter(lambda x: x % 2, SQUARES))\n\n\n"
        "TWICE = [2 * y for y in SQUARES]\n\n\n"
        "def age(i: int) -> int:\n"
        "    return SQUARES[i] + CUBES[i] + len([x for x in ODD]) + TWICE[i]\n"
    )


def test_foreign_decorators_are_kept_with_what_they_need(project):
    project.write(
        "product",
        """
        import functools

        import interlock as il
        from wrappers import clamped

        TOP = 9

        @il.feature
        @functools.lru_cache(maxsize=16)
        def slow(x: int) -> int:
            return x * x

        @il.feature(unit="m")
        @clamped(TOP)
        def age(x: int) -> int:
            return slow(x)
        """,
    )
    project.write(
        "wrappers",
        """
        from functools import wraps

        def clamped(top):
            def around(f):
                @wraps(f)
                def inner(*args):
                    return min(f(*args), top)
                return inner
            return around
        """,
    )
    packed = project.pack("product", "slow", "age")
    assert "@functools.lru_cache(maxsize=16)\ndef slow" in packed.sources["product"]
    assert "@clamped(TOP)\ndef age" in packed.sources["product"]
    assert project.alone(packed, "product", "age", 2) == 4
    assert project.alone(packed, "product", "age", 5) == 9


def test_helper_classes_and_their_bases(project):
    project.write(
        "product",
        """
        from __future__ import annotations

        import enum
        from dataclasses import dataclass, field
        from typing import ClassVar, NamedTuple

        STEP = 100

        class Base:
            def cell(self):
                return int(self.x // STEP)

        class Middle(Base):
            def cell(self):
                return super().cell() + len(__name__) * 0

        @dataclass(frozen=True)
        class Point(Middle):
            origin: ClassVar[int] = STEP
            x: float
            tags: list[str] = field(default_factory=list)

        class Side(enum.Enum):
            LEFT = "left"
            RIGHT = "right"

        class Pair(NamedTuple):
            point: Point
            side: Side = Side.LEFT

        def where(x: float) -> str:
            pair = Pair(Point(x))
            return f"{pair.point.cell()}:{pair.side.value}:{Point.origin}:{len(pair.point.tags)}"
        """,
    )
    packed = project.pack("product", "where")
    assert project.alone(packed, "product", "where", 250.0) == "2:left:100:0"


def test_nested_functions_and_what_they_use(project):
    project.write(
        "product",
        """
        import math

        RATE = 1.5

        def age(x: float) -> float:
            def grow(y):
                return [math.ceil(y * RATE) for _ in range(2)][0]
            return grow(x)
        """,
    )
    packed = project.pack("product", "age")
    assert project.alone(packed, "product", "age", 3.0) == 5


def test_annotated_and_chained_constants(project):
    source = project.source(
        """
        from typing import Final

        LIMIT: Final[int] = 3
        A = B = (1, 2)

        def age(x: int) -> int:
            return x + LIMIT + B[0]
        """,
        "age",
    )
    assert source == (
        f"{HEAD}\n\n\nLIMIT: Final[int] = 3\n\n\nA = B = (1, 2)\n\n\n"
        "def age(x: int) -> int:\n    return x + LIMIT + B[0]\n"
    )


def test_names_that_look_impure_but_are_the_functions_own(project):
    """A price has an open and a close; a form has an input."""
    source = project.source(
        """
        def age(open: float, input: str) -> float:
            vars = [open for print in input]
            return len(vars)
        """,
        "age",
    )
    assert "def age(open: float" in source


def test_packing_twice_gives_the_same_bytes_whatever_the_order(project):
    project.write(
        "product",
        """
        import math, json, re
        from geo import cell, STEP as S

        A = 1
        B = A + 1

        def one(x: int) -> float:
            return cell(math.floor(x)) + B + S

        def two(x: int) -> str:
            return json.dumps(re.split("a", str(one(x))))
        """,
    )
    project.write("geo", "STEP = 2\ndef cell(x):\n    return x // STEP\n")
    forth = project.pack("product", "one", "two").sources
    back = project.pack("product", "two", "one").sources
    assert forth == back
    assert list(forth) == sorted(forth)
    for source in forth.values():
        ast.parse(source)


def test_the_same_module_changed_and_loaded_anew_gives_the_new_source(project):
    assert "return 1\n" in project.source("def age() -> int:\n    return 1\n", "age")
    del sys.modules["product"]
    project.write("product", "def age() -> int:\n    return 12345\n")
    importlib.invalidate_caches()
    assert "return 12345\n" in project.pack("product", "age").sources["product"]


def test_no_functions_make_no_source(project):
    packed = pack([], project.folder)
    assert (dict(packed.sources), dict(packed.locations)) == ({}, {})


# -- what is refused -------------------------------------------------------------------------


def test_every_function_that_cannot_be_packed_is_reported_at_once(project):
    project.write(
        "product",
        """
        import os

        def one(x: int) -> int:
            return len(os.environ)

        def fine(x: int) -> int:
            return x

        def two(x: int) -> int:
            return len(open("x"))
        """,
    )
    with pytest.raises(AuthorError) as caught:
        project.pack("product", "one", "fine", "two")
    assert str(caught.value) == (
        "error[F102]: one cannot be packed into a release: "
        "it imports os, which reaches a clock, randomness, a file or the network\n"
        f"  where: {project.folder}/product.py:1\n"
        "  expected: a pure function of its arguments\n"
        "  fix: do without it in a feature\n"
        "error[F102]: two cannot be packed into a release: two uses open\n"
        f"  where: {project.folder}/product.py:10\n"
        "  expected: a pure function of its arguments\n"
        "  fix: pass what it needs as an argument: a request field, a feature, or as_of"
    )


ARGUMENT = "pass what it needs as an argument: a request field, a feature, or as_of"


@pytest.mark.parametrize(
    ("body", "what", "line"),
    [
        (
            "return datetime.now().year",
            "reads the clock by .now; ask for the argument as_of inst",
            5,
        ),
        ("return np.random.rand()", "reads randomness by .random", 5),
        ("return np.loadtxt('x')", "reads or writes a file by .loadtxt", 5),
        ("x = 1\n    return open('x')", "uses open", 6),
        ("import random\n    return x", "imports random, which reaches a clock, randomness, a", 5),
        ("global COUNT\n    COUNT = 1\n    return x", "changes a variable outside itself", 5),
        ("return x.__class__", "reaches into __class__", 5),
        ("yield x", "is asynchronous or a generator", 5),
    ],
)
@pytest.mark.parametrize("inside", ["age", "_helper"])
def test_the_clock_randomness_files_and_globals_are_refused_in_helpers_too(
    project, body, what, line, inside
):
    text = (
        "from datetime import datetime\nimport numpy as np\nCOUNT = 0\n"
        f"def {inside}(x: int) -> int:\n    {body}\n"
    )
    if inside == "_helper":
        text += "def age(x: int) -> int:\n    return _helper(x)\n"
    found, where, fix = project.refusal(text)
    assert found.startswith(f"{inside} {what}")
    assert (where, fix) == (f"product.py:{line}", ARGUMENT)


@pytest.mark.parametrize(
    ("line", "use", "what"),
    [
        (
            "import pandas as pd",
            "pd.NA",
            "it imports pandas, which is a training library, which the",
        ),
        (
            "import time",
            "time.time()",
            "it imports time, which reaches a clock, randomness, a file",
        ),
        ("from random import random", "random()", "it imports random, which reaches a clock, rand"),
        (
            "from numpy import random",
            "random.rand()",
            "it imports numpy.random, which reads random",
        ),
        ("from numpy import random as r", "r.rand()", "it imports numpy.random, which reads rand"),
        ("import numpy.random as r", "r.rand()", "it imports numpy.random, which reads randomness"),
        ("import interlock as il", "il.Int()", "it imports interlock, which is not among the modu"),
        ("import hypothesis", "hypothesis.x", "it imports hypothesis, which is not among the mod"),
        ("from math import *", "sqrt(4)", "it uses 'sqrt', which nothing in product binds"),
    ],
)
def test_imports_that_the_service_cannot_have(project, line, use, what):
    found, where, _ = project.refusal(f"{line}\ndef age(x: int) -> int:\n    return {use}\n")
    assert found.startswith(what)
    assert where == "product.py:1"


def test_a_whole_module_of_the_project_is_refused(project):
    project.write("geo/__init__", "")
    project.write("geo/cells", "STEP = 1\n")
    fix = "import the names instead: from {} import …"
    assert project.refusal("import geo.cells\ndef age() -> int:\n    return geo.cells.STEP\n") == (
        "it uses the whole module geo.cells",
        "product.py:1",
        fix.format("geo.cells"),
    )
    project.write("other", "from geo import cells\ndef age() -> int:\n    return cells.STEP\n")
    assert project.refused("other", "age") == (
        "it uses the whole module geo.cells",
        "other.py:1",
        fix.format("geo.cells"),
    )


def test_a_name_that_the_other_module_does_not_bind(project):
    project.write("geo", "if True:\n    from math import sqrt as root\n")
    what, where, fix = project.refusal(
        "from geo import root\ndef age() -> float:\n    return root(4)\n"
    )
    assert what == "'root' is bound in a way that cannot be sliced"
    assert where == "geo.py:1"
    assert fix == "bind it once, at the top level, by a plain assignment"


def test_modules_of_the_project_that_import_each_other(project):
    project.write("a", "from b import g\nONE = 1\n\ndef f(x: int) -> int:\n    return g(x)\n")
    project.write(
        "b", "import a\nfrom math import floor\n\ndef g(x):\n    from a import ONE\n    return x\n"
    )
    what, _, _ = project.refused("a", "f")
    assert what == "g imports a, which is not among the modules a service has"
    project.write("c", "ONE = 1\nfrom d import g\n\ndef f(x: int) -> int:\n    return g(x)\n")
    project.write("d", "from c import ONE\n\ndef g(x):\n    return x + ONE\n")
    what, where, fix = project.refused("c", "f")
    assert what == "d and c import each other"
    assert (where, fix) == ("d.py:1", "move the shared part out")


def test_a_method_called_on_an_import_changes_no_name(project):
    source = project.source(
        """
        import numpy as np

        np.geterr()
        NAMES = ["b", "a"]
        print(NAMES.index("a"), sorted(NAMES))

        def age(x: float) -> float:
            return float(np.floor(x)) + len(NAMES)
        """,
        "age",
    )
    assert "import numpy as np" in source


def test_the_line_of_an_impurity_is_that_of_the_file(project):
    _, where, _ = project.refusal(
        """
        from datetime import datetime
        import functools

        # a comment


        @functools.lru_cache(

            maxsize=2,
        )
        def age(
            x: int,  # years

        ) -> int:
            # another

            return datetime.now().year
        """
    )
    assert where == "product.py:17"


@pytest.mark.parametrize("name", ["sqrt", "__file__", "prise"])
def test_a_name_that_nothing_binds_is_refused(project, name):
    what, where, fix = project.refusal(f"def age(x: int) -> int:\n    return {name}\n")
    assert what == f"it uses '{name}', which nothing in product binds"
    assert where == "product.py"
    assert fix == "bind it at the top level, or correct the name"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("X = 1\nX = 2", 2),
        ("X = 1\nX += 2", 2),
        ("from math import e as X\nX = 2", 2),
        ("def X(): ...\ndef X(): ...", 2),
        ("X = 1\nif X:\n    X = 2", 2),
        ("X = 1\nfor X in range(3): pass", 2),
        ("X = 1\nwith [] as X: pass", 2),
        ("X = 1\ndel X", 2),
        ("X = {}\nX['a'] = 1", 2),
        ("X = []\nX.append(1)", 2),
        ("X = {}\nX.a.b = 1", 2),
        ("X = {}\nX['a'] += 1", 2),
        ("X = []\nfor y in range(3):\n    X.append(y)", 2),
        ("X = 1\n[X := 2]", 2),
    ],
)
def test_a_name_that_is_bound_twice_or_changed_is_refused(text, line):
    module = ProjectModule("product", "product.py", f"{text}\n\ndef age():\n    return X\n")
    with pytest.raises(Refusal) as caught:
        module.definition("X")
    assert (caught.value.what, caught.value.fix) == (
        "'X' is bound more than once, or changed after",
        "bind it once, at the top level, and leave it",
    )
    assert caught.value.where == f"product.py:{line}"


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    X = 1",
        "if True:\n    def X(): ...",
        "if True:\n    class X: ...",
        "if True:\n    import math as X",
        "if True:\n    from math import e as X",
        "try:\n    X = 1\nexcept ValueError: ...",
        "try:\n    from math import X\nexcept ImportError:\n    X = 2",
        "try: ...\nexcept ValueError as X: ...",
        "for X in range(3): ...",
        "for i in range(3):\n    X = i",
        "while False: ...\nelse:\n    X = 1",
        "import contextlib\nwith contextlib.nullcontext(1) as X: ...",
        "match 1:\n    case X: ...",
        "match [1]:\n    case [*X]: ...",
        "match {}:\n    case {**X}: ...",
        "async def X(): ...",
        "print(X := 1)",
        "X: int",
    ],
)
def test_a_name_bound_inside_a_statement_cannot_be_sliced(project, text):
    what, _, fix = project.refusal(f"{text}\n\ndef age(x: int) -> int:\n    return (x, X)\n")
    assert what == "'X' is bound in a way that cannot be sliced"
    assert fix == "bind it once, at the top level, by a plain assignment"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("min('a').upper().lower()", "the constant 'X' is not a plain expression"),
        ("isinstance(1, int)", "the constant 'X' is not a plain expression"),
        ("hash('a')", "the constant 'X' uses hash, which differs from process to process"),
        ("(y := 2)", "the constant 'X' is not a plain expression"),
        (
            "datetime.now()",
            "the constant 'X' reads the clock by .now; ask for the argument as_of ins",
        ),
        ("np.random.rand(3)", "the constant 'X' reads randomness by .random"),
        ("open('data.json')", "the constant 'X' uses open"),
    ],
)
def test_a_constant_that_is_not_plain_is_refused(project, monkeypatch, value, what):
    project.folder.joinpath("data.json").write_text("{}")
    monkeypatch.chdir(project.folder)
    found, where, _ = project.refusal(
        "from datetime import datetime\nimport numpy as np\n"
        f"X = {value}\ndef age(x: int) -> int:\n    return (x, X)\n"
    )
    assert found.startswith(what)
    assert where == "product.py:3"


def test_functions_that_are_not_at_the_top_level(project):
    project.write(
        "product",
        """
        def make(k):
            def age(x: int) -> int:
                return x + k
            return age

        class Holder:
            @staticmethod
            def years(x: int) -> int:
                return x

        def years(x: int) -> int:
            return -x

        closed = make(3)
        method = Holder.years
        short = lambda x: x
        """,
    )
    loaded = importlib.import_module("product")
    with pytest.raises(AuthorError) as caught:
        pack([loaded.closed, loaded.method, loaded.short], project.folder)
    assert [m.what for m in caught.value.mistakes] == [
        f"{name} cannot be packed into a release: it is not defined at the top level of its module"
        for name in ("age", "years", "<lambda>")
    ]
    assert {m.fix for m in caught.value.mistakes} == {"move it to the top level of the module"}


def test_what_is_no_python_function(project):
    with pytest.raises(AuthorError) as caught:
        pack([len, 5], project.folder)
    assert [m.what for m in caught.value.mistakes] == [
        "len cannot be packed into a release: it is not a Python function",
        "5 cannot be packed into a release: it is not a Python function",
    ]


def test_a_function_whose_source_is_gone(project):
    scope = {"__name__": "nowhere"}
    exec(compile("def age(x: int) -> int:\n    return x\n", "<stdin>", "exec"), scope)
    with pytest.raises(AuthorError) as caught:
        pack([scope["age"]], project.folder)
    assert caught.value.mistakes[0].what == (
        "age cannot be packed into a release: its source cannot be read"
    )
    assert caught.value.mistakes[0].fix == "define it in a file"


def test_two_modules_that_would_be_one_file_are_refused(project):
    project.write("a/__init__", "")
    project.write("a/b", "def one(x: int) -> int:\n    return 1\n")
    project.write("a__b", "def two(x: int) -> int:\n    return 2\n")
    functions = [*project.functions("a.b", "one"), *project.functions("a__b", "two")]
    with pytest.raises(AuthorError) as caught:
        pack(functions, project.folder)
    (mistake,) = caught.value.mistakes
    assert mistake.what == (
        "two cannot be packed into a release: the modules a.b and a__b would be one file, a__b.py"
    )
    assert mistake.fix == "rename one of them"


@pytest.mark.parametrize("module", ["größe", "a" * 65])
def test_a_module_that_cannot_be_a_file_of_a_release(project, module):
    project.write(module, "def age(x: int) -> int:\n    return x\n")
    what, _, fix = project.refused(module, "age")
    assert what == f"the module {module} cannot be a file of a release"
    assert fix == "give it a name of at most 64 letters without accents, digits and '_'"
