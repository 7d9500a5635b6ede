"""What goes out: replies with their header fields, and refusals as HTTP says them."""

from __future__ import annotations

from typing import Self

import msgspec
from msgspec.structs import replace

from interlock.serve.errors import ServiceError, status_of
from interlock.serve.http.docs_page import POLICY
from interlock.serve.http.exposition import CONTENT_TYPE
from interlock.serve.http.tick import refusal
from interlock.serve.replies import Reply


class Fields:
    """Header fields of an answer, in the forms that servers take: ``pairs``, and ``lines``.

    >>> Fields(("allow", "POST")).lines
    b'allow: POST\\r\\n'
    """

    __slots__ = ("lines", "pairs")

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = list(pairs)
        self.lines = "".join(f"{name}: {value}\r\n" for name, value in pairs).encode()

    def and_(self, name: str, value: str) -> Self:
        """These, and one more."""
        return type(self)(*self.pairs, (name, value))


_NO_SNIFFING = ("x-content-type-options", "nosniff")
JSON = Fields(("content-type", "application/json"), _NO_SNIFFING)
HTML = Fields(
    ("content-type", "text/html; charset=utf-8"),
    ("content-security-policy", POLICY),
    _NO_SNIFFING,
)
PLAIN = Fields(("content-type", CONTENT_TYPE), _NO_SNIFFING)
AGAIN = JSON.and_("retry-after", "1")
_TOKEN = JSON.and_("www-authenticate", "Bearer")


class Response(msgspec.Struct, frozen=True, gc=False):
    """What goes out: a reply with its header fields."""

    reply: Reply
    fields: Fields


class WrongMethod(ServiceError):  # noqa: N818 - a refusal
    """The path does not take this method; ``allowed`` says which it takes."""

    def __init__(self, allowed: str) -> None:
        super().__init__("S117", f"the path takes {allowed} only")
        self.allowed = allowed


def answered(reply: Reply) -> Response:
    """A reply in JSON; one that cannot be given now says when to ask again, in seconds."""
    return Response(reply, AGAIN if reply.status == 503 else JSON)


def json_response(content: bytes, status: int = 200) -> Response:
    """A page of JSON."""
    return Response(Reply(status, content, []), JSON)


def refused(error: ServiceError) -> Response:
    """A refusal."""
    fields = JSON
    if isinstance(error, WrongMethod):
        fields = JSON.and_("allow", error.allowed)
    elif error.code == "S118":
        fields = _TOKEN
    elif status_of(error) == 503:
        fields = AGAIN
    return Response(refusal(error), fields)


def closing(response: Response) -> Response:
    """The same, and the last on its connection: what was not read of a body must not pass for the
    next request."""
    return replace(response, fields=response.fields.and_("connection", "close"))
