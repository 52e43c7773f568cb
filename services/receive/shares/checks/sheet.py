"""The list that a juristic person sends: read strictly, and each line by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from core.errors import BadInput
from core.ids import MalformedNationalId, NationalId
from core.text import Text
from identity.inbox.service import holds_national_id
from services.receive.shares.checks.comparing import Claim

LINES_MAX: Final = 200
BODY_BYTES_MAX: Final = 200_000
LEVELS: Final = ("BACHELOR", "MASTER", "DOCTORATE")
YEAR_MIN: Final = 1900
BUDDHIST_FROM: Final = 2300
TEXT_LENGTH_MAX: Final = 200
PURPOSE_LENGTH_MIN, PURPOSE_LENGTH_MAX = 5, 300
FORM: Final = "FORM"
REPEATED: Final = "REFERENCE_REPEATED"
NATIONAL_ID: Final = "NATIONAL_ID_INVALID"
BUDDHIST: Final = "YEAR_BUDDHIST"
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\d(?:[._-]?\d){12}(?![0-9A-Za-z])", re.ASCII)
"""What could be a national ID; among letters, as in a UUID, thirteen digits are none."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MEMBERS: Final = frozenset({"reference", "purpose", "until", "lines"})
_OF_LINE: Final = frozenset({"reference", "nationalId", "claim"})
_OF_CLAIM: Final = frozenset({"institution", "level", "title", "year"})
_JSON: Final = Text(
    th="body: JSON ที่มี reference, purpose, until และ lines เท่านั้น",
    en="body: JSON with `reference`, `purpose`, `until` and `lines`, and nothing else",
)
_REFERENCES: Final = Text(
    th="reference: 1 ถึง 64 ตัว A-Z a-z 0-9 . _ - และไม่มีเลขประจำตัวประชาชน",
    en="reference: 1 to 64 of A-Z a-z 0-9 . _ - without a national ID",
)
_PURPOSE: Final = Text(
    th="purpose: th และ en อย่างละ 5 ถึง 300 ตัวอักษร ไม่มีเลขประจำตัวประชาชน",
    en="purpose: `th` and `en`, each of 5 to 300 characters, without a national ID",
)
_UNTIL: Final = Text(th="until: วันที่แบบ 2026-12-31", en="until: a day, as 2026-12-31")
_LINES: Final = Text(th="lines: 1 ถึง 200 รายการ", en="lines: 1 to 200 of them")


@dataclass(frozen=True, slots=True)
class Line:
    """One that can be taken."""

    line: int
    """From 1."""
    reference: str
    national_id: NationalId
    claim: Claim


@dataclass(frozen=True, slots=True)
class Rejected:
    line: int
    code: str
    path: str
    """A JSON pointer into the line."""


@dataclass(frozen=True, slots=True)
class Sheet:
    reference: str
    purpose: Text
    until: date
    """The last day on which candidates answer, in Bangkok."""
    lines: tuple[Line, ...]
    rejected: tuple[Rejected, ...]
    canonical: bytes
    """What was sent, however its members are ordered and its spaces set."""


class _Flaw(Exception):
    def __init__(self, code: str, path: str) -> None:
        super().__init__(code)
        self.code, self.path = code, path


def read_sheet(body: bytes) -> Sheet:
    """Asks no clock: the same bytes are read alike at any time. Raises BadInput for what is wrong with the whole."""
    try:
        told = orjson.loads(body)
        canonical = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    except (ValueError, TypeError):  # what is deeper than orjson writes is a TypeError of it
        raise BadInput(_JSON) from None
    if not isinstance(told, dict) or told.keys() != _MEMBERS:
        raise BadInput(_JSON)
    lines = told["lines"]
    if not isinstance(lines, list) or not 1 <= len(lines) <= LINES_MAX:
        raise BadInput(_LINES, path=("lines",))
    taken, rejected = list[Line](), list[Rejected]()
    seen = set[str]()
    for number, given in enumerate(lines, 1):
        try:
            line = _line(number, given)
        except _Flaw as flaw:
            rejected.append(Rejected(number, flaw.code, flaw.path))
            continue
        if line.reference in seen:
            rejected.append(Rejected(number, REPEATED, "/reference"))
            continue
        seen.add(line.reference)
        taken.append(line)
    return Sheet(
        _whole_reference(told["reference"]),
        _purpose(told["purpose"]),
        _day(told["until"]),
        tuple(taken),
        tuple(rejected),
        canonical,
    )


def _whole_reference(given: Any) -> str:
    if not _is_reference(given):
        raise BadInput(_REFERENCES, path=("reference",))
    return str(given)


def _is_reference(given: Any) -> bool:
    if not isinstance(given, str) or not _REFERENCE.fullmatch(given):
        return False
    return not any(_is_national_id(one) for one in _NUMBER.findall(given))


def _is_national_id(text: str) -> bool:
    try:
        NationalId.parse("".join(filter(str.isdigit, text)))
    except MalformedNationalId:
        return False
    return True


def _purpose(given: Any) -> Text:
    if not isinstance(given, dict) or given.keys() != {"th", "en"}:
        raise BadInput(_PURPOSE, path=("purpose",))
    for said in given.values():
        is_fine = isinstance(said, str) and said.isprintable()
        if not is_fine or not PURPOSE_LENGTH_MIN <= len(said.strip()) <= PURPOSE_LENGTH_MAX or holds_national_id(said):
            raise BadInput(_PURPOSE, path=("purpose",))
    return Text(th=given["th"].strip(), en=given["en"].strip())


def _day(given: Any) -> date:
    if isinstance(given, str) and _DAY.fullmatch(given):
        with suppress(ValueError):
            return date.fromisoformat(given)
    raise BadInput(_UNTIL, path=("until",))


def _line(number: int, given: Any) -> Line:
    if not isinstance(given, dict) or given.keys() != _OF_LINE:
        raise _Flaw(FORM, "")
    if not _is_reference(given["reference"]):
        raise _Flaw(FORM, "/reference")
    if not isinstance(given["nationalId"], str):
        raise _Flaw(NATIONAL_ID, "/nationalId")
    try:
        national_id = NationalId.parse(given["nationalId"])
    except MalformedNationalId:
        raise _Flaw(NATIONAL_ID, "/nationalId") from None
    return Line(number, given["reference"], national_id, _claim(given["claim"]))


def _claim(given: Any) -> Claim:
    if not isinstance(given, Mapping) or not given or not given.keys() <= _OF_CLAIM:
        raise _Flaw(FORM, "/claim")
    for name in ("institution", "title"):
        said = given.get(name, "-")
        is_fine = isinstance(said, str) and said.isprintable() and 0 < len(said.strip()) <= TEXT_LENGTH_MAX
        if not is_fine or holds_national_id(said):
            raise _Flaw(FORM, f"/claim/{name}")
    if given.get("level", LEVELS[0]) not in LEVELS:
        raise _Flaw(FORM, "/claim/level")
    year = given.get("year", YEAR_MIN)
    if isinstance(year, bool) or not isinstance(year, int) or year < YEAR_MIN:
        raise _Flaw(FORM, "/claim/year")
    if year >= BUDDHIST_FROM:
        raise _Flaw(BUDDHIST, "/claim/year")
    return Claim(**given)
