"""The Department of Empowerment of Persons with Disabilities: cards. Days are `YYYYMMDD` of the Buddhist era."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table, to_be_yyyymmdd


def _rows(_: Household, p: Person, _day: date) -> Rows:
    if p.disability_card is not None:
        held = p.disability_card
        yield (p.national_id, held.number, held.kind, to_be_yyyymmdd(held.issued_on), to_be_yyyymmdd(held.valid_until))


def card(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """The disability card with number, kind and validity, or null."""
    return {"card": desk.one("SELECT number, kind, issued_be, valid_until_be FROM card WHERE pid = ?", pid)}


SANDBOX: Final = Sandbox(
    tables=(Table("card", "pid, number, kind, issued_be, valid_until_be", ("pid",), _rows),),
    answers={"card": card},
)
