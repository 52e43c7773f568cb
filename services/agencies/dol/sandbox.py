"""The Department of Lands: whose parcels of land there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table

SQUARE_CENTIMETRES: Final = {"house": 4_000, "farm": 4_000, "other": 4_000, "condominium": 1_000}
"""In a tenth of the unit that the deed is written in: square wah, or square metre for a condominium."""


def _rows(_: Household, p: Person, _day: date) -> Rows:
    return ((parcel.deed, p.national_id, parcel.kind, parcel.tenths, parcel.province) for parcel in p.lands)


def land(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Parcels: house, condominium, farm, other, with `square_centimetres`."""
    parcels = desk.all("SELECT deed, kind, tenths, province FROM land WHERE owner_pid = ? ORDER BY deed", pid)
    for parcel in parcels:
        parcel["square_centimetres"] = parcel.pop("tenths") * SQUARE_CENTIMETRES[parcel["kind"]]
    return {"parcels": parcels}


SANDBOX: Final = Sandbox(
    tables=(Table("land", "deed, owner_pid, kind, tenths, province", ("owner_pid, deed",), _rows),),
    answers={"land": land},
)
