"""What a law keeps stays under a named hold until its day, and goes then; the person was told so beforehand."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from core.errors import BadInput
from core.ids import NationalId, new_id
from core.models import SubjectKey
from identity.people.models import Person
from services.apply.models import Application
from services.apply.personal_data import APPEAL_TIME
from services.exchange.privacy.errors import NoSuchHold
from services.exchange.privacy.models import PrivacyEvent, PrivacyRequest
from services.exchange.privacy.states import Status, Step
from services.pay.keeping import ACCOUNTS_KEPT
from services.pay.models import Award, Instalment, PaymentRun
from services.pay.states import InstalmentStatus
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import EMAIL, WHO, done, left, lived, ran, readable
from tests.support.app import Served


async def row_of(sitthi: Served, person: UUID, key: UUID) -> PrivacyRequest:
    async with sitthi.house.db.read() as session:
        row = await session.get(PrivacyRequest, (person, key))
    assert row is not None
    return row


async def is_known(sitthi: Served, person: UUID) -> tuple[bool, bool]:
    """Whether the person's number and their data key are there."""
    async with sitthi.house.db.read() as session:
        number, key = await session.get(Person, person), await session.get(SubjectKey, person)
    return number is not None, key is not None


async def test_a_decision_that_can_still_be_appealed_is_kept_until_it_cannot_and_the_person_is_told(
    sitthi: Served,
) -> None:
    person = await lived(sitthi)
    said = await done(sitthi, "leave", "request { id stays { hold law reason until store } }", WHO, endBenefits=True)
    stays = {one["hold"]: one for one in said["request"]["stays"]}
    assert stays["APPEAL_TIME"]["until"].startswith(f"{sitthi.clock.now() + APPEAL_TIME:%Y-%m-%d}")
    assert stays["APPEAL_TIME"]["law"] == "Administrative Procedure Act 2539 s.44"
    sitthi.clock.advance(timedelta(days=7))
    await ran(sitthi)
    [request] = await requests_of(sitthi, person)
    assert request.status == Status.HELD
    assert {one["hold"] for one in request.stays} == {"APPEAL_TIME", "SHARED_KEY"}
    assert await is_known(sitthi, person) == (False, True)
    sitthi.clock.advance(APPEAL_TIME)
    await ran(sitthi)
    [request] = await requests_of(sitthi, person)
    assert (request.status, request.stays) == (Status.DONE, [])
    assert await is_known(sitthi, person) == (False, False)
    async with sitthi.house.db.read() as session:
        [application] = (await session.scalars(select(Application).where(col(Application.person) == person))).all()
    assert application.unit_key == f"erased:{application.id.hex}"
    assert b"old-age" in await readable(sitthi, person), "what it was for is no secret"


async def requests_of(sitthi: Served, person: UUID) -> list[PrivacyRequest]:
    async with sitthi.house.db.read() as session:
        query = select(PrivacyRequest).where(col(PrivacyRequest.person) == person, col(PrivacyRequest.kind) == "EXIT")
        return list((await session.scalars(query)).all())


async def test_who_is_still_being_paid_goes_on_being_paid_until_it_ends(sitthi: Served) -> None:
    person = await lived(sitthi)
    request = await left(sitthi, end_benefits=False)
    sitthi.clock.advance(APPEAL_TIME)
    await ran(sitthi)
    row = await row_of(sitthi, person, request)
    assert row.status == Status.HELD
    assert "OPEN_PAYMENTS" in {one["hold"] for one in row.stays}
    assert await is_known(sitthi, person) == (True, True)
    async with sitthi.house.db.read() as session:
        revealed = await sitthi.house.identity.people.reveal(session, person)
    assert isinstance(revealed, NationalId)
    async with sitthi.house.db.write() as session:
        for award in (await session.scalars(select(Award).where(col(Award.person) == person))).all():
            award.ends_on = sitthi.clock.today()
        for one in (await session.scalars(select(Instalment).where(col(Instalment.person) == person))).all():
            one.status, one.run = InstalmentStatus.CANCELLED.value, None
    sitthi.clock.advance(timedelta(days=2))
    await ran(sitthi)
    assert (await row_of(sitthi, person, request)).status == Status.DONE
    assert await is_known(sitthi, person) == (False, False)


async def test_who_gives_up_their_benefits_is_paid_no_more(sitthi: Served) -> None:
    person = await lived(sitthi)
    await left(sitthi)
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        open_ = (await session.scalars(select(Award).where(col(Award.person) == person))).all()
    assert open_ == []


async def test_vouchers_of_a_payment_stay_for_ten_years_without_a_name(sitthi: Served) -> None:
    person = await lived(sitthi)
    run = await paid(sitthi, person)
    request = await left(sitthi)
    sitthi.clock.advance(APPEAL_TIME)
    await ran(sitthi)
    row = await row_of(sitthi, person, request)
    assert [(one["store"], one["hold"]) for one in row.stays] == [("payments", "ACCOUNTING")]
    assert await is_known(sitthi, person) == (False, False)
    async with sitthi.house.db.read() as session:
        [kept] = (await session.scalars(select(Instalment).where(col(Instalment.person) == person))).all()
    assert (kept.run, kept.status) == (run, InstalmentStatus.SETTLED)
    sitthi.clock.advance(ACCOUNTS_KEPT)
    await ran(sitthi)
    assert (await row_of(sitthi, person, request)).status == Status.DONE
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(Instalment).where(col(Instalment.person) == person))).all() == []


