"""Corrections: a case before the agency that owns the fact, which both sides see move."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisDown
from sqlalchemy import select
from sqlmodel import col

from core.clock import BANGKOK
from core.errors import BadInput, NotFound, ServiceUnavailable, SitthiError
from core.money import Money
from core.text import Text
from identity.inbox.models import Message
from identity.proposals.errors import ConcernsYourself
from services.exchange.corrections import states
from services.exchange.corrections.days import due
from services.exchange.corrections.desk import CorrectionDesk
from services.exchange.corrections.errors import CorrectionClosed, CorrectionNotTaken, CorrectionOpen, NotTheAgencysTurn
from services.exchange.corrections.models import Correction, CorrectionEvent
from services.exchange.corrections.service import CorrectionService, CorrectionStep, Handler, Outcome, is_overdue
from services.exchange.corrections.states import CorrectionAction, CorrectionStatus, CorrectionTurn
from services.exchange.corrections.tasks import Forgetting
from services.exchange.errors import LookRefused, UnknownAttribute
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, FactState
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange, citizen

pytestmark = pytest.mark.fakeredis_only

RD = Handler("rd", "a" * 32)
S, A = CorrectionStatus, CorrectionAction


class Cases:
    """The mother's cases, and the desk of the revenue department."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange, self.person = exchange, exchange.keys["mother"]
        self.service = CorrectionService(CATALOGUE, KEYS, exchange.clock)
        self.desk = CorrectionDesk(
            exchange.database, exchange.clock, CATALOGUE, exchange.gate, self.service, exchange.gate
        )

    async def open(self, attribute: str = "annual_income", statement: str = "ปีที่แล้วไม่ได้ทำงาน") -> UUID:
        async with self.exchange.database.write() as session:
            made = await self.service.request(session, self.person, attribute=attribute, statement=statement)
        return made.id

    async def supplement(self, case: UUID, statement: str = "แนบหนังสือรับรอง") -> Correction:
        async with self.exchange.database.write() as session:
            return await self.service.supplement(session, self.person, case, statement)

    async def withdraw(self, case: UUID) -> Correction:
        async with self.exchange.database.write() as session:
            return await self.service.withdraw(session, self.person, case)

    async def get(self, case: UUID) -> Correction:
        async with self.exchange.database.read() as session:
            found = await self.service.get(session, self.person, case)
        assert found is not None
        return found

    async def steps(self, case: UUID) -> list[CorrectionStep]:
        async with self.exchange.database.read() as session:
            return list((await self.service.steps(session, self.person, [case])).get(case, ()))

    async def messages(self) -> list[Message]:
        query = select(Message).where(col(Message.person) == self.person).order_by(col(Message.id))
        async with self.exchange.database.read() as session:
            return list((await session.scalars(query)).all())

    async def taken(self, attribute: str = "annual_income") -> UUID:
        case = await self.open(attribute)
        await self.desk.take(RD, case)
        return case


@pytest.fixture
def cases(exchange: Exchange) -> Cases:
    return Cases(exchange)


def officer_of(agency: str) -> Asker:
    return Asker(AskerKind.OFFICER, "a" * 32, agency, Text(th="เจ้าหน้าที่", en="An officer"))


async def test_both_sides_see_every_step(cases: Cases) -> None:
    case = await cases.taken()
    await cases.desk.decide(RD, case, Outcome.NEEDS_MORE, "ขอหนังสือรับรองเงินเดือน")
    await cases.supplement(case)
    await cases.desk.decide(RD, case, Outcome.CORRECTED, "")
    own = await cases.steps(case)
    assert [(s.action, s.status, s.by, s.note) for s in own] == [
        (A.REQUEST, S.OPEN, None, None),
        (A.TAKE, S.IN_REVIEW, RD.by, None),
        (A.ASK, S.NEEDS_MORE, RD.by, "ขอหนังสือรับรองเงินเดือน"),
        (A.SUPPLEMENT, S.IN_REVIEW, None, "แนบหนังสือรับรอง"),
        (A.CORRECT, S.CORRECTED, RD.by, None),
    ]
    seen = await cases.desk.show(RD, officer_of("rd"), case)
    assert list(seen.steps) == own
    assert (seen.statement, seen.national_id) == ("ปีที่แล้วไม่ได้ทำงาน", cases.exchange.ids["mother"])


