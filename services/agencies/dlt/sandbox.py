"""The Department of Land Transport: whose vehicles are registered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Household, Person, Record, Rows, Sandbox, Table


def _rows(_: Household, p: Person, _day: date) -> Rows:
    for v in p.vehicles:
        days = f"{v.registered_on}", f"{v.tax_paid_until}"
        yield (p.national_id, v.chassis, v.plate, v.province, v.kind, v.brand, *days)


def vehicles(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Vehicles with plate, province, chassis, tax paid until; the first registered first."""
    sql = (
        "SELECT chassis, plate, province, kind, brand, registered_on, tax_paid_until FROM vehicle "
        "WHERE owner_pid = ? ORDER BY registered_on, chassis"
    )
    return {"vehicles": [row | {"province_th": desk.province(row["province"]).name_th} for row in desk.all(sql, pid)]}


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "vehicle",
            "owner_pid, chassis, plate, province, kind, brand, registered_on, tax_paid_until",
            ("owner_pid", "chassis"),
            _rows,
        ),
    ),
    answers={"vehicles": vehicles},
)
