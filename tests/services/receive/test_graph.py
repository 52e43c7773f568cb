"""Payments, receipts, confirmation and rating, as a citizen's app asks."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest
import strawberry
from sqlalchemy import delete, event, select, update

from core.errors import BadInput, NotSignedIn
from core.graph import Info, Node, global_id
from core.ids import GlobalId, new_id
from core.text import Language
from identity.counter.codes import normalised
from identity.inbox.models import Change, Message
from services.pay.models import Instalment
from services.pay.rails.cash.counter import OwnCodes
from services.pay.rails.cash.models import CashSlip
from services.pay.recovery.models import Underpayment
from services.receive.graph import NODES, ReceiveMutation, ReceiveOfCitizen
from services.receive.models import Rating, Receipt
from services.receive.satisfaction.models import Satisfaction
from services.receive.service import Receipts
from services.sandbox.bank import Faults
from tests.services.apply.asking import Asking, schema_of
from tests.services.pay.town import KEYS, PERIOD, TownHall

PAYMENTS = """query($first: Int, $after: String) { viewer { payments(first: $first, after: $after) {
  pageInfo { hasNextPage endCursor }
  nodes { id amount { satang currency } status dueOn settledOn period programme title beneficiary { id }
    receipt { id number amount { satang } settledAt confirmedAt verifyUrl qrSvg } rating { score comment } } } } }"""
CAME_BACK = "{ viewer { payments { nodes { status toMend paidAgainBy { id } } } } }"
CONFIRM = """mutation($input: ConfirmReceiptInput!) { confirmReceipt(input: $input) {
  receipt { id confirmedAt } problems { code path } } }"""
RATE = "mutation($input: RateInput!) { rate(input: $input) { rating { score comment } problems { code path } } }"
NODE = "query($id: ID!) { node(id: $id) { id } }"


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info) -> ReceiveOfCitizen:
        return ReceiveOfCitizen(person=info.context.signed_in().person)

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - Relay's word
        given = GlobalId.parse(str(id))
        return await NODES[given.type](info, given.id)


@pytest.fixture
def ask(hall: TownHall, receipts: Receipts) -> Asking:
    asking = Asking(schema_of(Query, ReceiveMutation), hall.db, hall.clock)
    asking.rooms.add(Receipts, receipts)
    return asking


async def paid(hall: TownHall) -> UUID:
    """A citizen who has just been paid."""
    person = await hall.person()
    await hall.grant(payee=person)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    await hall.jobs.send(hall.approver, run.id)
    await hall.jobs.reconcile(hall.approver, run.id)
    return person


async def payments(ask: Asking, person: UUID, **variables: Any) -> Any:
    return (await ask(PAYMENTS, person, **variables))["viewer"]["payments"]


async def receipt_of(ask: Asking, person: UUID) -> str:
    [payment] = (await payments(ask, person))["nodes"]
    return str(payment["receipt"]["id"])


def given(receipt: str, key: str = "key-0000001", **more: Any) -> dict[str, Any]:
    return {"receipt": receipt, "idempotencyKey": key, **more}


async def test_a_payment_is_shown_from_its_schedule_on(hall: TownHall, ask: Asking) -> None:
    person = await hall.person()
    await hall.grant(payee=person)
    [payment] = (await payments(ask, person))["nodes"]
    assert (payment["status"], payment["dueOn"], payment["settledOn"]) == ("SCHEDULED", "2026-11-10", None)
    assert payment["amount"] == {"satang": 70_000, "currency": "THB"}
    assert (payment["period"], payment["programme"]) == ("2026-11-01", "dla-old-age")
    assert (payment["title"], payment["beneficiary"]) == ("เบี้ยยังชีพผู้สูงอายุ", {"id": global_id("Person", person)})
    assert (payment["receipt"], payment["rating"]) == (None, None)


async def test_a_settled_payment_has_a_receipt_with_a_qr_code(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    [payment] = (await payments(ask, person))["nodes"]
    receipt = payment["receipt"]
    assert (payment["status"], payment["settledOn"]) == ("SETTLED", "2026-11-16")
    assert (receipt["amount"], receipt["confirmedAt"]) == ({"satang": 70_000}, None)
    assert receipt["number"].startswith("2569-")
    assert receipt["verifyUrl"].startswith("https://sitthi.example/verify/r/")
    assert receipt["qrSvg"].startswith("<svg")
    assert receipt["qrSvg"].endswith("</svg>")


async def test_a_qr_code_is_drawn_once_in_a_request_under_however_many_names(
    hall: TownHall, ask: Asking, receipts: Receipts, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, asked, draw = await paid(hall), 0, receipts.qr_svg

    async def counted(row: Receipt) -> str:
        nonlocal asked
        asked += 1
        return await draw(row)

    monkeypatch.setattr(receipts, "qr_svg", counted)
    names = " ".join(f"a{n}: qrSvg" for n in range(50))
    [payment] = (await ask("{ viewer { payments { nodes { receipt { %s } } } } }" % names, person))["viewer"][  # noqa: UP031 - braces
        "payments"
    ]["nodes"]
    assert (len(set(payment["receipt"].values())), asked) == (1, 1)


async def test_settlement_tells_the_citizen_in_the_same_transaction(hall: TownHall) -> None:
    person = await paid(hall)
    async with hall.db.read() as session:
        [message] = await session.scalars(select(Message))
        kinds = set(await session.scalars(select(Change.kind)))  # type: ignore[call-overload]
    assert (message.person, "700.00" in message.title_th) == (person, True)
    assert kinds == {"MESSAGE", "PAYMENT"}


async def test_a_payment_in_cash_shows_its_slip_and_no_other_does(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    document = "{ viewer { payments { nodes { slip { number payableFrom expiresOn collectedAt hasCode } } } } }"
    assert (await ask(document, person))["viewer"]["payments"]["nodes"] == [{"slip": None}]
    [payment] = await hall.instalments()
    async with hall.db.write() as session:
        row = CashSlip(
            person=person, id=payment.id, number="7K3QX9FZ2M", message=new_id(), agency="dla", satang=payment.satang,
            payable_from=date(2026, 11, 10), expires_on=date(2026, 12, 10), codes=1, code_hash=b"x",
            created_at=hall.clock.now(),
        )  # fmt: skip
        session.add(row)
    [node] = (await ask(document, person))["viewer"]["payments"]["nodes"]
    assert node["slip"] == {
        "number": "7K3QX9FZ2M", "payableFrom": "2026-11-10", "expiresOn": "2026-12-10", "collectedAt": None,
        "hasCode": True,
    }  # fmt: skip


SURE = "ial2.3-aal2.1"
SLIP_CODE = """mutation($input: MakeSlipCodeInput!) { makeSlipCode(input: $input) {
  code slip { number hasCode } problems { code path } } }"""


async def test_a_payee_asks_for_the_code_of_a_slip_and_the_same_key_tells_it_again(hall: TownHall, ask: Asking) -> None:
    ask.rooms.add(OwnCodes, OwnCodes(hall.clock, KEYS))
    person = await paid(hall)
    [payment] = await hall.instalments()
    async with hall.db.write() as session:
        row = CashSlip(
            person=person, id=payment.id, number="7K3QX9FZ2M", message=new_id(), agency="dla", satang=payment.satang,
            payable_from=date(2026, 11, 10), expires_on=date(2026, 12, 10), created_at=hall.clock.now(),
        )  # fmt: skip
        session.add(row)
    key = {"payment": global_id("Payment", payment.id), "idempotencyKey": "key-0000001"}
    unsure = (await ask(SLIP_CODE, person, input=key))["makeSlipCode"]
    assert [one["code"] for one in unsure["problems"]] == ["STEP_UP_REQUIRED"]
    made = (await ask(SLIP_CODE, person, acr=SURE, input=key))["makeSlipCode"]
    assert (made["slip"], made["problems"]) == ({"number": "7K3QX9FZ2M", "hasCode": True}, [])
    assert normalised(made["code"]) is not None
    assert (await ask(SLIP_CODE, person, acr=SURE, input=key))["makeSlipCode"] == made, "the answer was lost"
    another = (await ask(SLIP_CODE, person, acr=SURE, input={**key, "idempotencyKey": "key-0000002"}))["makeSlipCode"]
    assert another["code"] not in (None, made["code"])
    assert (await ask(SLIP_CODE, person, acr=SURE, input=key))["makeSlipCode"]["code"] is None, (
        "it does not count any more"
    )
    async with hall.db.read() as session:
        kept = (await session.scalars(select(CashSlip))).one()
    assert kept.codes == 2
    stranger = (await ask(SLIP_CODE, new_id(), acr=SURE, input={**key, "idempotencyKey": "key-0000003"}))[
        "makeSlipCode"
    ]
    assert [one["code"] for one in stranger["problems"]] == ["NOT_FOUND"]
    assert stranger["code"] is None


async def test_a_payment_says_that_it_supplements_another_and_an_ordinary_one_does_not(
    hall: TownHall, ask: Asking
) -> None:
    person = await paid(hall)
    [small] = await hall.instalments()
    missing, more = new_id(), new_id()
    async with hall.db.write() as session:
        session.add(
            Underpayment(
                person=person, id=missing, instalment=small.id, agency=small.agency, period=small.period,
                satang=100_00, cause="CORRECTION", found_at=hall.clock.now(),
            )
        )  # fmt: skip
        row = small.model_dump() | {
            "id": more, "satang": 100_00, "supplements": missing, "refunds": True, "status": "SCHEDULED",
            "run": None, "settled_at": None, "bank_reference": None,
        }  # fmt: skip
        session.add(Instalment(**row))
    document = "{ viewer { payments { nodes { id supplement { foundOn refunds payment { id } } } } } }"
    nodes = (await ask(document, person))["viewer"]["payments"]["nodes"]
    of = {"foundOn": "2026-11-16", "refunds": True, "payment": {"id": global_id("Payment", small.id)}}
    assert {one["id"]: one["supplement"] for one in nodes} == {
        global_id("Payment", small.id): None,
        global_id("Payment", more): of,
    }


async def test_titles_are_in_the_language_asked_for(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    data = await ask(PAYMENTS, person, language=Language.EN)
    assert data["viewer"]["payments"]["nodes"][0]["title"] == "Old-age allowance"


async def test_money_that_came_back_says_what_to_mend_until_it_is_paid_again(hall: TownHall, ask: Asking) -> None:
    person = await hall.person()
    await hall.grant(payee=person)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    hall.bank.faults = Faults(reject=frozenset({"*"}))
    await hall.jobs.send(hall.approver, run.id)
    nodes = (await ask(CAME_BACK, person, language=Language.EN))["viewer"]["payments"]["nodes"]
    number = "The account number or PromptPay is not right: please correct where you are paid."
    assert nodes == [{"status": "RETURNED", "toMend": number, "paidAgainBy": None}]
    [old] = await hall.instalments()
    again = await hall.jobs.pay_again(hall.planner, old.id)
    nodes = (await ask(CAME_BACK, person))["viewer"]["payments"]["nodes"]
    assert nodes == [
        {"status": "SCHEDULED", "toMend": None, "paidAgainBy": None},
        {"status": "RETURNED", "toMend": None, "paidAgainBy": {"id": global_id("Payment", again.id)}},
    ]


async def test_another_citizens_payments_and_receipts_are_as_unknown_as_those_that_never_were(
    hall: TownHall, ask: Asking
) -> None:
    person, stranger = await paid(hall), await hall.person()
    [payment] = (await payments(ask, person))["nodes"]
    assert (await payments(ask, stranger))["nodes"] == []
    for own in (payment["id"], payment["receipt"]["id"]):
        assert await ask(NODE, person, id=own) == {"node": {"id": own}}
        assert await ask(NODE, stranger, id=own) == {"node": None}
        assert await ask(NODE, None, id=own) == {"node": None}
    for kind in ("Payment", "Receipt"):
        assert await ask(NODE, person, id=global_id(kind, new_id())) == {"node": None}


async def test_payments_come_in_pages_the_latest_due_first(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    await hall.jobs.plan(hall.planner, date(2026, 12, 1))
    first = await payments(ask, person, first=1)
    assert ([p["dueOn"] for p in first["nodes"]], first["pageInfo"]["hasNextPage"]) == (["2026-12-09"], True)
    second = await payments(ask, person, first=1, after=first["pageInfo"]["endCursor"])
    assert ([p["dueOn"] for p in second["nodes"]], second["pageInfo"]["hasNextPage"]) == (["2026-11-10"], False)


@pytest.mark.parametrize("after", ["x", "Yzp4", "YzoyMDI2LTExLTEwIHg"])
async def test_a_cursor_that_is_not_ours_is_refused(hall: TownHall, ask: Asking, after: str) -> None:
    with pytest.raises(BadInput):
        await payments(ask, await hall.person(), after=after)


async def test_a_page_is_read_with_as_many_queries_whatever_its_length(hall: TownHall, ask: Asking) -> None:
    person = await hall.person()
    statements: list[str] = []
    event.listen(hall.db.engine.sync_engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    counts: list[int] = []
    for _ in range(2):
        for subject in range(3):
            await hall.grant(payee=person, agency=f"dla{len(counts)}{subject}")
        statements.clear()
        assert len((await payments(ask, person))["nodes"]) == 3 * (len(counts) + 1)
        counts.append(len([s for s in statements if s.startswith("SELECT")]))
    assert counts[0] == counts[1]


async def test_the_citizen_confirms_once(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    confirmed = (await ask(CONFIRM, person, input=given(receipt)))["confirmReceipt"]
    assert (confirmed["receipt"]["id"], confirmed["problems"]) == (receipt, [])
    assert confirmed["receipt"]["confirmedAt"] is not None
    assert (await ask(CONFIRM, person, input=given(receipt)))["confirmReceipt"] == confirmed
    again = (await ask(CONFIRM, person, input=given(receipt, "key-0000002")))["confirmReceipt"]
    assert (again["receipt"], [p["code"] for p in again["problems"]]) == (None, ["RECEIPT_ALREADY_CONFIRMED"])


async def test_what_the_bank_took_back_is_not_confirmed_until_it_is_booked_again(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    await _status(hall, "RETURNED")
    refused = (await ask(CONFIRM, person, input=given(receipt)))["confirmReceipt"]
    assert refused == {"receipt": None, "problems": [{"code": "RECEIPT_MONEY_CAME_BACK", "path": ["receipt"]}]}
    await _status(hall, "SETTLED")
    assert (await ask(CONFIRM, person, input=given(receipt)))["confirmReceipt"]["receipt"]["confirmedAt"] is not None


async def _status(hall: TownHall, status: str) -> None:
    async with hall.db.write() as session:
        await session.execute(update(Instalment).values(status=status))


async def test_of_thirty_confirmations_at_once_one_counts(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    answers = await asyncio.gather(*(ask(CONFIRM, person, input=given(receipt, f"key-{n:07}")) for n in range(30)))
    assert sum(answer["confirmReceipt"]["receipt"] is not None for answer in answers) == 1


async def test_the_citizen_rates_once_and_sees_it(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    rated = (await ask(RATE, person, input=given(receipt, score=5, comment=" เร็วมาก ")))["rate"]
    assert rated == {"rating": {"score": 5, "comment": "เร็วมาก"}, "problems": []}
    assert (await ask(RATE, person, input=given(receipt, score=5, comment=" เร็วมาก ")))["rate"] == rated
    again = (await ask(RATE, person, input=given(receipt, "key-0000002", score=1)))["rate"]
    assert [p["code"] for p in again["problems"]] == ["RECEIPT_ALREADY_RATED"]
    assert (await payments(ask, person))["nodes"][0]["rating"] == {"score": 5, "comment": "เร็วมาก"}


async def test_who_had_a_rating_erased_does_not_count_a_second_time(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    assert (await ask(RATE, person, input=given(receipt, score=5)))["rate"]["problems"] == []
    async with hall.db.write() as session:
        await session.execute(delete(Rating))
    again = (await ask(RATE, person, input=given(receipt, "key-0000002", score=1)))["rate"]
    assert (again["rating"], [p["code"] for p in again["problems"]]) == (None, ["RECEIPT_ALREADY_RATED"])
    async with hall.db.read() as session:
        assert [(row.satisfied, row.others) for row in await session.scalars(select(Satisfaction))] == [(1, 0)]


async def test_of_twenty_ratings_at_once_one_counts(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    told = [given(receipt, f"key-{n:07}", score=4) for n in range(20)]
    answers = await asyncio.gather(*(ask(RATE, person, input=one) for one in told))
    assert sum(answer["rate"]["rating"] is not None for answer in answers) == 1
    async with hall.db.read() as session:
        assert [(row.satisfied, row.others) for row in await session.scalars(select(Satisfaction))] == [(1, 0)]


@pytest.mark.parametrize("score", [1, 5])
async def test_the_ends_of_the_scale_are_ratings(hall: TownHall, ask: Asking, score: int) -> None:
    person = await paid(hall)
    answer = await ask(RATE, person, input=given(await receipt_of(ask, person), score=score, comment="x" * 1_000))
    assert answer["rate"]["rating"]["score"] == score


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"score": 0}, "score"),
        ({"score": 6}, "score"),
        ({"score": -1}, "score"),
        ({"score": 3, "comment": "x" * 1_001}, "comment"),
        ({"score": 3, "comment": "a\x00b"}, "comment"),
    ],
)
async def test_what_is_beyond_the_scale_leaves_no_row(
    hall: TownHall, ask: Asking, more: dict[str, Any], path: str
) -> None:
    person = await paid(hall)
    answer = (await ask(RATE, person, input=given(await receipt_of(ask, person), **more)))["rate"]
    assert answer == {"rating": None, "problems": [{"code": "BAD_INPUT", "path": [path]}]}
    async with hall.db.read() as session:
        assert (await session.scalars(select(Rating))).all() == []


async def test_a_strangers_forged_or_unknown_receipt_is_refused_and_unchanged(hall: TownHall, ask: Asking) -> None:
    person, stranger = await paid(hall), await hall.person()
    receipt = await receipt_of(ask, person)
    for who, given_id, code in (
        (stranger, receipt, "RECEIPT_NOT_FOUND"),
        (person, global_id("Receipt", new_id()), "RECEIPT_NOT_FOUND"),
        (person, global_id("Payment", new_id()), "MALFORMED_ID"),
        (person, "nonsense", "MALFORMED_ID"),
    ):
        confirmed = (await ask(CONFIRM, who, input=given(str(given_id))))["confirmReceipt"]
        rated = (await ask(RATE, who, input=given(str(given_id), score=3)))["rate"]
        assert confirmed["problems"] == rated["problems"] == [{"code": code, "path": ["receipt"]}]
    async with hall.db.read() as session:
        [row] = await session.scalars(select(Receipt))
    assert row.confirmed_at is None


async def test_nobody_confirms_without_signing_in(hall: TownHall, ask: Asking) -> None:
    with pytest.raises(NotSignedIn):
        await ask(CONFIRM, None, input=given("x"))


async def test_what_the_citizen_wrote_is_stored_sealed(hall: TownHall, ask: Asking) -> None:
    person = await paid(hall)
    receipt = await receipt_of(ask, person)
    await ask(RATE, person, input=given(receipt, score=2, comment="a neighbour told me so"))
    async with hall.db.read() as session:
        [rating] = await session.scalars(select(Rating))
    assert rating.comment_sealed
    assert b"neighbour" not in rating.comment_sealed
