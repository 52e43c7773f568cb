"""The Department of Local Administration: local authorities' lists for the old-age allowance.

Days are `YYYYMMDD` of the Buddhist era.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, to_be_yyyymmdd


def _rows(home: Household, p: Person, _day: date) -> Rows:
    if p.old_age_registered_on is not None:
        yield (p.national_id, f"{home.address.subdistrict}", to_be_yyyymmdd(p.old_age_registered_on))


def registration(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """The registration for the old-age allowance, or null."""
    return {"old_age": desk.one("SELECT subdistrict, registered_be FROM old_age WHERE pid = ?", pid)}


SANDBOX: Final = Sandbox(
    tables=(Table("old_age", "pid, subdistrict, registered_be", ("pid",), _rows),),
    answers={"registration": registration},
)
