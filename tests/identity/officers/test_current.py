"""The officer at the command line: signed in, verified anew, and still in service."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest

from api.commands.walk import forms_of, walk
from core.assurance import StepUpRequired
from core.database import Database
from core.errors import BadInput
from identity.officers import Officer, OfficerRegister, OfficerVerifier, current_officer
from identity.officers.errors import NotAnOfficer, OfficerNotSignedIn
from identity.officers.profiles import Profiles
from identity.provider.errors import TokenInvalid
from tests.identity.conftest import House
from tests.identity.people_of_tests import name_of, national_id

SCOPE = "openid profile officer"


async def add(house: House, database: Database, who: str, *roles: str) -> Officer:
    register = OfficerRegister(house.identity.people, house.clock)
    async with database.write() as session:
        return await register.add(
            session, national_id(who), agency="dla", roles=roles, name=name_of(who), by="command line: tester"
        )


async def sign_in(house: House, who: str, profile: str) -> None:
    token = (await house.tokens(who, client="sitthi-cli", scope=SCOPE))["access_token"]
    Profiles(house.identity.settings.data).write(profile, token)


async def current(house: House, database: Database, profile: str) -> Officer:
    identity = house.identity
    return await current_officer(identity.settings, database, profile, keys=identity.keys, clock=house.clock)


async def test_two_officers_are_two_people_with_roles_of_their_own(house: House, database: Database) -> None:
    planner = await add(house, database, "officer-one", "payments.plan")
    approver = await add(house, database, "officer-two", "payments.approve")
    await sign_in(house, "officer-one", "one")
    await sign_in(house, "officer-two", "two")
    assert await current(house, database, "one") == planner
    assert await current(house, database, "two") == approver
    assert planner.person != approver.person


async def test_a_citizen_is_no_officer(house: House, database: Database) -> None:
    await sign_in(house, "elder", "elder")
    with pytest.raises(NotAnOfficer):
        await current(house, database, "elder")


async def test_the_end_of_the_service_counts_at_once(house: House, database: Database) -> None:
    officer = await add(house, database, "officer-one", "payments.plan")
    await sign_in(house, "officer-one", "one")
    await current(house, database, "one")
    async with database.write() as session:
        await OfficerRegister(house.identity.people, house.clock).end(session, officer.person, by="x")
    with pytest.raises(NotAnOfficer):
        await current(house, database, "one")


async def test_a_sign_in_lasts_a_working_day(house: House, database: Database) -> None:
    await add(house, database, "officer-one", "payments.plan")
    await sign_in(house, "officer-one", "one")
    house.clock.advance(timedelta(hours=8, seconds=-1))
    await current(house, database, "one")
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(OfficerNotSignedIn) as caught:
        await current(house, database, "one")
    assert caught.value.fields == {"profile": "one"}


async def test_a_sign_in_of_one_factor_is_no_officers(house: House, database: Database) -> None:
    """Of a counter, for instance: whoever holds the slip of paper."""
    await add(house, database, "officer-one", "payments.plan")
    flow = house.flow(client="sitthi-cli", scope=SCOPE)
    async with database.write() as session:
        person = await house.identity.people.find(session, national_id("officer-one"))
        assert person is not None
        secret = await house.identity.account.sessions.begin(
            session, person, method="counter", acr="ial2.3-aal1", amr=("otp",), name=name_of("officer-one"),
            device="?", for_request=flow.address.removeprefix(house.issuer),
        )  # fmt: skip
    async with house.browser() as browser:
        browser.cookies.set("sitthi_session", secret)
        token = (await flow.redeem(browser, await walk(browser, flow, "officer-one")))["access_token"]
    Profiles(house.identity.settings.data).write("one", token)
    with pytest.raises(StepUpRequired) as caught:
        await current(house, database, "one")
    assert caught.value.fields["acr_values"] == "ial2.3-aal2.1"


async def test_a_sign_in_of_yesterday_is_no_officers_though_its_token_is_of_today(
    house: House, database: Database
) -> None:
    await add(house, database, "officer-one", "payments.plan")
    async with house.browser() as browser:
        await walk(browser, house.flow(client="sitthi-cli", scope=SCOPE), "officer-one")
        house.clock.advance(timedelta(hours=7))
        flow = house.flow(client="sitthi-cli", scope=SCOPE)
        [form] = forms_of((await browser.get(flow.address)).text)
        agreed = await browser.post(form.action, data={**form.fields, "answer": "yes"})
        token = (await flow.redeem(browser, agreed.headers["location"]))["access_token"]
    Profiles(house.identity.settings.data).write("one", token)
    house.clock.advance(timedelta(hours=1))
    await current(house, database, "one")
    house.clock.advance(timedelta(seconds=1))
    with pytest.raises(StepUpRequired):
        await current(house, database, "one")


async def test_a_token_without_the_officers_scope_is_not_enough(house: House, database: Database) -> None:
    await add(house, database, "officer-one", "payments.plan")
    identity = house.identity
    verifier = OfficerVerifier(identity.settings, database, identity.keys, house.clock)
    for client, scope in (("sitthi-cli", "openid"), ("demo-app", "openid")):
        token = (await house.tokens("officer-one", client=client, scope=scope))["access_token"]
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"access_token": 1}', '{"access_token": "x.y.z"}'])
async def test_a_broken_profile_is_one_not_signed_in(house: House, database: Database, content: str) -> None:
    path = Profiles(house.identity.settings.data).write("broken", "x")
    path.write_text(content)
    with pytest.raises(OfficerNotSignedIn):
        await current(house, database, "broken")


async def test_an_unknown_profile_is_not_signed_in(house: House, database: Database) -> None:
    with pytest.raises(OfficerNotSignedIn):
        await current(house, database, "nobody")


async def test_a_profile_is_its_owners_alone(house: House) -> None:
    path = Profiles(house.identity.settings.data).write("one", "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    assert stat.S_IMODE(Profiles(house.identity.settings.data).write("one", "new").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "../one", "a/b", ".hidden", "a" * 65, "หนึ่ง", "a\x00"])
async def test_a_profiles_name_is_no_path(house: House, name: str) -> None:
    with pytest.raises(BadInput):
        Profiles(house.identity.settings.data).write(name, "x")
    with pytest.raises(BadInput):
        Profiles(house.identity.settings.data).token(name)
