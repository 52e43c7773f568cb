"""An agency's books, put together: budgets, months that are closed, corrections; each an act of two officers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.benefits import awarding
from api.desk_of_applications import OfficerTies
from services.pay.books import Books
from services.pay.budget.acts import BudgetRaise, BudgetSet
from services.pay.fees.acts import FeeRefund
from services.pay.fees.service import Bills
from services.pay.ledger.acts import Act, TwoOfficers
from services.pay.ledger.periods import ClosePeriod, Reverse
from services.pay.recovery.acts import PaidBack, Waive
from services.pay.recovery.desk import OthersDebts, RecoveryDesk
from services.pay.recovery.service import Recoveries
from welfare.entitlements.service import PROGRAMME

if TYPE_CHECKING:
    from api.house import House


def books_of(house: House) -> Books:
    """For the commands of officers."""
    clock, awards = house.clock, awarding(house)

    def payer(subject: str) -> str:
        return awards.get(subject) or house.welfare.amounts.payer(subject)

    recoveries = house.rooms.get(Recoveries)
    acts: list[Act] = [
        BudgetSet(clock, payer),
        BudgetRaise(clock, payer),
        ClosePeriod(clock),
        Reverse(clock),
        Waive(recoveries),
        PaidBack(recoveries),
        FeeRefund(house.rooms.get(Bills)),
    ]
    subjects = [*(PROGRAMME + one.slug for one in house.welfare.programmes), *awards]
    return Books(house.db, clock, TwoOfficers(clock, acts), subjects, _debts(house))


def recovery_of(house: House) -> RecoveryDesk:
    """For the commands of officers."""
    return RecoveryDesk(house.db, house.rooms.get(Recoveries), _debts(house))


def _debts(house: House) -> OthersDebts:
    return OthersDebts(house.db, OfficerTies(house.db, house.gate, house.catalogue))
