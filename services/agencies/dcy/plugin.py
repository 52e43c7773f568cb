"""Department of Children and Youth: registrations for the child support grant (DCY regulation 2565).

Days are `YYYYMMDD` of the Buddhist era, months `YYYYMM`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.plugins.contract import Call, Host, Money, parse_be_yyyymmdd

STATUSES: Final = {"1": "UNDER_REVIEW", "2": "PAID", "9": "ENDED"}


async def registrations(host: Host, call: Call) -> list[dict[str, Any]]:
    told = await host.agency.ask("/registrations", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    answer = [_registration(row) for row in told["registrations"]]
    wanted = call.arguments.get("status")
    return [one for one in answer if wanted in (None, one["status"])]


def _registration(row: Mapping[str, Any]) -> dict[str, Any]:
    paid = row["paid_month_be"]
    return {
        "number": row["number"],
        "child": row["child_th"],
        "registeredOn": parse_be_yyyymmdd(row["registered_be"]).first,
        "status": STATUSES[row["status"]],
        "monthly": Money(row["monthly_satang"]),
        "paidFor": None if paid is None else parse_be_yyyymmdd(f"{paid}01").first,
    }
