"""Questions and notes: asked with a reason and never for what the state holds, answered back to the officer; notes stay
among officers, sealed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError
from sqlmodel import col

from core.crypto import SealBroken
from core.envelope import SubjectKeys
from core.errors import BadInput, ServiceUnavailable
from core.sealed import bound_to
from services.apply import repository as applications
from services.apply.deciding import Missing
from services.apply.desk import acts, repository
from services.apply.desk.errors import CaseNotTaken, StateHolds
from services.apply.desk.models import DeskNote, DeskQuestion
from services.apply.desk.words import Words
from services.apply.errors import AlreadyDecided, ChangedMeanwhile
from services.apply.models import Application
from services.apply.states import Status
from services.apply.tasks import Reconsidered, reconsider_waiting
from services.exchange.facts import Lack
from tests.services.apply.desk.conftest import World

BIRTH = {"attribute": "birth_date", "why": "ทะเบียนไม่มีวันเกิด กรุณาส่งหลักฐาน", "whyEn": "the register has no day of birth"}


async def asked(world: World, *wanted: dict[str, Any]) -> Application:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    return await world.act("maker", row, acts.ask(list(wanted or (BIRTH,))))


async def test_a_question_makes_it_the_citizens_turn_and_says_what_is_missing(world: World) -> None:
    row = await asked(world)
    assert row.status == Status.NEEDS_INFORMATION
    assert [(one["attribute"], one["held_by"]) for one in row.missing] == [("birth_date", "CITIZEN")]
    assert world.room.notices.told[-1] == (row.person, Status.NEEDS_INFORMATION)
    async with world.db.read() as session:
        [question] = await repository.questions(session, row.person, [row.id])
        words = Words(world.room.keys)
        why = await words.open(
            session, row.person, question.why_sealed, place=bound_to(DeskQuestion.why_sealed, question.id)
        )
    assert [item["attribute"] for item in question.wanted] == ["birth_date"]
    assert why == [{"th": BIRTH["why"], "en": BIRTH["whyEn"]}]


async def test_the_answer_comes_back_to_an_officer_whatever_the_law_would_say_by_then(world: World) -> None:
    row = await asked(world)
    world.law.registered = "1950-01-01"
    back = await world.room.supplement(row.person, row.id, {})
    assert (back.status, back.missing) == (Status.SUBMITTED, [])
    async with world.db.read() as session:
        [question] = await repository.questions(session, row.person, [row.id])
    assert question.answered_at == world.room.clock.now()
    room = world.room
    assert await reconsider_waiting(room.service, room.database, room.clock) == Reconsidered(), "an officer decides it"
    assert await room.count("decision") == 0


async def test_what_the_state_holds_is_not_asked_of_the_citizen(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(StateHolds) as refused:
        await world.act("maker", row, acts.ask([BIRTH, {"attribute": "annual_income", "why": "ขอสลิปเงินเดือน"}]))
    assert refused.value.path == ("ask", 1, "attribute")
    await world.act("maker", row, acts.ask([{"attribute": "has_credit_card", "why": "คำตอบเดิมไม่ชัดเจน"}]))


@pytest.mark.parametrize("name", ["home_loan", "no_such_fact"])
async def test_what_the_law_does_not_read_is_not_asked_either(world: World, name: str) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    with pytest.raises(BadInput):
        await world.act("maker", row, acts.ask([{"attribute": name, "why": "อยากทราบ"}]))


async def test_only_who_has_the_case_asks(world: World) -> None:
    row = await world.waiting()
    with pytest.raises(CaseNotTaken):
        await world.act("maker", row, acts.ask([BIRTH]))
    assert await world.room.count("desk_question") == 0


async def test_of_two_questions_at_the_same_moment_the_second_looks_again(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    officer = world.signed_in("maker")
    one, two = [await world.desk.prepare(officer, row.id, acts.ask([BIRTH])) for _ in range(2)]
    async with world.db.write() as session:
        await world.desk.perform(session, one)
    with pytest.raises(ChangedMeanwhile):
        async with world.db.write() as session:
            await world.desk.perform(session, two)
    assert await world.room.count("desk_question") == 1


async def test_an_appeal_asks_nothing_of_the_citizen(world: World) -> None:
    world.law.registered = "1990-01-01"
    row = await world.waiting()
    await world.room.appeal(row.person, row.id)
    await world.act("maker", row, acts.Claim())
    with pytest.raises((AlreadyDecided, StateHolds)):
        await world.act("maker", row, acts.ask([{"attribute": "has_credit_card", "why": "คำตอบเดิมไม่ชัดเจน"}]))


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        [],
        [{"attribute": "birth_date", "why": "ขอ"}],
        [{"attribute": "birth_date", "why": "\x00" * 10}],
        [{"attribute": "birth_date", "why": "ของ 0-1234-56789-01-2 ด้วย"}],
        [{"attribute": "Birth Date", "why": "เพราะทะเบียนไม่มี"}],
        [{"attribute": "birth_date\x00", "why": "เพราะทะเบียนไม่มี"}],
        [{"attribute": "birth_date", "why": "เพราะทะเบียนไม่มี"}] * 2,
        [{"attribute": f"a{n}", "why": "เพราะทะเบียนไม่มี"} for n in range(11)],
        [{"attribute": 7, "why": "เพราะทะเบียนไม่มี"}],
    ],
    ids=repr,
)
def test_a_question_has_a_name_and_a_reason_in_form(wanted: Any) -> None:
    with pytest.raises(BadInput):
        acts.ask(wanted)


@pytest.mark.parametrize(
    "said",
    ["", "   ", "a\x00b", "ก" * 4_001, "x" * 1_000_000, "\ud800", "เลข 0123456789012", 7, None],
    ids=lambda s: repr(s)[:20],
)
def test_a_note_is_a_text_of_bounded_length_without_control_characters_or_a_national_id(said: Any) -> None:
    with pytest.raises(BadInput):
        acts.note(said)


def test_a_note_may_have_lines_and_be_as_long_as_the_bound() -> None:
    assert acts.note(" สองบรรทัด\nจบ ").text == "สองบรรทัด\nจบ"
    assert len(acts.note("ก" * 4_000).text) == 4_000


async def test_a_note_is_sealed_under_the_persons_own_key_and_bound_to_its_row(world: World) -> None:
    row = await world.waiting()
    for said in ("ผู้ยื่นโทรมา", "นัดวันศุกร์"):
        await world.act("head", row, acts.note(said))
    async with world.db.read() as session:
        one, two = await repository.notes(session, row.person, row.id)
        words = Words(world.room.keys)
        assert (
            await words.open(session, row.person, one.text_sealed, place=bound_to(DeskNote.text_sealed, one.id))
            == "ผู้ยื่นโทรมา"
        )
        assert (
            await words.open(session, row.person, one.text_sealed, place=bound_to(DeskNote.text_sealed, two.id)) is None
        )
        with pytest.raises(SealBroken):
            await SubjectKeys(world.room.keys).open(
                session, world["maker"].person, one.text_sealed, bound_to=bound_to(DeskNote.text_sealed, one.id)
            )
        raw = await session.scalar(select(col(DeskNote.text_sealed)).where(col(DeskNote.id) == one.id))
    assert "ผู้ยื่น".encode() not in bytes(raw or b"")


@pytest.mark.parametrize("statement", ["UPDATE desk_note SET officer = person", "DELETE FROM desk_note"])
async def test_a_note_never_changes(world: World, statement: str) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.note("ผู้ยื่นโทรมา"))
    with pytest.raises(DatabaseError):
        async with world.db.write() as session:
            await session.execute(text(statement))
    assert await world.room.count("desk_note", "officer <> person") == 1


@pytest.mark.parametrize("down", [True, False])
async def test_what_is_missing_says_whether_it_may_come_by_waiting(world: World, *, down: bool) -> None:
    world.law.register_down = down
    row = await world.waiting()
    [missing] = [Missing.read(one) for one in row.missing]
    assert (missing.why, missing.agency) == (Lack.SILENT if down else Lack.NOT_KNOWN, "dopa")
    version = row.version
    world.law.register_down = not down
    room = world.room
    await reconsider_waiting(room.service, room.database, room.clock)
    async with world.db.read() as session:
        again = await applications.own(session, row.person, row.id)
    assert again is not None
    [missing] = [Missing.read(one) for one in again.missing]
    assert (missing.why, again.version) == (Lack.NOT_KNOWN if down else Lack.SILENT, version), "nothing moved"


def test_what_was_written_before_it_said_why_is_read() -> None:
    row = {"attribute": "birth_date", "th": "วันเกิด", "en": "birth date", "held_by": "AGENCY", "agency": "dopa"}
    assert Missing.read(row).why is None
    assert Missing.read({**row, "why": "SILENT"}).silent


async def test_the_citizen_is_not_asked_for_what_a_register_may_tell_once_it_answers(world: World) -> None:
    row = await world.waiting()
    await world.act("maker", row, acts.Claim())
    world.law.register_down = True
    with pytest.raises(ServiceUnavailable):
        await world.act("maker", row, acts.ask([BIRTH]))
    async with world.db.read() as session:
        assert await repository.questions(session, row.person, [row.id]) == []
