"""The hook called when a delivery fails: a command or an address; it never makes things worse."""

import http.server
import json
import sys
import threading

import pytest
from redis_server import free_port

from interlock.pipeline.delivery.hook import call_hook

MESSAGE = {"product": "houses", "delivery": 3, "reason": "the data gate stayed shut: “rows”"}


def script(folder, text):
    path = folder / "hook script.py"
    path.write_text(text)
    return f'"{sys.executable}" "{path}"'


def test_a_command_gets_the_message_in_the_projects_folder(tmp_path):
    hook = script(tmp_path, "import sys; open('called.json', 'wb').write(sys.stdin.buffer.read())")
    assert call_hook(hook, MESSAGE, project_dir=tmp_path) == "the failure hook ended with 0"
    assert json.loads((tmp_path / "called.json").read_bytes()) == MESSAGE


def test_a_command_with_arguments_is_run_without_a_shell(tmp_path):
    hook = script(tmp_path, "import sys; open('argv', 'w').write(repr(sys.argv[1:]))")
    said = call_hook(f"{hook} 'a b' '$HOME;touch x' *", MESSAGE, project_dir=tmp_path)
    assert said == "the failure hook ended with 0"
    assert (tmp_path / "argv").read_text() == "['a b', '$HOME;touch x', '*']"
    assert not (tmp_path / "x").exists()


def test_a_command_that_fails_is_told_of(tmp_path):
    hook = script(tmp_path, "raise SystemExit(7)")
    assert call_hook(hook, MESSAGE, project_dir=tmp_path) == "the failure hook ended with 7"


def test_a_command_that_reads_nothing_is_fine(tmp_path):
    hook = script(tmp_path, "import os; os.close(0)")
    big = MESSAGE | {"more": "x" * 1_000_000}
    assert call_hook(hook, big, project_dir=tmp_path) == "the failure hook ended with 0"


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ("no-such-command --now", "[Errno 2] No such file or directory: 'no-such-command'"),
        ("'unbalanced", "No closing quotation"),
        ("   ", "it names no command"),
    ],
)
def test_a_command_that_cannot_run_is_told_of(tmp_path, hook, why):
    said = call_hook(hook, MESSAGE, project_dir=tmp_path)
    assert said == f"the failure hook could not run: {why}"


def test_a_command_that_hangs_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("interlock.pipeline.delivery.hook._SECONDS", 0.2)
    hook = script(tmp_path, "import time; time.sleep(60)")
    said = call_hook(hook, MESSAGE, project_dir=tmp_path)
    assert said.startswith("the failure hook could not run: Command ")
    assert said.endswith("timed out after 0.2 seconds")


# -- addresses -------------------------------------------------------------------------------------


@pytest.fixture
def answering():
    """A server on loopback that answers as told and keeps what it was sent."""
    servers = []

    def start(status=204, raw=None):
        got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                got.append((self.path, self.headers["Content-Type"], self.rfile.read(length)))
                if raw is not None:
                    self.wfile.write(raw)
                    return
                self.send_response(status)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}", got

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_address_gets_the_message_by_post(tmp_path, answering):
    address, got = answering(204)
    said = call_hook(f"{address}/hooks/1", MESSAGE, project_dir=tmp_path)
    assert said == "the failure hook answered 204"
    ((path, kind, body),) = got
    assert (path, kind) == ("/hooks/1", "application/json")
    assert json.loads(body) == MESSAGE


def test_an_address_that_refuses_is_told_of(tmp_path, answering):
    address, got = answering(500)
    said = call_hook(address, MESSAGE, project_dir=tmp_path)
    assert said == "the failure hook answered 500"
    assert len(got) == 1


def test_an_address_that_talks_nonsense_is_told_of(tmp_path, answering):
    address, _ = answering(raw=b"what?\r\n\r\n")
    said = call_hook(address, MESSAGE, project_dir=tmp_path)
    assert said.startswith("the failure hook could not be reached: ")


def test_an_address_where_nobody_listens(tmp_path):
    said = call_hook(f"http://127.0.0.1:{free_port()}", MESSAGE, project_dir=tmp_path)
    assert said.startswith("the failure hook could not be reached: <urlopen error")


@pytest.mark.parametrize("address", ["http://127.0.0.1:port/", "http://", "http://a b/"])
def test_an_address_that_is_none(tmp_path, address):
    said = call_hook(address, MESSAGE, project_dir=tmp_path)
    assert said.startswith("the failure hook could not be reached: ")
