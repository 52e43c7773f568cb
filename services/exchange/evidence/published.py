"""The catalogue as everybody may read it: over HTTP, in the graph, in the documentation."""

from __future__ import annotations

from datetime import date
from typing import Final

from services.exchange.catalogue import Attribute, Catalogue, RegisteredPurpose
from services.exchange.evidence import shapes
from services.exchange.evidence.broker import EvidenceBroker, Offer, Resolution
from services.exchange.evidence.directory import EvidenceProvider

_ALWAYS: Final = date.min


class PublishedCatalogue:
    """Shapes made anew at each question, because providers come and go."""

    def __init__(self, catalogue: Catalogue, broker: EvidenceBroker) -> None:
        self._catalogue, self._broker = catalogue, broker

    def attributes(self) -> tuple[shapes.AttributeShape, ...]:
        """In the order of the catalogue."""
        return tuple(map(self._attribute, self._catalogue.attributes.values()))

    def attribute(self, name: str) -> shapes.AttributeShape:
        """Raises :class:`services.exchange.errors.UnknownAttribute`."""
        return self._attribute(self._catalogue.attribute(name))

    def requirements(self) -> tuple[shapes.RequirementShape, ...]:
        return tuple(map(self._requirement, self._broker.all()))

    def requirement(self, name: str) -> shapes.RequirementShape:
        """Raises :class:`services.exchange.evidence.model.UnknownRequirement`."""
        return self._requirement(self._broker.resolve(name))

    def purposes(self) -> tuple[shapes.PurposeShape, ...]:
        return tuple(map(self._purpose, self._catalogue.purposes.values()))

    def purposes_of(self, attribute: Attribute) -> tuple[str, ...]:
        """Why it may be asked for, as the registered purposes say: nobody keeps a second list."""
        if attribute.is_tie:
            return ()
        return tuple(p.purpose.id for p in self._catalogue.purposes.values() if p.covers(attribute))

    def _attribute(self, one: Attribute) -> shapes.AttributeShape:
        about, ranged = one.about, one.about.unit is not None
        old = about.deprecated
        return shapes.AttributeShape(
            id=one.id,
            title=shapes.Words.of(one.title),
            description=shapes.Words.of(about.description),
            type=one.type.kind.value,
            range=shapes.Range(minimum=one.type.minimum, maximum=one.type.maximum) if ranged else None,
            codes=one.type.codes,
            unit=about.unit,
            pattern=about.pattern,
            steward=self._agency(one.steward),
            subject=one.subject.value,
            sensitive=one.sensitive,
            askable=not one.is_tie,
            freshness_seconds=int(one.freshness.total_seconds()),
            stale_seconds=int(one.stale.total_seconds()),
            derived=shapes.Derived(how=one.derived.how.value, over=one.derived.over, of=one.derived.of)
            if one.derived is not None
            else None,
            synonyms=shapes.Synonyms(
                th=(*about.synonyms.th, *about.alone.th), en=(*about.synonyms.en, *about.alone.en)
            ),
            since=about.since or _ALWAYS,
            deprecated=shapes.Deprecated(since=old.since, replaced_by=old.replaced_by, why=shapes.Words.of(old.why))
            if old is not None
            else None,
            planned=shapes.Words.of(about.planned) if about.planned is not None else None,
            purposes=self.purposes_of(one),
            proves=self._broker.proves(one.id),
            providers=tuple(map(self._provider, self._broker.directory.providers(one.id))),
        )

    def _requirement(self, resolution: Resolution) -> shapes.RequirementShape:
        one = resolution.requirement
        return shapes.RequirementShape(
            id=one.id,
            kind=one.kind.value,
            title=shapes.Words.of(one.title),
            open=shapes.Words.of(one.open) if one.open is not None else None,
            provable=resolution.provable,
            evidence_type_lists=tuple(tuple(map(self._evidence, way)) for way in resolution.ways),
            used_by=self._broker.used_by(one.id),
        )

    def _evidence(self, offer: Offer) -> shapes.EvidenceShape:
        return shapes.EvidenceShape(
            id=offer.evidence.id,
            title=shapes.Words.of(offer.evidence.title),
            attributes=offer.evidence.attributes,
            replaces=offer.evidence.replaces,
            provable=offer.provable,
            providers=tuple(map(self._provider, offer.providers)),
        )

    def _provider(self, one: EvidenceProvider) -> shapes.Provider:
        return shapes.Provider(
            attribute=one.attribute,
            agency=self._agency(one.agency),
            service=one.service,
            operation=one.operation,
            freshness_seconds=int(one.freshness.total_seconds()),
            stale_seconds=int(one.stale.total_seconds()),
            availability=one.availability.value,
        )

    def _purpose(self, one: RegisteredPurpose) -> shapes.PurposeShape:
        covered = (a.id for a in self._catalogue.attributes.values() if not a.is_tie and one.covers(a))
        return shapes.PurposeShape(
            id=one.purpose.id,
            title=shapes.Words.of(one.purpose.text),
            basis=one.purpose.basis.value,
            askers=tuple(sorted(role.value for role in one.askers)),
            officers_of=tuple(sorted(one.officers_of)),
            requester=self._agency(one.requester) if one.requester is not None else None,
            subjects=tuple(sorted(subject.value for subject in one.subjects)),
            attributes=tuple(covered),
        )

    def _agency(self, slug: str) -> shapes.Agency:
        return shapes.Agency(slug=slug, title=shapes.Words.of(self._catalogue.agency_title(slug)))