async def test_the_citizen_gets_a_message_of_each_step_of_the_agency(cases: Cases) -> None:
    case = await cases.taken()
    await cases.desk.decide(RD, case, Outcome.NEEDS_MORE, "ขอหนังสือรับรอง")
    await cases.supplement(case)
    await cases.desk.decide(RD, case, Outcome.REFUSED, "เอกสารไม่ตรงกับแบบที่ยื่น")
    told = await cases.messages()
    assert [one.template for one in told] == [
        "corrections.requested", "corrections.taken", "corrections.asked", "corrections.refused",
    ]  # fmt: skip
    assert all("กรมสรรพากร" in one.body_th and "Revenue Department" in one.body_en for one in told)
    assert "2026-12-16" in told[0].body_en
    for one in told:
        assert "เอกสารไม่ตรงกับแบบที่ยื่น" not in one.body_th, "what is said of somebody stays in the case"


async def test_a_case_handed_over_to_a_colleague_is_no_news_to_the_citizen(cases: Cases) -> None:
    case = await cases.taken()
    other = Handler("rd", "b" * 32)
    assert (await cases.desk.take(other, case)).handler == other.by
    assert [one.template for one in await cases.messages()] == ["corrections.requested", "corrections.taken"]
    before = await cases.get(case)
    await cases.desk.take(other, case)
    assert (await cases.get(case)).version == before.version, "who has it already takes nothing"


async def test_after_a_correction_the_former_value_is_told_no_more(exchange: Exchange, cases: Cases) -> None:
    asker = citizen(cases.person)

    async def income() -> Any:
        fact = (await exchange.gate.facts(cases.person, ["annual_income"], asker=asker, purpose=OWN_VIEW))[
            "annual_income"
        ]
        return fact.value, fact.source, fact.state

    assert await income() == (Money.baht(90_000), "rd", FactState.FRESH)
    case = await cases.taken()
    exchange.rd.file[exchange.ids["mother"]]["annual_income"] = Money(0)
    assert (await income())[0] == Money.baht(90_000), "it is in the cache"
    await cases.desk.decide(RD, case, Outcome.CORRECTED, "")
    assert await income() == (Money(0), "rd", FactState.FRESH)


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NEEDS_MORE])
async def test_what_was_not_corrected_is_read_as_before(exchange: Exchange, cases: Cases, outcome: Outcome) -> None:
    asker = citizen(cases.person)
    await exchange.gate.facts(cases.person, ["annual_income"], asker=asker, purpose=OWN_VIEW)
    case, asked = await cases.taken(), len(exchange.rd.asked)
    await cases.desk.decide(RD, case, outcome, "เพราะ")
    await exchange.gate.facts(cases.person, ["annual_income"], asker=asker, purpose=OWN_VIEW)
    assert len(exchange.rd.asked) == asked


