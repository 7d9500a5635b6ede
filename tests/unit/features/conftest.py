"""A project in a folder of its own, imported for one test and forgotten after it."""

import importlib
import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from interlock.errors import AuthorError
from interlock.features.pack import Packed, pack

ALONE = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
module = importlib.import_module("packed." + sys.argv[2])
print(json.dumps([getattr(module, sys.argv[3])(*json.loads(sys.argv[4])), sorted(sys.modules)]))
"""


@dataclass(frozen=True)
class Project:
    folder: Path

    def write(self, name: str, source: str) -> None:
        path = self.folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source).lstrip("\n"), encoding="utf-8")
        importlib.invalidate_caches()

    def functions(self, module: str, *names: str):
        loaded = importlib.import_module(module)
        found = [getattr(loaded, name) for name in names]
        return [getattr(f, "function", f) for f in found]

    def pack(self, module: str, *names: str) -> Packed:
        return pack(self.functions(module, *names), self.folder)

    def source(self, text: str, *names: str) -> str:
        """The packed source of functions of one module, product.py."""
        self.write("product", text)
        return self.pack("product", *names).sources["product"]

    def refusal(self, text: str, name: str = "age") -> tuple[str, str, str]:
        """(what is wrong with packing the function of product.py, where, and the fix)."""
        self.write("product", text)
        return self.refused("product", name)

    def refused(self, module: str, name: str) -> tuple[str, str, str]:
        with pytest.raises(AuthorError) as caught:
            self.pack(module, name)
        (mistake,) = caught.value.mistakes
        assert (mistake.code, mistake.expected) == ("F102", "a pure function of its arguments")
        head = f"{name} cannot be packed into a release: "
        assert mistake.what.startswith(head)
        place = mistake.where.removeprefix(f"{self.folder}/")
        return mistake.what.removeprefix(head), place, mistake.fix

    def alone(self, packed: Packed, module: str, function: str, *arguments: object) -> object:
        """What the packed function answers in a Python that has only the packed source."""
        room = self.folder / "room" / "packed"
        room.mkdir(parents=True, exist_ok=True)
        (room / "__init__.py").write_text("")
        for name, text in packed.sources.items():
            (room / f"{name}.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-I", "-c", ALONE, room.parent, module, function]
        done = subprocess.run(
            [*map(str, command), json.dumps(arguments)], capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stderr
        answer, modules = json.loads(done.stdout)
        assert "interlock" not in modules
        assert "product" not in modules
        return answer


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "product", raising=False)  # of a test that loaded its own
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield Project(tmp_path)
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if name.startswith("_interlock_") or str(origin).startswith(str(tmp_path)):
            del sys.modules[name]
