"""National Health Security Office: which of the schemes of health care somebody has the right to.

Universal coverage is for Thais whom neither social security nor the civil servants' scheme covers (National Health
Security Act 2545 s.5, s.9, s.10). Days are `YYYYMMDD` of the Buddhist era.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.plugins.contract import Call, Host, Known, NationalId, ask_each, parse_be_yyyymmdd

SCHEMES: Final = {"UCS": "universal_coverage", "SSS": "social_security", "OFC": "civil_servant"}
"""The office's codes, as registers of hospitals write them (unverified); every other scheme is `other`."""


async def right(host: Host, call: Call) -> dict[str, Any] | None:
    told = (await host.agency.ask("/right", {"pid": call.citizen.digits}, on_behalf_of=call.asker))["right"]
    if told is None:
        return None
    return {
        "scheme": _scheme(told).upper(),
        "since": parse_be_yyyymmdd(told["since_be"]).first,
        "hospital": told["hospital_th"],
        "hospitalEn": told["hospital_en"],
    }


async def scheme(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    now = host.clock.now()
    return {
        person: {"health_scheme": Known("none" if told["right"] is None else _scheme(told["right"]), now)}
        for person, told in (await ask_each(host, call, "/right")).items()
    }


async def aids(host: Host, call: Call) -> dict[str, Known]:
    """One person a call and never a batch: nobody asks for whole lists of the ill."""
    told = await host.agency.ask("/aids-certificate", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    return {"aids_certified": Known(told["certified"], host.clock.now())}


def _scheme(right: Mapping[str, Any]) -> str:
    return SCHEMES.get(right["scheme"], "other")