async def test_while_the_cache_cannot_be_told_nothing_is_decided(
    exchange: Exchange, cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await cases.taken()

    async def away(*_: Any, **__: Any) -> None:
        raise RedisDown

    monkeypatch.setattr(exchange.redis, "set", away)
    with pytest.raises(ServiceUnavailable):
        await cases.desk.decide(RD, case, Outcome.CORRECTED, "")
    assert (await cases.get(case)).status == S.IN_REVIEW
    await cases.desk.decide(RD, case, Outcome.REFUSED, "เพราะ")


async def test_a_server_whose_cache_nobody_else_reaches_forgets_by_itself_and_once(
    exchange: Exchange, cases: Cases
) -> None:
    asker = citizen(cases.person)
    following = Forgetting(exchange.database, exchange.clock, exchange.gate)
    beside = CorrectionDesk(exchange.database, exchange.clock, CATALOGUE, exchange.gate, cases.service, None)
    await exchange.gate.facts(cases.person, ["annual_income"], asker=asker, purpose=OWN_VIEW)
    case = await cases.taken()
    exchange.rd.file[exchange.ids["mother"]]["annual_income"] = Money(0)
    assert await following.run() == 0
    await beside.decide(RD, case, Outcome.CORRECTED, "")
    assert await following.run() == 1
    facts = await exchange.gate.facts(cases.person, ["annual_income"], asker=asker, purpose=OWN_VIEW)
    assert facts["annual_income"].value == Money(0)
    assert await following.run() == 0
    exchange.clock.advance(timedelta(hours=1))
    assert await following.run() == 0


# What the agency sees, and what it may not.


async def test_a_look_at_a_case_stands_in_the_citizens_log(exchange: Exchange, cases: Cases) -> None:
    case = await cases.open()
    before = len(await exchange.entries(cases.person))
    await cases.desk.listed(RD)
    assert len(await exchange.entries(cases.person)) == before, "a list names nobody"
    await cases.desk.show(RD, officer_of("rd"), case)
    [entry] = (await exchange.entries(cases.person))[before:]
    assert (entry.asker_agency, entry.purpose, list(entry.attributes)) == ("rd", "correction", ["rd:correction"])
    assert entry.decision == "ALLOWED"


async def test_a_case_that_is_taken_back_during_the_look_is_not_shown(
    exchange: Exchange, cases: Cases, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, look = await cases.open(), exchange.gate.look

    async def late(*arguments: Any, **named: Any) -> Any:
        await cases.withdraw(case)
        return await look(*arguments, **named)

    monkeypatch.setattr(exchange.gate, "look", late)
    with pytest.raises(CorrectionClosed):
        await cases.desk.show(RD, officer_of("rd"), case)


async def test_another_agencys_case_is_as_unknown_as_one_that_never_was(exchange: Exchange, cases: Cases) -> None:
    case = await cases.open()
    stranger = Handler("dopa", "b" * 32)
    assert await cases.desk.listed(stranger) == []
    before = len(await exchange.entries())
    for act in (
        cases.desk.show(stranger, officer_of("dopa"), case),
        cases.desk.take(stranger, case),
        cases.desk.decide(stranger, case, Outcome.REFUSED, "x"),
        cases.desk.decide(stranger, case, Outcome.CORRECTED, "x"),
        cases.desk.take(RD, UUID(int=7)),
    ):
        with pytest.raises(NotFound):
            await act
    assert len(await exchange.entries()) == before
    assert (await cases.get(case)).status == S.OPEN


async def test_who_asks_in_another_agencys_name_is_refused_and_that_is_logged(exchange: Exchange, cases: Cases) -> None:
    case = await cases.open()
    with pytest.raises(LookRefused):
        await cases.desk.show(RD, officer_of("oic"), case)
    assert (await exchange.entries(cases.person))[-1].decision == "DENIED"


async def test_nobody_decides_about_themself(cases: Cases) -> None:
    case = await cases.open()
    themself = Handler("rd", cases.person.hex)
    for act in (cases.desk.take(themself, case), cases.desk.decide(themself, case, Outcome.REFUSED, "x")):
        with pytest.raises(ConcernsYourself):
            await act


async def test_the_desk_lists_the_oldest_first_and_by_status(cases: Cases) -> None:
    first = await cases.taken("annual_income")
    rest = [name for name, a in CATALOGUE.attributes.items() if a.steward == "rd" and not a.derived and not a.is_tie]
    others = [await cases.open(name) for name in rest if name != "annual_income"]
    everything = [first, *others]
    assert [row.id for row in await cases.desk.listed(RD)] == everything
    assert [row.id for row in await cases.desk.listed(RD, [S.IN_REVIEW])] == [first]
    assert [row.id for row in await cases.desk.listed(RD, after=first)] == others
    await cases.withdraw(first)
    assert [row.id for row in await cases.desk.listed(RD)] == others
    assert [row.id for row in await cases.desk.listed(RD, [S.WITHDRAWN])] == [first]


# The life of a case.


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("action", A)
def test_every_pair_is_a_move_or_a_named_refusal(status: CorrectionStatus, action: CorrectionAction) -> None:
    moved = states.TRANSITIONS.get((status, action))
    if moved is not None:
        assert states.after(status, action) is moved
        return
    expected: type[SitthiError] = CorrectionNotTaken
    if states.TURNS[status] is CorrectionTurn.DONE:
        expected = CorrectionClosed
    elif status is S.NEEDS_MORE:
        expected = NotTheAgencysTurn
    with pytest.raises(expected):
        states.after(status, action)


def test_the_table_in_the_docstring_is_the_table() -> None:
    header, _, *rows = [line for line in (states.__doc__ or "").splitlines() if line.startswith("|")]
    names = [cell.strip().upper() for cell in header.strip("|").split("|")]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        status = S(cells[0])
        for name, cell in zip(names[1:-1], cells[1:-1], strict=True):
            assert states.TRANSITIONS.get((status, A(name))) == (S(cell) if cell else None)
        assert states.TURNS[status] == cells[-1]
    assert len(rows) == len(S)


@pytest.mark.parametrize("note", ["", "   ", "x" * 2001, "a\x00b", "\ud800"])
@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.NEEDS_MORE])
async def test_a_refusal_has_its_reason_and_a_question_its_words(cases: Cases, outcome: Outcome, note: str) -> None:
    case = await cases.taken()
    with pytest.raises(BadInput):
        await cases.desk.decide(RD, case, outcome, note)
    assert (await cases.get(case)).status == S.IN_REVIEW


