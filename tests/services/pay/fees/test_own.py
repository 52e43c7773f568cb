"""No officer decides about money that came in and is their own, or of somebody near them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import ServiceUnavailable
from core.ids import new_id
from core.text import Text
from services.pay.accounts import BankAccount, Said
from services.pay.errors import NotResolvedSo
from services.pay.fees.breaks import IncomingOutcome as Outcome
from services.pay.fees.errors import OwnMoney
from services.pay.fees.own import OthersMoney
from services.sandbox.bank.bills import ScanFault
from tests.services.pay.fees.test_resolving import MOBILE, OTHER, broken, propose, resolve
from tests.services.pay.fees.till import Till
from tests.services.pay.town import Clerk


@dataclass
class Neighbours:
    """Who lives with each officer; None while the register is silent."""

    home: frozenset[UUID] | None = frozenset()

    async def between(self, officer: UUID, people: Collection[UUID]) -> bool:
        if self.home is None:
            raise ServiceUnavailable(Text(th="กรมการปกครอง", en="DOPA"))
        return officer in people or bool(self.home & set(people))

    async def household(self, officer: UUID) -> tuple[frozenset[UUID], bool]:
        return self.home or frozenset(), self.home is not None


@dataclass
class Named:
    """Whose account that is."""

    owner: UUID | None = None

    async def ever_said(self, session: AsyncSession, people: Collection[UUID]) -> set[Said]:
        return {MOBILE} if self.owner in people else set()


def watched(till: Till, home: frozenset[UUID] | None = frozenset(), owner: UUID | None = None) -> None:
    till.desk._others = OthersMoney(till.db, Neighbours(home), Named(owner))


@pytest.mark.parametrize("proposes", [True, False])
@pytest.mark.parametrize("near", [True, False])
async def test_no_officer_has_money_go_to_an_account_of_their_own_or_of_their_house(
    till: Till, proposes: bool, near: bool
) -> None:
    found, housemate = await broken(till, ScanFault.UNKNOWN_REFERENCE), new_id()
    officer = till.officer if proposes else OTHER
    if not proposes:
        await propose(till, found, Outcome.REFUND, account=MOBILE)
    watched(till, frozenset({housemate}), housemate if near else officer.person)
    if proposes:
        with pytest.raises(OwnMoney):
            await propose(till, found, Outcome.REFUND, account=MOBILE)
    else:
        with pytest.raises(OwnMoney):
            await till.desk.agree(OTHER, found.id, Outcome.REFUND)
    watched(till, frozenset({housemate}), new_id())
    await resolve(till, found, Outcome.REFUND, account=MOBILE)


@pytest.mark.parametrize("outcome", [Outcome.REFUND, Outcome.ASSIGN])
async def test_no_officer_decides_about_what_came_for_a_bill_of_their_house(till: Till, outcome: Outcome) -> None:
    bill, more = await till.bill(), dict[str, object]()
    if outcome is Outcome.REFUND:
        found, more["account"] = await broken(till, ScanFault.WRONG_AMOUNT, bill), MOBILE
    else:
        found, more["bill"] = await broken(till, ScanFault.UNKNOWN_REFERENCE, bill), bill.reference
    watched(till, frozenset({bill.person}))
    with pytest.raises(OwnMoney):
        await propose(till, found, outcome, **more)
    watched(till)
    await resolve(till, found, outcome, **more)


async def test_while_nobody_can_say_who_lives_together_nothing_goes_back(till: Till) -> None:
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE)
    watched(till, None)
    with pytest.raises(ServiceUnavailable):
        await propose(till, found, Outcome.REFUND, account=MOBILE)
    await resolve(till, found, Outcome.KEEP)


async def test_what_is_proposed_anew_while_it_is_looked_at_is_not_agreed_to(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else an account that was never looked at would be paid."""
    found = await broken(till, ScanFault.UNKNOWN_REFERENCE)
    await propose(till, found, Outcome.REFUND, account=BankAccount("004", "1234567890"))
    watched(till)
    look = till.desk._others.refuse_own  # type: ignore[union-attr] # just set

    async def meanwhile(officer: Clerk, key: UUID, **of: object) -> None:
        await look(officer, key, **of)  # type: ignore[arg-type] # by name
        monkeypatch.undo()
        await propose(till, found, Outcome.REFUND, account=MOBILE)

    monkeypatch.setattr(OthersMoney, "refuse_own", lambda _, officer, key, **of: meanwhile(officer, key, **of))
    with pytest.raises(NotResolvedSo):
        await till.desk.agree(OTHER, found.id, Outcome.REFUND)
    await till.desk.agree(OTHER, found.id, Outcome.REFUND)
