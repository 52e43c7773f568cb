"""The public page of a receipt: what was paid, by whom, when; never to whom."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlmodel import col

from core.attestation.service import Attestor
from core.money import Money
from core.text import Text
from services.pay.breaks import BreakOutcome
from services.pay.contents import settled_payment
from services.pay.models import Award, Instalment
from services.pay.needs import SettledPayment
from services.pay.rails.contract import EntryKind
from services.receive.models import Receipt
from services.receive.routes import verification
from services.receive.service import Receipts
from tests.services.pay.test_resolving import decide, entry, only_break
from tests.services.pay.town import KEYS, TownHall, national_id
from tests.services.receive.conftest import ISSUER


async def get(hall: TownHall, path: str) -> httpx2.Response:
    app = FastAPI()
    attestor = Attestor(hall.db, KEYS, hall.clock, ISSUER)
    app.include_router(verification(hall.db, attestor, lambda slug: Text(th=f"กรม {slug}", en=f"Department {slug}")))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as client:
        return await client.get(f"http://test{path}")


@pytest.fixture
async def receipt(hall: TownHall) -> Receipt:
    await hall.sent(1)
    await hall.jobs.reconcile(hall.approver)
    async with hall.db.read() as session:
        [made] = await session.scalars(select(Receipt))
    return made


async def test_whoever_holds_the_receipt_can_verify_it(hall: TownHall, receipt: Receipt) -> None:
    answer = await get(hall, f"/verify/r/{receipt.code}")
    assert answer.status_code == 200
    for shown in (
        "700.00",
        "เบี้ยยังชีพผู้สูงอายุ",
        "Old-age allowance",
        "16 พฤศจิกายน 2569",
        "กรม dla",
        "Department dla",
        receipt.number,
    ):
        assert shown in answer.text
    assert answer.text.index("ใบรับเงินนี้ถูกต้อง") < answer.text.index("This receipt is genuine")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_the_page_does_not_say_who_was_paid(hall: TownHall, receipt: Receipt) -> None:
    page = (await get(hall, f"/verify/r/{receipt.code}")).text
    assert national_id(1).digits not in page
    for key in (receipt.person, receipt.id, receipt.instalment):
        assert key.hex not in page
        assert str(key) not in page


async def test_every_code_that_is_not_one_gets_the_same_page(hall: TownHall, receipt: Receipt) -> None:
    almost = receipt.code[:-1] + ("A" if receipt.code[-1] != "A" else "B")
    wrong = [almost, "A" * 32, "x", "%00", "ก" * 32, receipt.id.hex]
    answers = [await get(hall, f"/verify/r/{code}") for code in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "ไม่พบใบรับเงินนี้" in answers[0].text


async def test_a_title_is_text_and_not_markup(hall: TownHall, receipt: Receipt) -> None:
    async with hall.db.write() as session:
        await session.execute(update(Receipt).values(title={"th": "<script>alert(1)</script>", "en": "&"}))
    page = (await get(hall, f"/verify/r/{receipt.code}")).text
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_codes_cannot_be_guessed(hall: TownHall, receipt: Receipt) -> None:
    await hall.sent(3)
    await hall.jobs.reconcile(hall.approver)
    async with hall.db.read() as session:
        codes = (await session.scalars(select(Receipt))).all()
    assert len({receipt.code for receipt in codes}) == 4
    assert {len(receipt.code) for receipt in codes} == {32}


async def test_money_that_the_bank_took_back_is_shown_as_such_and_paid_after_all_keeps_its_receipt(
    hall: TownHall, receipt: Receipt, receipts: Receipts
) -> None:
    shown = (await get(hall, f"/verify/r/{receipt.code}")).text
    assert "it was paid as it says" in shown
    async with hall.db.write() as session:
        await session.execute(update(Instalment).values(status="RETURNED"))
    shown = (await get(hall, f"/verify/r/{receipt.code}")).text
    assert "the money came back" in shown
    assert "it was paid as it says" not in shown
    later = receipt.settled_at + timedelta(days=3)
    money, title = Money(receipt.satang), Text(**receipt.title)
    again = SettledPayment(
        receipt.person, receipt.instalment, receipt.subject, title, receipt.agency, receipt.period, money, later
    )
    async with hall.db.write() as session:
        await receipts.settled(session, again)
    async with hall.db.read() as session:
        [row] = await session.scalars(select(Receipt))
    assert (row.id, row.number, row.settled_at, row.confirmed_at) == (receipt.id, receipt.number, later, None)


async def test_the_receipt_of_what_the_bank_found_paid_after_all_has_the_day_on_which_it_came(
    hall: TownHall, receipt: Receipt, receipts: Receipts
) -> None:
    run = (await hall.instalments())[0].run
    assert run is not None
    async with hall.db.write() as session:
        await receipts.confirm(session, receipt.person, receipt.id)
    hall.clock.advance(timedelta(days=60))
    [one] = await hall.instalments()
    for kind, reference in ((EntryKind.RETURNED, "R2"), (EntryKind.PAID, "R3")):
        async with hall.db.write() as session:
            held = await hall.jobs.runs.locked(session, hall.approver, run)
            await hall.jobs.reconciliation.take_entries(session, held, [entry(hall, one.id, kind, reference)])
    await decide(hall, await only_break(hall), BreakOutcome.PAID)
    [one] = await hall.instalments()
    async with hall.db.read() as session:
        [row] = await session.scalars(select(Receipt))
    assert (one.status, row.id, row.number) == ("SETTLED", receipt.id, receipt.number)
    assert row.settled_at == one.settled_at == hall.clock.now(), "the statement of that year tells of it"
    assert row.confirmed_at is None, "what came the first time went back"


async def test_who_confirms_while_the_bank_books_it_again_waits_for_the_payment_first_and_nobody_fails(
    hall: TownHall, receipt: Receipt, receipts: Receipts
) -> None:
    """Else each would hold what the other waits for."""
    payment = select(Instalment).where(col(Instalment.id) == receipt.instalment).with_for_update()

    async def confirm() -> Receipt:
        async with hall.db.write() as session:
            return await receipts.confirm(session, receipt.person, receipt.id)

    async with hall.db.write() as session:
        one = (await session.scalars(payment)).one()
        confirming = asyncio.create_task(confirm())
        while session.get_bind().dialect.name == "postgresql":
            async with hall.db.read() as looking:
                if await looking.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    break
            await asyncio.sleep(0.01)
        award = await session.get(Award, (one.person, one.award))
        assert award is not None
        await receipts.settled(session, settled_payment(one, award, hall.clock.now() + timedelta(days=3)))
    assert (await confirming).confirmed_at is not None
