"""Department of Lands: areas owned, by kind, in square centimetres; owning none is 0."""

from __future__ import annotations

from typing import Any, Final

from services.plugins.contract import Call, Host, Known, NationalId, ask_each

ATTRIBUTES: Final = {
    "house": "house_land_area",
    "condominium": "condominium_area",
    "other": "other_land_area",
    "farm": "agricultural_land_area",
}


async def land(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    told = await ask_each(host, call, "/land")
    return {
        person: {attribute: Known(area, host.clock.now()) for attribute, area in _areas(answer).items()}
        for person, answer in told.items()
    }


def _areas(told: Any) -> dict[str, int]:
    areas = dict.fromkeys(ATTRIBUTES.values(), 0)
    for parcel in told["parcels"]:
        areas[ATTRIBUTES[parcel["kind"]]] += parcel["square_centimetres"]
    return areas
