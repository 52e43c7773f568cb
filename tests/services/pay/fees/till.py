"""Everything that takes money in, put together as the application does, over the sandbox bank."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from api.errors import as_json, status_of
from core.clock import FixedClock
from core.database import Database
from core.errors import SitthiError
from core.ids import new_id
from core.money import Money
from core.text import Language, Text
from identity.inbox.service import Inbox
from services.pay.fees import qr
from services.pay.fees.bank import HttpBillingBank
from services.pay.fees.billers import SandboxBillers
from services.pay.fees.models import Bill, IncomingPayment
from services.pay.fees.needs import Charge
from services.pay.fees.reconciliation import FeeDesk
from services.pay.fees.refunds import FeeRefunds
from services.pay.fees.routes import NOTICES_PATH, notices_router
from services.pay.fees.service import Bills
from services.pay.fees.states import BillKind
from services.pay.iso20022.pain001 import Product
from services.pay.ledger.service import trial_balance
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.contract import Rail
from services.pay.rails.several import RailName, SeveralRails
from services.pay.statements.service import Statements
from services.sandbox.bank.app import Bank, Credits, bank_app
from services.sandbox.bank.bills import BillBank, ScanFault, bills_app
from tests.services.pay.town import KEYS, Clerk

SECRET = b"the bank's and ours, 32 bytes long"
TITLE = Text(th="ใบอนุญาตประกอบกิจการ", en="Trading licence")


@dataclass
class Fees:
    """What people owe for applications: 250 baht each, until a test says otherwise."""

    satang: int | None = 250_00
    owed: bool = True
    settled: list[tuple[UUID, str]] = field(default_factory=list)

    async def ready(self) -> None:
        """Nothing is signed."""

    async def charge(self, session: AsyncSession, person: UUID, about: UUID) -> Charge | None:
        if self.satang is None:
            return None
        return Charge(f"application:{about.hex}:fee", BillKind.FEE, "dla", Money(self.satang), TITLE)

    async def hold(self, session: AsyncSession, bill: Bill) -> None:
        pass

    async def settle(self, session: AsyncSession, bill: Bill, transaction: str) -> bool:
        if self.owed:
            self.settled.append((bill.id, transaction))
        return self.owed


@dataclass
class Till:
    db: Database
    clock: FixedClock
    fees: Fees
    bills: Bills
    bank: BillBank
    client: httpx2.AsyncClient
    desk: FeeDesk
    refunds: FeeRefunds
    files: Bank
    """The bank's other side, which takes files."""
    statements: Statements
    officer: Clerk = field(default_factory=Clerk)
    person: UUID = field(default_factory=new_id)

    async def bill(self, about: UUID | None = None) -> Bill:
        async with self.db.write() as session:
            return await self.bills.issue(session, self.person, "application", about or new_id())

    async def scan(self, bill: Bill, fault: ScanFault = ScanFault.NONE) -> list[Any]:
        """What the bank was answered, payment by payment."""
        made = await self.bank.scan(code_of(bill), fault)
        return [told for one in made for told in one["told"]]

    async def status(self, bill: Bill) -> str:
        async with self.db.read() as session:
            found = await session.get(Bill, (bill.person, bill.id), populate_existing=True)
            assert found is not None
            return found.status

    async def incoming(self) -> list[IncomingPayment]:
        async with self.db.read() as session:
            return list(await session.scalars(select(IncomingPayment)))

    async def balances(self) -> dict[str, int]:
        async with self.db.read() as session:
            return {one.code: one.money.satang for one in await trial_balance(session, "dla") if one.money.satang}


def code_of(bill: Bill) -> str:
    return qr.payload(
        biller=bill.biller, reference=bill.reference, second=bill.second_reference, money=Money(bill.satang)
    )


@asynccontextmanager
async def till_over(db: Database, clock: FixedClock, path: Path) -> AsyncIterator[Till]:
    fees, billers = Fees(), SandboxBillers(lambda: ("dla", "dlt"))
    bills = Bills(clock, billers, {"application": fees}, Inbox(clock))
    app = FastAPI()
    app.include_router(notices_router(db, clock, bills, lambda: SECRET))

    @app.exception_handler(SitthiError)
    async def told(_: Request, error: SitthiError) -> JSONResponse:
        return JSONResponse(as_json(error, Language.EN), status_of(error))

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://sitthi") as client:
        bank = BillBank(path, clock, client, f"http://sitthi{NOTICES_PATH}", SECRET)
        app.mount("/bank-itself", bills_app(bank))
        desk = FeeDesk(db, clock, KEYS, bills, HttpBillingBank(client, "http://sitthi/bank-itself"), billers)
        resolving = desk.resolving

        def incoming(account: str) -> Iterable[tuple[str, int, datetime]]:
            return bank.moved(billers.biller(account.removeprefix("TREASURY-").lower()))

        async with files_of(path.with_name("bank.sqlite"), clock, incoming) as (files, rail, whole):
            refunds = FeeRefunds(db, clock, KEYS, bills, resolving, rail, treasury_account)
            yield Till(
                db,
                clock,
                fees,
                bills,
                bank,
                client,
                desk,
                refunds,
                files,
                Statements(db, clock, KEYS, whole, treasury_account),
            )


@asynccontextmanager
async def files_of(
    path: Path, clock: FixedClock, incoming: Credits
) -> AsyncIterator[tuple[Bank, SeveralRails, BankRail]]:
    """The bank's file interface, and the rails over it."""
    app = bank_app(path, clock, incoming=incoming)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bank") as client:
        rails: dict[RailName, Rail] = {
            RailName.PROMPTPAY: BankRail(client, "http://bank", Product.PROMPTPAY),
            RailName.ACCOUNT: BankRail(client, "http://bank", Product.SMART),
        }
        yield app.state.bank, SeveralRails(rails), BankRail(client, "http://bank")
