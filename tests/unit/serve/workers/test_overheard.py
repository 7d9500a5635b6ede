"""What a process wrote to its standard error, whoever hears of it."""

import io
import os
import sys

import pytest

from interlock.serve.workers.overheard import Overheard


@pytest.mark.parametrize("closed", [True, False])
def test_it_is_read_to_its_end_though_it_can_be_told_to_nobody(monkeypatch, closed):
    """Else whoever writes would wait, once the pipe is full."""
    reading, writing = os.pipe()
    nobody = io.StringIO() if closed else os.fdopen(os.dup(reading))  # not to be written
    if closed:
        nobody.close()
    monkeypatch.setattr(sys, "stderr", nobody)
    overheard = Overheard(os.fdopen(reading, "rb"))
    overheard.hand_on()
    for number in range(100):
        os.write(writing, b"%06d\n" % number * 1_000)
    os.close(writing)
    overheard.end()
    assert overheard.said().endswith("000099\n" * 1_000)
    if not closed:
        nobody.close()


def test_characters_that_come_in_parts_are_whole_and_what_is_none_is_marked():
    reading, writing = os.pipe()
    overheard = Overheard(os.fdopen(reading, "rb"))
    text = "née €".encode()
    for place in range(len(text)):
        os.write(writing, text[place : place + 1])
        while place == 1 and overheard.said() != "n":
            pass
    os.write(writing, b"\xff\xe2\x82")
    os.close(writing)
    overheard.end()
    assert overheard.said() == "née €\ufffd\ufffd"
