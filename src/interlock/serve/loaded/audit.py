"""Every mistake in a refused body: the slow path of decoding.

The body is read with a lenient parser that remembers what a strict one would hide (duplicate keys,
NaN, numbers beyond a double, lone surrogates), then each field is judged on its own. Time and
memory are linear in the body; at most ``MAX_LISTED`` mistakes are listed, the rest counted.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Annotated, Any

import msgspec

from interlock.clock import EARLIEST, LATEST, instant_of
from interlock.data.request import Field, RequestSchema
from interlock.data.rule import EXACT_INT
from interlock.serve.errors import FieldMistake, ServiceError

MAX_TEXT = 4_096  # characters in one text value
MAX_LISTED = 100  # mistakes
_HINTS = 3  # names guessed in one body: each guess costs as much as the judging of a whole row
_MAX_DIGITS = 400  # of an integer; the greatest double has 309
_SHOWN = 60  # characters of a value quoted back
_DAY = "a date such as 2024-05-31"
_MOMENT = "a time with an offset, such as 2024-05-31T12:00:00Z"
_AWARE = Annotated[datetime, msgspec.Meta(tz=True)]


class _Object(list[tuple[str, Any]]):
    """A JSON object as the pairs written."""


class _Beyond(str):
    """The text of a number that JSON or a double cannot hold."""

    __slots__ = ()


class _Findings:
    """Collects mistakes: lists the first, counts them all. ``taken``: what each field takes."""

    def __init__(self, schema: RequestSchema) -> None:
        self.taken = {field.name: described(field) for field in schema.fields}
        self.listed: list[FieldMistake] = []
        self.more = 0
        self._guesses = _HINTS

    def extend(self, found: Iterable[FieldMistake]) -> None:
        for mistake in found:
            if len(self.listed) < MAX_LISTED:
                self.listed.append(mistake)
            else:
                self.more += 1

    def nearest(self, name: str, known: Iterable[str]) -> str:
        """The name that was probably meant; "" where none is near, or enough were guessed."""
        if not self._guesses:
            return ""
        self._guesses -= 1
        return next(iter(difflib.get_close_matches(name[:_SHOWN], list(known), 1)), "")


def audit(
    body: bytes, schema: RequestSchema, *, max_rows: int
) -> tuple[tuple[FieldMistake, ...], int]:
    """The mistakes listed, and how many more there are; none at all when the body is right.

    Raises ServiceError S111 when the body is not JSON, S113 when a list has too many rows.
    """
    value = _parse(body)
    findings = _Findings(schema)
    if type(value) is not list:
        findings.extend(_row_mistakes(value, schema, None, findings))
        return tuple(findings.listed), findings.more
    if len(value) > max_rows:
        raise ServiceError("S113", f"the list has {len(value)} rows; at most {max_rows} are taken")
    if not value:
        findings.extend([FieldMistake(what="the list is empty", expected="at least one row")])
    for index, row in enumerate(value):
        findings.extend(_row_mistakes(row, schema, index, findings))
    return tuple(findings.listed), findings.more


def has_duplicate_keys(body: bytes) -> bool:
    """Whether an object in a body that is otherwise right names a field twice."""
    found = False

    def pairs(items: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in items}) < len(items)

    json.loads(body, object_pairs_hook=pairs)
    return found


def _parse(body: bytes) -> Any:
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_Object,
            parse_constant=_Beyond,
            parse_int=_integer,
            parse_float=_float,
        )
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not UTF-8"
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (line {error.lineno}, column {error.colno})"
    except RecursionError:
        problem = "it is nested too deeply"
    raise ServiceError("S111", f"the body is not JSON: {problem}")


def _integer(text: str) -> int | _Beyond:
    return int(text) if len(text) <= _MAX_DIGITS else _Beyond(text)


def _float(text: str) -> float | _Beyond:
    value = float(text)
    return value if math.isfinite(value) else _Beyond(text)


def _row_mistakes(
    row: Any, schema: RequestSchema, index: int | None, findings: _Findings
) -> Iterator[FieldMistake]:
    if type(row) is not _Object:
        yield FieldMistake(
            row=index, what="is not an object", expected=f"an object: {schema.name}", got=shown(row)
        )
        return
    known = {field.name: field for field in schema.fields}
    seen: set[str] = set()
    for name, value in row:
        field = known.get(name)
        if name in seen:
            yield FieldMistake(row=index, field=_cut(name), what="is given twice")
        elif field is None:
            near = findings.nearest(name, known)
            hint = f"; did you mean '{near}'?" if near else ""
            yield FieldMistake(row=index, field=_cut(name), what=f"is not a field{hint}")
        else:
            yield from _value_mistakes(field, value, index, findings)
        seen.add(name)
    for field in schema.fields:
        if field.name not in seen and not field.optional:
            yield FieldMistake(
                row=index,
                field=field.name,
                what="is missing",
                expected=findings.taken[field.name],
            )


def _value_mistakes(
    field: Field, value: Any, index: int | None, findings: _Findings
) -> Iterator[FieldMistake]:
    if value is None:
        what = "" if field.optional else "is null"
    else:
        what = _JUDGES[field.kind](field, value)
    if what:
        yield FieldMistake(
            row=index,
            field=field.name,
            what=what,
            expected=findings.taken[field.name],
            got=shown(value),
        )


def _judge_int(field: Field, value: Any) -> str:
    if type(value) is _Beyond or (type(value) is int and abs(value) > EXACT_INT):
        return "is a number out of range"
    if type(value) is not int:
        return f"is {_kind_of(value)}"
    return _judge_range(field, value)


def _judge_float(field: Field, value: Any) -> str:
    if type(value) is _Beyond:
        return "is not a number" if value == "NaN" else "is a number out of range"
    if type(value) not in (int, float):
        return f"is {_kind_of(value)}"
    try:
        return _judge_range(field, float(value))
    except OverflowError:
        return "is a number out of range"


def _judge_range(field: Field, value: float) -> str:
    inside = (
        (field.ge is None or value >= field.ge)
        and (field.gt is None or value > field.gt)
        and (field.le is None or value <= field.le)
        and (field.lt is None or value < field.lt)
    )
    return "" if inside else "is out of range"


def _judge_bool(_: Field, value: Any) -> str:
    return "" if type(value) is bool else f"is {_kind_of(value)}"


def _judge_text(_: Field, value: Any) -> str:
    if type(value) is not str:
        return f"is {_kind_of(value)}"
    if len(value) > MAX_TEXT:
        return f"is too long: {len(value)} characters"
    return "" if _whole(value) else "has half a surrogate pair"


def _judge_category(field: Field, value: Any) -> str:
    if type(value) is not str:
        return f"is {_kind_of(value)}"
    return "" if value in field.categories else "is not one of the categories"


def _judge_scalar(field: Field, value: Any) -> str:
    if type(value) is bool:
        return ""
    if type(value) is str:
        return _judge_text(field, value)
    return _judge_float(field, value)


def _judge_moment(expected: Any) -> Callable[[Field, Any], str]:
    def judge(field: Field, value: Any) -> str:
        if type(value) is not str:
            return f"is {_kind_of(value)}"
        try:
            moment = msgspec.convert(value, expected)
        except (msgspec.ValidationError, UnicodeEncodeError):  # half a surrogate pair is no date
            return "cannot be read"
        return "" if _is_in_calendar(field, moment) else "is out of range"

    return judge


def _is_in_calendar(field: Field, moment: date) -> bool:
    """Whether the instant lies in the years 1 to 9999 of UTC; a date without a zone has none."""
    if field.zone is None and not isinstance(moment, datetime):
        return True
    return EARLIEST <= instant_of(moment, zone=field.zone) <= LATEST


_JUDGES: dict[str, Callable[[Field, Any], str]] = {
    "int": _judge_int,
    "float": _judge_float,
    "bool": _judge_bool,
    "str": _judge_text,
    "category": _judge_category,
    "date": _judge_moment(date),
    "datetime": _judge_moment(_AWARE),
    "scalar": _judge_scalar,
}
_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": f"a text of at most {MAX_TEXT} characters",
    "date": _DAY,
    "datetime": _MOMENT,
    "scalar": f"a number, true or false, or a text of at most {MAX_TEXT} characters",
}


def described(field: Field) -> str:
    """What the field takes, in words: 'a whole number ≥ 1800'."""
    if field.kind == "category":
        return "one of " + ", ".join(field.categories)
    bounds = [f"{sign} {bound:.15g}" for sign, bound in field.rule.bounds]
    return " ".join([_NOUNS[field.kind], " and ".join(bounds)]).strip()


def shown(value: Any) -> str:
    """The value as JSON, cut to what a reader needs."""
    if type(value) is _Object:
        return "an object"
    if type(value) is list:
        return "a list"
    if type(value) is _Beyond:
        return _cut(str(value))  # a plain str: the JSON encoder takes no subclass
    if type(value) is str:
        return json.dumps(_cut(value))
    return _cut(json.dumps(value))


def _kind_of(value: Any) -> str:
    if type(value) is _Object:
        return "an object"
    if type(value) is list:
        return "a list"
    if type(value) is str:
        return "a text"
    return "true or false" if type(value) is bool else "a number"


def _cut(text: str) -> str:
    short = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return short if _whole(short) else short.encode("ascii", "backslashreplace").decode()


def _whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
