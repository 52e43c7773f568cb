"""The citizen says that money did not come; the agency answers."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import pytest
import strawberry
from sqlalchemy import select, update
from sqlmodel import col

from core.errors import BadInput, Conflict, NotAllowed, NotFound, ServiceUnavailable, SitthiError
from core.graph import Info, Node, global_id
from core.ids import GlobalId, NationalId, new_id
from core.text import Text
from core.viewer import Acting
from identity.inbox.models import Message
from identity.inbox.service import Inbox
from identity.officers import Officer
from identity.officers.errors import ConflictOfInterest
from identity.people import PeopleRegister
from services.exchange.facts import PAYMENT
from services.pay.models import Instalment
from services.receive.disputes.desk import ANSWER, DisputeDesk
from services.receive.disputes.errors import DisputeClosed, NotYourTurn
from services.receive.disputes.models import Dispute, DisputeEvent
from services.receive.disputes.service import (
    ANSWER_DAYS,
    ARRIVES_DAYS,
    CONFIRMED_DAYS,
    CONTEST_DAYS,
    ROUNDS_MAX,
    DisputeService,
)
from services.receive.disputes.states import TRANSITIONS, TURNS, DisputeAction, DisputeStatus, Finding, after
from services.receive.graph import NODES, ReceiveMutation, ReceiveOfCitizen
from services.receive.service import Receipts
from tests.services.apply.asking import Asking, schema_of
from tests.services.pay.town import KEYS, TownHall, national_id
from tests.services.receive.test_graph import CONFIRM, given, paid, payments, receipt_of

FIELDS = """dispute { id kind status turn finding dueOn closedAt amountReceived { satang }
  history { action status finding byAgency note } } problems { code path }"""
DISPUTE = "mutation($input: DisputeInput!) { dispute(input: $input) { %s } }" % FIELDS  # noqa: UP031 - braces
CONTEST = "mutation($input: ContestDisputeInput!) { contestDispute(input: $input) { %s } }" % FIELDS  # noqa: UP031
CLOSE = "mutation($input: CloseDisputeInput!) { closeDispute(input: $input) { %s } }" % FIELDS  # noqa: UP031
OF_PAYMENT = "{ viewer { payments { nodes { disputes { id status } } } } }"
NODE = "query($id: ID!) { node(id: $id) { id } }"
WORDS = "ไม่มีเงินเข้าบัญชี"


def titles(slug: str) -> Text:
    return Text(th=f"กรม {slug}", en=f"Department {slug}")


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info) -> ReceiveOfCitizen:
        return ReceiveOfCitizen(person=info.context.signed_in().person)

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's word
        found = GlobalId.parse(str(id))
        return await NODES[found.type](info, found.id)


@dataclass
class Looks:
    """A gate that opens to everybody, and remembers who looked at what."""

    register: PeopleRegister
    hall: TownHall
    looked: list[tuple[UUID, str, str]] = field(default_factory=list)

    async def look(self, subject: UUID, what: str, agency: str, read: Any, *, asker: Any, purpose: Any) -> Any:
        assert purpose is PAYMENT
        self.looked.append((subject, what, asker.id))
        async with self.hall.db.read() as session:
            person: NationalId = await self.register.reveal(session, subject)
        return await read(person)


@dataclass
class Near:
    """With whom every officer lives; None while the register is silent."""

    people: set[UUID] | None = field(default_factory=set)

    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        if self.people is None:
            raise ServiceUnavailable("dopa")
        return bool(self.people & set(people))


@dataclass
class Town:
    """A town hall whose citizens can dispute."""

    hall: TownHall
    ask: Asking
    service: DisputeService
    desk: DisputeDesk
    gate: Looks
    near: Near
    officer: Officer

    @classmethod
    def of(cls, hall: TownHall, receipts: Receipts) -> Self:
        service = DisputeService(hall.clock, KEYS, Inbox(hall.clock), titles)
        gate = Looks(PeopleRegister(KEYS, hall.clock), hall)
        near = Near()
        desk = DisputeDesk(hall.db, hall.clock, gate, service, titles, near)  # type: ignore[arg-type]  # only looks
        ask = Asking(schema_of(Query, ReceiveMutation), hall.db, hall.clock)
        ask.rooms.add(Receipts, receipts)
        ask.rooms.add(DisputeService, service)
        officer = Officer(new_id(), "dla", frozenset({ANSWER}), Text(th="ก", en="A"))
        return cls(hall, ask, service, desk, gate, near, officer)

    async def begin(self, person: UUID, key: str = "key-0000001", **more: Any) -> Any:
        [payment] = [one for one in await self.hall.instalments() if one.person == person]
        told = {
            "payment": str(global_id("Payment", payment.id)),
            "kind": "NOT_RECEIVED",
            "statement": WORDS,
            "idempotencyKey": key,
            **more,
        }
        return (await self.ask(DISPUTE, person, input=told))["dispute"]

    async def begun(self, person: UUID) -> UUID:
        answer = await self.begin(person)
        assert answer["problems"] == []
        return GlobalId.parse(answer["dispute"]["id"]).id

    async def answered(self, person: UUID) -> UUID:
        key = await self.begun(person)
        await self.desk.answer(self.officer, key, Finding.PAID, "โอนเข้าพร้อมเพย์แล้ว")
        return key

    async def contest(self, person: UUID, dispute: UUID, key: str) -> Any:
        told = {"dispute": str(global_id("Dispute", dispute)), "statement": "ยังไม่เห็นเงิน", "idempotencyKey": key}
        return (await self.ask(CONTEST, person, input=told))["contestDispute"]

    async def close(self, person: UUID, dispute: UUID, key: str = "close-00001") -> Any:
        told = {"dispute": str(global_id("Dispute", dispute)), "idempotencyKey": key}
        return (await self.ask(CLOSE, person, input=told))["closeDispute"]


@pytest.fixture
def town(hall: TownHall, receipts: Receipts) -> Town:
    return Town.of(hall, receipts)


def codes(answer: Any) -> list[tuple[str, list[str]]]:
    return [(problem["code"], problem["path"]) for problem in answer["problems"]]


@pytest.mark.parametrize("status", DisputeStatus)
@pytest.mark.parametrize("action", [a for a in DisputeAction if a is not DisputeAction.BEGIN])
def test_every_pair_of_state_and_action_is_a_move_or_a_named_refusal(
    status: DisputeStatus, action: DisputeAction
) -> None:
    if (status, action) in TRANSITIONS:
        assert after(status, action) is TRANSITIONS[status, action]
        return
    with pytest.raises(DisputeClosed if status is DisputeStatus.CLOSED else NotYourTurn):
        after(status, action)


def test_every_state_has_its_turn_and_the_last_one_no_way_out() -> None:
    assert set(TURNS) == set(DisputeStatus)
    assert not [move for move in TRANSITIONS if move[0] is DisputeStatus.CLOSED]


async def test_a_dispute_goes_from_the_citizen_to_the_agency_and_back_until_the_citizen_closes_it(town: Town) -> None:
    person = await paid(town.hall)
    told = (await town.begin(person))["dispute"]
    today = town.hall.clock.today()
    assert (told["status"], told["turn"], told["finding"]) == ("OPEN", "AGENCY", None)
    assert told["dueOn"] == (today + timedelta(days=ANSWER_DAYS)).isoformat()
    assert told["history"] == [{"action": "BEGIN", "status": "OPEN", "finding": None, "byAgency": False, "note": WORDS}]
    key = GlobalId.parse(told["id"]).id
    await town.desk.answer(town.officer, key, Finding.PAID, "โอนเข้าพร้อมเพย์แล้ว", seen=1)
    contested = (await town.contest(person, key, "again-00001"))["dispute"]
    assert (contested["status"], contested["turn"], contested["finding"]) == ("OPEN", "AGENCY", "PAID")
    await town.desk.answer(town.officer, key, Finding.UPHELD, "ธนาคารส่งผิดบัญชี จะจ่ายใหม่")
    closed = (await town.close(person, key))["dispute"]
    assert (closed["status"], closed["turn"], closed["finding"], closed["dueOn"]) == ("CLOSED", "DONE", "UPHELD", None)
    assert [step["action"] for step in closed["history"]] == ["BEGIN", "ANSWER", "CONTEST", "ANSWER", "CLOSE"]
    assert [step["byAgency"] for step in closed["history"]] == [False, True, False, True, False]
    assert closed["history"][3]["note"] == "ธนาคารส่งผิดบัญชี จะจ่ายใหม่"


async def test_the_citizen_is_told_what_others_did_and_the_message_holds_nobodys_words(town: Town) -> None:
    person = await paid(town.hall)
    await town.answered(person)
    async with town.hall.db.read() as session:
        messages = [
            m for m in await session.scalars(select(Message).order_by(col(Message.id))) if "dispute" in m.template
        ]
    assert [m.template for m in messages] == ["receive.dispute-begun", "receive.dispute-answered"]
    assert all("700.00" in m.body_th and "กรม dla" in m.body_th for m in messages)
    assert not [m for m in messages if WORDS in m.body_th or "โอนเข้า" in m.body_th]


async def test_what_was_said_is_stored_sealed(town: Town) -> None:
    await town.begun(await paid(town.hall))
    async with town.hall.db.read() as session:
        [event] = await session.scalars(select(DisputeEvent))
    assert event.note_sealed
    assert WORDS.encode() not in event.note_sealed


async def test_of_twenty_disputes_of_one_payment_at_once_one_is_begun(town: Town) -> None:
    person = await paid(town.hall)
    answers = await asyncio.gather(*(town.begin(person, f"key-{n:07}") for n in range(20)))
    assert sum(answer["dispute"] is not None for answer in answers) == 1
    refused = [problem["code"] for answer in answers for problem in answer["problems"]]
    assert refused == ["DISPUTE_OPEN"] * 19
    async with town.hall.db.read() as session:
        assert len((await session.scalars(select(Dispute))).all()) == 1


async def test_after_one_is_closed_another_can_be_begun_and_both_stand_at_the_payment(town: Town) -> None:
    person = await paid(town.hall)
    first = await town.begun(person)
    assert codes(await town.begin(person, "key-0000002")) == [("DISPUTE_OPEN", ["payment"])]
    await town.close(person, first)
    assert (await town.begin(person, "key-0000003"))["dispute"]["status"] == "OPEN"
    [payment] = (await town.ask(OF_PAYMENT, person))["viewer"]["payments"]["nodes"]
    assert [one["status"] for one in payment["disputes"]] == ["OPEN", "CLOSED"]


@pytest.mark.parametrize(("days", "code"), [(CONFIRMED_DAYS, None), (CONFIRMED_DAYS + 1, "DISPUTE_TOO_LATE")])
async def test_what_was_confirmed_can_be_disputed_for_thirty_days(town: Town, days: int, code: str | None) -> None:
    person = await paid(town.hall)
    assert (await town.ask(CONFIRM, person, input=given(await receipt_of(town.ask, person))))["confirmReceipt"][
        "receipt"
    ]
    town.hall.clock.advance(timedelta(days=days))
    answer = await town.begin(person)
    assert [problem["code"] for problem in answer["problems"]] == ([] if code is None else [code])


async def test_what_was_never_confirmed_can_be_disputed_later(town: Town) -> None:
    person = await paid(town.hall)
    town.hall.clock.advance(timedelta(days=400))
    assert (await town.begin(person))["dispute"]["status"] == "OPEN"


async def test_what_is_not_due_yet_can_be_disputed_only_once_it_should_have_come(town: Town) -> None:
    person = await town.hall.person()
    await town.hall.grant(payee=person)
    [row] = await town.hall.instalments()
    arrives = row.due_on + timedelta(days=ARRIVES_DAYS)
    async with town.hall.db.write() as session:
        later = town.hall.clock.today() + timedelta(days=1)
        await session.execute(update(Instalment).values(due_on=later - timedelta(days=ARRIVES_DAYS)))
    assert codes(await town.begin(person)) == [("DISPUTE_TOO_EARLY", ["payment"])]
    town.hall.clock.advance(timedelta(days=1))
    assert (await town.begin(person, "key-0000002"))["dispute"]["status"] == "OPEN"
    assert arrives > row.due_on


@pytest.mark.parametrize("status", ["RETURNED", "CANCELLED"])
async def test_what_came_back_or_was_cancelled_is_mended_another_way(town: Town, status: str) -> None:
    person = await paid(town.hall)
    async with town.hall.db.write() as session:
        if status == "CANCELLED":
            await session.execute(update(Instalment).values(run=None, status=status))
        else:
            await session.execute(update(Instalment).values(status=status))
    assert codes(await town.begin(person)) == [("NOTHING_TO_DISPUTE", ["payment"])]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"statement": " "}, "statement"),
        ({"statement": "x" * 2_001}, "statement"),
        ({"statement": "a\x00b"}, "statement"),
        ({"kind": "WRONG_AMOUNT"}, "amountReceived"),
        ({"kind": "WRONG_AMOUNT", "amountReceived": 70_000}, "amountReceived"),
        ({"kind": "WRONG_AMOUNT", "amountReceived": -1}, "amountReceived"),
        ({"kind": "NOT_RECEIVED", "amountReceived": 1}, "amountReceived"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_leaves_no_row(town: Town, more: dict[str, Any], path: str) -> None:
    assert codes(await town.begin(await paid(town.hall), **more)) == [("BAD_INPUT", [path])]
    async with town.hall.db.read() as session:
        assert (await session.scalars(select(Dispute))).all() == []


@pytest.mark.parametrize("satang", [0, 69_999, 70_001])
async def test_a_wrong_amount_says_how_much_came(town: Town, satang: int) -> None:
    answer = await town.begin(await paid(town.hall), kind="WRONG_AMOUNT", amountReceived=satang)
    assert answer["dispute"]["amountReceived"] == {"satang": satang}


async def test_a_strangers_payment_and_dispute_are_as_unknown_as_those_that_never_were(town: Town) -> None:
    person, stranger = await paid(town.hall), await town.hall.person()
    [payment] = (await payments(town.ask, person))["nodes"]
    for who, wanted, code in (
        (stranger, payment["id"], "PAYMENT_NOT_FOUND"),
        (person, str(global_id("Payment", new_id())), "PAYMENT_NOT_FOUND"),
        (person, str(global_id("Receipt", new_id())), "MALFORMED_ID"),
        (person, "nonsense", "MALFORMED_ID"),
    ):
        told = {"payment": wanted, "kind": "NOT_RECEIVED", "statement": WORDS, "idempotencyKey": "key-0000009"}
        assert codes((await town.ask(DISPUTE, who, input=told))["dispute"]) == [(code, ["payment"])]
    key = await town.begun(person)
    assert codes(await town.close(stranger, key)) == [("NOT_FOUND", ["dispute"])]
    assert codes(await town.contest(stranger, key, "again-00001")) == [("NOT_FOUND", ["dispute"])]
    own = str(global_id("Dispute", key))
    assert await town.ask(NODE, person, id=own) == {"node": {"id": own}}
    assert await town.ask(NODE, stranger, id=own) == {"node": None}
    assert await town.ask(NODE, None, id=own) == {"node": None}


async def test_who_repeats_a_request_gets_the_same_dispute(town: Town) -> None:
    person = await paid(town.hall)
    assert await town.begin(person) == await town.begin(person)


async def test_out_of_turn_nobody_moves(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.begun(person)
    assert codes(await town.contest(person, key, "again-00001")) == [("DISPUTE_NOT_YOUR_TURN", [])]
    await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")
    with pytest.raises(NotYourTurn):
        await town.desk.answer(town.officer, key, Finding.PAID, "อีกครั้ง")
    await town.close(person, key)
    assert codes(await town.close(person, key, "close-00002")) == [("DISPUTE_CLOSED", [])]
    with pytest.raises(DisputeClosed):
        await town.desk.answer(town.officer, key, Finding.PAID, "สาย")


async def test_of_two_officers_who_answer_at_once_one_is_heard(town: Town) -> None:
    key = await town.begun(await paid(town.hall))

    async def answer() -> bool:
        try:
            await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")
        except SitthiError:
            return False
        return True

    assert sorted(await asyncio.gather(*(answer() for _ in range(5)))) == [False] * 4 + [True]


async def test_an_answer_to_what_was_not_seen_is_refused(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.answered(person)
    await town.contest(person, key, "again-00001")
    with pytest.raises(Conflict):
        await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว", seen=1)
    assert (await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว", seen=3)).version == 4


async def test_only_officers_of_the_agency_with_the_role_and_not_about_themselves(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.begun(person)
    other = Officer(new_id(), "dcy", frozenset({ANSWER}), Text(th="ข", en="B"))
    without = Officer(new_id(), "dla", frozenset({"pay.plan"}), Text(th="ค", en="C"))
    oneself = Officer(person, "dla", frozenset({ANSWER}), Text(th="ง", en="D"))
    with pytest.raises(NotFound):
        await town.desk.answer(other, key, Finding.PAID, "โอนแล้ว")
    assert await town.desk.listed(other) == []
    for act in (town.desk.listed(without), town.desk.show(without, key)):
        with pytest.raises(NotAllowed):
            await act
    with pytest.raises(NotAllowed):
        await town.desk.answer(without, key, Finding.PAID, "โอนแล้ว")
    with pytest.raises(NotAllowed):
        await town.desk.answer(oneself, key, Finding.PAID, "โอนแล้ว")
    with pytest.raises(BadInput):
        await town.desk.answer(town.officer, key, Finding.PAID, "  ")


async def test_who_is_near_the_citizen_neither_reads_nor_answers_what_they_say(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.begun(person)
    town.near.people = {person}
    for act in (town.desk.show(town.officer, key), town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")):
        with pytest.raises(ConflictOfInterest):
            await act
    assert town.gate.looked == []
    town.near.people = set()
    assert (await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")).status == "ANSWERED"


async def test_who_is_near_the_child_that_it_is_for_is_near_as_well(town: Town) -> None:
    person, child = await paid(town.hall), new_id()
    async with town.hall.db.write() as session:
        await session.execute(update(Instalment).values(beneficiary=child))
    key = await town.begun(person)
    town.near.people = {child}
    with pytest.raises(ConflictOfInterest):
        await town.desk.show(town.officer, key)


async def test_while_nobody_can_say_who_is_near_nobody_reads_it(town: Town) -> None:
    key = await town.begun(await paid(town.hall))
    town.near.people = None
    for act in (town.desk.show(town.officer, key), town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")):
        with pytest.raises(ServiceUnavailable):
            await act
    assert town.gate.looked == []


async def test_what_is_an_officers_own_is_not_among_their_work_and_not_opened(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.begun(person)
    oneself = Officer(person, "dla", frozenset({ANSWER}), Text(th="ง", en="D"))
    assert await town.desk.listed(oneself) == []
    with pytest.raises(ConflictOfInterest):
        await town.desk.show(oneself, key)


@pytest.mark.parametrize("scopes", [frozenset({"VIEW"}), frozenset({"VIEW", "RECEIVE"})])
async def test_who_may_only_look_for_the_citizen_does_not_read_what_was_said(
    town: Town, scopes: frozenset[str]
) -> None:
    person = await paid(town.hall)
    answer = await town.begin(person, kind="WRONG_AMOUNT", amountReceived=5)
    acting = Acting(new_id(), new_id(), scopes)
    document = """{ viewer { payments { nodes { disputes {
      id status amountReceived { satang } history { action note } } } } } }"""
    [payment] = (await town.ask(document, person, acting=acting))["viewer"]["payments"]["nodes"]
    [told] = payment["disputes"]
    reads = "RECEIVE" in scopes
    assert (told["id"], told["status"]) == (answer["dispute"]["id"], "OPEN")
    assert told["amountReceived"] == ({"satang": 5} if reads else None)
    assert told["history"] == [{"action": "BEGIN", "note": WORDS if reads else None}]


async def test_a_list_goes_on_where_the_page_before_ended(town: Town) -> None:
    person = await paid(town.hall)
    keys = []
    for number in range(5):
        key = GlobalId.parse((await town.begin(person, f"key-{number:07}"))["dispute"]["id"]).id
        await town.close(person, key, f"close-{number:05}")
        keys.append(key)
    every = tuple(DisputeStatus)
    seen: list[UUID] = []
    while page := await town.desk.listed(town.officer, every, after=seen[-1] if seen else None, limit=2):
        assert len(page) <= 2
        seen += [row.id for row in page]
    assert seen == sorted(keys)
    assert await town.desk.ending(town.officer, keys[3].hex[-12:]) == keys[3]
    for ending in ("ffffffffffff", ""):
        with pytest.raises(NotFound):
            await town.desk.ending(town.officer, ending)
    other = Officer(new_id(), "dcy", frozenset({ANSWER}), Text(th="ข", en="B"))
    with pytest.raises(NotFound):
        await town.desk.ending(other, keys[3].hex)


async def test_who_it_is_about_is_told_through_the_gate_alone(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.begun(person)
    assert [row.id for row in await town.desk.listed(town.officer)] == [key]
    assert town.gate.looked == []
    case = await town.desk.show(town.officer, key)
    assert town.gate.looked == [(person, "dla:dispute", town.officer.person.hex)]
    assert (case.national_id, case.steps[0].note) == (national_id(1), WORDS)
    assert case.title.en == "Old-age allowance"


async def test_what_nobody_goes_on_with_lapses_when_the_citizens_days_are_over(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.answered(person)
    town.hall.clock.advance(timedelta(days=CONTEST_DAYS))
    assert await town.desk.lapse() == 0
    town.hall.clock.advance(timedelta(days=1))
    assert await town.desk.lapse() == 1
    assert await town.desk.lapse() == 0
    async with town.hall.db.read() as session:
        [row] = await session.scalars(select(Dispute))
        last = await session.scalar(select(Message.template).order_by(col(Message.id).desc()).limit(1))  # type: ignore[call-overload]
    assert (row.id, row.status, last) == (key, "CLOSED", "receive.dispute-lapsed")


async def test_an_agency_that_does_not_answer_never_ends_a_dispute_by_waiting(town: Town) -> None:
    await town.begun(await paid(town.hall))
    town.hall.clock.advance(timedelta(days=400))
    assert await town.desk.lapse() == 0


async def test_it_goes_back_and_forth_no_more_than_twenty_steps(town: Town) -> None:
    person = await paid(town.hall)
    key = await town.answered(person)
    for turn in range(ROUNDS_MAX // 2 - 1):
        assert codes(await town.contest(person, key, f"again-{turn:05}")) == []
        await town.desk.answer(town.officer, key, Finding.PAID, "โอนแล้ว")
    assert codes(await town.contest(person, key, "again-99999")) == [("BAD_INPUT", ["dispute"])]
    assert (await town.close(person, key))["dispute"]["status"] == "CLOSED"


async def test_what_went_to_the_bank_is_what_is_disputed_not_what_was_withheld_of_it(town: Town) -> None:
    person = await paid(town.hall)
    async with town.hall.db.write() as session:
        await session.execute(update(Instalment).where(col(Instalment.person) == person).values(withheld=10_000))
    as_it_went = await town.begin(person, kind="WRONG_AMOUNT", amountReceived=60_000)
    assert codes(as_it_went) == [("BAD_INPUT", ["amountReceived"])]
    gross = await town.begin(person, "key-0000002", kind="WRONG_AMOUNT", amountReceived=70_000)
    assert codes(gross) == []
    async with town.hall.db.read() as session:
        messages = (await session.scalars(select(Message).where(col(Message.person) == person))).all()
    [told] = [one.body_th for one in messages if one.template == "receive.dispute-begun"]
    assert "600.00" in told
