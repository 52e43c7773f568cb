"""The counter in two browsers: the officer's, and that of the person in front of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col
from structlog.testing import capture_logs

from api.commands.walk import forms_of
from core.database import Database
from core.text import Text
from identity.counter.codes import new_code
from identity.officers.register import Officer
from identity.provider.models import SignInSession
from tests.identity.conftest import House
from tests.identity.officers_of_tests import THAID, Office, number

MIGRANT = number(70, 6)


@pytest.fixture
def office(house: House, database: Database) -> Office:
    return Office(database, house.identity.keys, house.clock)


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    async with house.browser() as browser:
        yield browser


async def clerk(house: House, office: Office, browser: httpx2.AsyncClient) -> Officer:
    """An officer of the counter, signed in in this browser."""
    officer = await office.officer(1, "dopa", "identity.counter")
    async with office.database.write() as session:
        secret = await house.identity.account.sessions.begin(
            session, officer.person, method="thaid", acr=THAID, amr=("fed",), name=Text("ก", "A"), device="?",
            for_request="/",
        )  # fmt: skip
    browser.cookies.set("sitthi_session", secret)
    return officer


async def ask(browser: httpx2.AsyncClient, **changes: str) -> httpx2.Response:
    [form] = forms_of((await browser.get("/officer/counter")).text)
    given = {"national_id": MIGRANT.digits, "name_th": "", "name_en": "Aung San", "seen": "yes", **changes}
    return await browser.post("/officer/counter", data={**form.fields, **given})


async def code(browser: httpx2.AsyncClient) -> str:
    found = re.search(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", (await ask(browser)).text)
    assert found is not None
    return found[1]


async def type_in(
    browser: httpx2.AsyncClient, typed: str, path: str = "/signin/counter", **more: str
) -> httpx2.Response:
    [form] = forms_of((await browser.get(path)).text)
    fields = {name: value for name, value in form.fields.items() if name != "kiosk"}
    return await browser.post("/signin/counter", data={**fields, "code": typed, **more})


async def session_of(office: Office, person: UUID) -> SignInSession:
    async with office.database.read() as session:
        [row] = await session.scalars(select(SignInSession).where(col(SignInSession.person) == person))
        return row


async def test_a_person_without_thaid_signs_in_with_the_officers_code(
    house: House, office: Office, browser: httpx2.AsyncClient
) -> None:
    officer = await clerk(house, office, browser)
    given = await code(browser)
    async with house.browser() as phone:
        answer = await type_in(phone, given.lower(), "/signin/counter?return=/account/security")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{house.issuer}/account/security")
        assert "sitthi_session" in phone.cookies
    person = await office.person(MIGRANT)
    row = await session_of(office, person)
    assert (row.method, row.acr, row.amr, row.assisted_by) == ("counter", "ial2.3-aal1", ["otp"], officer.person)
    assert row.expires_at == office.at() + timedelta(hours=8)
    assert await office.told(person) == ["sessions.at-counter"]
    assert [kind for kind, _, _ in await office.acts("dopa")] == ["COUNTER_CODE_MADE", "COUNTER_CODE_USED"]


async def test_the_app_the_person_came_from_goes_on_with_that_assurance(
    house: House, office: Office, browser: httpx2.AsyncClient
) -> None:
    await clerk(house, office, browser)
    given, flow = await code(browser), house.flow()
    async with house.browser() as phone:
        to_sign_in = (await phone.get(flow.address)).headers["location"]
        counter = to_sign_in.replace("/signin?", "/signin/counter?")
        back = (await type_in(phone, given, counter)).headers["location"]
        answer = await flow.redeem(phone, (await phone.get(back)).headers["location"])
    viewer = await house.identity.verifier.verify(answer["access_token"])
    assert (viewer.person, viewer.acr) == (await office.person(MIGRANT), "ial2.3-aal1")


async def test_a_kiosk_forgets_after_a_quarter_of_an_hour(
    house: House, office: Office, browser: httpx2.AsyncClient
) -> None:
    await clerk(house, office, browser)
    given = await code(browser)
    async with house.browser() as kiosk:
        answer = await type_in(kiosk, given, kiosk="yes")
        cookies = answer.headers.get_list("set-cookie")
        assert [one for one in cookies if one.startswith("sitthi_session=") and "Max-Age=900" in one]
        assert not [one for one in cookies if one.startswith("sitthi_browser=")], "a kiosk is nobody's device"
        row = await session_of(office, await office.person(MIGRANT))
        assert row.expires_at == office.at() + timedelta(minutes=15)
        secret = kiosk.cookies["sitthi_session"]
        house.clock.advance(timedelta(minutes=15))
        async with office.database.read() as session:
            assert await house.identity.account.sessions.find(session, secret) is None


async def test_wrong_old_and_used_codes_answer_alike(house: House, office: Office, browser: httpx2.AsyncClient) -> None:
    await clerk(house, office, browser)
    used = await code(browser)
    async with house.browser() as phone:
        assert (await type_in(phone, used)).status_code == 303
    late = await code(browser)
    house.clock.advance(timedelta(minutes=10))
    pages = []
    for typed in (used, late, new_code(), "no code", ""):
        async with house.browser() as phone:
            answer = await type_in(phone, typed)
            pages.append((answer.status_code, re.sub(r'value="[0-9a-f]{64}"', "", answer.text)))
            assert "sitthi_session" not in phone.cookies
    assert {status for status, _ in pages} == {403}
    assert len({text for _, text in pages}) == 1


async def test_of_many_posts_at_once_one_is_signed_in(
    house: House, office: Office, browser: httpx2.AsyncClient
) -> None:
    await clerk(house, office, browser)
    given = await code(browser)
    async with house.browser() as phone:  # limits count by address: one browser with one form, sent many times
        [form] = forms_of((await phone.get("/signin/counter")).text)
        fields = {**{n: v for n, v in form.fields.items() if n != "kiosk"}, "code": given}
        answers = await asyncio.gather(*(phone.post("/signin/counter", data=fields) for _ in range(25)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(303), statuses.count(403)) == (1, 24)


async def test_guessing_ends_soon(house: House, browser: httpx2.AsyncClient) -> None:
    statuses = [(await type_in(browser, new_code())).status_code for _ in range(31)]
    assert statuses == [403] * 30 + [429]


async def test_a_code_is_in_no_address_and_no_log(house: House, office: Office, browser: httpx2.AsyncClient) -> None:
    await clerk(house, office, browser)
    with capture_logs() as logged:
        page = (await ask(browser)).text
        found = re.search(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", page)
        assert found is not None
        async with house.browser() as phone:
            answer = await type_in(phone, found[1])
    for place in (str(answer.request.url), answer.headers["location"], str(logged)):
        assert found[1] not in place
        assert found[1].replace("-", "") not in place
    assert f"<code>{house.issuer}/signin/counter</code>" in page
    assert "<svg" in page
    assert MIGRANT.digits not in page


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seen": ""}, "ตรวจเอกสารตัวจริง"),
        ({"national_id": "1234567890123"}, "เลขประจำตัวประชาชนไม่ถูกต้อง"),
        ({"national_id": ""}, "เลขประจำตัวประชาชนไม่ถูกต้อง"),
        ({"name_en": " "}, "ต้องมีชื่อตามเอกสาร"),
        ({"national_id": number(1).digits}, "ออกรหัสให้ตนเองไม่ได้"),
    ],
)
async def test_what_is_missing_is_said_and_nothing_typed_comes_back(
    house: House, office: Office, browser: httpx2.AsyncClient, changes: dict[str, str], says: str
) -> None:
    await clerk(house, office, browser)
    answer = await ask(browser, **changes)
    assert (answer.status_code, says in answer.text) == (422, True)
    assert MIGRANT.digits not in answer.text
    assert "Aung San" not in answer.text
    assert await office.acts("dopa") == []


async def test_the_counter_takes_its_role(house: House, office: Office, browser: httpx2.AsyncClient) -> None:
    await clerk(house, office, browser)
    [form] = forms_of((await browser.get("/officer/counter")).text)
    await office.officer(1, "dopa", "identity.propose")
    page = await browser.get("/officer/counter")
    assert (page.status_code, "ROLE_MISSING" in page.text) == (403, True)
    given = {"national_id": MIGRANT.digits, "name_en": "A", "seen": "yes"}
    forced = await browser.post("/officer/counter", data={**form.fields, **given})
    assert "identity.counter" in forced.text
    assert await office.acts("dopa") == []


async def test_forms_of_other_sites_are_nobodys(house: House, office: Office, browser: httpx2.AsyncClient) -> None:
    """Else a person could be signed in, unaware, as somebody who wants to see what they enter."""
    await clerk(house, office, browser)
    given = await code(browser)
    async with house.browser() as phone:
        assert "FORM_NOT_OURS" in (await phone.post("/signin/counter", data={"code": given})).text
        [form] = forms_of((await phone.get("/signin/counter")).text)
        crossed = await phone.post(
            "/signin/counter", data={**form.fields, "code": given}, headers={"Origin": "https://elsewhere.example"}
        )
        assert (crossed.status_code, "FORM_NOT_OURS" in crossed.text) == (400, True)
        assert "sitthi_session" not in phone.cookies
        assert (await type_in(phone, given)).status_code == 303, "and the code is not used up by it"
    async with house.browser() as other:
        assert "FORM_NOT_OURS" in (await browser.post("/officer/counter", data={"seen": "yes"})).text
        assert (await other.post("/officer/counter")).headers["location"].startswith(f"{house.issuer}/signin")


@pytest.mark.parametrize("elsewhere", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
async def test_nobody_is_sent_elsewhere_after_it(
    house: House, office: Office, browser: httpx2.AsyncClient, elsewhere: str
) -> None:
    await clerk(house, office, browser)
    given = await code(browser)
    async with house.browser() as phone:
        answer = await type_in(phone, given, **{"return": elsewhere})
    assert answer.headers["location"] == f"{house.issuer}/"
