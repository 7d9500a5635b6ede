"""Limits on threads: the loaded libraries are looked for where a module came, and not otherwise."""

import sys
from types import ModuleType

import threadpoolctl
from threadpoolctl import threadpool_info

from interlock.stats import threads
from interlock.stats.threads import limited_threads


def blas_threads():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def test_the_limit_holds_within_and_ends_with_it():
    before = blas_threads()
    with limited_threads(1, user_api="blas"):
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_libraries_are_looked_for_again_only_where_a_module_was_imported(monkeypatch):
    found = []

    class Counted(threadpoolctl.ThreadpoolController):
        def __init__(self):
            found.append(len(sys.modules))
            super().__init__()

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Counted)
    threads._libraries.cache_clear()
    for _ in range(3):
        with limited_threads(1):
            pass
    assert len(found) == 1
    monkeypatch.setitem(sys.modules, "interlock_test_came_later", ModuleType("came_later"))
    with limited_threads(1):
        pass
    assert len(found) == 2
    threads._libraries.cache_clear()
