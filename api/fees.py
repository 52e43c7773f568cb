"""Money that comes in, put together: what citizens owe, under which numbers, and what happens when it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.desk_of_applications import OfficerTies
from api.paying import bank_rails
from core.clock import Clock
from core.money import Money
from core.rooms import Rooms
from core.settings import Environment
from core.text import Text
from services.apply import repository as applications
from services.apply.delivery import repository as delivery
from services.apply.delivery.fees import afterwards, time_of, waits_afterwards
from services.apply.delivery.hearing import CLOSED, Hearing
from services.apply.delivery.models import ServiceCase
from services.apply.delivery.states import FEE_UNPAID, Step
from services.pay.destinations.service import Destinations
from services.pay.fees.bank import HttpBillingBank
from services.pay.fees.billers import SandboxBillers
from services.pay.fees.models import Bill
from services.pay.fees.needs import Charge, Charges
from services.pay.fees.own import OthersMoney
from services.pay.fees.receipts import BillReceipts, verification
from services.pay.fees.reconciliation import FeeDesk
from services.pay.fees.refunds import FeeRefunds
from services.pay.fees.resolving import IncomingResolving
from services.pay.fees.routes import notices_router
from services.pay.fees.service import Bills
from services.pay.fees.states import BillKind
from services.pay.payers import treasury_account
from services.pay.recovery.errors import BankEntryBooked, NothingToRecover, TooMuchPaidBack
from services.pay.recovery.models import PlanStatus
from services.pay.recovery.service import Recoveries
from services.pay.recovery.sums import claims_of
from services.plugins.contract import Manifest, State
from services.plugins.documents.orders import Orders, charge_of
from welfare.entitlements.service import PROGRAMME

if TYPE_CHECKING:
    from api.house import House

FEE: Final = "fee"
"""The last word of the charge of a service's own fee; that of what its agency asked for is the amount."""
AFTERWARDS: Final = "afterwards"
"""That of one that is paid once the agency has approved."""
_BACK: Final = Text(th="คืนเงินที่ได้รับเกิน", en="Paying back what was paid too much")


class FeesOfApplications:
    """Fulfils `services.pay.fees.needs.Charges`: the fee of a service, and what its agency asks for."""

    def __init__(self, house: House, clock: Clock) -> None:
        self._house, self._clock = house, clock

    async def charge(self, session: AsyncSession, person: UUID, about: UUID) -> Charge | None:
        case = await delivery.case(session, person, about)
        manifest = None if case is None else self._manifest(case.plugin)
        if case is None or manifest is None:
            return None
        agency, title = manifest.agency.slug, manifest.title.text
        if _waits(case):
            fee = manifest.fee.satang if manifest.fee is not None else None
            if not fee:  # it is free by now
                return None
            return Charge(f"application:{about.hex}:{FEE}", BillKind.FEE, agency, Money(fee), title)
        told = self._house.rooms.get(Hearing).told(case)
        if waits_afterwards(case):
            after = afterwards(manifest, told)
            if after is None:
                return None
            key = f"application:{about.hex}:{AFTERWARDS}"
            return Charge(key, BillKind.FEE, agency, Money(after), title, until=case.pay_by)
        asked = None if _is_over(case) else told.get("payment")
        if asked is None:
            return None
        key, time = f"application:{about.hex}:{asked['satang']}", time_of(asked)
        key = key if time == 1 else f"{key}:{time}"
        return Charge(key, BillKind.FEE, agency, Money(asked["satang"]), title)

    async def ready(self) -> None:
        await self._house.rooms.get(Hearing).ready()

    async def hold(self, session: AsyncSession, bill: Bill) -> None:
        """The application, and then its case."""
        await applications.own(session, bill.person, _about(bill), lock=True)
        await delivery.case(session, bill.person, _about(bill), lock=True)

    async def settle(self, session: AsyncSession, bill: Bill, transaction: str) -> bool:  # noqa: ARG002 - Charges' own
        """The service's own fee sends the application off, once: nothing was due before. Of any other the agency hears;
        one that is paid afterwards puts in force what it approved."""
        about, what = _about(bill), bill.charge.split(":")[2]
        row = await applications.own(session, bill.person, about, lock=True)
        case = await delivery.case(session, bill.person, about, lock=True)
        if case is None or row is None:
            return False
        if what == FEE:
            return await self._hand_over(session, case)
        manifest = self._manifest(case.plugin)
        owed = waits_afterwards(case) and row.status not in CLOSED if what == AFTERWARDS else not _is_over(case)
        if manifest is None or not owed:
            return False
        hearing = self._house.rooms.get(Hearing)
        await hearing.fee_paid(session, row, case, manifest, bill.satang, bill.id)
        return True

    async def _hand_over(self, session: AsyncSession, case: ServiceCase) -> bool:
        if not _waits(case):
            return False
        now = self._clock.now()
        values = {"due_at": now, "owed_since": now, "trouble": None}
        await delivery.store(session, case.person, case.application, values)
        return True

    def _manifest(self, slug: str) -> Manifest | None:
        return next((one.manifest for one in self._house.registry.plugins if one.slug == slug), None)


