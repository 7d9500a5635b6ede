"""Nobody can make the service see requests that another reader of the same bytes does not see.

The other reader is h11, which reads by the grammar of RFC 9112. What the service reads is the
beginning of what h11 reads: it may refuse more, and never sees another request, or another body.
"""

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .test_connection import Talk

LINES = (
    b"POST /ask HTTP/1.1",
    b"GET /ask?a=b HTTP/1.1",
    b"POST /ask HTTP/1.0",
    b"POST /ask HTTP/0.9",
    b"POST /ask HTTP/2.0",
    b"POST /ask",
    b"PUT //ask HTTP/1.1",
    b"CONNECT a:1 HTTP/1.1",
)
FIELDS = (
    b"host: a",
    b"Content-Length: 3",
    b"content-length: 03",
    b"content-length: 5",
    b"content-length: 0",
    b"content-length: +3",
    b"content-length: 3, 3",
    b"content-length: 0x3",
    b"content-length : 3",
    b"content-length: 3\xa0",
    b"content-length:",
    b"transfer-encoding: chunked",
    b"Transfer-Encoding:chunked",
    b"transfer-encoding: identity",
    b"transfer-encoding: gzip, chunked",
    b"transfer-encoding: identity, chunked",
    b"transfer-encoding: ,chunked",
    b"transfer-encoding: chunked, chunked",
    b"transfer-encoding: xchunked",
    b"transfer-encoding: \x0bchunked",
    b"transfer-encoding : chunked",
    b" transfer-encoding: chunked",
    b"transfer_encoding: chunked",
    b"x: y\ntransfer-encoding: chunked",
    b"x: y\rtransfer-encoding: chunked",
    b"x: y\r\n folded",
    b"x:",
    b"x\0: y",
    b"expect: 100-continue",
    b"connection: close",
    b"connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c",
    b"connection: close, upgrade\r\nupgrade: h2c",
    b"upgrade: h2c\r\nconnection: upgrade",
)
UPGRADE = b"connection: upgrade\r\nupgrade: h2c"
BODIES = (
    b"",
    b"abc",
    b"abcde",
    b"0\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"3;a=b\r\nabc\r\n0\r\n\r\n",
    b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    b"3\nabc\n0\n\n",
    b"3 \r\nabc\r\n0\r\n\r\n",
    b"0x3\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcd\r\n0\r\n\r\n",
    b"2\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabc\r\n0\r\ncontent-length: 9\r\n\r\n",
    b"3\r\nabc\r\n0\r\nhost: b\r\n\r\n",
    b"3\r\nabc\r\n00\r\n\r\n",
    b"3\r\nabc\r\n0\r\n\n",
)
ODD = (b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b",", b";", b"0", b"\x0b", b"\xff", b"")


@st.composite
def requests(draw):
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=3))
    head = [draw(st.sampled_from(LINES)), b"host: a", *fields]
    return b"\r\n".join(head) + b"\r\n\r\n" + draw(st.sampled_from(BODIES))


@st.composite
def streams(draw):
    """Requests one after another, with a few bytes changed."""
    data = b"".join(draw(st.lists(requests(), min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 2))):
        place, width = draw(st.integers(0, len(data))), draw(st.integers(0, 2))
        data = data[:place] + draw(st.sampled_from(ODD)) + data[place + width :]
    return data


def request(*fields, body=b"", line=LINES[0]):
    return b"\r\n".join([line, b"host: a", *fields]) + b"\r\n\r\n" + body


@settings(max_examples=500)
@given(data=streams(), cut=st.integers(0, 200))
@example(data=request(b"transfer-encoding: gzip, chunked", body=BODIES[4]), cut=0)
@example(data=request(FIELDS[13], FIELDS[11], body=BODIES[4]), cut=0)
@example(data=request(FIELDS[11], line=b"POST /ask HTTP/1.0", body=BODIES[4]), cut=0)
@example(data=request(line=b"POST /ask"), cut=0)
@example(data=request(line=b"POST /ask HTTP/2.0"), cut=0)
@example(data=b"POST /ask HTTP/1.1\r\n\r\n", cut=0)
@example(data=request(UPGRADE, FIELDS[1], body=b"abc") + request(), cut=0)
@example(data=request(UPGRADE, FIELDS[11], body=BODIES[4]) + request(), cut=0)
@example(data=request(UPGRADE) + request(body=BODIES[3]), cut=0)
def test_what_is_read_is_the_beginning_of_what_h11_reads(data, cut):
    found = read(data, cut)
    assert found == read_by_h11(data)[: len(found)]


def read(data, cut):
    """(method, path, query, body) of each request that the service sees, also when it has seen
    the same before and remembers heads."""
    talk = Talk()
    for part in (data[:cut], data[cut:]):
        talk.send(part)
        talk.service.reply()
    found, talk.service.asked = talk.service.asked, []
    again = Talk(service=talk.service)
    for part in (data[:cut], data[cut:]):
        again.send(part)
        again.service.reply()
    assert again.service.asked == found
    assert again.transport.sent == talk.transport.sent
    return found


def read_by_h11(data):
    """The same of h11, which reads one request after another as long as they last.

    It is stricter with what changes no meaning: empty lines before a request and several spaces
    within its line (RFC 9112, 2.2 and 3) are taken away.
    """
    found = []
    while data := data.lstrip(b"\r\n"):
        line, end, rest = data.partition(b"\r\n")
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(b" ".join(filter(None, line.split(b" "))) + end + rest)
        one = one_by_h11(connection)
        if one is None:
            break
        found.append(one)
        data = connection.trailing_data[0]
        if connection.their_state not in (h11.DONE, h11.MIGHT_SWITCH_PROTOCOL):
            break
    return found


def one_by_h11(connection):
    """One request that has all come, or None."""
    asked, body = None, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                path, _, query = event.target.decode().partition("?")
                asked = (event.method.decode(), path, query)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return (*asked, body)
            else:
                return None
    except h11.RemoteProtocolError:
        return None


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://localhost@evil/ask", None),
        ("http://evil@localhost/ask", None),
        ("http://a:b@localhost/ask", None),
        ("http://localhost\\@evil/ask", None),
        ("http://localhost#@evil/ask", None),
        ("http:///ask", None),
        ("http://localhost:/ask", None),
        ("http://localhost:99999/ask", None),
        ("http://localhost:0/ask", "localhost:0"),
        ("http://localhost.:80/ask", "localhost.:80"),
        ("http://evil:80/ask", "evil:80"),
        ("https://[::1]/ask", "[::1]"),
        ("HTTP://localhost/ask", "evil"),  # a path like any other, of which there is no page
        ("//localhost/ask", "evil"),
    ],
)
def test_a_target_says_the_host_plainly_or_is_refused(target, host):
    talk = Talk().send(f"POST {target} HTTP/1.1\r\nhost: evil\r\n\r\n".encode())
    assert [r.headers["host"] for r, _, _ in talk.service.waiting] == ([host] if host else [])
    assert talk.statuses == ([] if host else [400])


@pytest.mark.parametrize("expect", ["100-Continue", "200-ok", "x, 100-continue"])
def test_only_what_is_known_is_expected(expect):
    head = f"POST /ask HTTP/1.1\r\nhost: a\r\nexpect: {expect}\r\n".encode()
    told = [100] if expect == "100-Continue" else []
    assert Talk().send(head + b"content-length: 1\r\n\r\n").statuses == told
    assert Talk().send(head + b"content-length: 0\r\n\r\n").statuses == []
    old = head.replace(b"1.1", b"1.0")
    assert Talk().send(old + b"content-length: 1\r\n\r\n").statuses == []
