"""Lines for whoever may not read them: they hold up nobody, and what is missing is told."""

import contextlib
import os
import select
import sys
import threading

import pytest

from interlock.serve import lines as module
from interlock.serve.lines import Lines, printed_by_lines

told = b"%d missing\n".__mod__


@pytest.fixture(autouse=True)
def written_to_the_end(monkeypatch):
    """On a busy machine, too."""
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 60.0)


@pytest.fixture
def pipe():
    """Its ends; it is filled by :func:`fill`."""
    reading, writing = os.pipe()
    yield reading, writing
    for end in (reading, writing):
        with contextlib.suppress(OSError):  # a test did
            os.close(end)


def fill(writing):
    """Bytes until the pipe takes no more; it is one that waits again afterwards."""
    os.set_blocking(writing, False)
    n_bytes = 0
    try:
        while True:
            n_bytes += os.write(writing, b"\n" * 4_096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    return n_bytes


def read(reading, n_bytes):
    found = b""
    while len(found) < n_bytes:
        found += os.read(reading, n_bytes - len(found))
    return found


def test_nobody_waits_for_a_pipe_that_nobody_reads_and_what_was_too_much_is_told(pipe, monkeypatch):
    reading, writing = pipe
    full = fill(writing)
    begun, written = threading.Event(), Lines._written
    monkeypatch.setattr(Lines, "_written", lambda *given: begun.set() or written(*given))
    lines = Lines(writing, told=told, most=10)
    lines.put(b"held\n")
    assert begun.wait(60)  # it is with the thread, which waits for the pipe
    for n in range(25):
        lines.put(b"%d\n" % n)
    assert lines.dropped == 15
    read(reading, full)
    lines.close()
    os.close(writing)
    found = os.read(reading, 1_000)
    assert found == b"held\n" + b"".join(b"%d\n" % n for n in range(10)) + b"15 missing\n"


def test_what_is_missing_is_told_once_of_each_time(pipe):
    reading, writing = pipe
    lines = Lines(writing, told=told, most=0)
    for n in (1, 2):
        for _ in range(n):
            lines.put(b"x\n")
        lines._most = 1
        lines.put(b"let in\n")
        expected = b"let in\n%d missing\n" % n
        assert read(reading, len(expected)) == expected
        lines._most = 0
    lines.close()
    assert lines.dropped == 3


def test_a_stop_waits_for_no_reader(pipe, monkeypatch):
    monkeypatch.setattr(module, "_CLOSE_SECONDS", 0.05)
    reading, writing = pipe
    fill(writing)
    lines = Lines(writing, told=told)
    lines.put(b"never\n")
    lines.close()
    assert lines._thread.is_alive()
    assert lines._thread.daemon, "it does not keep the process either"
    os.close(reading)  # it ends with an error that nobody hears of
    lines._thread.join(60)
    assert not lines._thread.is_alive()


def test_a_reader_that_has_gone_is_no_error_and_its_lines_are_counted(pipe):
    reading, writing = pipe
    os.close(reading)
    lines = Lines(writing, told=told)
    for _ in range(3):
        lines.put(b"x\n")
    lines.close()
    assert lines.dropped == 3


def test_a_file_that_another_made_one_not_to_wait_is_waited_for_all_the_same(pipe):
    reading, writing = pipe
    full = fill(writing)
    os.set_blocking(writing, False)
    lines = Lines(writing, told=told)
    lines.put(b"late\n")
    threading.Timer(0.1, read, (reading, full)).start()
    lines.close()
    assert (os.read(reading, 100), lines.dropped) == (b"late\n", 0)


def test_lines_that_others_write_to_the_same_pipe_come_between_and_never_within(pipe, monkeypatch):
    """The system takes so many bytes at once, and not more; a longer line is written alone."""
    reading, writing = pipe
    given, write = [], os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: given.append(data) or write(fd, data))
    longest = b"x" * 5_000 + b"\n"
    sent = [*(b"%d " % n * (n % 90) + b"\n" for n in range(200)), longest, b"end\n"]
    with Lines(writing, told=told) as lines:
        for line in sent:
            lines.put(line)
    assert b"".join(given) == b"".join(sent) == read(reading, sum(map(len, sent)))
    assert all(data.endswith(b"\n") for data in given)
    assert [data for data in given if len(data) > select.PIPE_BUF] == [longest]
    assert len(given) < len(sent) / 2, "short ones together"


def test_what_is_printed_leaves_by_lines_and_waits_for_nobody(pipe):
    reading, writing = pipe
    full = fill(writing)
    before = sys.stderr
    with printed_by_lines(writing) as lines:
        print("one", "line", file=sys.stderr, flush=True)
        sys.stderr.write("\udcff no UTF-8\n and no end")
        assert lines.dropped == 0
        read(reading, full)
    assert sys.stderr is before
    os.close(writing)
    assert os.read(reading, 1_000) == b"one line\n\\udcff no UTF-8\n and no end"
