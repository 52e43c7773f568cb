"""A plugin as a stranger would write it."""

from __future__ import annotations

from typing import Any

from services.plugins.contract import AgencyError, AgencyRefusal, Call, Host, Known, Money


async def loans(host: Host, call: Call) -> list[dict[str, Any]]:
    body = {"pid": call.citizen.digits, "state": call.arguments.get("state")}
    try:
        told = await host.agency.ask("/loans", body, on_behalf_of=call.asker)
    except AgencyRefusal as refusal:
        if refusal.code == "BLOCKED":
            raise AgencyError("CARD_BLOCKED") from None
        raise
    return [loan | {"fine": Money(loan["fine_satang"])} for loan in told["loans"]]


async def search_shelves(host: Host, call: Call) -> Any:
    return await host.agency.ask("/search", dict(call.arguments["query"]), on_behalf_of=call.asker)


async def membership(host: Host, call: Call) -> dict[str, Known]:
    told = await host.agency.ask("/member", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    return {"library_member": Known(told["member"], host.clock.now())}
