"""Who somebody is, and whose child: what a delegation rests on. Fulfils `identity.delegation.needs.FamilyTies`.

Each question is a look like any other: through the gate, for the registered purpose `delegation`, in the log of
everyone it is about. Of a child only its own parent learns anything, and only while it is a minor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Final
from uuid import UUID

from core.errors import ServiceUnavailable
from core.text import Text
from identity.delegation.needs import Standing
from services.exchange.catalogue import Catalogue
from services.exchange.catalogue.model import BIRTH_DATE
from services.exchange.facts import DELEGATION, Asker, AskerKind, Facts, FactState, Gate
from services.exchange.names import full_name

_YOU: Final = Text(th="คุณ", en="You")
_NAME, _DISABILITY = "name", "disability_card"
_REGISTRY: Final = "dopa"


class RegisterTies:
    def __init__(self, gate: Gate, catalogue: Catalogue) -> None:
        self._gate, self._catalogue = gate, catalogue

    async def standing(self, person: UUID, *, request: UUID) -> Standing:
        """Raises `ServiceUnavailable`."""
        asked, asker = (_NAME, BIRTH_DATE), _citizen(person, request)
        return self._standing(await self._gate.facts(person, asked, asker=asker, purpose=DELEGATION))

    async def has_disability(self, person: UUID, *, request: UUID) -> bool:
        """Raises `ServiceUnavailable`."""
        asker = _citizen(person, request)
        card = (await self._gate.facts(person, (_DISABILITY,), asker=asker, purpose=DELEGATION))[_DISABILITY]
        if not isinstance(card.value, bool):
            raise ServiceUnavailable(self._catalogue.agency_title(card.source))
        return card.value

    async def minor_children(self, parent: UUID, *, request: UUID) -> Collection[UUID]:
        """Raises `ServiceUnavailable`."""
        children = await self._gate.children(parent, asker=_citizen(parent, request), purpose=DELEGATION)
        if children is None:
            raise self._unavailable()
        return children

    async def child(self, parent: UUID, child: UUID, *, request: UUID) -> Standing | None:
        """Raises `ServiceUnavailable`."""
        asked, asker = (_NAME, BIRTH_DATE), _citizen(parent, request)
        facts = await self._gate.facts(child, asked, asker=asker, purpose=DELEGATION)
        if facts[BIRTH_DATE].state is FactState.DENIED:
            return None
        return self._standing(facts)

    def _standing(self, facts: Facts) -> Standing:
        name, born = facts[_NAME].value, facts[BIRTH_DATE].value
        if not isinstance(name, Mapping) or not isinstance(born, date):
            raise self._unavailable()
        return Standing(full_name(name), born)

    def _unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(self._catalogue.agency_title(_REGISTRY))


def _citizen(person: UUID, request: UUID) -> Asker:
    return Asker(AskerKind.CITIZEN, person.hex, None, _YOU, request)
