"""The project's own post-deploy tests: ``post_deploy/*.py``, run by pytest in a process of its own.

A test takes the fixture ``base_url``, or reads INTERLOCK_BASE_URL. Invariants: nothing that was not
run to its end and passed opens the way: no pytest, no test in the files, a skipped test, a crash or
a timeout do not pass. Of what is printed the last is kept, and nobody who may print more is waited
for once pytest has ended or its time is over.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree  # the file is our own, and one with a DOCTYPE is refused

from interlock.errors import OperatorError
from interlock.serve.workers.overheard import Overheard
from interlock.verdict import Check, Verdict

FOLDER = "post_deploy"
TIMEOUT_SECONDS = 300.0
_PLUGIN = "interlock.pipeline.probes.pytest_base_url"
_LONGEST = 2_000  # characters of a reason


def project_tests(
    project: Path, base_url: str, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> tuple[Check, ...]:
    """One check for each test; none when the project has no such files.

    Raises OperatorError V152 when there are tests but no pytest to run them.
    """
    files = sorted(p for p in (project / FOLDER).glob("*.py") if not _is_support(p))
    if not files:
        return ()
    if importlib.util.find_spec("pytest") is None:
        raise OperatorError(
            "V152",
            "the project has post-deploy tests, and pytest to run them is missing",
            where=str(project / FOLDER),
            expected="pytest in the environment that deploys",
            got=f"{len(files)} test files, no pytest",
            fix="pip install pytest",
            untouched="what is live in the environments after this one",
        )
    with tempfile.TemporaryDirectory(prefix="interlock-post-deploy-") as place:
        results = Path(place) / "results.xml"
        status, said = _run(_command(project, files, results), project, base_url, timeout_seconds)
        if status is None:
            return (_error(f"the tests did not end within {timeout_seconds:g} s"),)
        return _checks(results, status, said)


def _is_support(path: Path) -> bool:
    return path.name == "conftest.py" or path.name.startswith("_")


def _command(project: Path, files: list[Path], results: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        *("-p", _PLUGIN),
        *("-p", "no:cacheprovider"),
        *("-o", "addopts="),
        f"--rootdir={project}",
        f"--junitxml={results}",
        *map(str, files),
    ]


def _run(
    command: list[str], project: Path, base_url: str, timeout_seconds: float
) -> tuple[int | None, str]:
    """The exit status, None after a timeout, and the last of what was printed."""
    environment = {
        **os.environ,
        "INTERLOCK_BASE_URL": base_url,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = Overheard(process.stdout)
    try:
        status = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        return None, ""
    finally:  # whatever the tests started, and they themselves where we are interrupted
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        printed.end()
    return status, printed.said()


def _checks(results: Path, status: int, said: str) -> tuple[Check, ...]:
    """Each test's check; an error beside them when pytest's own status says more than they do."""
    checks = _read(results)
    if not checks:
        return (_error(f"no test was run: {said[-_LONGEST:].strip()}"),)
    if (status == 0) != all(c.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE) for c in checks):
        return (*checks, _error(f"pytest ended with status {status}: {said[-_LONGEST:].strip()}"))
    return checks


def _read(results: Path) -> tuple[Check, ...]:
    try:
        data = results.read_bytes()
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            return ()
        root = ElementTree.fromstring(data)  # noqa: S314
    except (OSError, ElementTree.ParseError):
        return ()
    return tuple(_check(case) for case in root.iter("testcase"))


def _check(case: ElementTree.Element) -> Check:
    name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
    for tag, verdict in (
        ("error", Verdict.ERROR),
        ("failure", Verdict.FAILED),
        ("skipped", Verdict.INCONCLUSIVE),
    ):
        found = case.find(tag)
        if found is not None:
            reason = (found.get("message") or found.text or tag).strip()
            return Check(name=name, verdict=verdict, n=1, reason=reason[:_LONGEST])
    return Check(name=name, verdict=Verdict.PASSED, n=1)


def _error(reason: str) -> Check:
    return Check(name=f"{FOLDER}/*.py", verdict=Verdict.ERROR, reason=reason)
