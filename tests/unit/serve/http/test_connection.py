"""One connection: what is read, in which order it is answered, and all that must end it."""

import asyncio
import json
import tracemalloc
from itertools import accumulate, pairwise
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interlock.serve.errors import ServiceError
from interlock.serve.http import connection as module
from interlock.serve.http import known_heads
from interlock.serve.http.connection import Connection
from interlock.serve.http.kept import KeptBodies
from interlock.serve.http.known_heads import KnownHeads
from interlock.serve.http.response import JSON, Response, json_response, refused
from interlock.serve.replies import Reply

LIMITS = SimpleNamespace(body_bytes=1_000, body_seconds=5.0)


class Service:
    """An application that says what it was asked, when it is told to."""

    limits = LIMITS

    def __init__(self):
        self.in_flight = 0
        self.room = 1_000
        self.entered = 0
        self.asked = []
        self.waiting = []
        self.kept = KeptBodies(1 << 20)
        self.heads = KnownHeads()

    def enter(self, request):
        if request.path.startswith("/page"):
            return json_response(request.path.encode())
        if request.path.startswith("/no"):
            return refused(ServiceError("S116", "there is no such path"))
        self.entered += 1
        return None

    def answer(self, request, body, then):
        if self.in_flight >= self.room:
            return refused(ServiceError("S120", "too many requests are in flight"))
        self.in_flight += 1
        self.asked.append((request.method, request.path, request.query, body))
        self.waiting.append((request, body, then))

    def refuse(self, request, error):
        return refused(error)

    def malformed(self, error):
        return refused(error)

    def reply(self):
        """Answer what has been asked, and what that makes room for."""
        while self.waiting:
            request, body, then = self.waiting.pop(0)
            self.in_flight -= 1
            said = json.dumps([request.path, body.decode("latin-1")]).encode()
            then(Response(Reply(200, said, []), JSON))


class Transport:
    def __init__(self):
        self.sent = b""
        self.paused = self.ended = self.closed = self.aborted = False

    def write(self, data):
        assert not self.ended, "written after its end"
        self.sent += data

    def is_closing(self):
        return self.closed

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True

    def close(self):
        self.closed = True

    def abort(self):
        self.closed = self.aborted = True

    def pause_reading(self):
        assert not self.paused
        self.paused = True

    def resume_reading(self):
        assert self.paused
        self.paused = False


class Owner:
    def __init__(self):
        self.now, self.date, self.closing, self.room = 100.0, b"", False, True
        self.gone = []

    def opened(self, connection):
        return self.room

    def closed(self, connection):
        self.gone.append(connection)


class Talk:
    """A connection with its ends; several may be of one service."""

    def __init__(self, *, room=True, service=None, **limits):
        self.service = Service() if service is None else service
        self.service.limits = SimpleNamespace(**(vars(LIMITS) | limits))
        self.transport, self.owner = Transport(), Owner()
        self.owner.room = room
        self.connection = Connection(self.service, self.owner)
        self.connection.connection_made(self.transport)

    def send(self, data):
        self.connection.data_received(data)
        return self

    def wait(self, seconds):
        self.owner.now += seconds
        if self.connection.deadline < self.owner.now:
            self.connection.overdue()
        return self

    @property
    def answers(self):
        """(status, header fields, body) of each answer."""
        return parsed(self.transport.sent)

    @property
    def statuses(self):
        return [status for status, _, _ in self.answers]

    @property
    def over(self):
        return self.transport.ended or self.transport.closed


def parsed(data):
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        start, *lines = head.decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        length = int(fields.get("content-length", 0))
        found.append((int(start.split()[1]), fields, data[:length]))
        data = data[length:]
    return found


