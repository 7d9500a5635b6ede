"""What all tests share, and how a run over several processes ends."""

import gc
import os
import time

import pytest
from _pytest.doctest import DoctestModule
from hypothesis import settings

# Threads of OpenMP and of OpenBLAS wait idle for work: a run has a process a core, and where each
# keeps both cores busy with waiting, the others stand still. Set before either library is there.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # they sleep after 2⁴ ticks, not 2²⁸

gc.disable()  # to collect is to import: no garbage, and more to look through at every look

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Tests are no documentation: looking for examples in them would take as long as importing."""
    found = yield
    return [each for each in found if not isinstance(each, DoctestModule)]


def pytest_collection_finish():
    """What was imported and collected stays to the end: nobody need look there for garbage."""
    gc.freeze()
    gc.enable()


class Ends:
    """When each process of a run had its last test, as the process that collects them sees it."""

    def __init__(self):
        self.last = {}

    def pytest_runtest_logreport(self, report):
        if hasattr(report, "node"):
            self.last[report.node.gateway.id] = time.monotonic()

    def pytest_terminal_summary(self, terminalreporter):
        end = time.monotonic()
        idle = (f"{name} {end - last:.0f} s" for name, last in sorted(self.last.items()))
        if self.last:
            terminalreporter.line(f"without a test at the end: {', '.join(idle)}")


@pytest.hookimpl(trylast=True)  # after what distributes the tests is there
def pytest_configure(config):
    if config.pluginmanager.hasplugin("dsession"):
        config.pluginmanager.register(Ends())
