"""A draft is never written over unseen, keeps no fact, and goes when its time is over or the application is made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from identity.inbox.models import Change, Message
from identity.inbox.service import Inbox
from services.apply.drafts.errors import DraftChanged, DraftGone, TooManyDrafts
from services.apply.drafts.models import Draft
from services.apply.drafts.service import DRAFTS_MAX, KEPT, SIZE_BYTES_MAX, WARNED_BEFORE, DraftDesk, Seen
from services.apply.errors import NotOfferedHere
from services.apply.forms import FieldKind, Form, FormField, Standing, Told

WORDS = Text(th="ก", en="a")
SUBJECT = "service:stall"
SHOP = {"type": "object", "properties": {"sign": {"type": "string", "maxLength": 5}}, "additionalProperties": False}
FORM: dict[str, Any] = {
    "type": "object",
    "properties": {"born": {"type": "string"}, "places": {"type": "integer"}, "shop": SHOP},
    "required": ["born", "places"],
    "additionalProperties": False,
}


def form_of(schema: Mapping[str, Any]) -> Form:
    held = FormField("born", WORDS, FieldKind.KNOWN, "birth_date")
    return Form(SUBJECT, WORDS, (held,), schema=schema)


@dataclass
class SomeForms:
    forms: dict[str, Form] = field(default_factory=lambda: {SUBJECT: form_of(FORM)})

    def of_subject(self, subject: str) -> Form | None:
        return self.forms.get("service:stall" if subject.startswith("service:stall") else subject)

    def of_service(self, service: UUID) -> Form | None:
        raise AssertionError

    def service_of(self, subject: str) -> UUID | None:
        raise AssertionError

    def standing(self, form: Form, told: Told, answers: Mapping[str, Any]) -> Standing:
        raise AssertionError


class Everybody:
    gone: UUID | None = None

    async def keep_there(self, session: AsyncSession, person: UUID) -> bool:
        return person != self.gone


class Holding:
    def __init__(self, *held: UUID | None) -> None:
        self.people = held

    async def held(self, session: AsyncSession) -> tuple[UUID | None, ...]:
        return self.people


@dataclass
class Desk:
    db: Database
    clock: FixedClock
    forms: SomeForms
    people: Everybody
    desk: DraftDesk
    citizen: UUID = field(default_factory=new_id)

    async def begin(self, answers: object = None, subject: str = SUBJECT, person: UUID | None = None) -> Seen:
        who = person or self.citizen
        async with self.db.write() as session:
            row = await self.desk.begin(session, who, subject, who, answers)
        return Seen(row.id, row.revision)

    async def save(self, seen: Seen, answers: object) -> Seen:
        async with self.db.write() as session:
            row = await self.desk.save(session, self.citizen, seen, answers)
        return Seen(row.id, row.revision)

    async def discard(self, seen: Seen, person: UUID | None = None) -> None:
        async with self.db.write() as session:
            await self.desk.discard(session, person or self.citizen, seen)

    async def answers(self, seen: Seen) -> Mapping[str, Any]:
        row = await self.desk.own(self.citizen, seen.draft)
        assert row is not None
        return (await self.desk.content(row)).answers

    async def rows(self, table: type[Any]) -> list[Any]:
        async with self.db.read() as session:
            return list(await session.scalars(select(table)))


@pytest.fixture
def desk(database: Database, clock: FixedClock) -> Desk:
    keys, forms, people = KeyRing("k1", {"k1": bytes(32)}, bytes(32)), SomeForms(), Everybody()
    return Desk(database, clock, forms, people, DraftDesk(database, clock, keys, forms, Inbox(clock), people))


async def test_what_was_saved_is_there_again_revision_by_revision(desk: Desk) -> None:
    first = await desk.begin({"places": 1})
    second = await desk.save(first, {"places": 2, "shop": {"sign": "ร้าน"}})
    assert (first.revision, second.revision, first.draft) == (1, 2, second.draft)
    assert await desk.answers(second) == {"places": 2, "shop": {"sign": "ร้าน"}}
    assert [change.kind for change in await desk.rows(Change)] == ["DRAFT", "DRAFT"]


async def test_of_two_devices_that_saw_the_same_revision_the_second_is_told_both(desk: Desk) -> None:
    seen = await desk.begin({"places": 1})
    await desk.save(seen, {"places": 2})
    with pytest.raises(DraftChanged) as refused:
        await desk.save(seen, {"places": 3})
    assert refused.value.fields == {"given": 1, "current": 2}
    assert await desk.answers(seen) == {"places": 2}
    with pytest.raises(DraftChanged):
        await desk.discard(seen)
    assert await desk.answers(seen) == {"places": 2}, "nor is it thrown away unseen"


async def test_of_many_devices_at_once_one_saves(desk: Desk) -> None:
    seen = await desk.begin({"places": 0})

    async def attempt(places: int) -> Seen | DraftChanged:
        try:
            return await desk.save(seen, {"places": places})
        except DraftChanged as error:
            return error

    done = await asyncio.gather(*(attempt(number) for number in range(10)))
    [won] = [number for number, one in enumerate(done) if isinstance(one, Seen)]
    assert await desk.answers(seen) == {"places": won}
    assert {one.fields["current"] for one in done if isinstance(one, DraftChanged)} == {2}


async def test_of_many_that_begin_at_once_one_begins(desk: Desk) -> None:
    async def attempt() -> Seen | DraftChanged:
        try:
            return await desk.begin({"places": 1})
        except DraftChanged as error:
            return error

    done = await asyncio.gather(*(attempt() for _ in range(10)))
    assert sum(isinstance(one, Seen) for one in done) == 1
    assert {one.fields["given"] for one in done if isinstance(one, DraftChanged)} == {0}


async def test_a_draft_that_was_begun_anew_is_another_one(desk: Desk) -> None:
    seen = await desk.begin({"places": 1})
    await desk.discard(seen)
    again = await desk.begin({"places": 2})
    assert (again.revision, again.draft == seen.draft) == (1, False)
    with pytest.raises(DraftGone):
        await desk.save(seen, {"places": 3})
    with pytest.raises(DraftGone):
        await desk.discard(again, person=new_id())
    assert await desk.answers(again) == {"places": 2}


async def test_an_answer_that_is_not_as_the_form_asks_is_kept_with_its_flaw(desk: Desk) -> None:
    seen = await desk.begin({"places": "many", "shop": {"sign": "too long"}})
    row = await desk.desk.own(desk.citizen, seen.draft)
    assert row is not None
    content = await desk.desk.content(row)
    assert content.answers == {"places": "many", "shop": {"sign": "too long"}}
    assert {flaw.place for flaw in content.flaws} == {("places",), ("shop", "sign")}
    assert all(flaw.why.th and flaw.why.en for flaw in content.flaws)


@pytest.mark.parametrize(
    ("answers", "path"),
    [
        ({"born": "2500-01-01"}, ("answers", "born")),
        ({"colour": "red"}, ("answers",)),
        ({"shop": {"colour": "red"}}, ("answers", "shop")),
        ({"shop": {"sign": "\x00"}}, ("answers",)),
        ({"shop": {"sign": "x" * SIZE_BYTES_MAX}}, ("answers",)),
        ([1], ("answers",)),
    ],
)
async def test_what_the_state_knows_and_what_nobody_asked_is_not_kept(
    desk: Desk, answers: object, path: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as refused:
        await desk.begin(answers)
    assert refused.value.path == path
    seen = await desk.begin({})
    with pytest.raises(BadInput):
        await desk.save(seen, answers)
    assert await desk.answers(seen) == {}


async def test_an_answer_whose_question_is_gone_is_told_and_stays_till_it_is_taken_out(desk: Desk) -> None:
    seen = await desk.begin({"places": 1, "shop": {"sign": "ร้าน"}})
    without = {**FORM, "properties": {"born": FORM["properties"]["born"], "places": {"type": "integer"}}}
    desk.forms.forms[SUBJECT] = form_of(without)
    row = await desk.desk.own(desk.citizen, seen.draft)
    assert row is not None
    content = await desk.desk.content(row)
    assert (content.gone, content.flaws) == ((("shop",),), ())
    assert content.form is not None
    assert content.form.version != row.form_version
    seen = await desk.save(seen, {"places": 2, "shop": {"sign": "ร้าน"}})
    seen = await desk.save(seen, {"places": 2})
    with pytest.raises(BadInput):
        await desk.save(seen, {"places": 2, "shop": {"sign": "ร้าน"}})


async def test_what_is_not_offered_any_more_can_be_read_and_discarded_and_not_saved(desk: Desk) -> None:
    seen = await desk.begin({"places": 1})
    desk.forms.forms.clear()
    assert await desk.answers(seen) == {"places": 1}
    with pytest.raises(NotOfferedHere):
        await desk.save(seen, {"places": 2})
    await desk.discard(seen)


async def test_so_many_drafts_and_no_more_and_none_of_who_has_left(desk: Desk) -> None:
    for number in range(DRAFTS_MAX):
        await desk.begin({}, f"{SUBJECT}-{number}")
    with pytest.raises(TooManyDrafts):
        await desk.begin({}, f"{SUBJECT}-more")
    await desk.begin({}, person=new_id())
    desk.people.gone = new_id()
    with pytest.raises(NotFound):
        await desk.begin({}, person=desk.people.gone)


async def test_an_application_uses_up_the_draft_that_was_seen_and_no_later_one(desk: Desk) -> None:
    seen, who = await desk.begin({"places": 1}), desk.citizen
    later = await desk.save(seen, {"places": 2})
    with pytest.raises(DraftChanged):
        async with desk.db.write() as session:
            await desk.desk.spend(session, who, SUBJECT, who, seen)
    async with desk.db.write() as session:
        await desk.desk.spend(session, who, SUBJECT, who, later)
    assert await desk.rows(Draft) == []
    with pytest.raises(DraftGone):
        async with desk.db.write() as session:
            await desk.desk.spend(session, who, SUBJECT, who, later)


async def test_an_application_without_it_takes_the_draft_along_and_no_other(desk: Desk) -> None:
    await desk.begin({"places": 1})
    others = [await desk.begin({}, f"{SUBJECT}-2"), await desk.begin({}, person=new_id())]
    async with desk.db.write() as session:
        await desk.desk.spend(session, desk.citizen, SUBJECT, desk.citizen, None)
    assert {row.id for row in await desk.rows(Draft)} == {one.draft for one in others}


async def test_a_draft_goes_ninety_days_after_it_was_saved_and_is_announced_two_weeks_before(desk: Desk) -> None:
    seen = await desk.begin({"places": 1})
    desk.clock.advance(KEPT - WARNED_BEFORE)
    assert await desk.desk.expire() == (0, 0)
    desk.clock.advance(timedelta(seconds=1))
    assert await desk.desk.expire() == (1, 0)
    assert await desk.desk.expire() == (0, 0), "told once"
    [message] = await desk.rows(Message)
    assert (message.template, message.person) == ("apply.draft-expiring", desk.citizen)
    desk.clock.advance(WARNED_BEFORE)
    assert await desk.desk.expire() == (0, 1)
    assert await desk.desk.own(desk.citizen, seen.draft) is None
    assert [change.kind for change in await desk.rows(Change)].count("DRAFT") == 2


async def test_whoever_saves_again_keeps_it_and_is_told_anew(desk: Desk) -> None:
    seen = await desk.begin({"places": 1})
    desk.clock.advance(KEPT - timedelta(days=1))
    assert await desk.desk.expire() == (1, 0)
    await desk.save(seen, {"places": 2})
    desk.clock.advance(KEPT - WARNED_BEFORE + timedelta(seconds=1))
    assert await desk.desk.expire() == (1, 0)


async def test_nobody_loses_a_draft_without_two_weeks_notice_though_the_job_stood_still(desk: Desk) -> None:
    await desk.begin({"places": 1})
    desk.clock.advance(KEPT * 2)
    assert await desk.desk.expire() == (1, 0)
    desk.clock.advance(WARNED_BEFORE - timedelta(seconds=1))
    assert await desk.desk.expire() == (0, 0)
    desk.clock.advance(timedelta(seconds=1))
    assert await desk.desk.expire() == (0, 1)


@pytest.mark.parametrize("everybody", [True, False])
async def test_what_a_legal_hold_keeps_stays(desk: Desk, *, everybody: bool) -> None:
    await desk.begin({"places": 1})
    desk.desk.keepers = Holding(None if everybody else desk.citizen)
    desk.clock.advance(KEPT * 2)
    await desk.desk.expire()
    desk.clock.advance(KEPT)
    assert await desk.desk.expire() == (0, 0)
    desk.desk.keepers = Holding(new_id())
    assert await desk.desk.expire() == (0, 1)


async def test_the_answers_lie_sealed_and_bound_to_their_row(desk: Desk) -> None:
    first = await desk.begin({"shop": {"sign": "zq9"}})
    await desk.begin({"places": 1}, f"{SUBJECT}-2")
    rows = await desk.rows(Draft)
    assert all(b"zq9" not in row.answers_sealed for row in rows)
    [other] = [row for row in rows if row.id != first.draft]
    async with desk.db.write() as session:
        query = update(Draft).where(col(Draft.id) == first.draft)
        await session.execute(query.values(answers_sealed=other.answers_sealed))
    with pytest.raises(SealBroken):
        await desk.answers(first)
