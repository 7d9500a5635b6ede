"""The head of a request: which of its fields are read, what it asks for, and what makes it unsafe.

llhttp has found its parts; what it lets pass and others would read otherwise is refused here.
"""

from __future__ import annotations

import httptools

from interlock.serve.errors import ServiceError
from interlock.serve.http.app import PREDICT
from interlock.serve.http.request import Request

MOST_HEAD = 1 << 16  # bytes of a request's first line and header fields
MOST_FIELDS = 100

_PREDICT = PREDICT.encode()
ONCE = (
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "authorization",
    "expect",
    "origin",
    "interlock-arm",
)
_MANY = (
    "connection",
    "inference-header-content-length",
    "traceparent",
    "tracestate",
)
_UNREAD = ("user-agent", "accept", "accept-encoding", "accept-language", "cookie", "date")
FIELDS = {name.encode(): name for name in (*ONCE, *_MANY)} | {n.encode(): "" for n in _UNREAD}
FIELDS |= {name.title(): known for name, known in FIELDS.items()}


def unsafe(version: str, head: dict[str, str]) -> str | None:
    """Why a head that llhttp reads is refused: others could read another request in it."""
    if version not in ("1.0", "1.1"):
        return "the request's version is neither HTTP/1.0 nor HTTP/1.1"
    if "host" not in head and version == "1.1":
        return "the request has no Host header"
    coding = head.get("transfer-encoding")
    if coding is not None and (coding.lower() != "chunked" or version == "1.0"):
        return "the request's transfer coding is not 'chunked' alone, in HTTP/1.1"
    return None


def target_of(url: bytes, head: dict[str, str]) -> tuple[str, str]:
    """Path and query; the host of a whole URL stands for the Host field (RFC 9112, 3.2.2).

    Raises HttpParserInvalidURLError.
    """
    if url == _PREDICT:
        return PREDICT, ""
    if url.startswith((b"http://", b"https://")):
        parsed = httptools.parse_url(url)
        if parsed.userinfo is not None:  # it is there to pass for the host
            raise httptools.HttpParserInvalidURLError
        host = (parsed.host or b"").decode("latin-1")
        host = f"[{host}]" if ":" in host else host
        head["host"] = host if parsed.port is None else f"{host}:{parsed.port}"
        path, query = parsed.path or b"/", parsed.query or b""
    else:
        path, _, query = url.partition(b"?")
    return path.decode("latin-1"), query.decode("latin-1")


def head_again(request: Request) -> bytes:
    """A head after which a parser reads the request's body."""
    length = request.headers.get("content-length")
    field = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"POST / HTTP/1.1\r\n{field}\r\n\r\n".encode()


def head_too_large() -> ServiceError:
    """The refusal of a head of more than its bound."""
    return ServiceError("S143", f"the request's head is larger than {MOST_HEAD} bytes")
