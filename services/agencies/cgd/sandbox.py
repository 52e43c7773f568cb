"""The Comptroller General's Department: what the state pays people, and what banks and lenders told of their means.

Days are `YYYYMMDD` of the Buddhist era.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import (
    Desk,
    Household,
    Person,
    Record,
    Rows,
    Sandbox,
    Table,
    drawn,
    no_such_person,
    to_be_yyyymmdd,
)


def _means(_: Household, p: Person, _day: date) -> Rows:
    if p.died_on is None:
        yield (p.national_id, p.state_role, p.financial_assets, p.credit_cards, p.home_loan, p.car_loan, _deposits(p))


def _deposits(p: Person) -> int | None:
    """On 31 March 2567: a part of what was owned, drawn."""
    return None if p.financial_assets is None else p.financial_assets * drawn(p, "cgd deposits", 101) // 100


def _cards(_: Household, p: Person, _day: date) -> Rows:
    if p.welfare_card is not None:
        card = p.welfare_card
        yield (p.national_id, card.number, card.round_be, to_be_yyyymmdd(card.valid_from), card.status)


def _benefits(_: Household, p: Person, _day: date) -> Rows:
    return ((p.national_id, b.kind, to_be_yyyymmdd(b.since), b.amount) for b in p.state_benefits)


def benefits(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Role in the state (none, official, pensioner, politician), its salary or pension, the state welfare card."""
    found = desk.one("SELECT state_role FROM means WHERE pid = ?", pid)
    if found is None:
        raise no_such_person()
    return {
        "state_role": found["state_role"],
        "state_benefits": desk.all("SELECT kind, since_be, monthly_satang FROM state_benefit WHERE pid = ?", pid),
        "welfare_card": desk.one("SELECT number, round_be, valid_from_be, status FROM welfare_card WHERE pid = ?", pid),
    }


def means(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Financial assets (null: not reported yet), credit cards, home and car loans."""
    found = desk.one(
        "SELECT assets_satang, credit_cards, home_loan_satang, car_loan_satang, deposits_2567_satang FROM means "
        "WHERE pid = ?",
        pid,
    )
    if found is None:
        raise no_such_person()
    return found


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "means",
            "pid, state_role, assets_satang, credit_cards, home_loan_satang, car_loan_satang, deposits_2567_satang",
            ("pid",),
            _means,
        ),
        Table("welfare_card", "pid, number, round_be, valid_from_be, status", ("pid",), _cards),
        Table("state_benefit", "pid, kind, since_be, monthly_satang", ("pid",), _benefits),
    ),
    answers={"benefits": benefits, "means": means},
)
