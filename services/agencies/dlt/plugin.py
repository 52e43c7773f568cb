"""Department of Land Transport: the vehicles registered in somebody's name."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, NationalId, ask_each


async def vehicles(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    return {
        person: {"vehicle_owned": Known(len(told["vehicles"]) > 0, host.clock.now())}
        for person, told in (await ask_each(host, call, "/vehicles")).items()
    }
