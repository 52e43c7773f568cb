"""How the room that pays is put together: the jobs of officers, over the rails that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.pay.iso20022.pain001 import Product
from services.pay.payees import LoggedPayees
from services.pay.payers import treasury_account
from services.pay.rails.bank import BankRail
from services.pay.rails.cash.counter import Counter
from services.pay.rails.cash.rail import CashRail
from services.pay.rails.contract import Rail
from services.pay.rails.limited import LimitedRail
from services.pay.rails.several import RailName, SeveralRails
from services.pay.reconciliation import Reconciliation
from services.pay.resolving import BreakJobs
from services.pay.service import PaymentRuns
from services.pay.statements.service import Statements
from services.pay.tasks import PaymentJobs

if TYPE_CHECKING:
    from api.house import House


def payments(house: House, bank: str) -> PaymentJobs:
    """The jobs of paying out; `bank` is the base of the bank's file interface."""
    required = house.settings.budget_required
    return PaymentJobs(
        db=house.db,
        runs=PaymentRuns(
            house.clock,
            house.awards,
            house.keys,
            treasury_account,
            notices=house.inbox,
            budget_required=required,
            part_max=house.settings.payments_per_file,
        ),
        reconciliation=Reconciliation(house.clock, house.receipts, house.inbox, awards=house.awards),
        rail=SeveralRails({**_of_bank(house, bank), RailName.CASH: CashRail(house.db, house.clock)}),
        payees=LoggedPayees(house.gate, house.db, house.destinations),
    )


def bank_rails(house: House, bank: str) -> SeveralRails:
    """Those that go over a bank."""
    return SeveralRails(_of_bank(house, bank))


def breaks(house: House) -> BreakJobs:
    """How officers close what did not match."""
    reconciliation = Reconciliation(house.clock, house.receipts, house.inbox, awards=house.awards)
    return BreakJobs(house.db, house.clock, reconciliation)


def statements(house: House, bank: str) -> Statements:
    """How officers take in the bank's statements; `bank` is the base of its file interface."""
    return Statements(house.db, house.clock, house.keys, BankRail(house.http, bank), treasury_account)


def counter(house: House) -> Counter:
    """Where cash is paid out."""
    return Counter(house.db, house.clock, house.keys, house.gate)


def _of_bank(house: House, bank: str) -> dict[RailName, Rail]:
    most = house.settings.payments_per_file
    return {
        RailName.PROMPTPAY: LimitedRail(BankRail(house.http, bank, Product.PROMPTPAY), most),
        RailName.ACCOUNT: LimitedRail(BankRail(house.http, bank, Product.SMART), most),
    }
