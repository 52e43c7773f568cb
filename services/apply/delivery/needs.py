"""What a service needs of a citizen, read through the gate under the needs of its manifest.

A need on the ground of a public task is read for the purpose `agency-service`; where another agency keeps the fact, an
agreement between the two must name it (docs/agreements.md). A need on the ground of consent is read for the purpose of
the catalogue by which this agency asks for consent to that fact, because the words of a consent are reviewed; without
one it cannot be met. Whatever could not be had is left out of what the agency is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from core.database import Database
from core.money import Money
from core.text import Text
from core.thai_dates import Precision
from services.apply.delivery.agencies import Consents
from services.apply.delivery.errors import ConsentNeeded
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.facts import SERVICE_ASKER, Asker, AskerKind, Basis, Fact, Gate, Purpose, Still
from services.plugins.contract import Manifest, NeedBasis

SERVICE: Final = "agency-service"
_LABEL: Final = Text(th="{agency}: {service}", en="{agency}: {service}")
_SHOWN: Final = {Precision.YEAR: 4, Precision.MONTH: 7}
"""How many letters of an ISO date are known."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class Gathered:
    """The facts by attribute, in the wire's form of a value; and those that a consent opened, by its purpose."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    rests_on: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """How what lies ready to be sent stands now."""

    barred: str | None
    """Why nothing may be sent: the citizen has had the use of their data stopped."""
    gone: frozenset[str]
    """Facts that may not be sent: a consent or an agreement has ended."""


class StandingGate(Gate, Protocol):
    async def still(self, subject: UUID, attributes: Collection[str], *, asker: Asker, purpose: Purpose) -> Still:
        """See :meth:`services.exchange.gate.ExchangeGate.still`."""
        ...


class Needs:
    def __init__(self, database: Database, gate: StandingGate, catalogue: Catalogue, consents: Consents) -> None:
        self._db, self._gate, self._catalogue, self._consents = database, gate, catalogue, consents

    async def read(self, manifest: Manifest, person: UUID, request: UUID | None) -> Gathered:
        """What the service needs of this person. Everything is in their access log.

        Raises :class:`ConsentNeeded`, sooner than anything is read.
        """
        by_purpose = self._by_purpose(manifest)
        for entry, attributes in by_purpose:
            if entry.purpose.basis is Basis.CONSENT and not await self._agreed(person, entry, attributes):
                raise ConsentNeeded(entry.purpose.id, entry.purpose.text)
        asker = self._asker(manifest, person, request)
        facts: dict[str, Any] = {}
        rests_on: dict[str, list[str]] = {}
        for entry, attributes in by_purpose:
            told = await self._gate.facts(person, attributes, asker=asker, purpose=entry.purpose)
            known = {name: _wire(fact) for name, fact in told.items() if fact.known}
            facts |= known
            if known and entry.purpose.basis is Basis.CONSENT:
                rests_on[entry.purpose.id] = sorted(known)
        return Gathered(facts, rests_on)

    async def still(
        self, manifest: Manifest, person: UUID, facts: Collection[str], rests_on: Mapping[str, Sequence[str]]
    ) -> Standing:
        """Of facts that lie ready to be sent, those that may not be sent any more; and whether anything may."""
        by_consent = {purpose: [name for name in names if name in facts] for purpose, names in rests_on.items()}
        consented = {name for names in by_consent.values() for name in names}
        groups = {SERVICE: [name for name in facts if name not in consented], **by_consent}
        asker, gone, barred = self._asker(manifest, person, None), set[str](), None
        for purpose, attributes in groups.items():
            entry = self._catalogue.purposes.get(purpose)
            if entry is None:
                gone.update(attributes)
                continue
            told = await self._gate.still(person, attributes, asker=asker, purpose=entry.purpose)
            gone.update(told.refused)
            barred = barred or told.barred
        return Standing(barred, frozenset(gone))

    async def _agreed(self, person: UUID, entry: RegisteredPurpose, attributes: Sequence[str]) -> bool:
        async with self._db.read() as session:
            return (await self._consents.agreed(session, person, entry)).issuperset(attributes)

    @staticmethod
    def _asker(manifest: Manifest, person: UUID, request: UUID | None) -> Asker:
        label = _LABEL.filled(agency=manifest.agency.title.text, service=manifest.title.text)
        return Asker(
            AskerKind.SYSTEM, f"{SERVICE_ASKER}{manifest.slug}", manifest.agency.slug, label, request, applicant=person
        )

    def _by_purpose(self, manifest: Manifest) -> list[tuple[RegisteredPurpose, list[str]]]:
        found: dict[str, tuple[RegisteredPurpose, list[str]]] = {}
        for need in manifest.needs:
            entry = self.purpose_of(manifest, need.attribute, need.basis)
            if entry is None:
                log.warning("need_without_purpose", plugin=manifest.slug, attribute=need.attribute)
            else:
                found.setdefault(entry.purpose.id, (entry, []))[1].append(need.attribute)
        return list(found.values())

    def purpose_of(self, manifest: Manifest, attribute: str, basis: NeedBasis) -> RegisteredPurpose | None:
        """The registered purpose for which the agency may ask for it on that ground."""
        if basis is NeedBasis.PUBLIC_TASK:
            return self._catalogue.purposes.get(SERVICE)
        return next(
            (
                entry
                for entry in self._catalogue.purposes.values()
                if entry.purpose.basis is Basis.CONSENT
                and entry.requester == manifest.agency.slug
                and attribute in (entry.attributes or ())
            ),
            None,
        )


def _wire(fact: Fact) -> Any:
    """A value as `services.plugins.contract.wire` writes it; of a date the parts that are known."""
    if isinstance(fact.value, date):
        return fact.value.isoformat()[: _SHOWN.get(fact.precision)]
    return _plain(fact.value)


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"satang": value.satang, "currency": value.currency}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
