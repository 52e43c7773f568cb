"""Who leaves is erased everywhere, but for what a law keeps and they were told of."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from core.errors import ServiceUnavailable
from core.models import SubjectKey
from core.personal_data import Erasure
from core.text import Text
from identity.delegation.models import Scope
from identity.delegation.service import Guardianship
from identity.inbox.models import Message
from identity.officers.models import Officer
from identity.people.models import Person
from services.apply.personal_data import APPEAL_TIME
from services.exchange.access_log.models import AccessRecord, LogLeaf
from services.exchange.access_log.verify import verify_log
from services.exchange.privacy.leases import LASTS
from services.exchange.privacy.models import PrivacyRequest
from services.exchange.privacy.requests import COOLING
from services.exchange.privacy.states import Status
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import (
    EMAIL,
    STATEMENT,
    WHO,
    done,
    dump,
    file_of,
    found,
    left,
    lived,
    markers,
    ran,
    readable,
    redis_dump,
    vacuum,
)
from tests.support.acting import delegated, signed_in_with
from tests.support.app import Served

LATER: Final = date(2030, 1, 1)


async def request_of(sitthi: Served, person: UUID, key: UUID) -> PrivacyRequest:
    async with sitthi.house.db.read() as session:
        row = await session.get(PrivacyRequest, (person, key))
    assert row is not None
    return row


async def key_is_there(sitthi: Served, person: UUID) -> bool:
    async with sitthi.house.db.read() as session:
        return await session.get(SubjectKey, person) is not None


async def test_before_the_days_of_grace_are_over_nothing_is_erased(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    before = await readable(sitthi, person)
    await done(sitthi, "leave", "request { status }", WHO, endBenefits=True)
    assert (await ran(sitthi)).erasures == 0
    assert len(await readable(sitthi, person)) >= len(before)


async def test_an_erasure_is_taken_back_and_nothing_happens(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    asked = await done(sitthi, "leave", "request { id }", WHO, endBenefits=True)
    cancelled = await done(sitthi, "cancelErasure", "request { status }", WHO, request=asked["request"]["id"])
    assert cancelled["request"]["status"] == "CANCELLED"
    sitthi.clock.advance(timedelta(days=30))
    assert (await ran(sitthi)).erasures == 0
    assert await key_is_there(sitthi, person)


@pytest.mark.parametrize("applies", [False, True])
async def test_nothing_that_names_a_person_who_left_is_found_anywhere(
    sitthi: Served, database_url: str, redis_url: str | None, capfd: pytest.CaptureFixture[str], applies: bool
) -> None:
    assert sitthi.house.settings.redis_url == redis_url
    person = await lived(sitthi, applies=applies)
    await done(sitthi, "requestMyData", "request { id }", WHO, kind="ACCESS")
    await ran(sitthi)
    places = await everywhere(sitthi, database_url)
    assert {"person: blind index", "redis: fact"} <= set(found(places, marks(sitthi, person))), "else it finds nothing"
    assert b"marker" in await readable(sitthi, person)
    request = await left(sitthi)
    sitthi.clock.advance(APPEAL_TIME)
    await ran(sitthi)
    row = await request_of(sitthi, person, request)
    assert (row.status, row.stays) == (Status.DONE, [])
    assert not await key_is_there(sitthi, person)
    printed = capfd.readouterr()
    places = await everywhere(sitthi, database_url)
    places["output"] = (printed.out + printed.err).encode()
    assert found(places, marks(sitthi, person)) == []
    assert b"marker" not in await readable(sitthi, person)
    if database_url.startswith("sqlite"):
        vacuum(database_url)
        assert found({"file": file_of(database_url)}, marks(sitthi, person)) == []


def marks(sitthi: Served, person: UUID) -> dict[str, bytes]:
    """The person's marks, and the names under which the cache keeps facts of them."""
    return {**markers(sitthi), "fact": f"exchange:fact:{person.hex}".encode()}


async def everywhere(sitthi: Served, database_url: str) -> dict[str, bytes]:
    places = await dump(sitthi.house.db)
    places["redis"] = await redis_dump(sitthi.house.redis)
    if database_url.startswith("sqlite"):
        places["file"] = file_of(database_url)
    return places


