"""The pages "Juristic persons" as people without JavaScript use them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from api.commands.walk import Form, forms_of
from core.clock import bangkok_day
from core.database import Database
from core.ids import NationalId
from core.text import Text
from identity.juristic.models import JuristicKind
from identity.juristic.register import By
from services.sandbox.population.personas import persona
from tests.identity.conftest import House
from tests.identity.juristic.conftest import juristic_number
from tests.identity.juristic.test_clients import jwks
from tests.identity.passkeys.seat import Seat, seat

PAGE = "/account/juristic"
SECOND = timedelta(seconds=1)


@asynccontextmanager
async def sitting(house: House, who: str) -> AsyncIterator[Seat]:
    async with seat(house) as here:
        await here.sign_in(who, going_to=PAGE)
        yield here


async def entered(house: House, database: Database, *directors: str, title: str = "Company") -> UUID:
    numbers = [NationalId(persona(one).national_id) for one in directors]
    async with database.write() as session:
        people = await house.identity.people.resolve(session, numbers)
        row = await house.identity.office.juristic.enter(
            session, juristic_number(1), agency="oic", kind=JuristicKind.INSURER, title=Text(th="บริษัท", en=title),
            directors=people.values(), by=By(UUID(int=1), "oic"),
        )  # fmt: skip
    return row.id


def page_of(company: UUID) -> str:
    return f"{PAGE}/{company.hex}"


async def shown(here: Seat, company: UUID) -> str:
    answer = await here.browser.get(page_of(company))
    assert answer.status_code == 200, answer.text
    return answer.text


async def form(here: Seat, company: UUID, act: str) -> Form:
    [found, *_] = [one for one in forms_of(await shown(here, company)) if one.action.endswith(act)]
    return found


async def send(here: Seat, company: UUID, act: str, **fields: str) -> httpx2.Response:
    found = await form(here, company, act)
    return await here.browser.post(found.action, data={**found.fields, **fields})


def wish(house: House, who: str, powers: str = "report:policies") -> dict[str, str]:
    until = bangkok_day(house.clock.now()) + timedelta(days=30)
    name = persona(who).name
    return {
        "national_id": persona(who).national_id, "name_th": name.th, "name_en": name.en, "powers": powers,
        "until": until.isoformat(), "since": "",
    }  # fmt: skip


async def test_signed_out_each_page_leads_to_signing_in_and_back(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with seat(house) as here:
        for path in (PAGE, page_of(company)):
            answer = await here.browser.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith(f"{house.issuer}/signin?return=")


async def test_two_directors_appoint_by_forms_and_the_officer_accepts(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with (
        sitting(house, "elder") as one,
        sitting(house, "officer-one") as two,
        sitting(house, "officer-two") as officer,
    ):
        assert (await send(one, company, "/propose", **wish(house, "officer-two"))).status_code == 303
        assert "รอกรรมการอีกคนอนุมัติ" in await shown(one, company)
        assert "/approve" not in await shown(one, company), "who proposed does not approve"
        assert (await officer.browser.get(page_of(company))).status_code == 404, "nobody is told before that"
        assert f"</span> {persona('officer-two').national_id[-4:]}\n" in await shown(two, company)
        assert (await send(two, company, "/approve")).status_code == 303
        assert "รอผู้ได้รับแต่งตั้งตอบรับ" in await shown(officer, company)
        assert (await send(officer, company, "/accept")).status_code == 303
        of_officer, of_director = await shown(officer, company), await shown(one, company)
    assert "มีผลอยู่" in of_officer
    assert 'กรรมการ <span class="en" lang="en">Directors' not in of_officer, "of the company an officer sees their own"
    assert persona("officer-two").name.th in of_director
    for step in ("เสนอแต่งตั้ง", "ตอบรับ"):
        assert step in of_officer
        assert step in of_director


async def test_revoking_and_resigning_take_a_click_and_no_new_proof(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with (
        sitting(house, "elder") as one,
        sitting(house, "officer-one") as two,
        sitting(house, "officer-two") as officer,
    ):
        await send(one, company, "/propose", **wish(house, "officer-two"))
        await send(two, company, "/approve")
        await send(officer, company, "/accept")
        house.clock.advance(timedelta(minutes=15) + SECOND)
        page = await shown(officer, company)
        assert "ลาออกหรือปฏิเสธ" in page
        assert (await send(officer, company, "/end")).status_code == 303
        assert "สิ้นสุดแล้ว" in await shown(one, company)


async def test_who_signed_in_long_ago_proves_anew_before_they_appoint(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with sitting(house, "elder") as here:
        proposal = await form(here, company, "/propose")
        house.clock.advance(timedelta(minutes=15) + SECOND)
        page = await shown(here, company)
        assert not [one for one in forms_of(page) if one.action.endswith("/propose")]
        assert "acr=ial2.3-aal2.1" in page
        kept = {**proposal.fields, **wish(house, "officer-two")}
        answer = await here.browser.post(proposal.action, data=kept)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?return=")
    async with database.read() as session:
        assert await house.identity.office.juristic.appointments(session, company) == []


async def test_a_form_from_elsewhere_does_nothing(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with sitting(house, "elder") as here:
        found = await form(here, company, "/propose")
        fields = {**found.fields, **wish(house, "officer-two")}
        stranger = await here.browser.post(found.action, data=fields, headers={"Origin": "https://evil.example"})
        without = await here.browser.post(found.action, data={**fields, "csrf": "00"})
    assert [stranger.status_code, without.status_code] == [400, 400]


async def test_what_is_wrong_is_said_on_a_page_and_leads_back(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with sitting(house, "elder") as here:
        for changed, code in (
            ({"national_id": "1"}, "MALFORMED_NATIONAL_ID"),
            ({"powers": "everything"}, "BAD_INPUT"),
            ({"until": "tomorrow"}, "BAD_INPUT"),
            ({"until": "9999-12-31"}, "BAD_INPUT"),
            ({"name_en": ""}, "BAD_INPUT"),
        ):
            answer = await send(here, company, "/propose", **{**wish(house, "officer-two"), **changed})
            assert answer.status_code == 422
            assert code in answer.text
            assert page_of(company) in answer.text


async def test_strangers_and_unknown_companies_are_alike(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with sitting(house, "officer-two") as here:
        pages = [
            await here.browser.get(path)
            for path in (page_of(company), page_of(UUID(int=5)), f"{PAGE}/x", f"{PAGE}/{'0' * 5000}")
        ]
        assert [one.status_code for one in pages] == [404] * 4
        csrf = {"csrf": await here.csrf(), "appointment": "0" * 32}
        for act in ("propose", "approve", "accept", "end", "systems/add", "systems/keys", "systems/end"):
            answer = await here.browser.post(f"{page_of(company)}/{act}", data={**csrf, "jwks": json.dumps(jwks())})
            assert answer.status_code in (404, 422), act
    texts = [re.sub(r'value="[^"]+"', "", one.text) for one in pages]
    assert len(set(texts)) == 1
    async with database.read() as session:
        assert await house.identity.office.juristic.appointments(session, company) == []


async def test_an_officer_keeps_systems_by_forms_and_a_director_ends_one(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one")
    async with (
        sitting(house, "elder") as one,
        sitting(house, "officer-one") as two,
        sitting(house, "officer-two") as officer,
    ):
        await send(one, company, "/propose", **wish(house, "officer-two", "manage:systems"))
        await send(two, company, "/approve")
        await send(officer, company, "/accept")
        made = {"name_th": "ระบบ", "name_en": "System"}
        assert (await send(officer, company, "/systems/add", **made, jwks="{")).status_code == 422
        assert (await send(officer, company, "/systems/add", **made, jwks=json.dumps(jwks()))).status_code == 303
        other = json.dumps(jwks(kid="after"))
        assert (await send(officer, company, "/systems/keys", jwks=other)).status_code == 303
        assert "<code>after</code>" in await shown(two, company)
        assert (await send(two, company, "/systems/end")).status_code == 303
        assert "<code>after</code>" not in await shown(two, company)


async def test_names_with_markup_are_shown_as_they_are(house: House, database: Database) -> None:
    company = await entered(house, database, "elder", "officer-one", title="<b>Company</b>")
    async with sitting(house, "elder") as here:
        await send(here, company, "/propose", **{**wish(house, "officer-two"), "name_en": "<script>x</script>"})
        page = await shown(here, company)
        everything = (await here.browser.get(PAGE)).text
    for html in (page, everything):
        assert "<b>Company" not in html
        assert "&lt;b&gt;Company" in html
    assert "<script>x" not in page


async def test_each_form_says_in_words_what_it_does(house: House, database: Database) -> None:
    """Labels for every field that is seen, and a heading for every part."""
    company = await entered(house, database, "elder", "officer-one")
    async with sitting(house, "elder") as here:
        page = await shown(here, company)
    ids = re.findall(r'<input(?! type="hidden")[^>]*id="([^"]+)"', page)
    assert ids
    assert set(ids) <= set(re.findall(r'<label for="([^"]+)"', page))


@pytest.mark.parametrize("number", ["1", "0" * 13, juristic_number(7).digits])
async def test_who_looks_for_a_company_they_do_not_direct_is_told_no_more_than_that(house: House, number: str) -> None:
    async with sitting(house, "elder") as here:
        [found] = [one for one in forms_of((await here.browser.get(PAGE)).text) if one.action.endswith("/find")]
        answer = await here.browser.post(found.action, data={**found.fields, "number": number})
    assert answer.status_code == 422
    assert ("NOT_ITS_DIRECTOR" if number.startswith("01") else "MALFORMED_JURISTIC_NUMBER") in answer.text
