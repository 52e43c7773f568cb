"""The Social Security Office: contributions, month by month. Months are `YYYY-MM`, CE."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, malformed


def _rows(_: Household, p: Person, _day: date) -> Rows:
    return ((p.national_id, *spell) for spell in p.insured)


def insured(desk: Desk, pid: str, body: Mapping[str, Any]) -> Record:
    """Spells without a gap, and each month paid, from `from_month` (`YYYY-MM`) on where the request names one."""
    since = body.get("from_month", "")
    if not isinstance(since, str) or len(since) not in (0, 7):
        raise malformed()
    sql = "SELECT section, first_month, last_month, wage_satang FROM contribution WHERE pid = ? ORDER BY first_month"
    spells = desk.all(sql, pid)
    months = [
        {"month": month, "section": spell["section"]}
        for spell in spells
        for month in _months(spell["first_month"], spell["last_month"])
        if month >= since
    ]
    return {"spells": spells, "months": months}


def _months(first: str, last: str) -> list[str]:
    start, end = (int(text[:4]) * 12 + int(text[5:]) - 1 for text in (first, last))
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1)]


SANDBOX: Final = Sandbox(
    tables=(Table("contribution", "pid, section, first_month, last_month, wage_satang", ("pid, first_month",), _rows),),
    answers={"insured": insured},
)