async def test_what_can_still_be_opened_of_who_left_is_only_what_says_nothing_of_them(sitthi: Served) -> None:
    person = await lived(sitthi)
    await left(sitthi)
    sitthi.clock.advance(APPEAL_TIME)
    await ran(sitthi)
    tables: dict[str, list[dict[str, Any]]] = {}
    async with sitthi.house.db.read() as session:
        for store in sitthi.house.privacy.stores:
            async for table, record in store.export(session, person):
                tables.setdefault(table, []).append(record)
    kept = {
        "access_record", "application", "application_event", "consent_receipt", "correction_event", "decision",
        "delegation_event", "log_leaf", "officer_act", "officer_event", "payout_destination", "privacy_event",
        "privacy_request",
    }  # fmt: skip
    assert set(tables) <= kept
    for table in ("access_record", "decision", "payout_destination"):
        assert "unreadable" in str(tables[table])


async def test_an_officer_does_not_leave_before_the_service_ends(sitthi: Served) -> None:
    person = await person_of(sitthi, WHO)
    signed_in_with(sitthi)
    async with sitthi.house.db.write() as session:
        row = Officer(
            person=person, agency="dla", roles=["pay.plan"], name_th="ก", name_en="A", active=True,
            updated_at=sitthi.clock.now(),
        )  # fmt: skip
        session.add(row)
    payload = await sitthi.do("leave", "request { id }", WHO, endBenefits=True)
    assert [one["code"] for one in payload["problems"]] == ["STILL_AN_OFFICER"]


async def test_a_ward_does_not_leave_without_their_guardian(sitthi: Served) -> None:
    ward, guardian = await person_of(sitthi, WHO), await person_of(sitthi, "worker")
    signed_in_with(sitthi)
    name = Text(th="ก", en="A")
    given = Guardianship(ward, guardian, ward_name=name, guardian_name=name, scopes=[Scope.VIEW], until=LATER)
    async with sitthi.house.db.write() as session:
        await sitthi.house.delegations.register_guardianship(session, given, officer=guardian, agency="dopa")
    payload = await sitthi.do("leave", "request { id }", WHO, endBenefits=True)
    assert [one["code"] for one in payload["problems"]] == ["ENDED_BY_OFFICERS_ONLY"]


async def test_delegations_end_and_the_other_side_is_told(sitthi: Served) -> None:
    worker = await person_of(sitthi, "worker")
    await delegated(sitthi, WHO, "worker", "VIEW")
    await lived(sitthi, applies=False)
    before = await messages_of(sitthi, worker)
    await left(sitthi)
    await ran(sitthi)
    assert len(await messages_of(sitthi, worker)) == len(before) + 1
    sitthi.forget_tokens()
    data = await sitthi.graph("{ viewer { delegations { id } } }", persona="worker")
    assert data["viewer"]["delegations"] == []


async def messages_of(sitthi: Served, person: UUID) -> list[str]:
    async with sitthi.house.db.read() as session:
        return list((await session.scalars(select(col(Message.template)).where(col(Message.person) == person))).all())


