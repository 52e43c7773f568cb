"""Officers who leave, and those who come by the server's own command."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from core.assurance import StepUpRequired
from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput, NotFound
from core.text import Text
from identity.officers.errors import AgencyGovernsItself, NotAnOfficer, RoleMissing
from identity.officers.leaving import Leaving
from identity.officers.models import Officer as OfficerRow
from identity.officers.register import Officer
from tests.identity.officers_of_tests import BY, REASON, THAID, WEAK, Office, number

ADMIN = ("officers.propose", "officers.approve")


@pytest.fixture
def office(database: Database, keys: KeyRing, clock: FixedClock) -> Office:
    return Office(database, keys, clock)


@pytest.fixture
def leaving(office: Office) -> Leaving:
    return Leaving(office.officers, office.inbox, office.clock)


async def end(office: Office, leaving: Leaving, officer: Officer, person: UUID, reason: str = REASON) -> None:
    async with office.database.write() as session:
        await leaving.end(session, officer, person, reason)


async def serves(office: Office, person: UUID) -> bool:
    async with office.database.read() as session:
        return await office.officers.find(session, person) is not None


async def add(
    office: Office, leaving: Leaving, running: int, *roles: str, agency: str = "dla", glass: str | None = None
) -> None:
    async with office.database.write() as session:
        await leaving.bootstrap(
            session,
            number(running),
            agency=agency,
            roles=roles,
            name=Text(th=f"น {running}", en=f"N {running}"),
            by=BY,
            break_glass=glass,
        )


async def test_one_officer_ends_anothers_service_and_all_who_keep_officers_are_told(
    office: Office, leaving: Leaving
) -> None:
    keeper = await office.officer(1, "dla", *ADMIN, acr=THAID)
    other = await office.officer(2, "dla", "officers.approve")
    bystander = await office.officer(3, "dla", "pay.plan")
    leaver = await office.officer(4, "dla", "pay.approve")
    await end(office, leaving, keeper, leaver.person, "left the service")
    assert not await serves(office, leaver.person)
    assert await office.acts("dla") == [("OFFICER_ENDED", keeper.person.hex, "left the service")]
    for told in (leaver, other):
        assert await office.told(told.person) == ["identity.officer_ended"]
    for silent in (keeper, bystander):
        assert await office.told(silent.person) == []


async def test_whoever_likes_may_leave(office: Office, leaving: Leaving) -> None:
    leaver = await office.officer(4, "dla", "pay.approve")
    await end(office, leaving, leaver, leaver.person)
    assert not await serves(office, leaver.person)
    with pytest.raises(NotAnOfficer):
        await end(office, leaving, leaver, leaver.person)


async def test_nobody_else_ends_a_service(office: Office, leaving: Leaving) -> None:
    leaver = await office.officer(4, "dla", "pay.approve")
    colleague = await office.officer(5, "dla", "pay.plan")
    stranger = await office.officer(6, "dcy", *ADMIN)
    weak = await office.officer(7, "dla", *ADMIN, acr=WEAK)
    for officer, error in ((colleague, RoleMissing), (stranger, NotFound), (weak, StepUpRequired)):
        with pytest.raises(error):
            await end(office, leaving, officer, leaver.person)
    assert await serves(office, leaver.person)


async def test_ending_takes_a_reason(office: Office, leaving: Leaving) -> None:
    keeper, leaver = await office.officer(1, "dla", *ADMIN), await office.officer(4, "dla", "pay.plan")
    with pytest.raises(BadInput):
        await end(office, leaving, keeper, leaver.person, "")
    assert await serves(office, leaver.person)


async def test_the_server_adds_officers_until_two_can(office: Office, leaving: Leaving) -> None:
    await add(office, leaving, 1, "officers.propose")
    await add(office, leaving, 2, "pay.plan")
    await add(office, leaving, 2, "officers.approve")
    with pytest.raises(AgencyGovernsItself) as caught:
        await add(office, leaving, 3, "pay.plan")
    assert caught.value.fields == {"agency": "dla"}
    await add(office, leaving, 3, "pay.plan", agency="dcy")
    async with office.database.read() as session:
        assert [one.agency for one in await office.officers.all(session)] == ["dcy", "dla", "dla"]


async def test_one_officer_with_both_roles_is_not_two(office: Office, leaving: Leaving) -> None:
    await add(office, leaving, 1, *ADMIN)
    await add(office, leaving, 2, "pay.plan")
    await add(office, leaving, 3, "officers.propose")
    with pytest.raises(AgencyGovernsItself):
        await add(office, leaving, 4, "pay.plan")


async def test_when_one_of_the_two_left_the_server_may_again(office: Office, leaving: Leaving) -> None:
    one = await office.officer(1, "dla", *ADMIN)
    two = await office.officer(2, "dla", *ADMIN)
    await end(office, leaving, one, two.person)
    clerk = await office.officer(4, "dla", "pay.plan")
    await add(office, leaving, 3, "officers.approve")
    for officer in (one, clerk):
        assert await office.told(officer.person) == ["identity.glass_broken"], "a keeper alone could have made it so"


async def test_breaking_the_glass_is_in_the_trail_and_told_to_every_officer(office: Office, leaving: Leaving) -> None:
    one = await office.officer(1, "dla", *ADMIN)
    two = await office.officer(2, "dla", "officers.approve")
    clerk = await office.officer(3, "dla", "pay.plan")
    await add(office, leaving, 4, "officers.propose", glass="both keepers are ill")
    assert await serves(office, await office.person(number(4)))
    assert await office.acts("dla") == [("GLASS_BROKEN", BY, "both keepers are ill")]
    for officer in (one, two, clerk):
        assert await office.told(officer.person) == ["identity.glass_broken"]


async def test_glass_that_need_not_be_broken_is_not(office: Office, leaving: Leaving) -> None:
    await add(office, leaving, 4, "officers.propose", glass="just to be sure")
    assert await office.acts("dla") == []


async def test_breaking_the_glass_takes_a_reason(office: Office, leaving: Leaving) -> None:
    with pytest.raises(BadInput):
        await add(office, leaving, 4, "officers.propose", glass="")


LONG = "1234567890123"


@pytest.mark.parametrize(
    "name", [Text(th=f"น {LONG}", en="N"), Text(th="น", en=f"N {LONG}"), Text(th="น", en="N 1-2345-67890-12-3")]
)
async def test_a_name_in_which_a_national_id_could_be_is_refused_when_it_is_given(office: Office, name: Text) -> None:
    async with office.database.write() as session:
        with pytest.raises(BadInput) as refused:
            await office.officers.add(session, number(4), agency="dla", roles=["pay.approve"], name=name, by=BY)
    assert LONG not in str(refused.value)


@pytest.mark.parametrize("whose", ["the leaver's", "the keeper's"])
async def test_whoever_has_such_a_name_from_before_can_be_removed_and_remove(
    office: Office, leaving: Leaving, whose: str
) -> None:
    keeper = await office.officer(1, "dla", *ADMIN, acr=THAID)
    other = await office.officer(2, "dla", "officers.approve")
    leaver = await office.officer(4, "dla", "pay.approve")
    named = leaver if whose == "the leaver's" else keeper
    async with office.database.write() as session:
        row = await session.get(OfficerRow, named.person)
        assert row is not None
        row.name_th = row.name_en = f"N {LONG}"
    keeper = replace(keeper, name=Text(th=f"N {LONG}", en=f"N {LONG}")) if named is keeper else keeper
    await end(office, leaving, keeper, leaver.person)
    assert not await serves(office, leaver.person)
    assert await office.told(other.person) == await office.told(leaver.person) == ["identity.officer_ended"]
