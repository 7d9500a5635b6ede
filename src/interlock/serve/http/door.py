"""Who may come in, decided by a request's head alone.

Rules: every path but the two health checks needs the token where one is configured; on loopback the
Host header must name this machine, so that no web page can reach the service through a name of its
own (DNS rebinding); a request of two lengths is refused, and so are compressed bodies.
"""

from __future__ import annotations

import hashlib
import hmac

from interlock.serve.errors import ServiceError
from interlock.serve.http.request import Headers, Request
from interlock.serve.inference.protocol import OPEN

_DUE = "content-type: application/json"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_OPEN = ("/health/live", "/health/ready", *OPEN)


class Door:
    """``local``: only this machine can reach the service; ``token``: what requests must bring."""

    def __init__(self, *, local: bool, token: str | None) -> None:
        self._local = local
        self._token = None if token is None else _hashed(token)

    def admit(self, request: Request) -> None:
        """Raises ServiceError S118, S119, S140."""
        headers = request.headers
        if headers.get("transfer-encoding") and headers.get("content-length") is not None:
            raise ServiceError("S140", "the request has two lengths")
        if self._local:
            _check_host(headers.get("host"))
        if self._token is None or request.path in _OPEN:
            return
        scheme, _, token = (headers.get("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(_hashed(token), self._token):
            raise ServiceError("S118", "a bearer token is needed")


def check_type(headers: Headers, *, may_be_silent: bool) -> None:
    """Raises ServiceError S115. Public v2 clients name no type; a web page would name itself."""
    kind = headers.get("content-type") or ""
    if kind != "application/json":
        kind = kind.partition(";")[0].strip().lower()
    coding = headers.get("content-encoding") or "identity"
    if headers.get("inference-header-content-length") is not None:
        raise ServiceError("S115", "the binary tensor extension is not offered; send JSON data")
    if may_be_silent and not kind and headers.get("origin") is None:
        kind = "application/json"
    if coding != "identity" and coding.strip().lower() != "identity":
        raise ServiceError("S115", "the body is compressed; send it without content-encoding")
    if kind != "application/json":
        raise ServiceError("S115", f"the body is not declared as JSON; send the header {_DUE}")


def _check_host(host: str | None) -> None:
    if host is None:
        raise ServiceError("S140", "the request has no Host header")
    if _name(host) not in _LOCAL_NAMES:
        raise ServiceError("S119", "the Host header names another host")


def _name(host: str) -> str:
    """The Host header without its port: '127.0.0.1:80' → '127.0.0.1', '[::1]:80' → '[::1]'."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
