"""An agency's books, put together: budgets, months that are closed, corrections; each an act of two officers."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from api.benefits import awarding
from api.desk_of_applications import OfficerTies
from services.pay.benefits.subjects import KIND
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
    clock, subjects = house.clock, _Subjects(house)
    payer = subjects.payer
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
    return Books(house.db, clock, TwoOfficers(clock, acts), subjects, _debts(house))


class _Subjects(Collection[str]):
    """What has a budget: programmes, and what services award. The registry of services is asked for where it must be:
    most of these commands need none."""

    def __init__(self, house: House) -> None:
        self._house = house

    def payer(self, subject: str) -> str:
        """Raises ProgrammeUnknown."""
        if subject in (awards := awarding(self._house) if subject.startswith(KIND) else {}):
            return awards[subject]
        return self._house.welfare.amounts.payer(subject)

    def __iter__(self) -> Iterator[str]:
        yield from (PROGRAMME + one.slug for one in self._house.welfare.programmes)
        yield from awarding(self._house)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, subject: object) -> bool:
        return any(subject == one for one in self)


def recovery_of(house: House) -> RecoveryDesk:
    """For the commands of officers."""
    return RecoveryDesk(house.db, house.rooms.get(Recoveries), _debts(house))


def _debts(house: House) -> OthersDebts:
    return OthersDebts(house.db, OfficerTies(house.db, house.gate, house.catalogue))
