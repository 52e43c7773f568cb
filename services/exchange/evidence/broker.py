"""The evidence broker: from a requirement to what proves it. It says which facts; the directory says who holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from services.exchange.evidence.directory import Availability, DataDirectory, EvidenceProvider
from services.exchange.evidence.model import EvidenceType, Requirement, Requirements, UnknownRequirement


@dataclass(frozen=True, slots=True)
class Offer:
    """One evidence type with those who hold its facts."""

    evidence: EvidenceType
    providers: tuple[EvidenceProvider, ...]

    @property
    def provable(self) -> bool:
        """Whether all of its facts can be read, were everyone to answer."""
        connected = {Availability.AVAILABLE, Availability.INTERRUPTED}
        return all(provider.availability in connected for provider in self.providers)


@dataclass(frozen=True, slots=True)
class Resolution:
    """A requirement, and the ways to prove it: any one of `ways`, all of its offers."""

    requirement: Requirement
    ways: tuple[tuple[Offer, ...], ...]

    @property
    def provable(self) -> bool:
        """Whether the state can prove it without the citizen."""
        return any(all(offer.provable for offer in way) for way in self.ways)


class EvidenceBroker:
    """`used_by` tells who requires what at this moment: requirement → subjects, `programme:old-age-allowance`."""

    def __init__(
        self,
        requirements: Requirements,
        directory: DataDirectory,
        used_by: Callable[[], Mapping[str, Iterable[str]]] = dict,
    ) -> None:
        self._requirements, self.directory = requirements, directory
        self._proves = requirements.by_attribute()
        self._used_by = used_by

    def all(self) -> tuple[Resolution, ...]:
        """In the order of the data."""
        return tuple(self.resolve(name) for name in self._requirements.requirements)

    def resolve(self, requirement: str) -> Resolution:
        """Raises :class:`UnknownRequirement`."""
        found = self._requirements.requirements.get(requirement)
        if found is None:
            raise UnknownRequirement
        ways = tuple(tuple(self._offer(kind) for kind in types) for types in found.evidence)
        return Resolution(found, ways)

    def used_by(self, requirement: str) -> tuple[str, ...]:
        return tuple(sorted(self._used_by().get(requirement, ())))

    def proves(self, attribute: str) -> tuple[str, ...]:
        """Ids of the requirements that the attribute may be needed to prove, in the order of the data."""
        return self._proves.get(attribute, ())

    def _offer(self, kind: str) -> Offer:
        evidence = self._requirements.evidence_types[kind]
        providers = (one for name in evidence.attributes for one in self.directory.providers(name))
        return Offer(evidence, tuple(providers))
