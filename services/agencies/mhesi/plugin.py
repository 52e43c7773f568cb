"""Ministry of Higher Education: degrees and transcripts, as universities hand them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract import Call, Host, Known, NationalId, ask_each

LEVELS: Final = ("none", "bachelor", "master", "doctor")
"""The lowest first."""


async def degrees(host: Host, call: Call) -> list[dict[str, Any]]:
    told = await host.agency.ask("/transcripts", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    return [_degree(row) for row in told["degrees"]]


async def highest(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    return {
        person: {"highest_degree": Known(_highest(row["level"] for row in told["degrees"]), host.clock.now())}
        for person, told in (await ask_each(host, call, "/transcripts")).items()
    }


async def enrolled(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    return {
        person: {"student_enrolled": Known(told["enrolled"], host.clock.now())}
        for person, told in (await ask_each(host, call, "/enrolment")).items()
    }


def _highest(levels: Iterable[str]) -> str:
    return max(levels, key=LEVELS.index, default="none")


def _degree(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": row["degree_id"],
        "level": row["level"].upper(),
        "title": row["title_th"],
        "titleEn": row["title_en"],
        "institution": row["institution_th"],
        "institutionEn": row["institution_en"],
        "studentNumber": row["student_number"],
        "admittedOn": date.fromisoformat(row["admitted_on"]),
        "awardedOn": date.fromisoformat(row["awarded_on"]),
        "gpax": row["gpax_hundredths"] / 100,
        "courses": [_course(course) for course in row["courses"]],
    }


def _course(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "session": row["session"],
        "code": row["code"],
        "title": row["title_th"],
        "titleEn": row["title_en"],
        "credits": row["credits"],
        "grade": row["grade"],
    }
