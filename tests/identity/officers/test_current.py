"""The officer at the command line: signed in, verified anew, and still in service."""

from __future__ import annotations

import stat
from datetime import timedelta

import pytest

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
