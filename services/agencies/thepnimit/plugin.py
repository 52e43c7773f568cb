"""Thep Nimit: fees for the collection of waste. Days are ISO 8601."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.plugins.contract import Call, Host, Money


async def waste_fees(host: Host, call: Call) -> list[dict[str, Any]]:
    told = await host.agency.ask("/waste-fees", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    fees = [_fee(row, host.clock.today()) for row in told["fees"]]
    return [fee for fee in fees if fee["paidOn"] is None] if call.arguments.get("unpaidOnly") else fees


def _fee(row: Mapping[str, Any], today: date) -> dict[str, Any]:
    due = date.fromisoformat(row["due_on"])
    paid = None if row["paid_on"] is None else date.fromisoformat(row["paid_on"])
    return {
        "number": row["number"],
        "month": date.fromisoformat(f"{row['month']}-01"),
        "amount": Money(row["satang"]),
        "due": due,
        "paidOn": paid,
        "overdue": paid is None and due < today,
    }
