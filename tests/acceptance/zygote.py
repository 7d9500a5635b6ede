"""Runs the command line in forked processes, so that a test need not pay for the imports again.

One JSON line a command on standard input; answers are its process id, then its wait status. The
child is a process like any other: it has its own exit code, and kill -9 works on it. This process
imports, and computes nothing, so that no thread exists when it forks.
"""

import importlib
import json
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command line does, before OpenMP loads

import interlock.cli.main

for name in (
    "sklearn.ensemble",
    "sklearn.linear_model",
    "interlock.cli.render",
    "interlock.workspace",
    *(f"interlock.use_cases.{name}" for name in ("deliver", "export", "rollback", "verify")),
):
    importlib.import_module(name)


def child(command):
    os.setsid()
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environ"])
    for number, name in ((0, os.devnull), (1, command["stdout"]), (2, command["stderr"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(name, flags, 0o644), number)
    sys.argv = ["interlock", *command["arguments"]]
    code = 1
    try:
        code = interlock.cli.main.run(command["arguments"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    answers.write("ready\n")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        answers.write(f"{pid}\n")
        _, status = os.waitpid(pid, 0)
        answers.write(f"{status}\n")


if __name__ == "__main__":
    main()
