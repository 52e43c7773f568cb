"""Department of Empowerment of Persons with Disabilities: disability cards. Days are BE `YYYYMMDD`."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.plugins.contract import Call, Host, Known, NationalId, ask_each, parse_be_yyyymmdd


async def card(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """A card counts to the end of the last day written on it."""
    return {
        person: {"disability_card": Known(_is_valid(told["card"], host.clock.today()), host.clock.now())}
        for person, told in (await ask_each(host, call, "/card")).items()
    }


def _is_valid(card: Any, today: date) -> bool:
    return card is not None and parse_be_yyyymmdd(card["valid_until_be"]).first >= today