async def test_tokens_of_who_leaves_end_before_anything_is_erased(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    async with sitthi.house.db.write() as session:
        for store in sitthi.house.privacy.stores:
            await store.prepare(session, Erasure(person, sitthi.clock.now()))
    answer: dict[str, Any] = {}
    for _ in range(100):  # a process hears of it within a second (docs/adr/0012)
        answer = (await sitthi.post("{ viewer { id } }", persona=WHO)).json()
        if "errors" in answer:
            break
        await asyncio.sleep(0.05)
    assert answer["errors"][0]["extensions"]["code"] == "TOKEN_INVALID"


async def test_of_fifty_who_ask_to_leave_at_once_one_is_taken(sitthi: Served) -> None:
    await sitthi.token(WHO)
    signed_in_with(sitthi)
    asked = await asyncio.gather(*(sitthi.do("leave", "request { id }", WHO, endBenefits=True) for _ in range(50)))
    codes = [one["problems"][0]["code"] if one["problems"] else None for one in asked]
    assert (codes.count(None), codes.count("PRIVACY_REQUEST_OPEN")) == (1, 49)


async def test_chosen_stores_are_erased_and_the_person_stays(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    await done(sitthi, "requestErasure", "request { stores proceedsAt }", WHO, stores=["messages", "contacts"])
    sitthi.clock.advance(COOLING)
    assert (await ran(sitthi)).erasures == 1
    left_over = await readable(sitthi, person)
    assert EMAIL.encode() not in left_over
    assert STATEMENT.encode() in left_over
    assert await messages_of(sitthi, person) == ["privacy.erased"]
    assert await key_is_there(sitthi, person)


@pytest.mark.parametrize(
    ("stores", "code"),
    [
        ([], "BAD_INPUT"),
        (["nothing"], "BAD_INPUT"),
        (["account"], "NOT_ERASABLE_ALONE"),
        (["facts"], "NOT_ERASABLE_ALONE"),
    ],
)
async def test_what_cannot_be_erased_alone_is_refused(sitthi: Served, stores: list[str], code: str) -> None:
    await sitthi.token(WHO)
    signed_in_with(sitthi)
    payload = await sitthi.do("requestErasure", "request { id }", WHO, stores=stores)
    assert [one["code"] for one in payload["problems"]] == [code]


@pytest.mark.parametrize("field", ["leave", "requestErasure"])
async def test_erasure_needs_a_passkey_used_just_now(sitthi: Served, field: str) -> None:
    await sitthi.token(WHO)
    given = {"endBenefits": True} if field == "leave" else {"stores": ["messages"]}
    weak = await sitthi.do(field, "request { id }", WHO, **given)
    assert [one["code"] for one in weak["problems"]] == ["STEP_UP_REQUIRED"]
    signed_in_with(sitthi)
    sitthi.clock.advance(timedelta(seconds=301))
    stale = await sitthi.do(field, "request { id }", WHO, **given)
    assert [one["code"] for one in stale["problems"]] == ["STEP_UP_REQUIRED"]


async def test_an_erasure_that_has_begun_cannot_be_taken_back(sitthi: Served) -> None:
    await lived(sitthi, applies=False)
    asked = await done(sitthi, "requestErasure", "request { id }", WHO, stores=["messages"])
    sitthi.clock.advance(COOLING)
    await ran(sitthi)
    sitthi.forget_tokens()
    late = await sitthi.do("cancelErasure", "request { id }", WHO, request=asked["request"]["id"])
    assert [one["code"] for one in late["problems"]] == ["PRIVACY_REQUEST_STATE"]


async def test_while_the_cache_is_away_an_erasure_waits_and_says_why(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_person: UUID) -> None:
        raise ServiceUnavailable(Text(th="หน่วยความจำ", en="the cache"))

    person = await lived(sitthi, applies=False)
    request = await left(sitthi)
    with monkeypatch.context() as patch:
        patch.setattr(sitthi.house.gate, "forget", away)
        assert (await ran(sitthi)).erasures == 0
    assert (await request_of(sitthi, person, request)).failure == "SERVICE_UNAVAILABLE"
    sitthi.clock.advance(LASTS)
    assert (await ran(sitthi)).erasures == 1
    assert (await request_of(sitthi, person, request)).failure is None


async def test_who_comes_back_is_a_new_person_with_a_fresh_key(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    await left(sitthi)
    await ran(sitthi)
    sitthi.forget_tokens()
    again = await person_of(sitthi, WHO)
    assert again != person
    async with sitthi.house.db.read() as session:
        assert await session.get(Person, person) is None


async def test_the_access_log_keeps_an_entry_of_the_erasure_and_what_it_had(sitthi: Served) -> None:

    person = await lived(sitthi, applies=False)

    async def records() -> list[Any]:
        async with sitthi.house.db.read() as session:
            query = select(col(AccessRecord.id), col(AccessRecord.commitment)).where(
                col(AccessRecord.subject) == person
            )
            return list((await session.execute(query.order_by(col(AccessRecord.id)))).tuples())

    await sitthi.house.sequencer.run()
    before = await records()
    await left(sitthi)
    await ran(sitthi)
    after = await records()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 2, "a decision and its outcome"
    while await log_waits(sitthi):  # the server's own sequencer may be at it
        await sitthi.house.sequencer.run()
    report = await verify_log(sitthi.house.db, sitthi.house.attestor, processes=1)
    assert report.is_sound, report.findings
    assert (report.size, report.waiting) == (await records_in_all(sitthi), 0)


async def log_waits(sitthi: Served) -> bool:
    async with sitthi.house.db.read() as session:
        placed = int(await session.scalar(select(func.count()).select_from(LogLeaf)) or 0)
    return placed < await records_in_all(sitthi)


async def records_in_all(sitthi: Served) -> int:
    async with sitthi.house.db.read() as session:
        return int(await session.scalar(select(func.count()).select_from(AccessRecord)) or 0)