def post(path, body, *fields):
    head = [f"POST {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(path, *parts):
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def test_a_request_is_asked_once_it_is_there_and_answered_when_it_is():
    talk = Talk()
    talk.send(post("/ask?a=1", b"question"))
    assert talk.service.asked == [("POST", "/ask", "a=1", b"question")]
    assert (talk.answers, talk.service.in_flight) == ([], 1)
    talk.service.reply()
    ((status, fields, body),) = talk.answers
    assert (status, body) == (200, b'["/ask", "question"]')
    assert fields == {
        "content-type": "application/json",
        "x-content-type-options": "nosniff",
        "content-length": "20",
    }
    assert (talk.service.in_flight, talk.over) == (0, False)


REQUESTS = {
    "whole": post("/ask/1", b"whole"),
    "chunks": chunked("/ask/2", b"in ", b"chunks", b"!"),
    "page": b"GET /page/3 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "head": b"HEAD /page/4 HTTP/1.1\r\nhost:localhost\r\n\r\n",
    "empty": post("/ask/5", b""),
    "no": b"GET /no HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "last": post("/ask/6", b"last", "connection: close"),
    "last page": b"GET /page/7 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    "old": b"GET /page/8 HTTP/1.0\r\nhost: localhost\r\n\r\n",
    "last no": b"GET /no HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    "unwanted": post("/no", b"GET /page/smuggled HTTP/1.1\r\n\r\n"),
    "offers": post("/ask/10", b"offered", "connection: upgrade", "upgrade: h2c"),
    "offers chunks": chunked("/ask/11", b"a", b"bc").replace(
        b"host", b"connection: upgrade\r\nupgrade: h2c\r\nhost", 1
    ),
    "offers a page": (
        b"GET /page/12 HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"
    ),
    "broken": b"\x16\x03\x01\x02",
    "two lengths": post("/ask/7", b"0\r\n\r\n", "transfer-encoding: chunked"),
    "too long": post("/ask/8", b"x" * 1_001),
    "too many chunks": chunked("/ask/9", *[b"x" * 500] * 3),
}
ENDING = (
    "last",
    "last page",
    "old",
    "last no",
    "unwanted",
    "broken",
    "two lengths",
    "too long",
    "too many chunks",
)


@settings(max_examples=300)
@given(
    names=st.lists(st.sampled_from(sorted(REQUESTS)), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 2_000), max_size=12),
    eager=st.booleans(),
    remembered=st.booleans(),
)
@example(names=["whole", "page", "whole", "last", "whole"], cuts=[], eager=False, remembered=True)
@example(names=["last page", "page"], cuts=[], eager=False, remembered=False)
def test_however_bytes_are_cut_the_answers_are_those_of_each_alone(names, cuts, eager, remembered):
    """Requests after one that ends the connection are never read."""
    expected = []
    for name in names:
        alone = Talk().send(REQUESTS[name])
        alone.service.reply()
        expected.append(alone.transport.sent)
        assert alone.over == (name in ENDING), name
        if alone.over:
            break
    talk, data = Talk(), b"".join(REQUESTS[name] for name in names)
    if remembered:
        for name in names:
            Talk(service=talk.service).send(REQUESTS[name])
            talk.service.reply()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    if remembered:  # most come whole, as they do on a network
        ends = accumulate(len(REQUESTS[name]) for name in names)
        places = sorted({*places[: len(cuts) // 4], 0, len(data), *ends})
    parts = [data[a:b] for a, b in pairwise(places)]
    for part in parts:
        talk.send(part)
        if eager or talk.transport.paused:  # who has paused gets nothing before it resumes
            talk.service.reply()
    talk.service.reply()
    assert talk.transport.sent == b"".join(expected)
    assert talk.service.in_flight == 0
    assert talk.over == (names[len(expected) - 1] in ENDING)


@settings(max_examples=200)
@given(data=st.data())
def test_whatever_is_sent_nobody_is_left_in_flight_or_connected(data):
    """Any bytes in any parts, answers at any time, an end at any time."""
    talk = Talk()
    talk.service.kept = KeptBodies(data.draw(st.sampled_from([1 << 20, 500, 0])))
    whole = b"".join(
        data.draw(
            st.lists(st.sampled_from([*REQUESTS.values(), b"\r\n", b"GET ", b"\0"]), max_size=5)
        )
    )
    for cut in data.draw(st.lists(st.integers(1, 90), max_size=15)):
        part, whole = whole[:cut], whole[cut:]
        if part and not talk.transport.closed:
            talk.send(part)
        step = data.draw(st.sampled_from(["on", "reply", "wait", "stall", "resume", "end", "eof"]))
        if step == "reply":
            talk.service.reply()
        elif step == "wait":
            talk.wait(20)
        elif step == "stall":
            talk.connection.pause_writing()
        elif step == "resume":
            talk.connection.resume_writing()
        elif step == "end":
            talk.owner.closing = True
            talk.connection.end()
        elif step == "eof" and not talk.connection.eof_received():
            talk.transport.close()  # as its loop does then
            break
        since = talk.connection.waits_since()
        assert since == float("inf") or since <= talk.owner.now + module.TAKING_SECONDS
        cut_off = talk.transport.closed  # it gave way before: nobody takes its answer any more
        assert since == float("inf") or cut_off or not talk.service.in_flight
    for _ in range(4):  # nothing more happens: whatever its state, it is not kept for ever
        talk.service.reply()
        talk.wait(100)
    assert talk.transport.aborted
    talk.connection.connection_lost(None)
    talk.service.reply()
    assert (talk.service.in_flight, talk.service.kept.total) == (0, 0)
    assert talk.owner.gone == [talk.connection]


def test_one_after_another_and_nothing_more_is_read_meanwhile():
    talk = Talk().send(post("/ask/1", b"") + post("/ask/2", b""))
    assert [path for _, path, _, _ in talk.service.asked] == ["/ask/1"]
    assert talk.transport.paused
    talk.service.reply()
    assert [body for _, _, body in talk.answers] == [b'["/ask/1", ""]', b'["/ask/2", ""]']
    assert not talk.transport.paused


def test_too_many_sent_at_once_are_answered_up_to_a_bound_and_then_it_ends():
    talk = Talk().send(post("/ask", b"") * (module.MOST_WAITING + 10))
    talk.service.reply()
    assert talk.statuses == [200] * module.MOST_WAITING
    assert talk.answers[-1][1]["connection"] == "close"
    assert talk.over


def test_nobody_holds_up_the_others_with_pages_sent_at_once():
    """They are answered while they are read, so that as many as may wait is as many as come."""
    talk = Talk().send(REQUESTS["page"] * module.MOST_WAITING)
    assert (talk.statuses, talk.over) == ([200] * module.MOST_WAITING, False)
    talk.send(REQUESTS["page"] * 1_000)
    assert (talk.statuses, talk.over) == ([200] * module.MOST_WAITING * 2, True)
    talk = Talk().send(post("/ask", b"") + REQUESTS["page"] * 1_000)
    talk.service.reply()
    assert (talk.statuses, talk.over) == ([200] * module.MOST_WAITING, True)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"GET /page HTTP/1.1\r\nhost: a\r\nHost: b\r\n\r\n", 400, "S140"),
        (b"GET /page HTTP/1.1\r\nhost : a\r\n\r\n", 400, "S140"),
        (b"GET /page HTTP/1.1\nhost: a\n\n", 400, "S140"),
        (b"GET /page HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n", 400, "S140"),
        (b"GET /page HTTP/1.1\r\nx: \0\r\n\r\n", 400, "S140"),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400, "S140"),
        (post("/ask", b"", "content-length: 0"), 400, "S140"),
        (post("/ask", b"", "authorization: a", "Authorization: b"), 400, "S140"),
        (post("/ask", b"", "transfer-encoding: identity"), 400, "S140"),
        (b"POST /ask HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400, "S140"),
        (b"POST /ask HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n-1\r\n", 400, "S140"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "S140"),
        (b"GET /page HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431, "S143"),
        (b"GET /page HTTP/1.1\r\na: " + b"x" * 70_000 + b"\r\n\r\n", 431, "S143"),
        (b"GET /page HTTP/1.1\r\na: " + b"x" * 140_000, 431, "S143"),
        (b"GET /page" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 431, "S143"),
        (b"GET /page" + b"x" * 140_000, 431, "S143"),
    ],
)
def test_what_cannot_be_read_safely_is_refused_and_ends_it(data, status, code):
    for size in (len(data), 4_096):
        talk = Talk()
        for start in range(0, len(data), size):
            talk.send(data[start : start + size])
        ((found, fields, body),) = talk.answers
        assert (found, json.loads(body)["error"]["code"]) == (status, code)
        assert fields["connection"] == "close"
        assert (talk.over, talk.service.in_flight) == (True, 0)
        talk.send(REQUESTS["page"])
        assert len(talk.answers) == 1


def test_a_head_of_a_lawful_size_is_read_however_it_is_cut():
    fields = b"".join(b"x-%d: %b\r\n" % (n, b"x" * 1_000) for n in range(60))
    data = b"GET /page HTTP/1.1\r\nhost: a\r\n" + fields + b"\r\n"
    talk = Talk()
    for start in range(0, len(data), 700):
        talk.send(data[start : start + 700])
    assert talk.statuses == [200]


def test_what_came_before_a_request_does_not_count_as_its_own():
    talk = Talk(body_bytes=1 << 20)
    talk.send(post("/ask/1", b"x" * 200_000) + b"GET /page HTTP/1.1\r\n")
    talk.service.reply()
    talk.send(b"host: a\r\n\r\n")
    assert talk.statuses == [200, 200]


def test_a_body_weighs_what_it_holds_however_small_its_parts():
    n = 100_000
    talk = Talk(body_bytes=2 * n)
    talk.send(b"POST /ask HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    chunks = b"2\r\nxx\r\n" * 1_000
    tracemalloc.start()
    try:
        for _ in range(n // 1_000):
            talk.send(chunks)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 2 * n < held < 4 * n
    talk.send(b"0\r\n\r\n").service.reply()
    assert talk.service.asked[0][3] == b"xx" * n


def test_chunks_that_hold_nothing_are_cut_off():
    talk = Talk().send(b"POST /ask HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    for _ in range(100):
        talk.send(b"1;" + b"x" * 1_000 + b"\r\nx\r\n")
    assert talk.statuses == [413]
    assert (talk.over, talk.service.in_flight) == (True, 0)


def test_fields_of_a_trailer_are_counted_and_change_nothing():
    start = b"POST /ask HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    talk = Talk().send(start + b"host: b\r\ncontent-type: x\r\n\r\n")
    assert talk.service.waiting[0][0].headers["host"] == "a"
    assert "content-type" not in talk.service.waiting[0][0].headers
    talk = Talk().send(start + b"a: b\r\n" * 200 + b"\r\n")
    assert (talk.statuses, talk.over, talk.service.in_flight) == ([431], True, 0)


def test_times():
    """A head, a body and a pause have their own; while an answer is made, nobody is hurried."""
    talk = Talk().send(b"GET /page HTTP/1.1\r\n").wait(9.9)
    assert talk.answers == []
    talk.send(b"x: y\r\n").wait(0.2)  # from its first byte, however many follow
    assert (talk.statuses, talk.over) == ([408], True)

    talk = Talk().send(post("/ask", b"body")[:-1]).wait(4.9)
    assert (talk.answers, talk.service.entered, talk.service.in_flight) == ([], 1, 0)
    talk.wait(0.2)
    assert (talk.statuses, talk.over, talk.service.in_flight) == ([408], True, 0)

    talk = Talk().send(post("/ask", b"body")).wait(1e6)
    assert not talk.over
    talk.service.reply()
    talk.wait(74.9)
    assert not talk.over
    talk.wait(0.2)
    assert (talk.statuses, talk.transport.closed) == ([200], True)

    talk = Talk().wait(74.9)
    assert not talk.over
    assert talk.wait(0.2).transport.closed


def test_the_rest_of_a_request_that_came_early_gets_its_time_when_its_turn_comes():
    talk = Talk().send(post("/ask/1", b"") + post("/ask/2", b"body")[:-2]).wait(1e6)
    talk.service.reply()
    assert (talk.statuses, talk.transport.paused) == ([200], False)
    talk.wait(4.9).send(b"d")
    assert talk.wait(0.2).statuses == [200, 408]
    assert (talk.over, talk.service.in_flight) == (True, 0)


def test_who_does_not_take_answers_gets_no_more_and_is_let_go():
    talk = Talk().send(post("/ask/1", b"") + post("/ask/2", b""))
    talk.connection.pause_writing()
    talk.service.reply()
    assert [path for _, path, _, _ in talk.service.asked] == ["/ask/1"]
    talk.connection.resume_writing()
    talk.service.reply()
    assert talk.statuses == [200, 200]
    talk.connection.pause_writing()
    assert not talk.wait(59).transport.closed
    assert talk.wait(2).transport.closed


def test_the_last_answer_is_read_before_the_connection_closes():
    """Its end is announced, what still comes is thrown away, and after a second it closes."""
    talk = Talk().send(post("/ask", b"", "connection: close"))
    talk.service.reply()
    assert talk.answers[0][1]["connection"] == "close"
    assert (talk.transport.ended, talk.transport.closed) == (True, False)
    talk.send(REQUESTS["page"])
    assert len(talk.answers) == 1
    assert talk.wait(1.1).transport.closed


def test_who_has_said_all_may_still_read():
    talk = Talk().send(post("/ask", b""))
    assert talk.connection.eof_received() is True
    talk.service.reply()
    assert (talk.statuses, talk.transport.closed) == ([200], True)
    talk = Talk().send(post("/ask", b"body")[:-1])
    assert talk.connection.eof_received() is False


def test_what_follows_the_last_request_is_not_refused_either():
    talk = Talk()
    talk.service.malformed = None
    talk.send(REQUESTS["last"] + b"\x16\x03\x01")
    talk.service.reply()
    assert (talk.statuses, talk.over) == ([200], True)


@pytest.mark.parametrize("then", [b"\x16\x03", REQUESTS["two lengths"], post("/ask", b"body")[:-1]])
def test_what_was_asked_whole_is_answered_whatever_followed_it_before_the_end(then):
    talk = Talk().send(post("/ask/1", b"whole") + then)
    assert talk.connection.eof_received() is True
    talk.service.reply()
    assert talk.statuses[0] == 200
    assert (talk.transport.closed, talk.service.in_flight) == (True, 0)


def test_whoever_stops_asks_nothing_more_on_a_connection_with_a_page_under_way():
    """What came behind the last answer is not read, also where it came in the same bytes."""
    talk = Talk()
    talk.owner.closing = True
    talk.send(REQUESTS["page"] + REQUESTS["whole"])
    assert (talk.statuses, talk.service.asked, talk.over) == ([200], [], True)


def stalled_at_the_end():
    """Its last answer is written and waits to be taken."""
    talk = Talk()
    talk.connection.pause_writing()
    talk.send(REQUESTS["last"])
    talk.connection.resume_writing()
    sent = talk.transport.write
    talk.transport.write = lambda data: (sent(data), talk.connection.pause_writing())
    talk.service.reply()
    assert talk.transport.ended
    return talk


def test_a_last_answer_that_is_taken_slowly_has_the_time_of_any_other():
    talk = stalled_at_the_end()
    assert not talk.wait(59).transport.closed
    assert talk.wait(2).transport.aborted


def test_who_takes_a_last_answer_and_never_closes_is_closed():
    talk = stalled_at_the_end()
    talk.wait(0.5).connection.resume_writing()
    assert not talk.wait(0.9).transport.closed
    assert talk.wait(0.2).transport.closed


@pytest.mark.parametrize("how", ["idle", "lingers", "says no more", "stops"])
def test_closing_waits_for_answers_to_be_taken_but_not_for_ever(how):
    talk = Talk().send(REQUESTS["old"] if how == "lingers" else REQUESTS["page"])
    if how == "says no more":
        assert talk.connection.eof_received() is False
        talk.transport.close()  # as its loop does then
    elif how == "stops":
        for _ in range(10):
            talk.wait(1).connection.end()
    else:
        talk.wait(76)
    assert (talk.transport.closed, talk.transport.aborted) == (True, False)
    assert talk.wait(61).transport.aborted


def test_a_slow_reader_is_not_hurried_by_the_next_request_it_begins():
    talk = Talk().send(REQUESTS["page"])
    talk.connection.pause_writing()
    talk.send(b"GET /page").wait(30)
    assert not talk.transport.closed
    talk.connection.resume_writing()
    assert talk.wait(9).statuses == [200]
    assert talk.wait(2).statuses == [200, 408]


def test_who_was_slow_to_read_has_no_more_time_to_send():
    talk = Talk().send(post("/ask", b"body")[:-1])
    talk.connection.pause_writing()
    talk.connection.resume_writing()
    assert talk.wait(5.1).statuses == [408]


def test_who_leaves_is_not_answered():
    talk = Talk().send(post("/ask", b""))
    talk.connection.connection_lost(None)
    talk.service.reply()
    assert (talk.answers, talk.service.in_flight) == ([], 0)
    talk = Talk().send(post("/ask", b"body")[:-1])
    talk.connection.connection_lost(None)
    assert talk.service.in_flight == 0


def test_who_sends_slowly_or_takes_no_answer_holds_no_place_of_those_at_work():
    slow = Talk().send(post("/ask/slow", b"body")[:-1])
    stalled = Talk(service=slow.service)
    stalled.connection.pause_writing()
    stalled.send(post("/ask/stalled", b"body"))
    slow.service.room = 1
    honest = Talk(service=slow.service).send(post("/ask", b"at once"))
    assert [body for *_, body in honest.service.asked] == [b"at once"]
    honest.service.reply()
    assert honest.statuses == [200]


def test_one_too_many_at_work_is_told_so_and_its_connection_goes_on():
    """However its requests are cut: the body has been read, so nothing of it can be mistaken."""
    for size in (10_000, 7):
        data = post("/ask/1", b"a") + post("/ask/2", b"b") + REQUESTS["page"]
        talk = Talk()
        talk.service.room = 0
        for start in range(0, len(data), size):
            talk.send(data[start : start + size])
        assert (talk.statuses, talk.over) == ([503, 503, 200], False)
        assert talk.answers[0][1]["retry-after"] == "1"
        talk.service.room = 1
        talk.send(REQUESTS["whole"]).send(b"").service.reply()
        talk.service.room = 0
        talk.send(REQUESTS["whole"])  # its head is known by now
        assert (talk.statuses[3:], talk.over) == ([200, 503], False)
    assert talk.service.in_flight == 0


def test_bodies_that_wait_are_counted_until_they_are_whole_or_gone():
    talk = Talk().send(post("/ask", b"x" * 900)[:-10])
    assert talk.service.kept.total == 890
    talk.send(b"x" * 10)
    assert (talk.service.kept.total, len(talk.service.asked)) == (0, 1)
    talk.send(post("/ask", b"x" * 500) + post("/ask", b"x" * 300)[:-10])
    assert talk.service.kept.total == 790, "behind one that is being answered"
    talk.service.reply()
    assert talk.service.kept.total == 290
    talk.connection.connection_lost(None)
    assert talk.service.kept.total == 0
    for end in (lambda talk: talk.wait(6), lambda talk: talk.connection.eof_received()):
        talk = Talk().send(post("/ask", b"x" * 900)[:-10])
        end(talk)
        assert talk.service.kept.total == 0
    stalled = Talk()
    stalled.connection.pause_writing()
    stalled.send(post("/ask", b"x" * 900))
    assert stalled.service.kept.total == 900
    stalled.connection.resume_writing()
    assert stalled.service.kept.total == 0


def test_where_too_many_bytes_wait_the_largest_body_is_refused_and_no_small_one():
    service = Service()
    service.kept = KeptBodies(2_000)
    small, large, third = (Talk(service=service) for _ in range(3))
    small.send(post("/ask/small", b"x" * 900)[:-800])
    large.send(post("/ask/large", b"x" * 1_000)[:-1])
    third.send(post("/ask/third", b"x" * 950)[:-1])
    assert (small.statuses, large.statuses, third.statuses) == ([], [503], [])
    ((_, fields, body),) = large.answers
    assert (fields["retry-after"], fields["connection"], large.over) == ("1", "close", True)
    assert json.loads(body)["error"] == {
        "code": "S120",
        "message": "too many bytes of bodies are waiting for their rest; try again",
        "mistakes": [],
    }
    assert service.kept.total == 1_049
    small.send(b"x" * 800)
    honest = Talk(service=service).send(post("/ask/honest", b"x" * 1_000))
    honest.service.reply()
    assert (small.statuses, honest.statuses, service.kept.total) == ([200], [200], 949)


def test_one_that_alone_keeps_too_much_gives_way_itself():
    service = Service()
    service.kept = KeptBodies(500)
    talk = Talk(service=service).send(post("/ask", b"x" * 900)[:-100])
    assert (talk.statuses, talk.over, service.kept.total) == ([503], True, 0)


def test_what_waits_behind_an_answer_gives_way_without_it():
    service = Service()
    service.kept = KeptBodies(500)
    talk = Talk(service=service).send(post("/ask/1", b"") + post("/ask/2", b"x" * 900))
    assert service.kept.total == 0
    talk.service.reply()
    assert (talk.statuses, talk.answers[0][1]["connection"]) == ([200], "close")
    assert [path for _, path, _, _ in service.asked] == ["/ask/1"]


def test_who_keeps_too_much_and_takes_no_answer_is_let_go():
    service = Service()
    service.kept = KeptBodies(500)
    talk = Talk(service=service).send(post("/ask/1", b""))
    talk.connection.pause_writing()
    talk.send(post("/ask/2", b"x" * 900))
    assert (talk.transport.aborted, service.kept.total) == (True, 0)
    service.reply()
    talk.connection.connection_lost(None)
    assert (talk.answers, service.in_flight) == ([], 0)


def test_a_head_that_came_before_is_not_read_again_and_says_the_same():
    first = Talk().send(post("/ask?a=b", b"first"))
    first.service.reply()
    assert len(first.service.heads.known) == 1
    second = Talk(service=first.service)
    second.connection._reader = SimpleNamespace(in_message=False)  # it cannot be asked to read
    for body in (b"other", b"again"):
        second.send(post("/ask?a=b", body))
        second.service.reply()
    assert second.statuses == [200, 200]
    assert [asked[3] for asked in second.service.asked] == [b"first", b"other", b"again"]
    assert {asked[:3] for asked in second.service.asked} == {("POST", "/ask", "a=b")}
    assert first.service.entered == 1


def acquainted():
    """A service that knows the head of ``post("/ask", b"known")``, and a new connection of it."""
    talk = Talk().send(post("/ask", b"known"))
    talk.service.reply()
    assert len(talk.service.heads.known) == 1
    talk.service.asked.clear()
    return Talk(service=talk.service)


def bodies(talk):
    talk.service.reply()
    return [body for *_, body in talk.service.asked]


def test_a_known_head_is_not_all_of_its_request():
    data = post("/ask", b"12345")
    talk = acquainted().send(data[:-2])
    assert bodies(talk) == []
    assert bodies(talk.send(data[-2:])) == [b"12345"]
    assert bodies(acquainted().send(data + b"")) == [b"12345"]
    assert bodies(acquainted().send(data + data + REQUESTS["page"])) == [b"12345"] * 2
    cut = len(data) + 40
    talk = acquainted().send((data + data)[:cut])
    assert bodies(talk) == [b"12345"]
    assert bodies(talk.send((data + data)[cut:])) == [b"12345"] * 2


def test_bytes_of_a_known_head_within_another_request_are_what_they_are_there():
    """In a body, and as the value of a field: nobody begins a request within one."""
    data = post("/ask", b"known")
    talk = acquainted().send(post("/ask/other", data * 2)[: -len(data)])
    assert bodies(talk.send(data)) == [data * 2]
    field = acquainted().send(b"POST /ask/other HTTP/1.1\r\nx: ")
    field.send(data)
    assert [path for _, path, _, _ in field.service.asked] == ["/ask/other"]
    assert "x" not in field.service.waiting[0][0].headers


def test_a_known_head_waits_behind_others_and_for_answers_to_be_taken():
    data = post("/ask", b"known")
    talk = acquainted().send(data).send(data)
    assert len(talk.service.asked) == 1
    assert bodies(talk) == [b"known"] * 2
    stalled = acquainted()
    stalled.connection.pause_writing()
    stalled.send(data)
    assert stalled.service.asked == []
    stalled.connection.resume_writing()
    assert bodies(stalled) == [b"known"]


def test_an_endless_head_is_cut_off_also_behind_other_requests():
    talk = Talk().send(REQUESTS["page"]).send(b"GET /page HTTP/1.1\r\nx: ")
    for _ in range(200):
        talk.send(b"x" * 1_000)
    assert (talk.statuses, talk.over) == ([200, 431], True)


@pytest.mark.parametrize(
    "data",
    [
        post("/ask", b"body", "connection: close"),
        post("/ask", b"body", "connection: upgrade", "upgrade: h2c"),
        post("/ask", b"body", "expect: 100-continue"),
        post("/ask", b"body", "traceparent: 00-1-1-00"),
        post("/ask", b"body").replace(b"1.1", b"1.0"),
        post("/ask", b"body")
        .replace(b"1.1", b"1.0")
        .replace(b"host", b"connection: keep-alive\r\nhost"),
        post("/ask", b"body", "x: " + "y" * 2_000),
        post("/no", b"body"),
        post("/ask", b"body") + post("/ask", b"body"),
        post("/ask", b"body") + b"\r\n",
        b"\r\n\r\n" + post("/ask", b"body"),
        chunked("/ask", b"body"),
        b"GET /page HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_only_what_is_plain_and_let_in_is_remembered(data):
    talk = Talk().send(data)
    talk.service.reply()
    assert talk.service.heads.known == {}


def test_no_more_heads_are_remembered_than_so_many():
    service = Service()
    for n in range(known_heads.MOST + 10):
        Talk(service=service).send(post(f"/ask/{n}", b"body"))
        service.reply()
    assert len(service.heads.known) == 10


def test_of_a_client_whose_heads_are_all_new_no_more_are_remembered():
    talk = Talk()
    for n in range(200):
        talk.send(post(f"/ask/{n}", b"body")).service.reply()
    assert len(talk.service.heads.known) == 64
    talk = Talk()
    for n in range(200):
        talk.send(post(f"/ask/{n // 2}", b"body")).service.reply()
    assert len(talk.service.heads.known) == 100


def test_a_body_is_sent_for_only_where_it_is_wanted():
    talk = Talk().send(post("/ask", b"body", "expect: 100-continue")[:-4])
    assert talk.transport.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    talk.send(b"body").service.reply()
    assert talk.statuses == [100, 200]
    talk = Talk().send(post("/no", b"body", "expect: 100-continue")[:-4])
    assert (talk.statuses, talk.over) == ([404], True)


@pytest.mark.parametrize(
    ("version", "field", "how"),
    [
        ("1.1", "", None),
        ("1.1", "connection: close", "close"),
        ("1.0", "", "close"),
        ("1.0", "connection: keep-alive", "keep-alive"),
        ("1.1", "connection: keep-alive", None),
    ],
)
def test_old_clients_are_told_whether_it_goes_on(version, field, how):
    field = f"{field}\r\n" if field else ""
    talk = Talk().send(f"GET /page HTTP/{version}\r\nhost: a\r\n{field}\r\n".encode())
    ((_, fields, _),) = talk.answers
    assert fields.get("connection") == how
    assert talk.over == (how == "close")


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_an_upgrade_that_is_offered_is_passed_over(protocol):
    """As RFC 9110, 7.8 lets a server do: with a body or not, it goes on in HTTP/1.1."""
    fields = ("connection: Upgrade, HTTP2-Settings", f"upgrade: {protocol}", "http2-settings: AAE")
    offered = post("/ask/1", b"body", *fields)
    after = REQUESTS["page"] + post("/ask/2", b"next")
    for size in (len(offered + after), 7):
        talk, data = Talk(), offered + after
        for start in range(0, len(data), size):
            talk.send(data[start : start + size])
            talk.service.reply()
        assert [(path, body) for _, path, _, body in talk.service.asked] == [
            ("/ask/1", b"body"),
            ("/ask/2", b"next"),
        ]
        assert (talk.statuses, talk.over) == ([200, 200, 200], False)


def test_a_body_that_comes_with_an_offer_has_its_bound_and_its_time():
    fields = ("connection: upgrade", "upgrade: h2c")
    talk = Talk().send(post("/ask", b"x" * 1_001, *fields))
    assert (talk.statuses, talk.over, talk.service.in_flight) == ([413], True, 0)
    talk = Talk().send(post("/ask", b"body", *fields)[:-2]).wait(5.1)
    assert (talk.statuses, talk.over, talk.service.in_flight) == ([408], True, 0)
    whole = chunked("/ask", *[b"x" * 500] * 3).replace(
        b"host", b"upgrade: h2c\r\nconnection: upgrade\r\nhost", 1
    )
    talk = Talk().send(whole)
    assert (talk.statuses, talk.over, talk.service.in_flight) == ([413], True, 0)


def test_nothing_is_tunnelled():
    talk = Talk().send(
        b"CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n\r\n" + REQUESTS["page"]
    )
    talk.service.reply()
    assert talk.over
    assert len(talk.answers) == 1


def test_a_head_has_the_length_of_its_page_and_no_body():
    talk = Talk().send(b"HEAD /page HTTP/1.1\r\nhost: a\r\n\r\n")
    assert b"content-length: 5\r\n" in talk.transport.sent
    assert talk.transport.sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "host", "asked"),
    [
        ("/ask?a=b?c", "given", ("/ask", "a=b?c")),
        ("/ask%20%2e", "given", ("/ask%20%2e", "")),
        ("http://other:81/ask?x", "other:81", ("/ask", "x")),
        ("http://[::1]:81/ask", "[::1]:81", ("/ask", "")),
        ("http://other", "other", ("/", "")),
    ],
)
def test_a_whole_url_names_the_host(target, host, asked):
    talk = Talk().send(f"POST {target} HTTP/1.1\r\nhost: given\r\n\r\n".encode())
    request, _, _ = talk.service.waiting[0]
    assert (request.headers["host"], (request.path, request.query)) == (host, asked)


def test_one_connection_too_many_is_told_so():
    talk = Talk(room=False)
    assert (talk.statuses, talk.over) == ([503], True)
    assert talk.answers[0][1]["retry-after"] == "1"
    assert talk.send(post("/ask", b"")).service.asked == []


def test_a_service_that_stops_answers_what_is_under_way_and_closes():
    talk = Talk()
    talk.connection.end()
    assert talk.transport.closed
    talk = Talk().send(post("/ask", b""))
    talk.owner.closing = True
    talk.connection.end()
    assert not talk.transport.closed
    talk.service.reply()
    assert talk.answers[0][1]["connection"] == "close"


def test_a_service_that_stops_answers_all_that_it_has_read():
    talk = Talk().send(post("/ask/1", b"") + REQUESTS["page"] + post("/ask/2", b""))
    talk.owner.closing = True
    talk.connection.end()
    talk.service.reply()
    assert [fields.get("connection") for _, fields, _ in talk.answers] == [None, None, "close"]
    assert talk.over


def test_an_error_nobody_foresaw_is_not_swallowed():
    talk = Talk()

    def enter(request):
        raise ZeroDivisionError

    talk.service.enter = enter
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the parser's, which holds ours
        talk.send(post("/ask", b""))
    assert isinstance(raised.value.__context__, ZeroDivisionError)
    talk.connection.connection_lost(None)
    assert talk.service.in_flight == 0


def test_it_is_a_protocol_of_asyncio():
    assert isinstance(Talk().connection, asyncio.Protocol)


def test_since_when_it_waits_is_since_it_had_its_last_answer_or_began_a_head():
    """Never within a request: neither of one that is asked, nor of one whose body comes."""
    talk = Talk()
    waits = talk.connection.waits_since
    assert waits() == 100.0
    talk.wait(3).send(b"GET /page HTTP/1.1\r\n")
    assert waits() == 103.0
    talk.wait(4).send(b"host: a\r\n")
    assert waits() == 103.0, "from its first byte, however many follow"
    talk.send(b"\r\n")
    assert (talk.statuses, waits()) == ([200], 107.0)
    talk.wait(1).send(post("/ask", b"body")[:-1])
    assert waits() == float("inf")
    talk.wait(1).send(b"y")
    assert waits() == float("inf")
    talk.wait(2).service.reply()
    assert (talk.statuses, waits()) == ([200, 200], 111.0)
    talk.send(post("/ask", b"body")).send(b"GET /page")
    assert waits() == float("inf"), "what is behind a request is begun once that is answered"
    talk.wait(5).service.reply()
    assert waits() == 116.0
    talk.connection.connection_lost(None)
    assert waits() == float("inf")


def test_who_takes_no_answer_waits_five_seconds_longer_than_who_asks_nothing():
    talk = Talk().send(post("/ask/1", b"") + post("/ask/2", b""))
    talk.connection.pause_writing()
    assert talk.connection.waits_since() == float("inf")
    talk.service.reply()
    assert talk.connection.waits_since() == 105.0
    talk.connection.resume_writing()
    assert talk.connection.waits_since() == float("inf")


@pytest.mark.parametrize(
    ("then", "since"),
    [
        (lambda talk: talk.send(REQUESTS["broken"]), 102.0),
        (lambda talk: talk.connection.eof_received(), 102.0),
        (lambda talk: talk.connection.end(), 102.0),
        (lambda talk: talk.connection.abort(), 102.0),
    ],
)
def test_one_that_ends_has_waited_since_it_did(then, since):
    talk = Talk().wait(2)
    then(talk)
    assert talk.connection.waits_since() == since
