"""Office of Insurance Commission: compulsory motor policies, as insurers report them (CMIS)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from services.plugins.contract import Call, Host, Known, NationalId, ask_each


async def policies(host: Host, call: Call) -> list[dict[str, Any]]:
    told = await host.agency.ask("/policies", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    answer = [_policy(row, host.clock.now()) for row in told["policies"]]
    wanted = call.arguments.get("covered")
    return answer if wanted is None else [policy for policy in answer if policy["covered"] is wanted]


async def cover(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Whether any of the policies is in force at this moment."""
    now = host.clock.now()
    return {
        person: {"motor_insurance": Known(any(_policy(row, now)["covered"] for row in told["policies"]), now)}
        for person, told in (await ask_each(host, call, "/policies")).items()
    }


def _policy(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    start, end = datetime.fromisoformat(row["start_at"]), datetime.fromisoformat(row["end_at"])
    status = _status(row["status"], start, end, now)
    return {
        "number": row["number"],
        "plate": row["plate"],
        "province": row["province_th"],
        "provinceEn": row["province_en"],
        "chassis": row["chassis"],
        "vehicleClass": row["vehicle_class"],
        "insurer": row["insurer_th"],
        "insurerEn": row["insurer_en"],
        "covered": status == "ACTIVE",
        "start": start,
        "end": end,
        "status": status,
        "reportedOn": date.fromisoformat(row["reported_on"]),
    }


def _status(reported: str, start: datetime, end: datetime, now: datetime) -> str:
    # The office's own status is of the night before; only a cancellation cannot be told from the days.
    if reported == "cancelled":
        return "CANCELLED"
    if now < start:
        return "UPCOMING"
    return "ACTIVE" if now < end else "EXPIRED"
