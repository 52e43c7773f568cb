"""Social Security Office: the section under which somebody is insured now, and the months paid (YYYY-MM)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.plugins.contract import Call, Host, Known, NationalId, ask_each


async def insured(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    """Whoever paid for this month or the last is insured: a month is paid for until the middle of the next."""
    today = host.clock.today()
    return {
        person: {
            "social_security_section": Known(_section(told, today), host.clock.now()),
            "social_security_months": Known(len({paid["month"] for paid in told["months"]}), host.clock.now()),
        }
        for person, told in (await ask_each(host, call, "/insured")).items()
    }


def _section(told: Any, today: date) -> str:
    last = (today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    current = [spell["section"] for spell in told["spells"] if spell["last_month"] >= last]
    return f"s{current[-1]}" if current else "none"
