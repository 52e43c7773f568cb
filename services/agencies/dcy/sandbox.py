"""The Department of Children and Youth: who registered which child. Days are `YYYYMMDD` of the Buddhist era.

The population says nothing of registrations. Here a mother, or a father without one at home, registered each Thai child
of one to seven years with a chance of three in five, and was paid until the child turned six. Of younger children
nobody has registered yet, so that the personas can.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
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
    to_be_yyyymmdd,
)

MONTHLY_SATANG: Final = 600_00
AGE_ENDS: Final = 6
UNDER_REVIEW, PAID, ENDED = "1", "2", "9"


def _rows(home: Household, p: Person, as_of: date) -> Rows:
    if p.died_on is not None:
        return
    for child in home.living:
        if child.nationality != "THA" or p.national_id != _applicant(home, child) or drawn(child, "dcy", 5) >= 3:
            continue
        born = child.born.first
        registered = born + timedelta(days=20 + drawn(child, "dcy registered", 300))
        age = as_of.year - born.year - ((as_of.month, as_of.day) < (born.month, born.day))
        if not 1 <= age <= AGE_ENDS + 1:
            continue
        status = ENDED if age >= AGE_ENDS else UNDER_REVIEW if drawn(child, "dcy status", 20) == 0 else PAID
        yield (
            f"DCY{child.national_id[6:12]}",
            p.national_id,
            child.name.given_th,
            to_be_yyyymmdd(registered),
            status,
            MONTHLY_SATANG,
            None if status == UNDER_REVIEW else _last_month_paid(born, as_of),
        )


def _applicant(home: Household, child: Person) -> str | None:
    at_home = {member.national_id for member in home.living}
    return next((parent for parent in (child.mother, child.father) if parent in at_home), None)


def _last_month_paid(born: date, as_of: date) -> str:
    """`YYYYMM`: last month, or the one in which the child was still five."""
    before = as_of.replace(day=1) - timedelta(days=1)
    last = min(before, born.replace(day=1).replace(year=born.year + AGE_ENDS) - timedelta(days=1))
    return to_be_yyyymmdd(last)[:6]


def registrations(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Children registered for the child support grant, with status (1 under review, 2 paid, 9 ended) and the last month
    paid; the latest registration first."""
    sql = (
        "SELECT number, child_th, registered_be, status, monthly_satang, paid_month_be FROM registration "
        "WHERE pid = ? ORDER BY registered_be DESC, number"
    )
    return {"registrations": desk.all(sql, pid)}


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "registration",
            "number, pid, child_th, registered_be, status, monthly_satang, paid_month_be",
            ("pid, registered_be",),
            _rows,
        ),
    ),
    answers={"registrations": registrations},
)
