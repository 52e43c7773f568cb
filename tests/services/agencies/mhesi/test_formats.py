"""Records by XML and CSV: the same as by NDJSON, each rejection with its line, and hostile files refused whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import BadInput
from services.plugins.contract import OperationSpec, read_manifest
from services.plugins.records.errors import FileUnreadable, Unreadable
from services.plugins.records.formats import CSV, NDJSON, XML, media_types, read_body
from services.plugins.records.formats.xml_elements import DEPTH_MAX, ELEMENTS_MAX, TEXT_LENGTH_MAX
from services.plugins.records.lines import Line, Rejection, Schema
from tests.services.agencies.mhesi.files import HEADER, NAMESPACE, as_csv, as_ndjson, as_xml
from tests.services.agencies.mhesi.made_up import course, many, record
from tests.support.plugins import AGENCIES

SPEC: Final[OperationSpec] = read_manifest(
    (AGENCIES / "mhesi" / "manifest.toml").read_text(encoding="utf-8"), plugin="mhesi"
).operations["records"]
SCHEMA: Final = Schema(SPEC.record or {})
WRITTEN: Final[dict[str, Callable[[list[dict[str, Any]]], bytes]]] = {NDJSON: as_ndjson, XML: as_xml, CSV: as_csv}
TEXT: Final = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
COURSE: Final = st.builds(
    lambda title, grade: {**course("C1", grade), "titleEn": title, "titleTh": f"ก{title}"},
    TEXT,
    st.sampled_from(["A", "B+", "W"]),
)
SESSION: Final = st.builds(
    lambda courses, gpa: {"session": "", **({"gpa": gpa} if gpa else {}), "courses": courses},
    st.lists(COURSE, min_size=1, max_size=3),
    st.sampled_from([None, "3.50"]),
)


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        sessions = [
            {**one, "session": f"1/{2020 + year}"} for year, one in enumerate(draw(st.lists(SESSION, max_size=3)))
        ]
        awarded = draw(st.sampled_from([None, "2024-05-31"]))
        made.append(record(number, titleEn=draw(TEXT), sessions=sessions, awardedOn=awarded))
    return made


def read(media_type: str, body: bytes) -> list[Any]:
    return [SCHEMA.read(line) for line in read_body(media_type, body, SPEC)]


def rejected(media_type: str, body: bytes) -> list[tuple[int, str | None, str | None]]:
    """Line of the file, place in the record, keyword."""
    told = []
    for line in read_body(media_type, body, SPEC):
        found = SCHEMA.read(line)
        if isinstance(found, Rejection):
            told.append((line.line_of(found.path), found.path, found.keyword))
    return told


def test_all_three_are_declared() -> None:
    assert media_types(SPEC) == (NDJSON, XML, CSV)


@given(records())
@settings(max_examples=60)
def test_the_same_records_are_the_same_in_every_format(sent: list[dict[str, Any]]) -> None:
    for media_type, written in WRITTEN.items():
        assert read(media_type, written(sent)) == sent, media_type


@pytest.mark.parametrize("media_type", [XML, CSV])
def test_numbers_of_records_rise_and_lines_are_those_of_the_file(media_type: str) -> None:
    body = WRITTEN[media_type](many(20))
    lines = read_body(media_type, body, SPEC)
    assert [line.number for line in lines] == list(range(1, 21))
    starts = body.splitlines()
    sign = b"<Student>" if media_type == XML else b"UTP,"
    assert all(starts[line.line - 1].startswith(sign) for line in lines)
    assert [one.line for one in lines[1:]] == [one.ends + 1 for one in lines[:-1]]


def test_a_file_without_a_line_break_is_read_as_another() -> None:
    body = as_xml(many(5)).replace(b"\n", b"")
    assert read(XML, body) == many(5)
    assert {line.line for line in read_body(XML, body, SPEC)} == {1}


def test_a_byte_order_mark_and_a_line_break_in_a_cell_are_read() -> None:
    broken = [record(1, titleEn="Bachelor\nof Science"), record(2)]
    body = b"\xef\xbb\xbf" + as_csv(broken)
    assert read(CSV, body) == broken
    assert [(line.line, line.ends) for line in read_body(CSV, body, SPEC)] == [(2, 3), (4, 4)]


@pytest.mark.parametrize("media_type", [XML, CSV])
def test_what_the_schema_refuses_is_told_with_the_line_on_which_it_stands(media_type: str) -> None:
    two = [{"session": "1/2020", "courses": [course("C1", "A"), course("C2", "a")]}]
    body = WRITTEN[media_type]([record(1), record(2, sessions=two), record(3)])
    where = next(n for n, line in enumerate(body.splitlines(), start=1) if b"C2" in line)
    assert rejected(media_type, body) == [(where, "/sessions/0/courses/1/grade", "pattern")]


@pytest.mark.parametrize(("text", "keyword"), [("3.0", "type"), ("03", "type"), ("1e3", "type"), ("-1", "minimum")])
def test_a_number_is_read_in_one_way(text: str, keyword: str) -> None:
    body = as_xml([record(1)]).replace(b"<CreditHoursEarned>3<", f"<CreditHoursEarned>{text}<".encode())
    assert [(path, word) for _, path, word in rejected(XML, body)] == [("/credits", keyword)]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("<Grade>A</Grade>", "<Grade>A</Grade><Grade>A</Grade>", "/sessions/0/courses/0/grade"),
        ("<Grade>A</Grade>", "<Grade>A</Grade><Bonus/>", "/sessions/0/courses/0/?"),
        ("<Grade>A</Grade>", "<Grade><b>A</b></Grade>", None),
        ("<Grade>A</Grade>", '<Grade kind="x">A</Grade>', "/sessions/0/courses/0/grade"),
        ("<Person>", "<Person>1234567890123", ""),
    ],
)
def test_an_element_that_the_form_does_not_have_is_refused_and_the_record_beside_it_is_not(
    old: str, new: str, path: str | None
) -> None:
    body = as_xml([record(1), record(2)]).replace(old.encode(), new.encode(), 1)
    [(_, where, keyword)] = rejected(XML, body)
    assert keyword == "additionalProperties"
    assert path is None or where == path
    assert read(XML, body)[1] == record(2)


def test_a_place_to_look_for_a_schema_is_passed_over() -> None:
    attribute = b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" '
    body = as_xml([record(1)]).replace(b"<AcademicRecordBatch ", b"<AcademicRecordBatch " + attribute)
    assert read(XML, body) == [record(1)]


def document(inside: str = "", before: str = "", root: str = "AcademicRecordBatch") -> bytes:
    return f'{before}<{root} xmlns="{NAMESPACE}">{inside}</{root}>'.encode()


LAUGHS: Final = (
    '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (document(before=LAUGHS), Unreadable.FORBIDDEN),
        (document(before='<!DOCTYPE a SYSTEM "file:///etc/passwd">'), Unreadable.FORBIDDEN),
        (document(before='<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1/">]>', inside="&x;"), Unreadable.FORBIDDEN),
        (document(before='<?xml-stylesheet href="http://127.0.0.1/"?>'), Unreadable.FORBIDDEN),
        (document("&unknown;"), Unreadable.SYNTAX),
        (document("<a>")[:-5], Unreadable.SYNTAX),
        (b"\xff\xfe<\x00a\x00", Unreadable.SYNTAX),
        (document(before='<?xml version="1.0" encoding="ISO-8859-11"?>'), Unreadable.ENCODING),
        (document("<a>" * DEPTH_MAX + "</a>" * DEPTH_MAX), Unreadable.TOO_LARGE),
        (document("<a/>" * ELEMENTS_MAX), Unreadable.TOO_LARGE),
        (document("<a>" + "x" * (TEXT_LENGTH_MAX + 1) + "</a>"), Unreadable.TOO_LARGE),
        (document("<a " + " ".join(f'a{n}="1"' for n in range(9)) + "/>"), Unreadable.TOO_LARGE),
        (document(root="Other"), Unreadable.OTHER_FORM),
        (document('<a xmlns="urn:other"/>'), Unreadable.OTHER_FORM),
        (
            as_xml([record(1)]).replace(b"</TransmissionData>", b"</TransmissionData>" * 1 + b"<x y='"),
            Unreadable.SYNTAX,
        ),
    ],
)
def test_a_hostile_document_is_refused_whole_with_its_reason(body: bytes, why: Unreadable) -> None:
    with pytest.raises(FileUnreadable) as refused:
        read_body(XML, body, SPEC)
    assert refused.value.reason is why
    assert refused.value.line >= 1


def test_an_institution_that_is_named_after_a_record_is_refused() -> None:
    body = as_xml([record(1)])
    start, end = body.index(b"<TransmissionData>"), body.index(b"</TransmissionData>") + len(b"</TransmissionData>")
    head = body[start:end]
    moved = (body[:start] + body[end:]).replace(b"</AcademicRecordBatch>", head + b"</AcademicRecordBatch>")
    for bad in (moved, body.replace(head, head * 2)):
        with pytest.raises(FileUnreadable) as refused:
            read_body(XML, bad, SPEC)
        assert refused.value.reason is Unreadable.OTHER_FORM


def _rows(body: bytes) -> list[bytes]:
    return body.splitlines(keepends=True)


GOOD: Final = as_csv([record(1, sessions=[{"session": "1/2020", "courses": [course("C1", "A"), course("C2", "A")]}])])


@pytest.mark.parametrize(
    ("body", "why", "line"),
    [
        (GOOD.replace(b"gpax", b"gpa", 1), Unreadable.HEADER, 1),
        (GOOD.replace(b"gpax,", b"", 1), Unreadable.HEADER, 1),
        (GOOD.replace(b"gpax", b"grade", 1), Unreadable.HEADER, 1),
        (GOOD.replace(b"\r\n", b",more\r\n", 1), Unreadable.HEADER, 1),
        (GOOD + b"one,two\r\n", Unreadable.SYNTAX, 4),
        (GOOD + b'"never ended\r\n', Unreadable.SYNTAX, 4),
        (GOOD.replace(b"Statistics", b"Stat\xe9", 1), Unreadable.ENCODING, 2),
        (GOOD.replace(b"Statistics", b"x" * 4_001, 1), Unreadable.TOO_LARGE, 2),
        (GOOD.replace(b"Statistics", b"x" * 140_000, 1), Unreadable.SYNTAX, 2),
        (GOOD + as_csv([record(2)]).partition(b"\r\n")[2] + _rows(GOOD)[1], Unreadable.TORN, 5),
    ],
)
def test_a_hostile_table_is_refused_whole_with_its_reason(body: bytes, why: Unreadable, line: int) -> None:
    with pytest.raises(FileUnreadable) as refused:
        read_body(CSV, body, SPEC)
    assert (refused.value.reason, refused.value.line) == (why, line)


def test_rows_of_one_record_that_say_two_things_of_it_are_refused_with_the_row() -> None:
    head, first, second = _rows(GOOD)
    assert rejected(CSV, head + first + second.replace(b"Jaidee", b"Jairai")) == [(3, "/nameEn", "const")]


@pytest.mark.parametrize(
    ("media_type", "body"), [(XML, document()), (CSV, ",".join(HEADER).encode() + b"\r\n"), (CSV, b"")]
)
def test_a_file_without_a_record_is_refused(media_type: str, body: bytes) -> None:
    with pytest.raises(BadInput, match="no record"):
        read_body(media_type, body, SPEC)


def test_a_line_is_that_of_the_deepest_part_that_is_known() -> None:
    line = Line(1, b"", 10, 20, {"/sessions/0": 12, "/sessions/0/courses/1": 14})
    assert [line.line_of(path) for path in ("/sessions/0/courses/1/grade", "/sessions/0/gpa", "/gpax", None)] == [
        14, 12, 10, 10
    ]  # fmt: skip
    assert Line(7, json.dumps({}).encode()).line_of("/a") == 7
