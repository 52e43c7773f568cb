"""Thep Nimit, made up: whoever heads a house in district 01 of province 45 owes 40 baht a month for waste.

The population says nothing of fees: the last six months are billed, each due on the 15th of the month after, and most
are paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, drawn

AREA: Final = "4501"
MONTHLY_SATANG: Final = 40_00
MONTHS: Final = 6


def _rows(home: Household, p: Person, as_of: date) -> Rows:
    if p.died_on is not None or p.relation != "head" or not home.address.subdistrict.startswith(AREA):
        return
    month = as_of.replace(day=1)
    for _ in range(MONTHS):
        due, month = month.replace(day=15), (month - timedelta(days=1)).replace(day=1)
        paid = due - timedelta(days=drawn(p, f"thepnimit {month}", 12))
        is_paid = paid <= as_of and drawn(p, f"thepnimit paid {month}", 4) > 0
        number = f"W{month:%y%m}{home.address.house_code[4:]}"
        yield (number, p.national_id, f"{month:%Y-%m}", MONTHLY_SATANG, f"{due}", f"{paid}" if is_paid else None)


def waste_fees(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Fees for the collection of waste, of whoever heads a house there; the latest month first."""
    sql = "SELECT number, month, satang, due_on, paid_on FROM fee WHERE pid = ? ORDER BY month DESC"
    return {"fees": desk.all(sql, pid)}


SANDBOX: Final = Sandbox(
    tables=(Table("fee", "number, pid, month, satang, due_on, paid_on", ("pid, month",), _rows),),
    answers={"waste-fees": waste_fees},
)
