"""Three people for the stand-in of ThaID."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from core.ids import NationalId
from core.text import Text
from services.sandbox.population.personas import PERSONAS
from services.sandbox.thaid.citizens import Shown

SLUGS: Final = ("elder", "officer-one", "officer-two")
PEOPLE: Final = {one.slug: one for one in PERSONAS if one.slug in SLUGS}


class TestCitizens:
    __test__ = False

    def personas(self) -> Sequence[Shown]:
        return [Shown(one.slug, one.name, one.description) for one in PEOPLE.values()]

    def national_id_of(self, slug: str) -> NationalId | None:
        return national_id(slug) if slug in PEOPLE else None

    def claims(self, national_id: NationalId) -> Mapping[str, Any] | None:
        found = next((one for one in PEOPLE.values() if one.national_id == national_id.digits), None)
        if found is None:
            return None
        return {
            "pid": found.national_id,
            "name": found.name.th,
            "name_en": found.name.en,
            "birthdate": "25010516",
            "gender": "female",
            "ial": "2.3",
        }


def national_id(slug: str) -> NationalId:
    return NationalId(PEOPLE[slug].national_id)


def name_of(slug: str) -> Text:
    return PEOPLE[slug].name
