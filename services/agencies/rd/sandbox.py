"""The Revenue Department: yearly incomes as they were filed. Tax years are of the Buddhist era."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, no_such_person


def _rows(_: Household, p: Person, _day: date) -> Rows:
    return ((p.national_id, year + 543, income) for year, income in p.incomes)


def income(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """The latest tax year first; an income of null is a file that is not assessed yet."""
    sql = "SELECT tax_year_be, income_satang FROM income WHERE pid = ? ORDER BY tax_year_be DESC"
    incomes = desk.all(sql, pid)
    if not incomes:
        raise no_such_person()
    return {"incomes": incomes}


SANDBOX: Final = Sandbox(
    tables=(Table("income", "pid, tax_year_be, income_satang", ("pid, tax_year_be",), _rows),),
    answers={"income": income},
)
