"""Budgets: three accounts for each programme and fiscal year, whose balances are derived as all others are.

    BUDGET:<year>:<programme>   debit    what was appropriated
    LEFT:<year>:<programme>     credit   of it, what may still be approved
    TAKEN:<year>:<programme>    credit   of it, what was approved (of a service: `TAKEN:<year>:service:<slug>`)

Approving a run moves what it pays from LEFT to TAKEN; what is owed again, or leaves an approved run, moves back, and is
taken anew when it is approved anew. LEFT never falls below zero: whoever takes holds the agency's turn from before it
looks until its transaction ends. The year is that of the month that is paid (docs/adr/0033).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from core.money import Money
from services.pay.benefits.subjects import KIND, budget_subject
from services.pay.budget.errors import BudgetExceeded, BudgetMissing, BudgetSetAlready
from services.pay.budget.years import buddhist, first_day, fiscal_year, last_day
from services.pay.ledger.models import AccountKind, LedgerAccount, LedgerPosting
from services.pay.ledger.service import Line, account_id, book
from services.pay.models import Instalment, PaymentRun
from services.pay.states import InstalmentStatus, RunStatus
from services.pay.turns import take_turn_of_budgets

CODE_LENGTH_MAX: Final = 40
BUDGET, LEFT, TAKEN = "BUDGET", "LEFT", "TAKEN"


@dataclass(frozen=True, slots=True, order=True)
class Budget:
    """Of one agency, for one programme (`programme:<slug>`), or service, and fiscal year (CE)."""

    agency: str
    subject: str
    year: int

    @property
    def programme(self) -> str:
        """As officers name it: a programme by its slug, what a service awards by its whole subject."""
        return self.subject if self.subject.startswith(KIND) else self.subject.partition(":")[2]


@dataclass(frozen=True, slots=True)
class BudgetAccount:
    """One of the three accounts of a budget."""

    what: str
    budget: Budget

    @property
    def code(self) -> str:
        """A programme's by its slug alone, as always; any other subject's by all of it, of which a slug has no part:
        a service of the same slug has an account of its own."""
        kind, _, slug = self.budget.subject.partition(":")
        name = slug if kind == "programme" else self.budget.subject
        code = f"{self.what}:{self.budget.year}:{name}"
        if len(code) <= CODE_LENGTH_MAX:
            return code
        short = hashlib.sha256(name.encode()).hexdigest()[:8]
        return f"{code[: CODE_LENGTH_MAX - 9]}~{short}"

    @property
    def kind(self) -> AccountKind:
        return AccountKind.BUDGET


@dataclass(frozen=True, slots=True)
class Standing:
    budget: Budget
    appropriated: Money
    taken: Money

    @property
    def left(self) -> Money:
        return self.appropriated - self.taken


async def take(
    session: AsyncSession, run: PaymentRun, instalments: Iterable[Instalment], at: datetime, *, required: bool = False
) -> None:
    """Takes what the run pays out of the budgets of its programmes and years; once per run.

    Where no budget is set, nothing is taken: unless `required`, when that is refused.
    Raises :class:`BudgetExceeded`, :class:`BudgetMissing`.
    """
    needed: defaultdict[Budget, int] = defaultdict(int)
    for one in instalments:
        needed[Budget(one.agency, budget_subject(one.subject), fiscal_year(one.period))] += one.satang
    await take_turn_of_budgets(session, run.agency)
    lines: list[Line] = []
    for budget, satang in sorted(needed.items()):
        standing = await _standing(session, budget)
        if standing is None:
            if required:
                raise BudgetMissing(programme=budget.programme, year=buddhist(budget.year))
            continue
        if satang > standing.left.satang:
            raise BudgetExceeded(
                programme=budget.programme, year=buddhist(budget.year), left=standing.left, needed=Money(satang)
            )
        lines += _moved(budget, LEFT, TAKEN, satang)
    if lines:
        await book(session, key=f"take:{run.id.hex}", agency=run.agency, lines=lines, at=at)


async def give_back(session: AsyncSession, one: Instalment, key: str, at: datetime) -> None:
    """What was approved of that instalment is not paid by it: there is room for it again. `key` is that of the entry
    by which the ledger takes the approval back, so it happens once as well."""
    budget = Budget(one.agency, budget_subject(one.subject), fiscal_year(one.period))
    await take_turn_of_budgets(session, budget.agency)
    if await _standing(session, budget) is not None:
        lines = _moved(budget, TAKEN, LEFT, one.satang)
        await book(session, key=f"room:{key}", agency=one.agency, lines=lines, at=at)


async def take_anyway(session: AsyncSession, one: Instalment, key: str, at: datetime) -> None:
    """Its money has gone, though its room was given back: it is taken again, also where nothing is left. `key` is that
    of the entry by which the ledger books it anew."""
    budget = Budget(one.agency, budget_subject(one.subject), fiscal_year(one.period))
    await take_turn_of_budgets(session, budget.agency)
    if await _standing(session, budget) is not None:
        await book(session, key=f"take:{key}", agency=one.agency, lines=_moved(budget, LEFT, TAKEN, one.satang), at=at)


async def appropriate(session: AsyncSession, budget: Budget, money: Money, act: UUID, at: datetime) -> None:
    """Sets a budget. What was approved of that year before counts against it.

    Raises :class:`BudgetSetAlready`, and :class:`BudgetExceeded` when more than that was approved already.
    """
    await take_turn_of_budgets(session, budget.agency)
    if await _standing(session, budget) is not None:
        raise BudgetSetAlready(programme=budget.programme, year=buddhist(budget.year))
    before = await _approved_before(session, budget)
    if before > money.satang:
        raise BudgetExceeded(programme=budget.programme, year=buddhist(budget.year), left=money, needed=Money(before))
    lines = _moved(budget, BUDGET, LEFT, money.satang)
    if before:
        lines += _moved(budget, LEFT, TAKEN, before)
    await book(session, key=f"budget:{act.hex}", agency=budget.agency, lines=lines, at=at)


async def raise_by(session: AsyncSession, budget: Budget, money: Money, act: UUID, at: datetime) -> None:
    """Raises :class:`BudgetMissing` where none is set."""
    await take_turn_of_budgets(session, budget.agency)
    if await _standing(session, budget) is None:
        raise BudgetMissing(programme=budget.programme, year=buddhist(budget.year))
    lines = _moved(budget, BUDGET, LEFT, money.satang)
    await book(session, key=f"budget:{act.hex}", agency=budget.agency, lines=lines, at=at)


async def standings(session: AsyncSession, agency: str, subjects: Collection[str], year: int) -> list[Standing]:
    """The agency's budgets of the year that are set, by programme."""
    found = [await _standing(session, Budget(agency, subject, year)) for subject in sorted(subjects)]
    return [one for one in found if one is not None]


