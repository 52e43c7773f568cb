"""The page "Security" as a person without JavaScript uses it: what is shown, and an end to any of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from api.commands.walk import walk
from core.database import Database
from core.ids import new_id
from identity.inbox.models import Message
from identity.passkeys.models import Passkey
from identity.provider.models import Revocation, SignInSession, TokenFamily
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator
from tests.identity.passkeys.seat import Seat, seat

ANDROID = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
ACTIONS = (
    "/account/passkeys/rename", "/account/passkeys/remove", "/account/sessions/end", "/account/sessions/end-others",
    "/account/sessions/end-all",
)  # fmt: skip


async def rows(database: Database, table: type[Any]) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(select(table)))


async def with_app(house: House, here: Seat, persona: str = "elder") -> dict[str, Any]:
    """An app that gets its tokens through this browser."""
    flow = house.flow()
    return await flow.redeem(here.browser, await walk(here.browser, flow, persona))


async def works(house: House, tokens: dict[str, Any]) -> bool:
    async with house.browser() as app:
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        return (await app.get("/oauth/userinfo", headers=bearer)).status_code == 200


def titles(page: str) -> list[str]:
    return [re.sub(r"<[^>]+>", "", one).strip() for one in re.findall(r'<h3 id="session-[^>]+>(.*?)</h3>', page)]


async def test_signed_out_the_page_leads_to_signing_in_and_back(house: House) -> None:
    async with seat(house) as here:
        answer = await here.browser.get("/account/security")
        assert answer.headers["location"] == f"{house.issuer}/signin?return=%2Faccount%2Fsecurity"
        assert (await here.sign_in()).status_code == 200


async def test_it_shows_every_browser_and_which_one_this_is(house: House) -> None:
    async with seat(house, FIREFOX) as here, seat(house, ANDROID) as phone, seat(house) as other_person:
        await phone.sign_in()
        house.clock.advance(timedelta(minutes=10))
        await here.sign_in()
        await other_person.sign_in("officer-one")
        page = await here.page()
    assert titles(page) == ["Firefox · Windows · เครื่องนี้ this one", "Chrome · Android"]
    assert "16/11/2569 17:10 น." not in page
    assert "16/11/2569 10:10 น." in page
    assert "2026-11-16 10:00" in page


async def test_it_shows_the_apps_that_hold_tokens(house: House) -> None:
    async with seat(house) as here:
        await with_app(house, here)
        page = await here.page()
    assert page.count("แอปที่เข้าใช้ในชื่อของคุณ") == 1
    assert "<li>" in page


async def test_using_a_session_is_noted_every_few_minutes(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
        began = house.clock.now()
        house.clock.advance(timedelta(minutes=5) - timedelta(seconds=1))
        await here.page()
        assert [row.last_used_at for row in await rows(database, SignInSession)] == [began]
        house.clock.advance(timedelta(seconds=1))
        await here.page()
        assert [row.last_used_at for row in await rows(database, SignInSession)] == [house.clock.now()]


async def test_one_session_is_ended_with_its_tokens_and_the_others_go_on(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house, ANDROID) as phone:
        mine, theirs = await with_app(house, here), await with_app(house, phone)
        house.clock.advance(timedelta(minutes=1))
        await here.sign_in()
        assert titles(await here.page())[1] == "Chrome · Android"
        assert (await here.send("/account/sessions/end", 1)).status_code == 303
        assert titles(await here.page()) == ["Chrome · Linux · เครื่องนี้ this one"]
        assert not await phone.is_signed_in()
        assert (await works(house, mine), await works(house, theirs)) == (True, False)
    assert len(await rows(database, Revocation)) == 1


async def test_ending_the_own_session_signs_out_here(house: House) -> None:
    async with seat(house) as here:
        await here.sign_in()
        answer = await here.send("/account/sessions/end")
        assert (answer.status_code, "ออกจากระบบแล้ว" in answer.text) == (200, True)
        assert "sitthi_session" not in here.browser.cookies


async def test_all_others_are_ended_and_the_person_is_told(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house, ANDROID) as phone, seat(house) as other_person:
        mine, theirs = await with_app(house, here), await with_app(house, phone)
        strangers = await with_app(house, other_person, "officer-one")
        assert (await here.send("/account/sessions/end-others")).status_code == 303
        assert (await here.is_signed_in(), await phone.is_signed_in()) == (True, False)
        assert await other_person.is_signed_in()
        found = [await works(house, tokens) for tokens in (mine, theirs, strangers)]
        assert found == [True, False, True]
        await here.send("/account/sessions/end-others")
    templates = [message.template for message in await rows(database, Message)]
    assert templates.count("sessions.others-ended") == 1, "where nothing ended, nothing is told"


async def test_everything_is_ended_here_too(house: House, database: Database) -> None:
    async with seat(house) as here, seat(house, ANDROID) as phone:
        mine, theirs = await with_app(house, here), await with_app(house, phone)
        assert "ออกจากระบบแล้ว" in (await here.send("/account/sessions/end-all")).text
        assert (await here.is_signed_in(), await phone.is_signed_in()) == (False, False)
        assert [await works(house, tokens) for tokens in (mine, theirs)] == [False, False]
    assert "sessions.all-ended" in [message.template for message in await rows(database, Message)]


async def test_signing_out_takes_the_apps_of_that_browser_along(house: House) -> None:
    async with seat(house) as here, seat(house, ANDROID) as phone:
        mine, theirs = await with_app(house, here), await with_app(house, phone)
        page = await here.browser.get("/signout")
        token = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
        assert token is not None
        await here.browser.post("/signout", data={"csrf": token[1]})
        assert [await works(house, tokens) for tokens in (mine, theirs)] == [False, True]


async def test_signing_in_again_in_the_same_browser_keeps_the_apps(house: House, database: Database) -> None:
    async with seat(house) as here:
        tokens = await with_app(house, here)
        await here.sign_in()
        assert await works(house, tokens)
        assert len(titles(await here.page())) == 1
        [family] = await rows(database, TokenFamily)
        [live] = [row for row in await rows(database, SignInSession) if row.ended_at is None]
        assert family.session == live.id
        await here.send("/account/sessions/end")
        assert not await works(house, tokens)


async def test_somebody_else_in_the_same_browser_signs_the_first_out_with_their_apps(house: House) -> None:
    async with seat(house) as shared:
        tokens = await with_app(house, shared)
        await shared.sign_in("officer-one")
        assert not await works(house, tokens)


async def test_a_session_that_ran_out_is_shown_while_an_app_of_it_goes_on(house: House, database: Database) -> None:
    async with seat(house, ANDROID) as phone, seat(house) as here:
        await with_app(house, phone)
        async with database.write() as session:
            [row] = list(await session.scalars(select(SignInSession)))
            row.expires_at = house.clock.now()
        await here.sign_in()
        page = await here.page()
        assert titles(page) == ["Chrome · Linux · เครื่องนี้ this one", "Chrome · Android"]
        assert "เบราว์เซอร์ออกจากระบบแล้ว แต่แอปยังใช้งานอยู่" in page
        await here.send("/account/sessions/end", 1)
        assert len(titles(await here.page())) == 1
    [family] = await rows(database, TokenFamily)
    assert family.ended_at is not None


async def test_a_passkey_is_renamed_and_removed_by_its_forms(house: House, database: Database) -> None:
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(Authenticator())
        await here.send("/account/passkeys/rename", label='มือถือ "เก่า" & <i>')
        page = await here.page()
        assert "มือถือ &#34;เก่า&#34; &amp; &lt;i&gt;" in page
        bad = await here.send("/account/passkeys/rename", label="ก" * 61)
        assert (bad.status_code, "BAD_INPUT" in bad.text) == (400, True)
        assert (await here.send("/account/passkeys/remove")).status_code == 303
        assert "ยังไม่มีพาสคีย์" in await here.page()
    [row] = await rows(database, Passkey)
    assert (row.label, row.end_reason) == ('มือถือ "เก่า" & <i>', "REMOVED")
    assert [m.template for m in await rows(database, Message)].count("passkeys.removed") == 1


async def test_what_is_another_persons_and_what_never_was_are_alike(house: House, database: Database) -> None:
    async with seat(house) as theirs, seat(house) as mine:
        await theirs.sign_in("officer-one")
        await theirs.enrol(Authenticator())
        await mine.sign_in()
        await mine.enrol(Authenticator())
        person = (await rows(database, SignInSession))[0].person
        keys = [
            row.id for table in (Passkey, SignInSession) for row in await rows(database, table) if row.person == person
        ]
        before = await everything(database)
        for action, of_theirs in (
            ("/account/passkeys/rename", keys[0]),
            ("/account/passkeys/remove", keys[0]),
            ("/account/sessions/end", keys[1]),
        ):
            answers = [
                await mine.send(action, id=given) for given in (of_theirs.hex, new_id().hex, "x", "", "0" * 5_000)
            ]
            assert {answer.status_code for answer in answers} == {404}
            assert len({answer.content for answer in answers}) == 1, action
        assert await everything(database) == before


async def everything(database: Database) -> list[str]:
    return [
        repr(row.model_dump()) for table in (Passkey, SignInSession, Message) for row in await rows(database, table)
    ]


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_form_of_another_site_does_nothing(house: House, database: Database, action: str) -> None:
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(Authenticator())
        form, before = await here.form(action), await everything(database)
        attempts: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
            ({**form.fields, "csrf": "0" * 64}, {}),
            ({name: value for name, value in form.fields.items() if name != "csrf"}, {}),
            (form.fields, {"Origin": "https://elsewhere.example"}),
            (form.fields, {"Sec-Fetch-Site": "cross-site"}),
        )
        for fields, headers in attempts:
            answer = await here.browser.post(action, data=fields, headers=headers)
            assert (answer.status_code, "FORM_NOT_OURS" in answer.text) == (400, True)
        assert await everything(database) == before


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_form_sent_signed_out_leads_to_signing_in(house: House, action: str) -> None:
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(Authenticator())
        form = await here.form(action)
        del here.browser.cookies["sitthi_session"]
        answer: httpx2.Response = await here.browser.post(action, data=form.fields)
        assert answer.headers["location"].startswith(f"{house.issuer}/signin")


async def test_no_step_of_the_pages_is_kept_by_a_cache_or_read_by_a_frame(house: House) -> None:
    async with seat(house) as here:
        await here.sign_in()
        answer = await here.browser.get("/account/security")
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
