"""What a transcript says in a wallet: names, degrees with their courses, ranges of the grade average, each apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.plugins.contract import AgencyError, Host, NationalId

GPAX_HUNDREDTHS: Final = (200, 250, 300, 325, 350)
"""Averages that employers and scholarships ask for: each that is reached can be shown alone."""
Json = Mapping[str, Any]


async def awarded(host: Host, person: NationalId) -> list[dict[str, Any]]:
    """Records of the person's degrees, the earliest first, with the names of their institutions."""
    sql = (
        "SELECT r.content, i.name_th, i.name_en FROM record r JOIN institution i ON i.code = r.institution "
        "WHERE r.pid = :pid AND r.status = 'graduated' AND r.level <> 'certificate' ORDER BY r.awarded_on, r.number"
    )
    async with host.store.transaction() as tx:
        return await tx.fetch(sql, {"pid": host.index(person.digits)})


async def degrees_of(host: Host, person: NationalId) -> list[tuple[Json, Json]]:
    """Records and their institutions, one at least. Raises `NO_DEGREES`."""
    rows = await awarded(host, person)
    if not rows:
        raise AgencyError("NO_DEGREES")
    return [(json.loads(row["content"]), row) for row in rows]


def claims_of(degrees: Sequence[tuple[Json, Json]]) -> dict[str, Any]:
    """Of records and their institutions, the earliest first; one at least. The names are those of the last degree.

    What is exact is a text: a wallet's number may not be.
    """
    best = max(int(record["gpax"].replace(".", "")) for record, _ in degrees)
    reached = {f"gpax_at_least_{least // 100}_{least % 100:02}": True for least in GPAX_HUNDREDTHS if least <= best}
    last, _ = degrees[-1]
    shown = [_shown(record, institution) for record, institution in degrees]
    return {"name": last["nameTh"], "name_en": last["nameEn"], "degrees": shown, **reached}


def _shown(record: Json, institution: Json) -> dict[str, Any]:
    """A degree, by the names of the manifest's claims."""
    return {
        "institution": institution["name_th"],
        "institution_en": institution["name_en"],
        "number": record["number"],
        "level": record["level"],
        "title": record["titleTh"],
        "title_en": record["titleEn"],
        "student_number": record["studentNumber"],
        "admitted_on": record["admittedOn"],
        "awarded_on": record["awardedOn"],
        "gpax": record["gpax"],
        "courses": [
            {
                "session": session["session"],
                "code": course["code"],
                "title": course["titleTh"],
                "title_en": course["titleEn"],
                "credits": course["credits"],
                "grade": course["grade"],
            }
            for session in record["sessions"]
            for course in session["courses"]
        ],
    }
