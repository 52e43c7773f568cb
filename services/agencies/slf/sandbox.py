"""The Student Loan Fund: contracts with what is owed and overdue. Who borrowed is drawn, of those who have a degree and
some of the young besides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, drawn

BORROWED_ONE_IN: Final = 4
OVERDUE_ONE_IN: Final = 3
REPAYS_TO_AGE: Final = 40
OLDEST: Final = 45
STUDIES_FROM_AGE: Final = 18
YEAR_SATANG: Final = 1_500_000
"""Of what was borrowed, by year that is left of the fifteen; made up."""


def _rows(_: Household, p: Person, as_of: date) -> Rows:
    age = as_of.year - p.born.first.year
    if p.died_on is not None or not STUDIES_FROM_AGE <= age <= OLDEST or p.nationality != "THA":
        return
    if drawn(p, "slf borrowed", BORROWED_ONE_IN) > 0:
        return
    owed = max(0, REPAYS_TO_AGE - age) * YEAR_SATANG
    overdue = YEAR_SATANG if owed and age > STUDIES_FROM_AGE + 6 and drawn(p, "slf overdue", OVERDUE_ONE_IN) == 0 else 0
    yield (p.national_id, f"{as_of.year - age + STUDIES_FROM_AGE + 543}", owed, overdue)


def debts(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Contracts by year of the Buddhist era, those that are repaid among them."""
    return {"contracts": desk.all("SELECT year_be, owed_satang, overdue_satang FROM contract WHERE pid = ?", pid)}


SANDBOX: Final = Sandbox(
    tables=(Table("contract", "pid, year_be, owed_satang, overdue_satang", ("pid",), _rows),),
    answers={"debts": debts},
)
