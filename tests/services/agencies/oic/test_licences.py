"""ForSure: whether a licence is good, whose it is, and who is licensed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from services.agencies.oic.licences import _row, _write, is_named, number_in, qr_of, words_of
from tests.services.agencies.oic.office import Office

LICENCE: Final[dict[str, Any]] = {
    "number": "0001000011",
    "role": "agent",
    "business": "non-life",
    "holder": "person",
    "nameTh": "นางสาวสุดา ตัวอย่างดี",
    "nameEn": "Miss Suda Tuayangdi",
    "issued": "2025-06-01",
    "expires": "2027-05-31",
    "status": "active",
    "insurers": ["SKP"],
    "reportedAt": "2025-06-01T09:00:00+07:00",
}
LAST_SECOND: Final = datetime.fromisoformat("2027-05-31T23:59:59+07:00")


async def test_a_licence_is_good_to_the_end_of_its_last_day_in_bangkok(office: Office) -> None:
    assert await office.takes("licences", LICENCE) == []
    office.clock.set(LAST_SECOND)
    assert (await office.says("licence", number=LICENCE["number"]))["status"] == "VALID"
    office.clock.set(LAST_SECOND + timedelta(seconds=1))
    told = await office.says("licence", number=LICENCE["number"])
    assert (told["status"], told["licence"]["status"]) == ("EXPIRED", "EXPIRED")


@pytest.mark.in_turn
@pytest.mark.parametrize("status", ["suspended", "revoked"])
async def test_what_is_suspended_or_revoked_is_so_even_before_it_expires(office: Office, status: str) -> None:
    later = {**LICENCE, "status": status, "reportedAt": "2026-01-01T00:00:00Z"}
    assert await office.takes("licences", LICENCE, later) == []
    told = await office.says("licence", number=LICENCE["number"])
    assert told["status"] == status.upper()
    assert await office.takes("licences", {**LICENCE, "reportedAt": "2026-02-01T00:00:00Z"}) == []
    assert (await office.says("licence", number=LICENCE["number"]))["status"] == "VALID"


async def test_an_earlier_report_with_other_content_is_a_conflict_and_the_same_again_is_not(office: Office) -> None:
    await office.takes("licences", LICENCE)
    assert await office.takes("licences", LICENCE) == []
    assert await office.takes("licences", {**LICENCE, "nameEn": "Somebody Else"}) == [(0, "LICENCE_CONFLICT")]


async def test_whoever_bears_anothers_licence_is_plain(office: Office) -> None:
    await office.takes("licences", LICENCE)
    good = await office.says("licence", number=LICENCE["number"], name="น.ส. สุดา  ตัวอย่างดี")
    assert (good["status"], good["nameMatches"]) == ("VALID", True)
    assert (await office.says("licence", number=LICENCE["number"], name="MS. SUDA TUAYANGDI"))["nameMatches"] is True
    for other in ("นางสาวสุดา ตัวอย่าง", "สุดา", "", "ตัวอย่างดี สุดา"):
        told = await office.says("licence", qr=qr_of(LICENCE["number"]), name=other)
        assert (told["nameMatches"], told["messageEn"][:36]) == (False, "This is somebody else's licence: the")


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("expires", "until"),
    [
        ("2026-11-16", "2026-11-17T00:00:00+07:00"),
        ("2026-11-22", "2026-11-23T00:00:00+07:00"),
        ("2026-11-23", "2026-11-23T03:00:00+00:00"),
        ("2099-01-01", "2026-11-23T03:00:00+00:00"),
    ],
)
async def test_what_is_signed_of_a_licence_is_over_after_seven_days_or_with_it(
    office: Office, expires: str, until: str
) -> None:
    await office.takes("licences", {**LICENCE, "expires": expires})
    told = await office.says("licence", number=LICENCE["number"])
    assert told["signed"] == f"unsigned:insurance-licence:business,expires,name,number,role:{until}"


async def test_a_number_that_nobody_has_and_a_code_that_was_misread_are_not_found(office: Office) -> None:
    await office.takes("licences", LICENCE)
    wrong = qr_of(LICENCE["number"]).replace("11:", "12:")
    questions: list[dict[str, Any]] = [{"number": "0009999999"}, {"number": "%"}, {}, {"qr": wrong}, {"qr": ""}]
    for asked in [*questions, {"qr": wrong, "number": LICENCE["number"]}]:
        told = await office.says("licence", **asked)
        assert (told["status"], told.get("licence")) == ("NOT_FOUND", None)


async def test_a_search_finds_whole_words_in_either_language_and_shows_ten_at_most(office: Office) -> None:
    names = [{"nameTh": f"นายสมมุติ คนที่{n}", "nameEn": f"Mr Sommut No{n}"} for n in range(11)]
    many = [{**LICENCE, "number": f"00020000{n:02d}", **names[n]} for n in range(11)]
    await office.takes("licences", LICENCE, *many)
    for name in ("สุดา", "นางสาว ตัวอย่างดี", "suda TUAYANGDI", "ตัวอย่างดี สุดา"):
        told = await office.says("licensed", name=name)
        assert ([one["number"] for one in told["licences"]], told["more"]) == ([LICENCE["number"]], False)
    told = await office.says("licensed", name="สมมุติ")
    assert (len(told["licences"]), told["more"]) == (10, True)
    for nothing in ("สุด", "%", "", "นาย", "suda sommut", "x" * 5_000):
        assert await office.says("licensed", name=nothing) == {"licences": [], "more": False}


async def test_a_holder_who_takes_another_name_is_found_under_it_alone(office: Office) -> None:
    married = {**LICENCE, "nameTh": "นางสุดา ใหม่ดี", "nameEn": "Mrs Suda Maidi", "reportedAt": "2026-01-01T00:00:00Z"}
    await office.takes("licences", LICENCE, married)
    assert (await office.says("licensed", name="ตัวอย่างดี"))["licences"] == []
    assert len((await office.says("licensed", name="ใหม่ดี"))["licences"]) == 1


def test_names_are_compared_without_titles_and_in_one_form_of_each_letter() -> None:
    assert words_of("นางสาว สุดา") == words_of("นางสาวสุดา") == words_of("สุดา\u200b") == ["สุดา"]
    assert words_of("คํา เเดง") == words_of("คำ แดง")
    assert words_of("บริษัท ร่มใหญ่โบรกเกอร์ จำกัด (มหาชน)") == ["ร่มใหญ่โบรกเกอร์"]
    assert is_named("Rom Yai Broker", "Rom Yai Broker Co., Ltd.")
    assert not is_named("", "")


@pytest.mark.parametrize("number", ["0000000000", "0001000011", "9999999999"])
def test_one_wrong_digit_or_two_that_changed_places_are_seen_in_a_code(number: str) -> None:
    qr = qr_of(number)
    assert number_in(f" {qr} ") == number
    for place in range(4, len(qr)):
        if qr[place].isdigit():
            wrong = qr[:place] + str((int(qr[place]) + 1) % 10) + qr[place + 1 :]
            assert number_in(wrong) == ""


async def test_of_two_reports_at_once_the_later_name_is_found_whichever_is_written_last(office: Office) -> None:
    later = {**LICENCE, "nameTh": "สุดา ใหม่มาก", "nameEn": "Suda Maimak", "reportedAt": "2026-01-01T00:00:00Z"}
    await office.takes("licences", later)
    async with office.store.transaction() as tx:  # it looked before the later one was there
        await _write(tx, [_row(LICENCE)])
    assert len((await office.says("licensed", name="Maimak"))["licences"]) == 1
    assert (await office.says("licensed", name="Tuayangdi"))["licences"] == []
