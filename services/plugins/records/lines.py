"""A body of NDJSON: its lines, in calls of bounded size, each held against the operation's schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import jsonschema_rs

from core.errors import BadInput
from core.text import Text
from services.plugins.records.awards import Refused
from services.plugins.strict_json import read_json

LINES_MAX: Final = 10_000
LINE_BYTES_MAX: Final = 64 * 1024
CALL_BYTES_MAX: Final = 1_000_000
"""Of the lines of one call; a plugin reads two megabytes."""
PATTERN_BYTES_MAX: Final = 100_000

UNREADABLE: Final = "RECORD_UNREADABLE"
TOO_LARGE: Final = "RECORD_TOO_LARGE"
INVALID: Final = "RECORD_INVALID"
WORDS: Final[Mapping[str, Text]] = {
    UNREADABLE: Text(th="บรรทัดนี้ไม่ใช่ JSON ที่ใช้ได้", en="The line is not plain JSON."),
    TOO_LARGE: Text(th="บรรทัดนี้ยาวเกินไป", en="The line is too long."),
    INVALID: Text(th="ข้อมูลไม่ตรงตามแบบที่กำหนด", en="The record does not fit the operation's schema."),
    Refused.UNDER_WAY: Text(
        th="เงินที่จะจ่ายให้ผู้อื่นแทนยังไม่ได้ตีกลับมา กำลังจ่าย จ่ายแล้ว หรือเปลี่ยนผู้รับไปแล้ว",
        en="What another is to be paid instead has not come back, is being paid, was paid, or was replaced before.",
    ),
    Refused.OTHERWISE: Text(
        th="รายการนี้อนุมัติให้บุคคลอื่นหรือเป็นจำนวนเงินอื่นไปแล้ว หรือผู้รับเงินลบข้อมูลของตนจากระบบนี้หลังอนุมัติ",
        en="It was awarded to another person or with another amount before, or the payee had their data erased since.",
    ),
}
EMPTY: Final = Text(th="body: ไม่มีข้อมูล", en="body: no record in it")
TOO_MANY: Final = Text(th="body: มีบรรทัดมากเกินไป", en="body: too many lines")
_UNKNOWN: Final = "?"
_PLACE: Final = re.compile("[0-9]{1,5}")
_DATE: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK: Final = "[0-9]{2}:[0-9]{2}"
_INSTANT: Final = re.compile(rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_CLOCK}:[0-9]{{2}}(\.[0-9]+)?(Z|[+-]{_CLOCK})")
_YEARS: Final = range(2, 9999)
"""So that no zone makes it one that cannot be written."""
_SPECIAL: Final = re.compile(rb"[0-9][.eE]|\\u0000")
"""Where a number may be written other than as an integer, or NUL may stand."""
_EXACT: Final = 2**53


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that was not taken: by us before anybody was asked, or by the agency."""

    line: int
    code: str
    path: str | None = None
    """A JSON Pointer (RFC 6901) into the record; a step that the schema does not name is `?`."""
    keyword: str | None = None
    """Of the schema, which the record does not keep."""
    computed: str | None = None
    """What the agency found instead of a total or an average."""
    other: str | None = None
    """What it does not go with, by the agency's name for that."""

    def as_row(self) -> list[Any]:
        return [self.line, self.code, self.path, self.keyword, self.computed, self.other]


@dataclass(frozen=True, slots=True)
class Line:
    """One record. Of NDJSON its number is that of its line; of other formats it is counted, and `line` says where."""

    number: int
    """From 1, rising; of NDJSON blank lines are counted."""
    content: bytes
    line: int = 0
    """Of the file, where it begins; 0: its number."""
    ends: int = 0
    """The last line of it; 0: its number."""
    places: Mapping[str, int] = field(default_factory=dict)
    """JSON Pointer → the line on which that part of it begins."""
    fault: Rejection | None = None
    """Why it is none, where that is known before it is held against the schema."""

    def line_of(self, pointer: str | None) -> int:
        """Of the deepest part around it whose line is known."""
        here = pointer or ""
        while here and here not in self.places:
            here = here.rpartition("/")[0]
        return self.places.get(here, self.line or self.number)


def lines_of(body: bytes) -> list[Line]:
    """Lines that are not blank. Raises :class:`BadInput`."""
    if body.count(b"\n") > LINES_MAX:
        raise BadInput(TOO_MANY, path=("body",))
    lines = [Line(number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
    if not lines:
        raise BadInput(EMPTY, path=("body",))
    return lines


def calls_of(lines: Sequence[Line], size: int) -> Iterator[list[Line]]:
    """The same lines make the same calls, wherever one begins to send again."""
    call: list[Line] = []
    weight = 0
    for line in lines:
        if call and (len(call) >= size or weight + len(line.content) > CALL_BYTES_MAX):
            yield call
            call, weight = [], 0
        call.append(line)
        weight += len(line.content)
    if call:
        yield call


class Schema:
    """What a record of an operation is. What fits can be read, computed with and stored by any plugin: a date-time is
    one of RFC 3339 with capital letters and without a leap second, no text holds NUL, and an integer is one however its
    sender wrote it (`1e3`, `3.0`)."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = jsonschema_rs.Draft202012Validator(
            dict(schema),
            validate_formats=True,
            formats={"date": _is_date, "date-time": _is_instant},
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_BYTES_MAX, dfa_size_limit=PATTERN_BYTES_MAX),
        )
        self._names = frozenset(_names_in(schema))

    def read(self, line: Line) -> Any | Rejection:
        """The record, or why it is none."""
        if line.fault is not None:
            return line.fault
        if len(line.content) > LINE_BYTES_MAX:
            return Rejection(line.number, TOO_LARGE)
        try:
            record = read_json(line.content)
            if _SPECIAL.search(line.content):
                record = _plain(record)
        except ValueError:
            return Rejection(line.number, UNREADABLE)
        error = next(self._validator.iter_errors(record), None)
        if error is None:
            return record
        keyword = next((step for step in reversed(error.schema_path) if isinstance(step, str)), None)
        return Rejection(line.number, INVALID, self.pointer(error.instance_path, record), keyword)

    def pointer(self, steps: Sequence[str | int], record: Any) -> str:
        """Without a name that the sender made up: it may be anything, a national ID too.

        The library writes a name of digits as a number, so only what stands in a list is taken for a place in it.
        """
        known, here = list[str](), record
        for step in steps:
            if isinstance(here, list) and isinstance(step, int) and step < len(here):
                known.append(str(step))
                here = here[step]
            else:
                name = str(step)
                known.append(name if name in self._names else _UNKNOWN)
                here = here.get(name) if isinstance(here, Mapping) else None
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in known)

    def pointer_of(self, path: str | None, record: Any) -> str | None:
        """Of what a plugin calls a place, as a JSON Pointer or with dots."""
        if path is None:
            return None
        steps = path[1:].split("/") if path.startswith("/") else path.split(".")
        return self.pointer([int(step) if _PLACE.fullmatch(step) else step for step in steps if step], record)


def _names_in(schema: Any) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            named = value.get("properties")
            if isinstance(named, Mapping):
                yield from map(str, named)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _plain(value: Any) -> Any:
    """Raises ValueError for a text that no database keeps."""
    if isinstance(value, dict):
        return {_plain(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str) and "\0" in value:
        raise ValueError("NUL")
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text).year in _YEARS
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    try:
        return _INSTANT.fullmatch(text) is not None and datetime.fromisoformat(text).year in _YEARS
    except ValueError:
        return False
