"""What goes out: replies with their headers, and refusals as HTTP says them."""

from __future__ import annotations

from typing import Any, NamedTuple

from interlock.serve.docs_page import POLICY
from interlock.serve.errors import ServiceError, status_of
from interlock.serve.exposition import CONTENT_TYPE
from interlock.serve.replies import Reply
from interlock.serve.tick import refusal

JSON = [("content-type", "application/json"), ("x-content-type-options", "nosniff")]
HTML = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
]
_AGAIN = [*JSON, ("retry-after", "1")]
PLAIN = [("content-type", CONTENT_TYPE), ("x-content-type-options", "nosniff")]
Headers = list[tuple[str, str]]


class Response(NamedTuple):
    """What goes out: a reply with its headers."""

    reply: Reply
    headers: Headers


class WrongMethod(ServiceError):  # noqa: N818 - a refusal
    """The path does not take this method; ``allowed`` says which it takes."""

    def __init__(self, allowed: str) -> None:
        super().__init__("S117", f"the path takes {allowed} only")
        self.allowed = allowed


def answered(reply: Reply) -> Response:
    """A reply in JSON; one that cannot be given now says when to ask again, in seconds."""
    return Response(reply, _AGAIN if reply.status == 503 else JSON)


def json_response(content: bytes, status: int = 200) -> Response:
    """A page of JSON."""
    return Response(Reply(status, content, []), JSON)


def has_body(headers: Any) -> bool:
    """Whether a request with these headers brings a body."""
    length = headers.get("content-length")
    return length not in (None, "0") or headers.get("transfer-encoding") is not None


def refused(error: ServiceError, *, unread: bool) -> Response:
    """A refusal; what was not read of a body must not pass for the next request."""
    headers = JSON
    if isinstance(error, WrongMethod):
        headers = [*JSON, ("allow", error.allowed)]
    elif error.code == "S118":
        headers = [*JSON, ("www-authenticate", "Bearer")]
    elif status_of(error) == 503:
        headers = _AGAIN
    if unread:
        headers = [*headers, ("connection", "close")]
    return Response(refusal(error), headers)
