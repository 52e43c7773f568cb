"""The data directory: who holds each fact, by which operation, how fresh, and whether it answers at this moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.exchange.catalogue import Attribute, Catalogue


class Availability(StrEnum):
    """Of a provider, as far as this process has heard."""

    AVAILABLE = "AVAILABLE"
    INTERRUPTED = "INTERRUPTED"
    """It has failed too often just now, and is left alone for a moment."""
    PLANNED = "PLANNED"
    """Its agency is not connected yet."""
    NOT_CONNECTED = "NOT_CONNECTED"
    """No service that is connected provides the fact."""


@dataclass(frozen=True, slots=True)
class Provision:
    """An operation that provides facts, as whoever builds the house knows it from the manifests of services."""

    agency: str
    service: str
    operation: str
    attributes: frozenset[str]
    answers: bool = True
    """False while it is left alone because it failed."""


@dataclass(frozen=True, slots=True)
class EvidenceProvider:
    """Who holds one fact. `service` and `operation` are None where nothing is connected."""

    attribute: str
    agency: str
    service: str | None
    operation: str | None
    freshness: timedelta
    stale: timedelta
    availability: Availability


class DataDirectory:
    """Asks for the provisions at each question, because services come and go while serving."""

    def __init__(self, catalogue: Catalogue, provisions: Callable[[], Iterable[Provision]]) -> None:
        self._catalogue, self._provisions = catalogue, provisions

    def providers(self, attribute: str) -> tuple[EvidenceProvider, ...]:
        """Of one fact; of a derived one, those of the facts it is made of. Raises :class:`UnknownAttribute`."""
        return self._of(self._catalogue.attribute(attribute), tuple(self._provisions()))

    def all(self) -> dict[str, tuple[EvidenceProvider, ...]]:
        """By attribute, the ties between people left out: nobody may ask for them."""
        provisions = tuple(self._provisions())
        return {a.id: self._of(a, provisions) for a in self._catalogue.attributes.values() if not a.is_tie}

    def _of(self, attribute: Attribute, provisions: tuple[Provision, ...]) -> tuple[EvidenceProvider, ...]:
        if attribute.derived is not None:
            made_of = filter(None, (attribute.derived.over, attribute.derived.of))
            return tuple(
                provider for name in made_of for provider in self._of(self._catalogue.attributes[name], provisions)
            )
        found = next((one for one in provisions if attribute.id in one.attributes), None)
        if found is None:
            planned = attribute.about.planned is not None
            availability = Availability.PLANNED if planned else Availability.NOT_CONNECTED
        else:
            availability = Availability.AVAILABLE if found.answers else Availability.INTERRUPTED
        return (
            EvidenceProvider(
                attribute=attribute.id,
                agency=attribute.steward,
                service=found.service if found else None,
                operation=found.operation if found else None,
                freshness=attribute.freshness,
                stale=attribute.stale,
                availability=availability,
            ),
        )
