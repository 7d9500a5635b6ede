"""A plain HTTP client for probes: one kept-alive connection, bytes in and out, nothing retried."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from interlock.errors import OperatorError

PREDICT = "/v1/predict"
JSON = {"Content-Type": "application/json"}
_SHOWN = 200  # bytes of a body in a message
_LISTED = 3  # mistakes in a message


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; status 0 when the connection was closed without one."""

    status: int
    body: bytes = b""
    kind: str = ""  # its media type

    @property
    def value(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def error_code(self) -> str:
        """The code in an error's body, such as S110; empty where there is none."""
        value = self.value
        error = value.get("error") if isinstance(value, dict) else None
        return str(error.get("code", "")) if isinstance(error, dict) else ""

    @property
    def short(self) -> str:
        """Status and what the body says, for a message: a refusal in words, else its beginning.

        >>> told = b'{"error": {"code": "S110", "message": "the request has 1 mistake", "mistakes":'
        >>> Reply(status=422, body=told + b' [{"field": "area", "what": "is missing"}]}}').short
        '422 S110: the request has 1 mistake: area is missing'
        """
        if self.status == 0:
            return "the connection was closed without an answer"
        said = self._refusal or self.body[:_SHOWN].decode(errors="replace")
        cut = "…" if not self._refusal and len(self.body) > _SHOWN else ""
        return f"{self.status} {said}{cut}".strip()

    @property
    def _refusal(self) -> str:
        """The service's refusal in words; empty where the body is none."""
        try:
            problem = self.value["error"]
            told = [_mistake(mistake) for mistake in problem["mistakes"]]
            text = f"{problem['code']}: {problem['message']}"
        except (TypeError, KeyError):
            return ""
        more = [f"and {len(told) - _LISTED} more"] if len(told) > _LISTED else []
        return ": ".join(filter(None, [text, "; ".join([*told[:_LISTED], *more])]))


def _mistake(said: Mapping[str, Any]) -> str:
    """One mistake of a refusal: 'area in row 2 is missing'."""
    row = f"in row {said['row']}" if "row" in said else ""
    return " ".join(filter(None, [said.get("field", ""), row, said["what"]]))


class Client:
    """Talks to one service. Raises OperatorError V150 for a base URL that is none."""

    def __init__(
        self, base_url: str, *, timeout_seconds: float = 5.0, token: str | None = None
    ) -> None:
        try:
            parts = urlsplit(base_url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            port = parts.port
        except ValueError:
            usable, port = False, None
        if not usable:
            raise OperatorError(
                "V150",
                "the service's address cannot be used",
                expected="a base URL such as http://127.0.0.1:8080",
                got=repr(base_url),
                fix="correct the address",
            )
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self.host, self.port = str(parts.hostname), port
        self.prefix = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = kind(self.host, port, timeout=timeout_seconds)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request and its answer. A service that is gone or too slow gives status 0."""
        sent = {**self._headers, **(headers or {})}

        def send() -> None:
            self._connection.request(method, self.prefix + path, body, sent)

        return self._answer(send)

    def announce(self, method: str, path: str, size: int, headers: Mapping[str, str]) -> Reply:
        """Declare a body of ``size`` bytes, send none of it, and read what is answered."""

        def send() -> None:
            self._connection.putrequest(method, self.prefix + path)
            sent = {**self._headers, **headers, "Content-Length": str(size)}
            for name, value in sent.items():
                self._connection.putheader(name, value)
            self._connection.endheaders()

        reply = self._answer(send)
        self._connection.close()
        return reply

    def predict(self, rows: Any) -> Reply:
        """Post one request or a list."""
        return self.ask("POST", PREDICT, request_bytes(rows), JSON)

    def _answer(self, send: Callable[[], None]) -> Reply:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered
                send()
            if self._connection.sock is None:  # reset while connecting: nothing was asked
                raise ConnectionResetError
            found = self._connection.getresponse()
            kind = (found.getheader("Content-Type") or "").partition(";")[0].strip()
            return Reply(status=found.status, body=found.read(), kind=kind)
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Reply(status=0)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def raw_request(host: str, port: int, body: bytes) -> bytes:
    """A prediction asked for, as bytes on a connection of one's own."""
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def request_bytes(rows: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """Requests as JSON: dates and datetimes in ISO 8601, floats to the last bit."""
    return json.dumps(rows, default=_text, allow_nan=False, ensure_ascii=False).encode()


def _text(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"a {type(value).__name__} cannot be sent as JSON")
    return item()
