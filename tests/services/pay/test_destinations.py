"""Where money goes: what a payee said, from when it counts, and what the bank is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core.crypto import SealBroken
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.money import Money
from core.viewer import Viewer
from identity.inbox.service import Inbox
from services.pay.accounts import BankAccount, CreditorAccount, Method, Mobile, masked
from services.pay.contents import content_hash
from services.pay.destinations.banks import banks
from services.pay.destinations.errors import NotAMobileNumber, NotAnAccountNumber, UnknownBank
from services.pay.destinations.models import PayoutDestination
from services.pay.destinations.service import Destinations, parsed
from services.pay.errors import RunChanged
from services.pay.iso20022 import pain001
from services.pay.models import Instalment
from services.pay.rails.contract import Order, Payer, Transfer
from services.pay.rails.memory import MemoryRail
from services.sandbox.bank.messages import read_instruction
from tests.conftest import NOW
from tests.services.pay.town import KEYS, PERIOD, TownHall, jobs_over, national_id

MOBILE = Mobile("+66812345678")
ACCOUNT = BankAccount("006", "1234567890")


def viewer(hall: TownHall, person: UUID) -> Viewer:
    return Viewer(person, "demo-app", frozenset(), "ial2.3-aal2.2", hall.clock.now() + timedelta(hours=1))


async def say(hall: TownHall, person: UUID, account: Mobile | BankAccount | None) -> PayoutDestination:
    async with hall.db.write() as session:
        return await Destinations(hall.clock, KEYS, Inbox(hall.clock)).change(session, viewer(hall, person), account)


async def file_of(hall: TownHall, run: Any) -> str:
    async with hall.db.read() as session:
        return (await hall.jobs.runs.file(session, run)).decode()


async def payee_of(hall: TownHall) -> UUID:
    payee = await hall.person()
    await hall.grant(payee=payee)
    return payee


async def pay(hall: TownHall) -> Any:
    run = await hall.jobs.plan(hall.planner, PERIOD)
    await hall.jobs.approve(hall.approver, run.id)
    return await hall.jobs.send(hall.approver, run.id)


@pytest.mark.parametrize(
    ("account", "written"),
    [
        (None, f"<Prxy><Tp><Prtry>NATID</Prtry></Tp><Id>{national_id(1).digits}</Id></Prxy>"),
        (MOBILE, "<Prxy><Tp><Prtry>MSISDN</Prtry></Tp><Id>0066812345678</Id></Prxy>"),
        (
            ACCOUNT,
            "<MmbId>006</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt><CdtrAcct><Id><Othr><Id>1234567890</Id>",
        ),
    ],
)
async def test_the_bank_is_told_where_to_and_it_is_paid_and_reconciled(
    hall: TownHall, account: Mobile | BankAccount | None, written: str
) -> None:
    await say(hall, await payee_of(hall), account)
    run = await pay(hall)
    file = await file_of(hall, run)
    assert written in file
    assert (national_id(1).digits in file) is (account is None), "no more than the bank needs"
    assert (await hall.jobs.reconcile(hall.approver)).settled == 1
    assert await hall.breaks() == []
    assert set((await hall.balances()).values()) - {0} == {70_000, -70_000}


async def test_the_latest_word_counts_and_the_national_id_may_be_chosen_again(hall: TownHall) -> None:
    payee = await payee_of(hall)
    for account in (MOBILE, ACCOUNT, None):
        await say(hall, payee, account)
        hall.clock.advance(timedelta(seconds=1))
    destinations = Destinations(hall.clock, KEYS, Inbox(hall.clock))
    async with hall.db.read() as session:
        current = await destinations.current(session, payee)
        counting = await Destinations.counting(session, {payee, new_id()})
        history = (await session.scalars(select(PayoutDestination))).all()
    assert current is not None
    assert (current.method, counting, len(history)) == (Method.PROMPTPAY_NATIONAL_ID, {payee: current.id}, 3)
    assert "NATID" in await file_of(hall, await pay(hall))


async def test_a_place_changed_past_this_room_stops_the_run(hall: TownHall) -> None:
    """Four eyes approved where the money goes: another hand that turns it is found out."""
    payee = await payee_of(hall)
    run = await hall.jobs.plan(hall.planner, PERIOD)
    other = await say(hall, payee, ACCOUNT)
    async with hall.db.write() as session:
        await session.execute(update(Instalment).values(destination=other.id))
    with pytest.raises(RunChanged):
        await hall.jobs.approve(hall.approver, run.id)


async def test_an_older_runs_hash_is_what_it_was(hall: TownHall) -> None:
    """Runs that were planned before there was a choice are approved all the same."""
    await payee_of(hall)
    await hall.jobs.plan(hall.planner, PERIOD)
    [instalment] = await hall.instalments()
    bare = content_hash([instalment])
    instalment.destination = new_id()
    assert content_hash([instalment]) != bare


async def test_the_number_is_sealed_for_its_person_and_row(hall: TownHall) -> None:
    payee, other = await payee_of(hall), await payee_of(hall)
    row = await say(hall, payee, ACCOUNT)
    assert b"1234567890" not in row.account_sealed
    destinations = Destinations(hall.clock, KEYS, Inbox(hall.clock))
    async with hall.db.read() as session:
        assert await destinations.account(session, row) == ACCOUNT
        with pytest.raises(NotFound):
            await destinations.get(session, other, row.id)
        with pytest.raises(SealBroken):
            await destinations.account(session, PayoutDestination(**{**row.model_dump(), "id": new_id()}))
        with pytest.raises(SealBroken):
            await destinations.account(session, PayoutDestination(**{**row.model_dump(), "person": other}))


async def test_a_rail_that_knows_nothing_of_iso20022_pays_them_too(hall: TownHall) -> None:
    for account in (None, MOBILE, ACCOUNT):
        await say(hall, await payee_of(hall), account)
    jobs = jobs_over(hall.db, hall.clock, MemoryRail(hall.clock), hall.awards)
    run = await jobs.plan(hall.planner, PERIOD)
    await jobs.approve(hall.approver, run.id)
    await jobs.send(hall.approver, run.id)
    assert (await jobs.reconcile(hall.approver)).settled == 3


def test_the_bank_reads_every_kind_of_account_and_the_same_order_makes_the_same_bytes() -> None:
    accounts: tuple[CreditorAccount, ...] = (national_id(1), MOBILE, ACCOUNT)
    transfers = tuple(
        Transfer(UUID(int=10 + n), account, Money(70_000), date(2026, 11, 16), "old-age 2026-11")
        for n, account in enumerate(accounts)
    )
    order = Order(UUID(int=1), NOW, Payer("dla", "DLA", "TREASURY", "SANDBOX"), transfers)
    assert pain001.write(order) == pain001.write(Order(order.message, NOW, order.payer, transfers[::-1]))
    assert [p.account_is_valid for p in read_instruction(pain001.write(order)).payments] == [True, True, True]
    for wrong in ("0066512345678", "006681234567", "1234567890"):
        broken = pain001.write(order).replace(b"0066812345678", wrong.encode())
        assert [p.account_is_valid for p in read_instruction(broken).payments] == [True, False, True]


def test_no_account_prints_its_number() -> None:
    for account in (MOBILE, ACCOUNT):
        assert account.number[-5:] not in repr(account) + str(account)
        assert masked(account) == f"••• {account.number[-4:]}"


@pytest.mark.parametrize("text", ["+66812345678", "0812345678", " 081-234 5678 "])
def test_a_mobile_number_is_taken_as_people_write_it(text: str) -> None:
    assert parsed(Method.PROMPTPAY_MOBILE, text, None, None) == MOBILE


@given(st.text(max_size=15))
def test_no_other_text_is_a_mobile_number(text: str) -> None:
    try:
        found = parsed(Method.PROMPTPAY_MOBILE, text, None, None)
    except (NotAMobileNumber, BadInput):
        return
    assert isinstance(found, Mobile)
    assert found.proxy.startswith("0066")
    assert len(found.proxy) == 13


def test_every_bank_takes_numbers_of_its_own_lengths_only() -> None:
    assert len(banks()) > 10
    for bank in banks().values():
        for length in range(8, 16):
            number = "123456789012345"[:length]
            if length in bank.digits:
                assert parsed(Method.BANK_ACCOUNT, None, bank.code, number) == BankAccount(bank.code, number)
                continue
            with pytest.raises(NotAnAccountNumber):
                parsed(Method.BANK_ACCOUNT, None, bank.code, number)
    with pytest.raises(UnknownBank):
        parsed(Method.BANK_ACCOUNT, None, "000", "1234567890")


async def test_every_account_that_somebody_has_ever_named_is_known_as_theirs(hall: TownHall) -> None:
    one, other = await hall.person(), await hall.person()
    for account in (MOBILE, None, ACCOUNT):
        await say(hall, one, account)
    service = Destinations(hall.clock, KEYS, Inbox(hall.clock))
    async with hall.db.read() as session:
        assert await service.ever_said(session, [one, other]) == {MOBILE, None, ACCOUNT}
        assert await service.ever_said(session, [other]) == set()
        assert await service.ever_said(session, []) == set()
