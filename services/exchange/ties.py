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
        """Raises `ServiceUnavailable` when the civil register does not say; of a disability it may be silent."""
        asked = (_NAME, BIRTH_DATE, _DISABILITY)
        facts = await self._gate.facts(person, asked, asker=_citizen(person, request), purpose=DELEGATION)
        card = facts[_DISABILITY]
        return self._standing(facts, card.value if isinstance(card.value, bool) else None)

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
        return self._standing(facts, None)

    def _standing(self, facts: Facts, has_disability: bool | None) -> Standing:
        name, born = facts[_NAME].value, facts[BIRTH_DATE].value
        if not isinstance(name, Mapping) or not isinstance(born, date):
            raise self._unavailable()
        return Standing(full_name(name), born, has_disability)

    def _unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(self._catalogue.agency_title(_REGISTRY))


def _citizen(person: UUID, request: UUID) -> Asker:
    return Asker(AskerKind.CITIZEN, person.hex, None, _YOU, request)
