"""What the service refuses, and with which status: the one table.

A refusal travels as an :class:`~interlock.errors.InterlockError`; only this table knows HTTP.

>>> status_of(InvalidRequest((FieldMistake(field="year_built", what="is missing"),)))
422
>>> status_of(Unready("no release is loaded"))
503
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from interlock.errors import InterlockError
from interlock.wording import counted


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One kind of refusal: its code, its HTTP status, and what it means to a consumer."""

    code: str
    status: int
    meaning: str


CATALOGUE = (
    Refusal(code="S110", status=422, meaning="the request does not fit the schema; see mistakes"),
    Refusal(code="S111", status=400, meaning="the body is not JSON"),
    Refusal(code="S112", status=413, meaning="the body is too large"),
    Refusal(code="S113", status=413, meaning="the list has too many rows"),
    Refusal(code="S114", status=411, meaning="the request has no body length"),
    Refusal(code="S115", status=415, meaning="the body is not declared as application/json"),
    Refusal(code="S116", status=404, meaning="there is no such path"),
    Refusal(code="S117", status=405, meaning="the path does not take this method"),
    Refusal(code="S118", status=401, meaning="a bearer token is needed"),
    Refusal(code="S119", status=421, meaning="the Host header names another host"),
    Refusal(code="S120", status=503, meaning="too many requests are in flight; try again"),
    Refusal(code="S121", status=422, meaning="a feature cannot be computed from these values"),
    Refusal(code="S122", status=503, meaning="the history features are unavailable; try again"),
    Refusal(code="S123", status=422, meaning="the answer to these values cannot be post-processed"),
    Refusal(code="S140", status=400, meaning="the request is not well-formed HTTP/1.1"),
    Refusal(code="S141", status=503, meaning="the model's process is being started again"),
    Refusal(code="S143", status=431, meaning="the request's head is too large"),
    Refusal(code="S144", status=503, meaning="the answer was not explained in time; try again"),
    Refusal(code="S150", status=503, meaning="the prediction log cannot be written"),
    Refusal(code="S124", status=500, meaning="the model gave no finite answer"),
    Refusal(code="S125", status=500, meaning="the service failed unexpectedly"),
    Refusal(code="S126", status=422, meaning="the time asked about is too far from the present"),
    Refusal(code="S127", status=503, meaning="no release is ready; try again"),
    Refusal(code="S128", status=408, meaning="the request did not arrive in time"),
    Refusal(code="S160", status=403, meaning="this caller may not choose the arm"),
    Refusal(code="S161", status=400, meaning="there is no such arm"),
    Refusal(code="S129", status=409, meaning="the release carries nothing to explain answers with"),
)
_MEANING = {refusal.code: refusal.meaning for refusal in CATALOGUE}
_STATUS = {refusal.code: refusal.status for refusal in CATALOGUE}


class FieldMistake(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing wrong with a request. ``row`` is the position in a list, from 0."""

    row: int | None = None
    field: str = ""
    what: str
    expected: str = ""
    got: str = ""


class ServiceError(InterlockError):
    """The service refuses one request; ``fields`` says which parts of it are wrong."""

    def __init__(self, code: str, what: str, fields: Sequence[FieldMistake] = ()) -> None:
        super().__init__(code, what)
        self.what = what
        self.fields = tuple(fields)


class InvalidRequest(ServiceError):  # noqa: N818 - a refusal, named for what is wrong
    """The request does not fit the schema. ``more`` mistakes were found but are not listed."""

    def __init__(self, fields: Sequence[FieldMistake], more: int = 0) -> None:
        found = len(fields) + more
        listed = f", the first {len(fields)} of them listed" if more else ""
        super().__init__("S110", f"the request has {counted(found, 'mistake')}{listed}", fields)


class Unready(ServiceError):  # noqa: N818
    """There is no release to answer with."""

    def __init__(self, what: str) -> None:
        super().__init__("S127", what)


class _Problem(msgspec.Struct):
    code: str
    message: str
    mistakes: Sequence[FieldMistake]


class _Envelope(msgspec.Struct):
    error: _Problem


_ENCODER = msgspec.json.Encoder()


def status_of(error: InterlockError) -> int:
    """The HTTP status of a refusal; 500 for what the table does not name."""
    return _STATUS.get(error.code, 500)


def error_body(error: InterlockError) -> bytes:
    """The refusal as JSON: ``{"error": {"code", "message", "mistakes"}}``."""
    if isinstance(error, ServiceError):
        problem = _Problem(code=error.code, message=error.what, mistakes=error.fields)
    else:  # what concerns the operator (paths, devices) is not the consumer's
        known = error.code if error.code in _MEANING else "S125"
        problem = _Problem(code=known, message=_MEANING[known], mistakes=())
    return _ENCODER.encode(_Envelope(problem))
