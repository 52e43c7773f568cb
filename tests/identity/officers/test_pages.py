"""The officers' desk in a browser, without JavaScript."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from api.commands.walk import Form, forms_of
from core.database import Database
from core.text import Text
from identity.officers.register import Officer
from identity.proposals.acts import ProposalKind
from tests.identity.conftest import House, query_of
from tests.identity.officers_of_tests import PASSKEY, REASON, THAID, WEAK, Office, number

ADMIN = ("officers.propose", "officers.approve")
NEW = {"national_id": number(50).digits, "name_th": "ใหม่", "name_en": "New", "roles": ["pay.plan"]}
NAME = Text(th="ก", en="A")


@pytest.fixture
def office(house: House, database: Database) -> Office:
    return Office(database, house.identity.keys, house.clock)


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    async with house.browser() as browser:
        yield browser


async def signed_in(house: House, browser: httpx2.AsyncClient, person: UUID, acr: str = PASSKEY) -> None:
    """As if the person had come back from ThaID, or had touched their passkey."""
    async with house.identity.db.write() as session:
        secret = await house.identity.account.sessions.begin(
            session, person, method="thaid", acr=acr, amr=("fed",), name=NAME, device="?", for_request="/"
        )
    browser.cookies.set("sitthi_session", secret)


async def pair(office: Office) -> tuple[Officer, Officer]:
    return await office.officer(1, "dla", *ADMIN), await office.officer(2, "dla", *ADMIN)


async def proposed(office: Office, maker: Officer, given: dict[str, Any] | None = None) -> UUID:
    async with office.database.write() as session:
        return await office.proposals.propose(session, maker, ProposalKind.OFFICER_ADD, given or NEW, REASON)


async def form_of(browser: httpx2.AsyncClient, path: str) -> Form:
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    return forms_of(page.text)[0]


async def decide(browser: httpx2.AsyncClient, proposal: UUID, decision: str, reason: str = "") -> httpx2.Response:
    path = f"/officer/proposals/{proposal.hex}"
    form = await form_of(browser, path)
    return await browser.post(path, data={**form.fields, "decision": decision, "reason": reason})


async def test_the_desk_shows_who_where_roles_proposals_and_acts(
    house: House, office: Office, browser: httpx2.AsyncClient
) -> None:
    maker, checker = await pair(office)
    await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    page = (await browser.get("/officer")).text
    for shown in ("เจ้าหน้าที่ 2", "Officer 2", "dla", "officers.approve", "เจ้าหน้าที่ 1", REASON, '<html lang="th">'):
        assert shown in page
    assert number(50).digits not in page
    assert "<script" not in page
    assert "/officer/counter" not in page, "that takes its role"
    await signed_in(house, browser, maker.person)
    assert "PROPOSED" in (await browser.get("/officer")).text


@pytest.mark.parametrize("path", ["/officer", "/officer/counter", f"/officer/proposals/{'0' * 32}"])
async def test_nobody_is_sent_to_sign_in_and_back(browser: httpx2.AsyncClient, house: House, path: str) -> None:
    answer = await browser.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{house.issuer}/signin?")
    assert query_of(answer.headers["location"]) == {"return": path}


@pytest.mark.parametrize("path", ["/officer", "/officer/counter", f"/officer/proposals/{'0' * 32}"])
async def test_a_citizen_gets_a_plain_page(
    browser: httpx2.AsyncClient, house: House, office: Office, path: str
) -> None:
    await signed_in(house, browser, await office.person(number(90)))
    answer = await browser.get(path)
    assert (answer.status_code, "NOT_AN_OFFICER" in answer.text) == (403, True)


async def test_an_officer_who_was_ended_gets_it_at_once(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, _ = await pair(office)
    await signed_in(house, browser, maker.person)
    assert (await browser.get("/officer")).status_code == 200
    await office.end(maker)
    assert (await browser.get("/officer")).status_code == 403


async def test_one_factor_is_not_enough_for_the_desk(browser: httpx2.AsyncClient, house: House, office: Office) -> None:
    maker, _ = await pair(office)
    await signed_in(house, browser, maker.person, WEAK)
    answer = await browser.get("/officer")
    assert query_of(answer.headers["location"]) == {"return": "/officer", "acr": "ial2.3-aal2.1"}


async def test_a_second_officer_approves_with_a_passkey(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    assert number(50).digits in (await browser.get(f"/officer/proposals/{proposal.hex}")).text, (
        "that is what is checked"
    )
    answer = await decide(browser, proposal, "approve")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{house.issuer}/officer")
    added = await office.person(number(50))
    async with office.database.read() as session:
        assert await office.officers.find(session, added) is not None
    assert not forms_of((await browser.get(f"/officer/proposals/{proposal.hex}")).text)


async def test_approving_without_a_passkey_leads_to_the_step_up(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person, THAID)
    page = await browser.get(f"/officer/proposals/{proposal.hex}")
    assert "acr=ial2.3-aal2.2" in page.text
    answer = await decide(browser, proposal, "approve")
    assert query_of(answer.headers["location"]) == {
        "return": f"/officer/proposals/{proposal.hex}",
        "acr": "ial2.3-aal2.2",
    }
    async with office.database.read() as session:
        assert len(await office.proposals.open(session, checker)) == 1
    step_up = await browser.get(answer.headers["location"])
    assert step_up.status_code == 200, "the page that asks for the passkey is there"


async def test_an_old_passkey_sign_in_is_asked_for_again(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    house.clock.advance(timedelta(minutes=15, seconds=1))
    answer = await decide(browser, proposal, "approve")
    assert query_of(answer.headers["location"])["acr"] == "ial2.3-aal2.2"


async def test_refusing_takes_a_reason(browser: httpx2.AsyncClient, house: House, office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person, THAID)
    answer = await decide(browser, proposal, "refuse")
    assert (answer.status_code, "BAD_INPUT" in answer.text) == (422, True)
    assert (await decide(browser, proposal, "refuse", "not one of ours")).status_code == 303
    assert (await office.acts("dla"))[-1] == ("REFUSED", checker.person.hex, "not one of ours")


async def test_what_was_decided_meanwhile_is_said(browser: httpx2.AsyncClient, house: House, office: Office) -> None:
    """The page was open while another officer was faster."""
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    path = f"/officer/proposals/{proposal.hex}"
    form = await form_of(browser, path)
    async with office.database.write() as session:
        await office.proposals.withdraw(session, maker, proposal, REASON)
    answer = await browser.post(path, data={**form.fields, "decision": "approve"})
    assert (answer.status_code, "PROPOSAL_DECIDED" in answer.text) == (409, True)


async def test_the_maker_is_offered_to_withdraw_and_nothing_else(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, _ = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, maker.person)
    page = (await browser.get(f"/officer/proposals/{proposal.hex}")).text
    assert re.findall(r'name="decision" value="(\w+)"', page) == ["withdraw"]
    forced = await decide(browser, proposal, "approve")
    assert (forced.status_code, "MAKER_IS_CHECKER" in forced.text) == (403, True)
    assert (await decide(browser, proposal, "withdraw", "typed the wrong name")).status_code == 303


async def test_another_agencys_proposal_and_none_at_all_are_alike(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker, _ = await pair(office)
    proposal = await proposed(office, maker)
    other = await office.officer(3, "dcy", *ADMIN)
    await signed_in(house, browser, other.person)
    pages = [await browser.get(f"/officer/proposals/{key}") for key in (proposal.hex, "0" * 32, "x", "0" * 31 + "é")]
    assert {page.status_code for page in pages} == {404}
    assert {"NOT_FOUND" in page.text for page in pages} == {True}


async def test_an_unknown_decision_does_nothing(browser: httpx2.AsyncClient, house: House, office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    assert (await decide(browser, proposal, "delete", REASON)).status_code == 404


async def test_forms_of_other_sites_decide_nothing(browser: httpx2.AsyncClient, house: House, office: Office) -> None:
    maker, checker = await pair(office)
    proposal = await proposed(office, maker)
    await signed_in(house, browser, checker.person)
    path = f"/officer/proposals/{proposal.hex}"
    good = {**(await form_of(browser, path)).fields, "decision": "approve"}
    for fields, headers in (
        ({**good, "csrf": "0" * 64}, {}),
        ({"decision": "approve"}, {}),
        (good, {"Origin": "https://elsewhere.example"}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = await browser.post(path, data=fields, headers=headers)
        assert (answer.status_code, "FORM_NOT_OURS" in answer.text) == (400, True)
    async with house.browser() as bare:  # the session's cookie without the form's
        bare.cookies.set("sitthi_session", browser.cookies["sitthi_session"])
        assert "FORM_NOT_OURS" in (await bare.post(path, data=good)).text
    async with house.browser() as stranger:
        assert (await stranger.post(path, data=good)).headers["location"].startswith(f"{house.issuer}/signin")
    assert [kind for kind, _, _ in await office.acts("dla")] == ["PROPOSED"]


async def test_a_system_that_was_approved_shows_its_client_id(
    browser: httpx2.AsyncClient, house: House, office: Office
) -> None:
    maker = await office.officer(1, "oic", "clients.propose")
    checker = await office.officer(2, "oic", "clients.approve")
    key = {"kty": "EC", "crv": "P-256", "kid": "1"} | {
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }  # RFC 7515, appendix A.3
    given = {"name_th": "ระบบ", "name_en": "S", "scopes": ["agency.facts"], "jwks": {"keys": [key]}}
    async with office.database.write() as session:
        proposal = await office.proposals.propose(session, maker, ProposalKind.CLIENT_ADD, given, REASON)
    await signed_in(house, browser, checker.person)
    answer = await decide(browser, proposal, "approve")
    assert (answer.status_code, re.search(r"<code>oic-[a-z0-9]{8}</code>", answer.text) is not None) == (200, True)
