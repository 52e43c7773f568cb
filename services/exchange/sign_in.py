"""What ThaID's claims say, as facts (OpenID Connect Core §5.1, with ThaID's title and `_en` variants)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from core.thai_dates import (
    MalformedThaiDate,
    PartialDate,
    UnknownThaiDate,
    parse_be_yyyymmdd,
    parse_iso,
    parse_tang_rat,
)
from services.exchange.catalogue import Attribute, Catalogue, InvalidAnswer
from services.exchange.facts import Reading
from services.exchange.sources import accept

_NAME_CLAIMS: Final = {"title": "title", "given_name": "given", "middle_name": "middle", "family_name": "family"}
_EIGHT_DIGITS: Final = re.compile(r"[0-9]{8}", re.ASCII)


def facts_of_claims(
    claims: Mapping[str, Any], at: datetime, catalogue: Catalogue
) -> tuple[dict[Attribute, Reading], frozenset[str]]:
    """Readings for the claims that are there, true as of `at`, and the ids of attributes whose claim makes no sense."""
    readings: dict[Attribute, Reading] = {}
    refused: set[str] = set()
    for name, read in _READERS.items():
        attribute = catalogue.attribute(name)
        try:
            said = read(claims)
            if isinstance(said, PartialDate):
                readings[attribute] = accept(attribute, Reading(said.first, at, said.precision))
            elif said is not None:
                readings[attribute] = accept(attribute, Reading(said, at))
        except InvalidAnswer:
            refused.add(name)
    return readings, frozenset(refused)


def _name(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """None without a given name: the bare `name` claim does not tell which part is which."""
    if not claims.get("given_name"):
        return None
    return {
        f"{part}_{script}": claims.get(claim + suffix) or ""
        for claim, part in _NAME_CLAIMS.items()
        for script, suffix in (("th", ""), ("en", "_en"))
    }


def _birth_date(claims: Mapping[str, Any]) -> PartialDate | None:
    """ISO 8601 as OpenID Connect asks for (Core §5.1), the year alone allowed; or DOPA's own YYYYMMDD in the Buddhist
    era, unknown parts as 0; or the same in the common era, unknown parts as `-`. None where not even the year is known.
    """
    said = claims.get("birthdate")
    if said is None:
        return None
    if not isinstance(said, str):
        raise InvalidAnswer
    try:
        if _EIGHT_DIGITS.fullmatch(said):
            return parse_be_yyyymmdd(said)
        return parse_tang_rat(said) if said.endswith("--") else parse_iso(said)
    except UnknownThaiDate:
        return None
    except MalformedThaiDate:
        raise InvalidAnswer from None


def _gender(claims: Mapping[str, Any]) -> str | None:
    return claims.get("gender")


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "name": _name,
    "birth_date": _birth_date,
    "gender": _gender,
}
