"""A list of candidates is read strictly, each line by itself."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from services.receive.shares.checks.sheet import LINES_MAX, Rejected, Sheet, read_sheet
from tests.identity.officers_of_tests import number

NUMBER = number(1).digits


def line(**changed: Any) -> dict[str, Any]:
    return {"reference": "C-1", "nationalId": NUMBER, "claim": {"year": 2020}, **changed}


def sheet(*lines: Any, **changed: Any) -> dict[str, Any]:
    purpose = {"th": "เหตุผลที่ขอ", "en": "The reason"}
    return {"reference": "list-1", "purpose": purpose, "until": "2026-12-10", "lines": lines or (line(),), **changed}


def read(told: Any) -> Sheet:
    return read_sheet(orjson.dumps(told))


@pytest.mark.parametrize("member", ["nationalId", "claim", "more"])
@pytest.mark.parametrize("deep", [300, 1_000])
def test_however_deep_a_list_is_it_is_refused_and_breaks_nothing(member: str, deep: int) -> None:
    given = orjson.dumps(sheet({**line(), member: "HERE"})).replace(b'"HERE"', b"[" * deep + b"]" * deep)
    with pytest.raises(BadInput):
        read_sheet(given)


@pytest.mark.parametrize("reference", ["2026112300001", "0a1234567890123fc40d", f"c{NUMBER}"])
def test_a_number_that_is_nobodys_is_a_reference(reference: str) -> None:
    found = read(sheet(line(reference=reference), reference=reference))
    assert (found.reference, found.rejected) == (reference, ())


def test_a_list_is_read() -> None:
    found = read(sheet(line(claim={"institution": "ก", "level": "BACHELOR", "title": "b", "year": 2020})))
    assert (found.reference, found.until, found.rejected) == ("list-1", date(2026, 12, 10), ())
    [one] = found.lines
    assert one.claim.as_json() == {"institution": "ก", "level": "BACHELOR", "title": "b", "year": 2020}
    assert one.national_id.digits == NUMBER


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ("x", "FORM", ""),
        ({"reference": "C-1"}, "FORM", ""),
        (line(more=1), "FORM", ""),
        (line(reference="with space"), "FORM", "/reference"),
        (line(reference=NUMBER), "FORM", "/reference"),
        (line(reference=f"C-{NUMBER[0]}-{NUMBER[1:5]}-{NUMBER[5:]}.1"), "FORM", "/reference"),
        (line(reference="x" * 65), "FORM", "/reference"),
        (line(nationalId="0000000000000"), "NATIONAL_ID_INVALID", "/nationalId"),
        (line(nationalId=None), "NATIONAL_ID_INVALID", "/nationalId"),
        (line(nationalId=7), "NATIONAL_ID_INVALID", "/nationalId"),
        (line(claim={}), "FORM", "/claim"),
        (line(claim=[]), "FORM", "/claim"),
        (line(claim={"gpax": "4.00"}), "FORM", "/claim"),
        (line(claim={"title": ""}), "FORM", "/claim/title"),
        (line(claim={"title": " "}), "FORM", "/claim/title"),
        (line(claim={"title": "x" * 201}), "FORM", "/claim/title"),
        (line(claim={"title": "a\x00"}), "FORM", "/claim/title"),
        (line(claim={"institution": None}), "FORM", "/claim/institution"),
        (line(claim={"institution": f"of {NUMBER}"}), "FORM", "/claim/institution"),
        (line(claim={"level": "bachelor"}), "FORM", "/claim/level"),
        (line(claim={"level": ["MASTER"]}), "FORM", "/claim/level"),
        (line(claim={"year": "2020"}), "FORM", "/claim/year"),
        (line(claim={"year": True}), "FORM", "/claim/year"),
        (line(claim={"year": 1899}), "FORM", "/claim/year"),
        (line(claim={"year": 2300}), "YEAR_BUDDHIST", "/claim/year"),
        (line(claim={"year": 2563}), "YEAR_BUDDHIST", "/claim/year"),
    ],
)
def test_a_line_that_cannot_be_taken_says_why_and_keeps_no_other_from_being_taken(
    given: Any, code: str, path: str
) -> None:
    found = read(sheet(line(reference="first"), given, line(reference="last")))
    assert found.rejected == (Rejected(2, code, path),)
    assert [(one.line, one.reference) for one in found.lines] == [(1, "first"), (3, "last")]


@pytest.mark.parametrize("year", [1900, 2299])
def test_years_at_the_bounds_are_taken(year: int) -> None:
    assert read(sheet(line(claim={"year": year}))).rejected == ()


def test_of_two_lines_with_one_reference_the_first_is_taken() -> None:
    found = read(sheet(line(nationalId="x"), line(), line()))
    assert [one.line for one in found.lines] == [2]
    assert [(one.line, one.code) for one in found.rejected] == [(1, "NATIONAL_ID_INVALID"), (3, "REFERENCE_REPEATED")]


@pytest.mark.parametrize(
    "changed",
    [
        {"reference": ""},
        {"reference": None},
        {"reference": "ก"},
        {"purpose": "why"},
        {"purpose": {"th": "เหตุผลที่ขอ"}},
        {"purpose": {"th": "เหตุผลที่ขอ", "en": "why"}},
        {"purpose": {"th": "เหตุผลที่ขอ", "en": "x" * 301}},
        {"purpose": {"th": "เหตุผลที่ขอ", "en": f"about {NUMBER}"}},
        {"purpose": {"th": "เหตุผลที่ขอ", "en": "line\nbreak"}},
        {"until": "2026-13-01"},
        {"until": "20261201"},
        {"until": "2026-W49-1"},
        {"until": 20261201},
        {"lines": []},
        {"lines": {}},
        {"lines": [line()] * (LINES_MAX + 1)},
        {"more": 1},
    ],
)
def test_a_list_that_is_wrong_as_a_whole_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        read({**sheet(), **changed})


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"null", b'{"reference": 1}', b"\xff"])
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_sheet(body)


def test_as_many_lines_as_may_be_are_taken() -> None:
    assert len(read(sheet(*(line(reference=f"C-{n}") for n in range(LINES_MAX)))).lines) == LINES_MAX


def test_spaces_and_the_order_of_members_change_nothing_and_any_word_does() -> None:
    told = sheet()
    reordered = dict(reversed(told.items()))
    spaced = orjson.dumps(reordered, option=orjson.OPT_INDENT_2)
    assert read_sheet(spaced).canonical == read(told).canonical
    assert read({**told, "until": "2026-12-11"}).canonical != read(told).canonical


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, st.sampled_from(["reference", "nationalId", "claim", None]))
def test_whatever_a_line_holds_it_is_taken_or_rejected(value: Any, member: str | None) -> None:
    given_line = value if member is None else line(**{member: value})
    found = read(sheet(given_line))
    assert len(found.lines) + len(found.rejected) == 1
