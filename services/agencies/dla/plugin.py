"""Department of Local Administration: who is on a local authority's list for the old-age allowance."""

from __future__ import annotations

from services.plugins.contract import Call, Host, Known, NationalId, ask_each, parse_be_yyyymmdd


async def registration(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    now = host.clock.now()
    answers: dict[NationalId, dict[str, Known]] = {}
    for person, told in (await ask_each(host, call, "/registration")).items():
        entry = told["old_age"]
        answers[person] = {
            "old_age_registered": Known(entry is not None, now),
            "old_age_registered_on": Known(None if entry is None else parse_be_yyyymmdd(entry["registered_be"]), now),
        }
    return answers
