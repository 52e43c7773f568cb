"""Department of Empowerment of Persons with Disabilities: disability cards. Days are BE `YYYYMMDD`."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, parse_be_yyyymmdd


async def card(host: Host, call: Call) -> dict[str, Known]:
    """A card counts to the end of the last day written on it."""
    told = await host.agency.ask("/card", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    held = told["card"]
    valid = held is not None and parse_be_yyyymmdd(held["valid_until_be"]).first >= host.clock.today()
    return {"disability_card": Known(valid, host.clock.now())}