class FeesOfDocuments:
    """Fulfils `Charges`: what a document costs that was ordered."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def ready(self) -> None:
        """Nothing is signed."""

    async def charge(self, session: AsyncSession, person: UUID, about: UUID) -> Charge | None:
        owed = await self._orders.owed(session, person, about)
        if owed is None:
            return None
        agency, money = owed.plugin.manifest.agency.slug, Money(owed.satang)
        return Charge(charge_of(about), BillKind.FEE, agency, money, owed.title, until=owed.until)

    async def hold(self, session: AsyncSession, bill: Bill) -> None:
        await self._orders.hold(session, bill.person, _about(bill))

    async def settle(self, session: AsyncSession, bill: Bill, transaction: str) -> bool:  # noqa: ARG002 - Charges' own
        """The agency is asked for it soon after, once."""
        return await self._orders.paid(session, bill.person, _about(bill))


class RepaymentsOfPlans:
    """Fulfils `Charges`: what is left of what a citizen agreed to pay back."""

    def __init__(self, recoveries: Recoveries) -> None:
        self._recoveries = recoveries

    async def ready(self) -> None:
        """Nothing is signed."""

    async def charge(self, session: AsyncSession, person: UUID, about: UUID) -> Charge | None:
        plan = await self._recoveries.of(session, person, about)
        if plan is None or plan.status != PlanStatus.AGREED.value:
            return None
        left = await self._recoveries.left(session, plan)
        if left.satang <= 0:
            return None
        return Charge(f"recovery:{about.hex}", BillKind.REPAYMENT, plan.agency, left, _BACK)

    async def hold(self, session: AsyncSession, bill: Bill) -> None:
        """Nobody withdraws a claim's bill: the claims are locked when they are paid."""

    async def settle(self, session: AsyncSession, bill: Bill, transaction: str) -> bool:
        """Whole, or not at all: what was withheld meanwhile is not taken a second time."""
        plan = await self._recoveries.of(session, bill.person, UUID(hex=bill.charge.partition(":")[2]))
        if plan is None or plan.status != PlanStatus.AGREED.value:
            return False
        claims = [one.id for one in await claims_of(session, plan)]
        try:
            await self._recoveries.pay_back(
                session, agency=bill.agency, overpayments=claims, money=Money(bill.satang), reference=transaction
            )
        except (NothingToRecover, TooMuchPaidBack, BankEntryBooked):
            return False
        return True


class WithdrawnFees:
    """Fulfils `services.apply.delivery.agencies.BillsOfApplications`."""

    def __init__(self, bills: Bills) -> None:
        self._bills = bills

    async def withdrawn(self, session: AsyncSession, application: UUID) -> None:
        for what in (FEE, AFTERWARDS):
            await self._bills.cancel(session, f"application:{application.hex}:{what}")


def furnish(house: House, rooms: Rooms) -> None:
    """Adds what the graph, the routes and the commands of this room ask for."""
    charges: dict[str, Charges] = {
        "application": FeesOfApplications(house, house.clock),
        "order": FeesOfDocuments(rooms.get(Orders)),
        "recovery": RepaymentsOfPlans(rooms.get(Recoveries)),
    }
    bills = rooms.add(Bills, Bills(house.clock, billers_of(house), charges, house.inbox))
    house.deliveries.bills = WithdrawnFees(bills)
    rooms.get(Orders).fees = bills
    rooms.add(BillReceipts, BillReceipts(house.keys, house.attestor, house.settings.issuer))


def desk(house: House, bank: str) -> FeeDesk:
    """`bank` is the base of what the bank answers about bills."""
    bills = house.rooms.get(Bills)
    near = OfficerTies(house.db, house.gate, house.catalogue)
    others = OthersMoney(house.db, near, house.rooms.get(Destinations))
    return FeeDesk(
        house.db, house.clock, house.keys, bills, HttpBillingBank(house.http, bank), billers_of(house), others
    )


def refunds(house: House, bank: str) -> FeeRefunds:
    """`bank` is the base of the bank's file interface."""
    bills = house.rooms.get(Bills)
    resolving = IncomingResolving(house.clock, house.keys, bills)
    return FeeRefunds(house.db, house.clock, house.keys, bills, resolving, bank_rails(house, bank), treasury_account)


def router(house: House) -> APIRouter:
    """Where the bank tells of payments, and where anybody verifies a receipt for one."""
    made = notices_router(house.db, house.clock, house.rooms.get(Bills), lambda: bank_secret(house))
    made.include_router(verification(house.db, house.attestor))
    return made


def bank_secret(house: House) -> bytes | None:
    """What the bank's notices are signed with; None where no bank was named, and then none is believed."""
    given = house.settings.bank_notice_secret
    if given is not None:
        return given.get_secret_value().encode()
    if house.settings.environment is Environment.PRODUCTION:
        return None
    return house.keys.blind_index("bank", domain="sandbox-bank-notices")


def billers_of(house: House) -> SandboxBillers:
    def agencies() -> set[str]:
        of_services = {one.manifest.agency.slug for one in house.registry.plugins}
        payer = house.welfare.amounts.payer
        return of_services | {payer(PROGRAMME + one.slug) for one in house.welfare.programmes}

    return SandboxBillers(agencies)


def _about(bill: Bill) -> UUID:
    return UUID(hex=bill.charge.split(":")[1])


def _waits(case: ServiceCase) -> bool:
    return case.step == Step.SUBMIT and case.trouble == FEE_UNPAID and case.due_at is None and case.sent_at is None


def _is_over(case: ServiceCase) -> bool:
    ended = {State.REJECTED.value, State.CANCELLED.value}
    return case.cancel_wanted or case.state in ended or case.step == Step.CANCEL or case.reference is None
