"""The register of officers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing
from core.database import Database
from core.errors import BadInput
from core.ids import new_id
from identity.inbox.models import Message
from identity.officers import OfficerRegister
from identity.officers.errors import ServesAnotherAgency
from identity.officers.models import OfficerEvent
from identity.passkeys.models import Passkey
from identity.people import PeopleRegister
from identity.provider.sessions import SignInSessions
from tests.identity.people_of_tests import name_of, national_id

BY = "command line: tester"


@pytest.fixture
def register(keys: KeyRing, clock: FixedClock) -> OfficerRegister:
    return OfficerRegister(PeopleRegister(keys, clock), clock)


async def add(
    database: Database, register: OfficerRegister, who: str = "officer-one", agency: str = "dla", *roles: str
) -> None:
    async with database.write() as session:
        await register.add(
            session, national_id(who), agency=agency, roles=roles or ("payments.plan",), name=name_of(who), by=BY
        )


async def kinds(database: Database) -> list[tuple[str, str, list[str]]]:
    async with database.read() as session:
        rows = await session.scalars(select(OfficerEvent).order_by(col(OfficerEvent.id)))
        return [(row.kind, row.by, row.roles) for row in rows]


async def test_an_officer_has_an_agency_roles_and_a_name(database: Database, register: OfficerRegister) -> None:
    await add(database, register, "officer-one", "dla", "payments.plan", "payments.approve")
    async with database.read() as session:
        [officer] = await register.all(session)
        assert await register.find(session, officer.person) == officer
    assert officer.agency == "dla"
    assert officer.roles == {"payments.plan", "payments.approve"}
    assert officer.name == name_of("officer-one")


async def test_every_change_is_an_event_that_names_who_made_it(database: Database, register: OfficerRegister) -> None:
    await add(database, register)
    await add(database, register, "officer-one", "dla", "payments.approve")
    async with database.write() as session:
        [officer] = await register.all(session)
        await register.end(session, officer.person, by=BY)
        await register.end(session, officer.person, by=BY)
    await add(database, register, "officer-one", "dcy")
    assert await kinds(database) == [
        ("ADDED", BY, ["payments.plan"]),
        ("ROLES_CHANGED", BY, ["payments.approve"]),
        ("ENDED", BY, ["payments.approve"]),
        ("ADDED", BY, ["payments.plan"]),
    ]


async def test_an_officer_whose_service_ended_is_none(database: Database, register: OfficerRegister) -> None:
    await add(database, register)
    async with database.write() as session:
        [officer] = await register.all(session)
        await register.end(session, officer.person, by=BY)
    async with database.read() as session:
        assert await register.find(session, officer.person) is None
        assert await register.all(session) == []


async def test_nobody_serves_two_agencies(database: Database, register: OfficerRegister) -> None:
    await add(database, register)
    with pytest.raises(ServesAnotherAgency) as caught:
        await add(database, register, "officer-one", "dcy")
    assert caught.value.fields == {"agency": "dla"}
    assert len(await kinds(database)) == 1, "what was refused left nothing behind"


@pytest.mark.parametrize(
    ("agency", "roles"),
    [
        ("DLA", ["payments.plan"]),
        ("d", ["payments.plan"]),
        ("dla;", ["payments.plan"]),
        ("dla", ["Payments"]),
        ("dla", [""]),
    ],
)
async def test_agencies_and_roles_of_another_form_are_refused(
    database: Database, register: OfficerRegister, agency: str, roles: list[str]
) -> None:
    with pytest.raises(BadInput):
        await add(database, register, "officer-one", agency, *roles)
    assert await kinds(database) == []


async def test_an_officer_without_a_role_is_refused(database: Database, register: OfficerRegister) -> None:
    with pytest.raises(BadInput):
        async with database.write() as session:
            await register.add(session, national_id("elder"), agency="dla", roles=[], name=name_of("elder"), by=BY)


async def test_what_a_counter_vouched_for_ends_when_somebody_becomes_an_officer(
    database: Database, register: OfficerRegister, keys: KeyRing, clock: FixedClock
) -> None:
    """A clerk of the counter who let somebody in who does not exist, and has them made an officer, would be two."""
    sessions = SignInSessions(keys, clock)
    async with database.write() as session:
        known = await PeopleRegister(keys, clock).resolve(session, [national_id("officer-one")])
        [person] = known.values()
        for label, later in (("thaid", timedelta(0)), ("counter", timedelta(days=3))):
            session.add(
                Passkey(
                    person=person, id=new_id(), credential_id=label.encode(), public_key=b"", sign_count=0, label=label,
                    ial="2.3", name_sealed=b"", transports=[], synced=False, created_at=clock.now(),
                    strong_at=clock.now() + later,
                )
            )  # fmt: skip
        secrets = {
            method: await sessions.begin(
                session, person, method=method, acr="ial2.3-aal2.1", amr=(), name=name_of("officer-one"), device="?",
                for_request="/", assisted_by=new_id() if method == "counter" else None,
            )
            for method in ("thaid", "counter")
        }  # fmt: skip
    await add(database, register)
    await add(database, register, "officer-one", "dla", "payments.approve")
    async with database.read() as session:
        ended = {row.label: row.end_reason for row in await session.scalars(select(Passkey))}
        assert await sessions.find(session, secrets["counter"]) is None
        told = list(await session.scalars(select(col(Message.template)).where(col(Message.person) == person)))
    assert ended == {"thaid": None, "counter": "OFFICER"}
    assert told == ["passkeys.removed"]


async def test_whoever_was_never_let_in_at_a_counter_stays_signed_in(
    database: Database, register: OfficerRegister, keys: KeyRing, clock: FixedClock
) -> None:
    sessions = SignInSessions(keys, clock)
    async with database.write() as session:
        [person] = (await PeopleRegister(keys, clock).resolve(session, [national_id("officer-one")])).values()
        secret = await sessions.begin(
            session, person, method="thaid", acr="ial2.3-aal2.1", amr=(), name=name_of("officer-one"), device="?",
            for_request="/",
        )  # fmt: skip
    await add(database, register)
    async with database.read() as session:
        assert await sessions.find(session, secret) is not None
