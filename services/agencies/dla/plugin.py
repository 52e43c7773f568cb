"""Department of Local Administration: who is on a local authority's list for the old-age allowance."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, parse_be_yyyymmdd


async def registration(host: Host, call: Call) -> dict[str, Known]:
    told = await host.agency.ask("/registration", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    entry, now = told["old_age"], host.clock.now()
    return {
        "old_age_registered": Known(entry is not None, now),
        "old_age_registered_on": Known(None if entry is None else parse_be_yyyymmdd(entry["registered_be"]).first, now),
    }
