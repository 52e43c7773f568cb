"""Department of Land Transport: the vehicles registered in somebody's name, and their road tax.

Whose a vehicle is and until when its tax is paid, the Department's own system says; what was renewed here stands in the
plugin's tables. Tax is not renewed without compulsory insurance, which the Department asks of the insurance
commission's register (CMIDLT) by way of the exchange: covered or not, and until when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from services.agencies.dlt.road_tax import (
    ADVICE,
    INSURANCE_MISSING,
    INSURANCE_UNKNOWN,
    RENEWABLE,
    WAITING_FOR_PAYMENT,
    Cover,
    Vehicle,
    today_of,
)
from services.plugins.contract import (
    AgencyError,
    Call,
    Host,
    Known,
    Money,
    NationalId,
    RegisterRefused,
    RegisterSilent,
    ask_each,
)

ASKED_MAX: Final = 50
"""Vehicles in one question about insurance."""
_WAITS: Final = (
    "INSERT INTO renewal "
    "(reference, owner, chassis, plate, province, paid_from, paid_until, satang, covered_until, at, state) VALUES "
    "(:reference, :owner, :chassis, :plate, :province, :paid_from, :paid_until, :satang, :covered_until, :at, "
    "'WAITING') ON CONFLICT DO NOTHING"
)
_KEPT: Final = "SELECT satang, at FROM renewal WHERE reference = :reference"
_UNDER_WAY: Final = {
    "th": "มีคำขอต่อภาษีของรถคันนี้รอชำระเงินอยู่แล้ว",
    "en": "A renewal of this vehicle is waiting for its payment already.",
}
_PAID: Final = {"th": "ภาษีรถประจำปี", "en": "Road tax for a year"}


async def vehicles(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    return {
        person: {"vehicle_owned": Known(len(told["vehicles"]) > 0, host.clock.now())}
        for person, told in (await ask_each(host, call, "/vehicles")).items()
    }


async def registered(host: Host, call: Call) -> list[dict[str, Any]]:
    """The citizen's vehicles and what stands between each and its next year. Only of those whose time it is, the
    insurance is asked about, all of them at once."""
    today = today_of(host.clock.now())
    owned, waiting = await _owned(host, call)
    due = [one for one in owned if one.standing(today) == RENEWABLE and one.chassis not in waiting]
    covers = await _covers(host, [one.chassis for one in due])
    return [_shown(one, covers.get(one.chassis), today, is_waiting=one.chassis in waiting) for one in owned]


async def renew(host: Host, call: Call) -> dict[str, Any]:
    """Approves the next year of one vehicle, which is in force once it is paid."""
    application = call.arguments["application"]
    reference, chassis = f"RT-{application['id']}", application["answers"]["renewed"]
    now = host.clock.now()
    async with host.store.reading() as look:
        if known := await look.fetch(_KEPT, {"reference": reference}):
            return _approved(reference, known[0]["satang"], known[0]["at"])
    owned, waiting = await _owned(host, call)
    vehicle = next((one for one in owned if one.chassis == chassis), None)
    if vehicle is None:
        raise AgencyError("VEHICLE_NOT_YOURS")
    if chassis in waiting:
        return _waits_already(reference, now)
    standing = vehicle.standing(today_of(now))
    if standing != RENEWABLE:
        raise AgencyError(standing)
    until = await _cover_that_must_be(host, chassis)
    row = {
        "reference": reference,
        "owner": host.index(call.citizen.digits),
        "chassis": chassis,
        "plate": vehicle.plate,
        "province": vehicle.province,
        "paid_from": f"{vehicle.paid_until}",
        "paid_until": f"{vehicle.next_until}",
        "satang": vehicle.satang(today_of(now)),
        "covered_until": until,
        "at": now.isoformat(),
    }
    async with host.store.transaction() as tx:
        if not await tx.execute(_WAITS, row):
            kept = await tx.fetch(_KEPT, {"reference": reference})
            if not kept:  # another application for the same year of the same vehicle was faster
                return _waits_already(reference, now)
            return _approved(reference, kept[0]["satang"], kept[0]["at"])
    return _approved(reference, row["satang"], row["at"])


async def hear(host: Host, call: Call) -> None:
    """Paid, it is in force; not paid in time, or withdrawn, the year is free again. What is paid stays paid."""
    event = call.arguments["event"]
    reference = event.get("reference") or f"RT-{event.get('application')}"
    state = "PAID" if event["kind"] == "fee.paid" else "OVER"
    async with host.store.transaction() as tx:
        await tx.execute(
            "UPDATE renewal SET state = :state WHERE reference = :r AND state = 'WAITING'",
            {"state": state, "r": reference},
        )


async def _owned(host: Host, call: Call) -> tuple[list[Vehicle], frozenset[str]]:
    """The citizen's vehicles, and the chassis numbers of those whose renewal waits to be paid."""
    told = await host.agency.ask("/vehicles", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    rows = told["vehicles"]
    values = {f"c{n}": row["chassis"] for n, row in enumerate(rows)}
    renewed: Sequence[Mapping[str, Any]] = ()
    if values:
        names = ", ".join(f":{name}" for name in values)
        sql = f"SELECT chassis, paid_until, state FROM renewal WHERE chassis IN ({names}) AND state <> 'OVER'"  # noqa: S608 - names of values
        async with host.store.reading() as look:
            renewed = await look.fetch(sql, values)
    waiting = frozenset(row["chassis"] for row in renewed if row["state"] == "WAITING")
    latest = sorted((row for row in renewed if row["state"] == "PAID"), key=lambda row: str(row["paid_until"]))
    paid = {row["chassis"]: row["paid_until"] for row in latest}
    return [_vehicle(row, paid.get(row["chassis"], "")) for row in rows], waiting


def _vehicle(row: Mapping[str, Any], paid_until: str) -> Vehicle:
    return Vehicle(
        chassis=row["chassis"],
        plate=row["plate"],
        province=row["province"],
        province_name=row["province_th"],
        kind=row["kind"],
        brand=row["brand"],
        paid_until=date.fromisoformat(max(row["tax_paid_until"], paid_until)),
        yearly_satang=row["tax_satang"],
    )


async def _covers(host: Host, chassis: Sequence[str]) -> dict[str, Cover]:
    """What the register of insurance says of each; one that it does not name is not covered."""
    if not chassis:
        return {}
    wanted = list(chassis)[:ASKED_MAX]
    try:
        told = await host.registers.ask("oic", "vehicleCover", {"chassis": wanted})
    except (RegisterRefused, RegisterSilent):
        return {}
    return {row["chassis"]: Cover(row["covered"], _instant(row.get("until"))) for row in told["vehicles"]}


async def _cover_that_must_be(host: Host, chassis: str) -> str:
    """Until when it is covered. Raises what the citizen is told; `RegisterSilent`, for which the call comes again."""
    try:
        told = await host.registers.ask("oic", "vehicleCover", {"chassis": [chassis]})
    except RegisterRefused:
        raise AgencyError(INSURANCE_UNKNOWN) from None
    [row] = told["vehicles"]
    if not row["covered"]:
        raise AgencyError(INSURANCE_MISSING)
    return str(row["until"])


def _shown(vehicle: Vehicle, cover: Cover | None, today: date, *, is_waiting: bool) -> dict[str, Any]:
    status = WAITING_FOR_PAYMENT if is_waiting else vehicle.standing(today)
    if status == RENEWABLE and (cover is None or not cover.covered):
        status = INSURANCE_UNKNOWN if cover is None else INSURANCE_MISSING
    is_due = status in (RENEWABLE, INSURANCE_MISSING, INSURANCE_UNKNOWN)
    return {
        "id": vehicle.chassis,
        "plate": vehicle.plate,
        "province": vehicle.province_name,
        "kind": vehicle.kind,
        "brand": vehicle.brand,
        "taxPaidUntil": vehicle.paid_until,
        "renewableFrom": vehicle.renewable_from,
        "status": status,
        "covered": None if cover is None else cover.covered,
        "coveredUntil": None if cover is None else cover.until,
        "tax": Money(vehicle.satang(today)) if is_due else None,
        "advice": ADVICE[status].th,
        "adviceEn": ADVICE[status].en,
    }


def _approved(reference: str, satang: int, at: str) -> dict[str, Any]:
    return {"reference": reference, "state": "APPROVED", "at": at, "payment": {"satang": satang, "text": _PAID}}


def _waits_already(reference: str, now: datetime) -> dict[str, Any]:
    """Two applications at once, or by two people: one is granted."""
    return {"reference": reference, "state": "REJECTED", "at": now.isoformat(), "note": _UNDER_WAY}


def _instant(at: str | None) -> datetime | None:
    return None if at is None else datetime.fromisoformat(at)
