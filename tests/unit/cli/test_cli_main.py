"""Exit codes, what is said on which stream, and what is imported."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from interlock import __version__
from interlock.cli.main import COMMANDS
from interlock.errors import (
    AuthorError,
    BlockedError,
    IntegrityError,
    Mistake,
    OperatorError,
    StoreError,
)
from interlock.use_cases import check, explain, train
from interlock.use_cases.check import CheckReport


def _raises(error):
    def use_case(*args, **kwargs):
        raise error

    return use_case


def test_help_imports_no_numerical_library_and_no_database():
    heavy = {"numpy", "pyarrow", "duckdb", "sqlalchemy", "sklearn", "pandas", "cyclopts"}
    code = (
        "import sys; from interlock.cli.main import run; run(['--help']);"
        f"print(sorted({heavy} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert done.stdout.startswith("Usage: interlock COMMAND [OPTIONS]\n")


@pytest.mark.parametrize("arguments", [["--version"], ["no-such-command"]])
def test_at_the_end_what_is_registered_is_done_and_nothing_is_taken_down(arguments):
    code = (
        "import atexit, sys; from interlock.cli.main import main\n"
        "class Kept:\n"
        "    def __del__(self): print('taken down')\n"
        f"kept, sys.argv[1:] = Kept(), {arguments}\n"
        "atexit.register(print, 'ended')\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    said = f"{__version__}\n" if arguments == ["--version"] else ""
    assert (done.stdout, done.returncode) == (said + "ended\n", 0 if said else 2)


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_the_overview_names_every_command(interlock, arguments):
    said = interlock(*arguments)
    assert (said.code, said.err) == (0, "")
    assert "\n  rollback  Return to the release before; running services follow.\n" in said.out
    commands = [line.split()[0] for line in said.out.splitlines() if line.startswith("  ")]
    assert commands == list(COMMANDS)


def test_the_version_is_said(interlock):
    assert interlock("--version").out == f"{__version__}\n"


def test_a_result_goes_to_standard_output(interlock, monkeypatch):
    monkeypatch.setattr(
        check,
        "check",
        lambda *_: CheckReport(products=("rents", "sales"), notes={"rents": ("it is so",)}),
    )
    said = interlock("check")
    assert said.out == (
        "✔ rents: the declaration holds together\n    note: it is so\n"
        "✔ sales: the declaration holds together\n"
    )
    assert (said.code, said.err) == (0, "")


def test_json_is_one_versioned_object(interlock, monkeypatch):
    monkeypatch.setattr(
        check, "check", lambda *_: CheckReport(products=("rents",), notes={"rents": ()})
    )
    said = interlock("check", "--json")
    assert said.out.count("\n") == 1
    assert json.loads(said.out) == {
        "version": 1,
        "command": "check",
        "products": ["rents"],
        "notes": {"rents": []},
    }


def test_every_mistake_is_said_and_every_code_once_in_the_hints(interlock, monkeypatch):
    mistakes = [
        Mistake(code="C110", what="one thing", where="product.py:3", fix="mend it"),
        Mistake(code="C110", what="another", got="\x1b[31mred"),
        Mistake(code="F106", what="a third"),
    ]
    monkeypatch.setattr(check, "check", _raises(AuthorError.of(mistakes)))
    said = interlock("check")
    assert said.code == 2
    assert said.out == ""
    assert said.err == (
        "error[C110]: one thing\n  where: product.py:3\n  fix: mend it\n"
        "error[C110]: another\n  got: \\x1b[31mred\n"
        "error[F106]: a third\n"
        "hint: interlock explain C110\nhint: interlock explain F106\n"
    )


@pytest.mark.parametrize(
    ("kind", "code"),
    [(AuthorError, 2), (OperatorError, 2), (StoreError, 1), (IntegrityError, 5), (BlockedError, 3)],
)
def test_each_kind_of_error_has_its_exit_code(interlock, monkeypatch, kind, code):
    monkeypatch.setattr(check, "check", _raises(kind("L101", "no")))
    said = interlock("check", "--json")
    assert said.code == code
    assert json.loads(said.out)["exit_code"] == code
    assert json.loads(said.out)["error"]["code"] == "L101"
    assert said.err == "error[L101]: no\nhint: interlock explain L101\n"


def test_an_unexpected_error_is_one_short_line(interlock, monkeypatch):
    monkeypatch.setattr(check, "check", _raises(RuntimeError("two\nlines")))
    said = interlock("check")
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "error[X100]: unexpected RuntimeError: two lines\nhint: run it again with --debug\n"
    )


def test_debug_shows_the_traceback(interlock, monkeypatch):
    monkeypatch.setattr(check, "check", _raises(RuntimeError("oops")))
    said = interlock("check", "--debug")
    assert said.code == 1
    assert said.err.startswith("Traceback (most recent call last):\n")
    assert said.err.endswith(
        "error[X100]: unexpected RuntimeError: oops\nhint: interlock explain X100\n"
    )


@pytest.fixture
def a_project(tmp_path):
    """A folder that passes for a project as long as nobody asks what it declares."""
    (tmp_path / "product.py").touch()
    return tmp_path


@pytest.mark.parametrize("command", ["status", "history", "log", "deliver"])
def test_a_folder_that_is_no_project_is_left_as_it_is(interlock, tmp_path, command):
    said = interlock(command, "--project", str(tmp_path))
    assert (said.code, "error[C152]" in said.err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("further", [(), ("--hold",), ("--to", "staging"), ("--resume",)])
def test_an_interrupted_delivery_says_how_to_go_on_no_further_than_was_asked(
    interlock, monkeypatch, a_project, further
):
    from interlock.use_cases import deliver

    monkeypatch.setattr(deliver, "deliver", _raises(KeyboardInterrupt()))
    said = interlock("deliver", "--project", str(a_project), *further)
    assert (said.code, said.out) == (130, "")
    asked = [a for a in further if a != "--resume"]
    again = shlex.join(["deliver", "--project", str(a_project), *asked, "--resume"])
    assert said.err == (
        f"\n! interrupted; what was live stays live. Go on with: interlock {again}\n"
    )


def test_another_command_is_simply_interrupted(interlock, monkeypatch, a_project):
    monkeypatch.setattr(train, "train", _raises(KeyboardInterrupt()))
    said = interlock("train", "--project", str(a_project))
    assert (said.code, said.err) == (130, "\n! interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (["nope"], 'Unknown command "nope".', "see `interlock --help`"),
        (["deliver", "--nope"], "Unknown option: --nope.", "see `interlock deliver --help`"),
        (["history", "--limit", "0"], 'Invalid value "0"', "see `interlock history --help`"),
        (
            ["history", "--limit", "x"],
            "Invalid value for --limit",
            "see `interlock history --help`",
        ),
        (["predict", "--input", "a.csv"], "Command", "see `interlock predict --help`"),
        (["init"], "Command", "see `interlock init --help`"),
        (
            ["log", "show", "a b"],
            "no argument is taken here: show 'a b'",
            "see `interlock log --help`",
        ),
        (["status", "prod"], "no argument is taken here: prod", "see `interlock status --help`"),
        (["serve", "--port", "70000"], 'Invalid value "70000"', "see `interlock serve --help`"),
    ],
)
def test_wrong_usage_is_explained_and_exits_2(interlock, arguments, what, fix):
    said = interlock(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error[C161]: {what}")
    assert f"\n  fix: {fix}\n" in said.err
    assert said.err.endswith("hint: interlock explain C161\n")


def test_the_replay_options_go_together(interlock):
    said = interlock("serve", "--replay", "--from", "2025-01-01")
    assert said.code == 2
    assert said.err.startswith("error[C161]: --replay, --from and --until go together\n")
    assert "  got: --replay, --from\n" in said.err


def test_a_reader_that_went_away_changes_nothing():
    process = subprocess.Popen(
        [sys.executable, "-m", "interlock", "explain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_a_disk_that_is_full_is_said():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "interlock", "explain"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "error[X100]: unexpected OSError: [Errno 28] No space left on device\n"
        "hint: run it again with --debug\n"
    )


def test_a_terminal_without_unicode_gets_question_marks():
    done = subprocess.run(
        [sys.executable, "-m", "interlock", "explain", "C162"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout.startswith(b"C162: The folder is not empty\n")


def test_explain_lists_and_tells(interlock):
    assert "C162  The folder is not empty\n" in interlock("explain").out
    told = interlock("explain", "c162").out
    assert told.startswith("C162: The folder is not empty\n\n`interlock init` makes a project only")
    row = json.loads(interlock("explain", "C162", "--json").out)
    assert (row["command"], row["code"], row["title"]) == (
        "explain",
        "C162",
        "The folder is not empty",
    )
    assert set(json.loads(interlock("explain", "--json").out)["codes"]) == set(explain.codes())


def test_init_says_what_to_type_next(interlock, tmp_path):
    folder = tmp_path / "a b"
    said = interlock("init", str(folder))
    assert said.out == (
        f"✔ made a project of 9 files in {folder}\nnext: cd '{folder}' && interlock deliver\n"
    )
    again = interlock("init", str(folder))
    assert again.code == 2
    assert again.err.startswith("error[C162]: the folder is not empty\n")


def test_a_delivery_sets_its_own_exit_code(interlock, monkeypatch, a_project, blocked):
    from interlock.use_cases import deliver

    asked = {}

    def fake(workspace, product, **options):
        asked.update(options, product=product)
        return blocked

    monkeypatch.setattr(deliver, "deliver", fake)
    said = interlock(
        *("deliver", "--project", str(a_project), "--to", "staging", "--product", "rents"),
        *("--junit", "found/checks.xml", "--summary", "summary.md", "--full"),
    )
    assert said.code == 3
    assert asked == {
        "product": "rents",
        "as_of": None,
        "to": "staging",
        "resume": False,
        "unpin": False,
        "full": True,
        "hold": False,
        "copies": {"junit.xml": Path("found/checks.xml"), "summary.md": Path("summary.md")},
    }
    assert said.err == (
        "error[M204]: the model gate stays shut\n  expected: every check to pass\n"
        "hint: interlock explain M204\n"
    )
    assert said.out.splitlines()[0] == "report: /state/report.html"
    assert said.out.splitlines()[-1] == (
        "✖ blocked: the model gate stays shut; no release made, prod still runs 1.3.0"
    )


def test_the_json_of_a_delivery_holds_its_gates(interlock, monkeypatch, a_project, blocked):
    from interlock.use_cases import deliver

    monkeypatch.setattr(deliver, "deliver", lambda *_, **__: blocked)
    said = interlock("deliver", "--project", str(a_project), "--json")
    row = json.loads(said.out)
    assert said.code == row["exit_code"] == 3
    assert row["delivery"]["as_of"] == "1997-06-30T00:00:00Z"
    assert row["gates"][0]["checks"][0]["measured"] is None
    assert row["mistakes"][0]["code"] == "M204"
    assert row["report"] == "/state/report.html"
    assert row["folder"] == "/state"