async def test_nobody_decides_a_case_that_nobody_took(cases: Cases) -> None:
    case = await cases.open()
    with pytest.raises(CorrectionNotTaken):
        await cases.desk.decide(RD, case, Outcome.REFUSED, "เพราะ")


@pytest.mark.parametrize("end", ["withdraw", "correct", "refuse"])
async def test_what_is_over_moves_no_more_and_another_case_can_be_opened(cases: Cases, end: str) -> None:
    case = await cases.taken()
    if end == "withdraw":
        await cases.withdraw(case)
    else:
        await cases.desk.decide(RD, case, Outcome.CORRECTED if end == "correct" else Outcome.REFUSED, "เพราะ")
    for act in (
        cases.supplement(case),
        cases.withdraw(case),
        cases.desk.take(RD, case),
        cases.desk.decide(RD, case, Outcome.REFUSED, "เพราะ"),
    ):
        with pytest.raises(CorrectionClosed):
            await act
    assert await cases.open() != case


async def test_what_waits_for_the_citizen_is_refused_only_when_their_days_are_over(cases: Cases) -> None:
    case = await cases.taken()
    asked = await cases.desk.decide(RD, case, Outcome.NEEDS_MORE, "ขอหลักฐาน")
    clock = cases.exchange.clock
    clock.set(datetime(*asked.due_on.timetuple()[:3], 23, 59, 59, tzinfo=BANGKOK))
    with pytest.raises(NotTheAgencysTurn):
        await cases.desk.decide(RD, case, Outcome.REFUSED, "ไม่มีหลักฐาน")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(NotTheAgencysTurn):
        await cases.desk.decide(RD, case, Outcome.CORRECTED, "")
    assert (await cases.desk.decide(RD, case, Outcome.REFUSED, "ไม่มีหลักฐาน")).status == S.REFUSED


