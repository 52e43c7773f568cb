"""Records in words: every kind that is shown is a real table, and what has no words yet is not passed off as one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import pytest

from core.database import load_models
from core.thai_dates import Precision
from services.exchange.catalogue import load_catalogue
from services.exchange.catalogue.values import Kind
from services.exchange.facts import Fact, FactState, Value
from services.exchange.policy import ASSURANCE_TOO_LOW, OBJECTED
from services.exchange.privacy import reading as module
from services.exchange.privacy.reading import Reader, day_in_words, reading, time_in_words
from services.exchange.privacy.states import Kind as Right
from services.exchange.privacy.states import Status
from services.pay.states import InstalmentStatus

READER: Final = Reader(load_catalogue())


def fact(attribute: str, value: Value, state: FactState = FactState.FRESH, reason: str | None = None) -> list[str]:
    told = Fact(attribute, value, "dopa", datetime(2026, 11, 16, 18, tzinfo=UTC), state, reason)
    return [cell.th for cell in READER.fact(told)]


def test_every_table_that_is_shown_is_one_of_the_database() -> None:
    assert set(reading().tables) <= set(load_models().tables)


@pytest.mark.parametrize("table", sorted(set(reading().tables) - {"access_record"}))
def test_every_column_that_is_shown_is_one_of_its_table(table: str) -> None:
    columns = {one.name.removesuffix("_sealed") for one in load_models().tables[table].columns}
    known = columns | ({"title", "body_th"} if table == "message" else set())
    assert {one.column for one in reading().tables[table]} <= known


def test_the_codes_of_the_catalogue_and_of_requests_have_words() -> None:
    codes = reading().codes
    used = {
        code for one in load_catalogue().attributes.values() if one.type.kind is Kind.CODE for code in one.type.codes
    }
    assert used <= set(codes["fact"])
    assert set(codes["request"]) == {one.value for one in Status}
    assert set(codes["right"]) == {one.value for one in Right}
    assert set(codes["instalment"]) == {one.value for one in InstalmentStatus}


def test_days_are_bangkoks_and_go_no_further_than_what_is_known() -> None:
    assert time_in_words(datetime(2026, 12, 31, 17, tzinfo=UTC)) == "1 มกราคม 2570 00.00 น."
    day = date(1958, 4, 1)
    assert [day_in_words(day, one) for one in Precision] == ["1 เมษายน 2501", "เมษายน 2501", "2501"]


def test_a_fact_is_said_in_words() -> None:
    assert fact("deceased", value=False)[:3] == ["เสียชีวิตแล้ว", "ไม่ใช่", "กรมการปกครอง"]
    assert fact("nationality", "thai")[1] == "ไทย"
    assert fact("death_date", None)[1] == "ไม่มี"
    assert fact("other_land_area", 12_345)[1] == "1.23 ตารางเมตร"
    assert fact("deceased", value=True)[3] == "17 พฤศจิกายน 2569"


def test_what_is_not_told_says_why() -> None:
    assert fact("person_status", None, FactState.DENIED, ASSURANCE_TOO_LOW)[1] == module.DENIED_TOO_WEAK.th
    assert fact("person_status", None, FactState.DENIED, OBJECTED)[1] == module.DENIED_BY_YOU.th
    assert fact("person_status", None, FactState.DENIED, "NOT_FOR_THIS_PURPOSE")[1] == module.DENIED.th
    assert "กรมการปกครอง" in fact("person_status", None, FactState.UNAVAILABLE)[1]
    assert fact("deceased", value=False, state=FactState.STALE)[1] == f"ไม่ใช่ ({module.STALE.th})"


def test_a_table_or_a_code_without_words_is_no_error() -> None:
    assert READER.shows("a_table_of_tomorrow") == ()
    [_, status, *_] = READER.row("application", {"title": {"th": "ก", "en": "a"}, "status": "OF_TOMORROW"})
    assert status.th == "OF_TOMORROW"


def test_what_no_key_opens_any_more_is_said_to_be_so() -> None:
    row = READER.row("contact", {"kind": "EMAIL", "value": {"unreadable": True}, "updated_at": None})
    assert [cell.th for cell in row] == ["อีเมล", "อ่านไม่ได้แล้ว", "–"]
    assert READER.row("access_record", {"at": "2026-11-16T03:00:00+00:00", "unreadable": True})[1].th == "อ่านไม่ได้แล้ว"