def _moved(budget: Budget, debit: str, credit: str, satang: int) -> list[Line]:
    money = Money(satang)
    return [Line(BudgetAccount(debit, budget), money), Line(BudgetAccount(credit, budget), -money)]


async def _standing(session: AsyncSession, budget: Budget) -> Standing | None:
    """None where none is set. Whoever is to rely on it has the agency's turn."""
    ids = {account_id(budget.agency, BudgetAccount(what, budget)): what for what in (BUDGET, TAKEN)}
    rows = await session.execute(
        select(col(LedgerAccount.id), func.coalesce(func.sum(col(LedgerPosting.satang)), 0))
        .outerjoin(LedgerPosting, col(LedgerPosting.account) == col(LedgerAccount.id))
        .where(col(LedgerAccount.id).in_(ids))
        .group_by(col(LedgerAccount.id))
    )
    sums = {ids[key]: int(satang) for key, satang in rows.tuples()}
    if BUDGET not in sums:
        return None
    return Standing(budget, Money(sums[BUDGET]), Money(-sums.get(TAKEN, 0)))


def _paid_from(subject: str) -> ColumnElement[bool]:
    """Of instalments: those that are taken from that subject's budget."""
    if subject.startswith(KIND):
        return col(Instalment.subject).startswith(f"{subject}:", autoescape=True)
    return col(Instalment.subject) == subject


async def _approved_before(session: AsyncSession, budget: Budget) -> int:
    """Satang of the year's instalments whose approval the ledger holds: those in approved runs, but for what came back
    and is owed by another since."""
    later = aliased(Instalment)
    total = await session.scalar(
        select(func.coalesce(func.sum(col(Instalment.satang)), 0))
        .join(PaymentRun, col(PaymentRun.id) == col(Instalment.run))
        .where(
            col(Instalment.agency) == budget.agency,
            _paid_from(budget.subject),
            col(Instalment.period).between(first_day(budget.year), last_day(budget.year)),
            col(PaymentRun.status) != RunStatus.PLANNED.value,
            or_(
                col(Instalment.status) != InstalmentStatus.RETURNED.value,
                ~exists(select(1).where(later.repeats == col(Instalment.id))),  # type: ignore[arg-type] # a column
            ),
        )
    )
    return int(total or 0)