async def test_the_agencys_days_stand_still_while_it_waits_for_the_citizen(cases: Cases) -> None:
    """Opened on Monday 16 November: the agency has until Wednesday 16 December."""
    case = await cases.taken()
    assert (await cases.get(case)).due_on == date(2026, 12, 16)
    cases.exchange.clock.advance(timedelta(days=20))
    await cases.desk.decide(RD, case, Outcome.NEEDS_MORE, "ขอหลักฐาน")
    cases.exchange.clock.advance(timedelta(days=15))
    again = await cases.supplement(case)
    assert again.due_on == date(2026, 12, 31), "10 of its days were left, 21 December + 10"
    assert not is_overdue(again, date(2026, 12, 31))
    assert is_overdue(again, date(2027, 1, 1))


@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(1, 60))
def test_a_period_ends_on_a_working_day_and_never_early(start: date, days: int) -> None:
    last = due(start, days)
    assert last.weekday() < 5
    assert 0 <= (last - start).days - days <= 2


@pytest.mark.parametrize(
    ("attribute", "statement", "error"),
    [
        ("no_such_thing", "x", UnknownAttribute),
        ("children", "x", UnknownAttribute),
        ("household_income", "x", BadInput),
        ("annual_income", " ", BadInput),
        ("annual_income", "x" * 2001, BadInput),
        ("annual_income", "\udc00", BadInput),
    ],
)
async def test_what_cannot_be_corrected(cases: Cases, attribute: str, statement: str, error: type[SitthiError]) -> None:
    with pytest.raises(error):
        await cases.open(attribute, statement)
    assert await cases.messages() == []


async def test_of_many_cases_about_the_same_at_once_one_is_opened(cases: Cases) -> None:
    made = await asyncio.gather(*(cases.open() for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(one, UUID) for one in made) == 1
    assert sum(isinstance(one, CorrectionOpen) for one in made) == 19
    assert len(await cases.messages()) == 1


async def test_of_many_decisions_and_a_withdrawal_at_once_one_takes_effect(cases: Cases) -> None:
    case = await cases.taken()
    acts: list[Any] = [cases.desk.decide(RD, case, Outcome.REFUSED, "เพราะ") for _ in range(8)]
    acts += [cases.desk.decide(RD, case, Outcome.CORRECTED, "") for _ in range(8)]
    acts += [cases.withdraw(case) for _ in range(8)]
    done = await asyncio.gather(*acts, return_exceptions=True)
    assert sum(isinstance(one, Correction) for one in done) == 1
    assert sum(isinstance(one, CorrectionClosed) for one in done) == 23
    row, steps = await cases.get(case), await cases.steps(case)
    assert [step.status for step in steps] == [S.OPEN, S.IN_REVIEW, S(row.status)]
    assert row.closed_at is not None


async def test_a_citizen_adds_only_so_much_of_their_own_accord(cases: Cases) -> None:
    case = await cases.taken()
    for number in range(19):
        await cases.supplement(case, f"หลักฐานที่ {number}")
    with pytest.raises(BadInput):
        await cases.supplement(case)
    await cases.desk.decide(RD, case, Outcome.NEEDS_MORE, "ขออีกหนึ่ง")
    assert (await cases.supplement(case, "ตามที่ขอ")).status == S.IN_REVIEW, "who was asked may answer"


async def test_another_persons_case_is_nobodys(exchange: Exchange, cases: Cases) -> None:
    case = await cases.open()
    cases.person = exchange.keys["lodger"]
    for act in (cases.supplement(case), cases.withdraw(case)):
        with pytest.raises(NotFound):
            await act
    async with exchange.database.read() as session:
        assert await cases.service.get(session, cases.person, case) is None


async def test_what_was_said_is_sealed(exchange: Exchange, cases: Cases) -> None:
    case = await cases.taken()
    await cases.supplement(case, "ความลับของฉัน")
    async with exchange.database.read() as session:
        rows = (await session.scalars(select(CorrectionEvent))).all()
        row = (await session.scalars(select(Correction))).one()
    assert "ความลับของฉัน".encode() not in b"".join(one.note_sealed or b"" for one in rows)
    assert "ทำงาน".encode() not in row.statement_sealed
    assert (await cases.steps(case))[-1].note == "ความลับของฉัน"
