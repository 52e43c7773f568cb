"""Department of Lands: areas owned, by kind, in square centimetres; owning none is 0."""

from __future__ import annotations

from typing import Final

from services.plugins.contract import Call, Host, Known

ATTRIBUTES: Final = {
    "house": "house_land_area",
    "condominium": "condominium_area",
    "other": "other_land_area",
    "farm": "agricultural_land_area",
}


async def land(host: Host, call: Call) -> dict[str, Known]:
    told = await host.agency.ask("/land", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    areas = dict.fromkeys(ATTRIBUTES.values(), 0)
    for parcel in told["parcels"]:
        areas[ATTRIBUTES[parcel["kind"]]] += parcel["square_centimetres"]
    return {attribute: Known(area, host.clock.now()) for attribute, area in areas.items()}
