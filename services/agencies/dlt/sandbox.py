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


def _tax(kind: str, chassis: str) -> int:
    """Satang a year, of made-up engines and weights: by volume for cars, by weight for pickups (Vehicle Act 2522,
    unverified)."""
    if kind == "motorcycle":
        return 100_00
    if kind == "pickup":
        return 900_00
    volume = 1_000 + int(chassis[-6:]) % 5 * 400
    parts = ((600, 50), (1_800, 150), (10_000, 400))
    steps = ((min(volume, upto) - since) for since, (upto, _) in zip((0, 600, 1_800), parts, strict=True))
    return sum(max(0, step) * each for step, (_, each) in zip(steps, parts, strict=True))


def vehicles(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Vehicles with plate, province, chassis, tax paid until and the tax of a year; the first registered first."""
    sql = (
        "SELECT chassis, plate, province, kind, brand, registered_on, tax_paid_until FROM vehicle "
        "WHERE owner_pid = ? ORDER BY registered_on, chassis"
    )
    return {"vehicles": [row | _beside(desk, row) for row in desk.all(sql, pid)]}


def _beside(desk: Desk, row: Record) -> Record:
    return {
        "province_th": desk.province(row["province"]).name_th,
        "tax_satang": _tax(row["kind"], row["chassis"]),
    }


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