async def paid(sitthi: Served, person: UUID) -> UUID:
    """The elder's first instalment is in a run and settled; answers the run."""
    now, key = sitthi.clock.now(), new_id()
    async with sitthi.house.db.write() as session:
        [one] = (await session.scalars(select(Instalment).where(col(Instalment.person) == person))).all()
        session.add(
            PaymentRun(
                id=key, agency=one.agency, period=one.period, status="SETTLED", instalments=1, total=one.satang,
                content_hash=b"x", planned_by=new_id(), planned_at=now, approved_by=new_id(), approved_at=now,
            )
        )  # fmt: skip
        await session.flush()
        one.run, one.status, one.settled_at = key, InstalmentStatus.SETTLED.value, now
    return key


async def test_who_comes_back_while_their_number_is_kept_has_nothing_erased_of_their_new_life(sitthi: Served) -> None:
    person = await lived(sitthi)
    request = await left(sitthi, end_benefits=False)
    await ran(sitthi)
    sitthi.forget_tokens()
    sitthi.clock.advance(timedelta(hours=1))
    assert await person_of(sitthi, WHO) == person, "the number still leads to them"
    await done(sitthi, "setContact", "contact { kind }", WHO, kind="EMAIL", value=EMAIL)
    sitthi.clock.advance(timedelta(days=2))
    await ran(sitthi)
    assert (await row_of(sitthi, person, request)).status == Status.DONE
    assert EMAIL.encode() in await readable(sitthi, person)


async def place(sitthi: Served, person: UUID | None, store: str, days: int = 100) -> UUID:
    async with sitthi.house.db.write() as session:
        hold = await sitthi.house.privacy.holds.place(
            session,
            store=store,
            person=person,
            law="ประมวลกฎหมายวิธีพิจารณาความอาญา มาตรา 132",
            reason="คดีที่อยู่ระหว่างสอบสวน",
            until=sitthi.clock.now() + timedelta(days=days),
            officer="command line: dpo",
        )
        return hold.id


async def test_a_legal_hold_keeps_the_access_log_and_its_release_lets_it_go(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    hold = await place(sitthi, person, "access-log")
    request = await left(sitthi)
    await ran(sitthi)
    row = await row_of(sitthi, person, request)
    assert [(one["store"], one["hold"]) for one in row.stays if one["hold"] == "LEGAL_HOLD"] == [
        ("access-log", "LEGAL_HOLD")
    ]
    assert "สอบสวน" not in str(row.stays), "why is not told to whom it is about"
    assert await is_known(sitthi, person) == (False, True)
    assert b"own-view" in await readable(sitthi, person)
    async with sitthi.house.db.write() as session:
        await sitthi.house.privacy.holds.release(session, hold, officer="command line: dpo")
    await ran(sitthi)
    assert (await row_of(sitthi, person, request)).status == Status.DONE
    assert await is_known(sitthi, person) == (False, False)
    async with sitthi.house.db.read() as session:
        events = (await session.scalars(select(PrivacyEvent).where(col(PrivacyEvent.subject) == hold))).all()
    assert [event.kind for event in events] == [Step.HOLD_PLACED, Step.HOLD_RELEASED]


async def test_a_hold_that_runs_out_lets_go_by_itself(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    await place(sitthi, None, "*", days=20)
    request = await left(sitthi)
    await ran(sitthi)
    assert await is_known(sitthi, person) == (True, True)
    sitthi.clock.advance(timedelta(days=13))
    await ran(sitthi)
    assert (await row_of(sitthi, person, request)).status == Status.DONE
    assert await is_known(sitthi, person) == (False, False)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"store": "nothing"}, "store"),
        ({"law": " "}, "law"),
        ({"reason": ""}, "reason"),
        ({"reason": "เลข 1112034563562"}, "reason"),
        ({"days": 0}, "until"),
        ({"days": 10 * 366 + 1}, "until"),
    ],
)
async def test_a_hold_needs_a_store_a_law_a_reason_and_an_end(
    sitthi: Served, given: dict[str, object], path: str
) -> None:
    whole = {"store": "messages", "law": "ป.วิ.อ. มาตรา 132", "reason": "สอบสวน", "days": 10} | given
    days = whole.pop("days")
    assert isinstance(days, int)
    until = sitthi.clock.now() + timedelta(days=days)
    with pytest.raises(BadInput) as refused:
        async with sitthi.house.db.write() as session:
            await sitthi.house.privacy.holds.place(
                session,
                person=None,
                officer="command line: dpo",
                until=until,
                **whole,  # type: ignore[arg-type]
            )
    assert refused.value.path == (path,)


async def test_a_hold_is_released_once(sitthi: Served) -> None:
    hold = await place(sitthi, None, "messages")
    for expected in (None, NoSuchHold):
        if expected is None:
            async with sitthi.house.db.write() as session:
                await sitthi.house.privacy.holds.release(session, hold, officer="command line: dpo")
        else:
            with pytest.raises(expected):
                async with sitthi.house.db.write() as session:
                    await sitthi.house.privacy.holds.release(session, hold, officer="command line: dpo")


async def test_a_copy_does_not_warn_of_a_hold(sitthi: Served) -> None:
    person = await lived(sitthi, applies=False)
    hold = await place(sitthi, person, "access-log")
    told = await readable(sitthi, person)
    assert b"RESTRICTION" in told
    assert b"HOLD" not in told
    assert hold.hex.encode() not in told
