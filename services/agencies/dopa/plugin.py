"""Department of Provincial Administration: people, their families and houses, from the civil registry.

Days are `YYYYMMDD` of the Buddhist era, unknown parts as 0. The registry answers 404 for a person it has no record of;
then nobody knows anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract import (
    AgencyRefusal,
    Call,
    Host,
    Known,
    NationalId,
    PartialDate,
    UnknownThaiDate,
    ask_each,
    parse_be_yyyymmdd,
)

THAI: Final = "099"
STATELESS: Final = "999"
STATUS: Final = {"0": "normal", "2": "monk", "3": "prisoner", "4": "institution"}
GENDERS: Final = {"1": "male", "2": "female"}
BANGKOK_PROVINCE: Final = "10"
PARENTS: Final = ("father", "mother")
SIX, SEVEN = 6, 7
"""Of the two facts that count elder siblings up to an age."""
MAJORITY_YEARS: Final = 20
"""Civil and Commercial Code s.19."""


async def person(host: Host, call: Call) -> dict[NationalId, dict[str, Known]]:
    told = await ask_each(host, call, "/person")
    return {subject: _known(host, _facts(answer)) for subject, answer in told.items()}


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    born, died = _day(told["birth_be"]), _day(told["death_be"])
    values: dict[str, Any] = {
        "deceased": told["death_be"] is not None,
        "nationality": _nationality(told["nationality"]),
        "household_registered": told["registered"],
        "name": _name(told),
        "gender": GENDERS[told["sex"]],
        "address": _address(told["house"]) if told["registered"] else None,
    }
    if told["registered"] and told["house"] is not None:
        values["province"] = f"th{told['house']['subdistrict'][:2]}"
    if born is not None:
        values["birth_date"] = born
    if died is not None or told["death_be"] is None:
        values["death_date"] = died
    if told["status"] in STATUS:
        values["person_status"] = STATUS[told["status"]]
    return values


async def household(host: Host, call: Call) -> dict[str, Known]:
    """Who lives and is registered in the same house, the person among them."""
    told = await _ask(host, call, "/household")
    if told is None:
        return {}
    return _known(host, {"household_members": [member["pid"] for member in told["members"]]})


async def children(host: Host, call: Call) -> dict[str, Known]:
    """Children who live and are minors, the eldest first."""
    told = await _ask(host, call, "/children")
    if told is None:
        return {}
    living = [child for child in told["children"] if child["death_be"] is None]
    minors = [child["pid"] for child in living if _is_minor(_day(child["birth_be"]), host.clock.today())]
    return _known(host, {"children": minors})


async def parents(host: Host, call: Call) -> dict[str, Known]:
    """One Thai parent is enough; that none is, is known only of two known parents."""
    told = await _ask(host, call, "/parents")
    if told is None:
        return {}
    known = [told[parent]["nationality"] == THAI for parent in PARENTS if told[parent] is not None]
    if any(known):
        return _known(host, {"parent_is_thai": True})
    return _known(host, {"parent_is_thai": False}) if len(known) == len(PARENTS) else {}


async def siblings(host: Host, call: Call) -> dict[str, Known]:
    """Elder brothers and sisters who live and are still so young; unknown where a birth is that could change it."""
    told = await _ask(host, call, "/siblings")
    if told is None:
        return {}
    today = host.clock.today()
    born = [_day(sibling["birth_be"]) for sibling in told["elder"] if sibling["death_be"] is None]
    if None in born:
        return {}
    ages = [_age(day.first, today) for day in born if day is not None]
    return _known(
        host,
        {
            "elder_siblings_under_six": sum(age < SIX for age in ages),
            "elder_siblings_under_seven": sum(age < SEVEN for age in ages),
        },
    )


async def _ask(host: Host, call: Call, path: str) -> Any:
    """The registry's answer; None when it has no record of the person."""
    try:
        return await host.agency.ask(path, {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    except AgencyRefusal as refusal:
        if refusal.code == "PERSON_NOT_FOUND":
            return None
        raise


def _known(host: Host, values: Mapping[str, Any]) -> dict[str, Known]:
    return {attribute: Known(value, host.clock.now()) for attribute, value in values.items()}


def _day(text: str | None) -> PartialDate | None:
    """The day as far as it is known; None for a missing day, and for one of which not even the year is known."""
    if text is None:
        return None
    try:
        return parse_be_yyyymmdd(text)
    except UnknownThaiDate:
        return None


def _is_minor(birth: PartialDate | None, today: date) -> bool:
    # Of unknown birth: counted in, because a child left out is a child that nobody can apply for.
    if birth is None:
        return True
    return _age(birth.first, today) < MAJORITY_YEARS


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _nationality(code: str) -> str:
    return {THAI: "thai", STATELESS: "stateless"}.get(code, "other")


def _name(row: Mapping[str, Any]) -> dict[str, str]:
    parts = {"title": "title", "given": "fname", "middle": "mname", "family": "lname"}
    return {f"{part}_{script}": row[f"{theirs}_{script}"] for script in ("th", "en") for part, theirs in parts.items()}


def _address(house: Mapping[str, Any] | None) -> dict[str, str] | None:
    if house is None:
        return None
    number, village = str(house["house_no"]), str(house["moo"] or "")
    province = house["province_th"] if house["subdistrict"][:2] == BANGKOK_PROVINCE else f"จังหวัด{house['province_th']}"
    return {
        "house_number": number,
        "village": village,
        "subdistrict": house["subdistrict"],
        "text_th": " ".join([number, *([f"หมู่ที่ {village}"] if village else []), province]),
        "text_en": ", ".join([f"{number} Moo {village}" if village else number, house["province_en"]]),
    }
