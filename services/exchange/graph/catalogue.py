"""The catalogue in the graph: attributes, requirements with their evidence, purposes. Public, and of nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final

import strawberry

from core.graph import Access, Info, localized
from core.graph import field as root_field
from core.text import Text
from services.exchange.catalogue import AskerRole, Kind, Subject
from services.exchange.evidence import shapes
from services.exchange.evidence.directory import Availability
from services.exchange.evidence.model import RequirementKind
from services.exchange.evidence.published import PublishedCatalogue
from services.exchange.facts import Basis
from services.exchange.graph.facts import Source, source_of
from services.exchange.graph.fields import described

strawberry.enum(Kind, name="AttributeType", description="What kind of value an attribute has.")
strawberry.enum(Subject, name="AttributeSubject", description="Whom an attribute is about.")
strawberry.enum(Availability, name="ProviderAvailability", description="Whether a provider answers at this moment.")
strawberry.enum(RequirementKind, description="Whether a requirement is met or not, or asks for information.")
strawberry.enum(AskerRole, description="What somebody who asks is to whom they ask about.")


@strawberry.type(description="Bounds of a number, or of money in satang; text, because they are larger than an Int.")
class AttributeRange:
    minimum: str
    maximum: str


@strawberry.type(description="Who holds a fact, and by which operation it is read (EU OOTS).")
class EvidenceProvider:
    told: strawberry.Private[shapes.Provider]
    attribute: str
    service: str | None = strawberry.field(description="Slug of the service that answers; null: none is connected.")
    operation: str | None
    freshness_seconds: int = strawberry.field(description="How long what was read counts as fresh.")
    stale_seconds: int = strawberry.field(description="How much longer the last known value may be told.")
    availability: Availability

    @classmethod
    def of(cls, told: shapes.Provider) -> EvidenceProvider:
        return cls(
            told=told,
            attribute=told.attribute,
            service=told.service,
            operation=told.operation,
            freshness_seconds=told.freshness_seconds,
            stale_seconds=told.stale_seconds,
            availability=Availability(told.availability),
        )

    @strawberry.field
    def agency(self, info: Info) -> Source:
        return source_of(info, self.told.agency.slug)


@strawberry.type(description="A fact that the state holds. No form may ask for it.")
class CatalogueAttribute:
    told: strawberry.Private[shapes.AttributeShape]
    id: str
    type: Kind
    codes: list[str] = strawberry.field(description="The closed list of a code.")
    unit: str | None = strawberry.field(description="What a number counts.")
    subject: Subject
    sensitive: bool = strawberry.field(description="PDPA s.26.")
    askable: bool = strawberry.field(description="False for the ties between people, which the exchange alone reads.")
    freshness_seconds: int
    since: date = strawberry.field(description="The first day on which it can be asked for.")
    replaced_by: str | None = strawberry.field(description="Of a deprecated one: what to ask for instead.")
    purposes: list[str] = strawberry.field(description="Ids of the purposes for which it may lawfully be asked for.")
    proves: list[str] = strawberry.field(description="Ids of the requirements that it is evidence of.")

    @classmethod
    def of(cls, told: shapes.AttributeShape) -> CatalogueAttribute:
        return cls(
            told=told,
            id=told.id,
            type=Kind(told.type),
            codes=list(told.codes),
            unit=told.unit,
            subject=Subject(told.subject),
            sensitive=told.sensitive,
            askable=told.askable,
            freshness_seconds=told.freshness_seconds,
            since=told.since,
            replaced_by=told.deprecated.replaced_by if told.deprecated is not None else None,
            purposes=list(told.purposes),
            proves=list(told.proves),
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return _words(info, self.told.title)

    @strawberry.field
    def description(self, info: Info) -> str:
        return _words(info, self.told.description)

    @described("Whose word it is, and where it is corrected.")
    def steward(self, info: Info) -> Source:
        return source_of(info, self.told.steward.slug)

    @strawberry.field
    def range(self) -> AttributeRange | None:
        bounds = self.told.range
        return None if bounds is None else AttributeRange(minimum=str(bounds.minimum), maximum=str(bounds.maximum))

    @described("What people call it, in the language of the request.")
    def synonyms(self, info: Info) -> list[str]:
        said = self.told.synonyms
        return localized(info, Text(th="\n".join(said.th), en="\n".join(said.en))).split("\n")

    @described("Why nobody provides it yet.")
    def planned(self, info: Info) -> str | None:
        return None if self.told.planned is None else _words(info, self.told.planned)

    @strawberry.field
    def providers(self) -> list[EvidenceProvider]:
        return [EvidenceProvider.of(one) for one in self.told.providers]


@strawberry.type(description="Facts in the place of a document that somebody would have to bring (CCCEV).")
class EvidenceType:
    told: strawberry.Private[shapes.EvidenceShape]
    id: str
    attributes: list[str]
    replaces: list[str] = strawberry.field(description="Documents of the state that nobody has to bring any more.")
    provable: bool = strawberry.field(description="Whether each of its facts has a provider that is connected.")

    @classmethod
    def of(cls, told: shapes.EvidenceShape) -> EvidenceType:
        attributes, replaces = list(told.attributes), list(told.replaces)
        return cls(told=told, id=told.id, attributes=attributes, replaces=replaces, provable=told.provable)

    @strawberry.field
    def title(self, info: Info) -> str:
        return _words(info, self.told.title)

    @strawberry.field
    def providers(self) -> list[EvidenceProvider]:
        return [EvidenceProvider.of(one) for one in self.told.providers]


@strawberry.type(description="What a service requires of a person, and what proves it (CCCEV).")
class Requirement:
    told: strawberry.Private[shapes.RequirementShape]
    id: str
    kind: RequirementKind
    provable: bool = strawberry.field(description="Whether the state can prove it without the citizen.")
    used_by: list[str] = strawberry.field(description="`programme:<slug>` of who requires it.")

    @classmethod
    def of(cls, told: shapes.RequirementShape) -> Requirement:
        kind = RequirementKind(told.kind)
        return cls(told=told, id=told.id, kind=kind, provable=told.provable, used_by=list(told.used_by))

    @strawberry.field
    def title(self, info: Info) -> str:
        return _words(info, self.told.title)

    @described("What whoever requires it says themselves, such as the limit.")
    def open(self, info: Info) -> str | None:
        return None if self.told.open is None else _words(info, self.told.open)

    @described("Any one of these lists proves it, all evidence of a list together.")
    def evidence(self) -> list[list[EvidenceType]]:
        return [[EvidenceType.of(one) for one in way] for way in self.told.evidence_type_lists]


@strawberry.type(description="Why facts may be asked for, by whom, on which basis.")
class CataloguePurpose:
    told: strawberry.Private[shapes.PurposeShape]
    id: str
    basis: Basis
    askers: list[AskerRole]
    subjects: list[Subject]
    attributes: list[str] = strawberry.field(description="Every attribute that it may be used for.")

    @classmethod
    def of(cls, told: shapes.PurposeShape) -> CataloguePurpose:
        return cls(
            told=told,
            id=told.id,
            basis=Basis(told.basis),
            askers=[AskerRole(role) for role in told.askers],
            subjects=[Subject(subject) for subject in told.subjects],
            attributes=list(told.attributes),
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return _words(info, self.told.title)

    @described("Who asks with consent.")
    def requester(self, info: Info) -> Source | None:
        return None if self.told.requester is None else source_of(info, self.told.requester.slug)


_OF_IDS: Final = "Those of these ids, each once; all when left out."


@strawberry.type
class CatalogueQuery:
    @root_field(Access.PUBLIC, description=f"The facts that the state holds. {_OF_IDS}")
    def attributes(self, info: Info, ids: list[str] | None = None) -> list[CatalogueAttribute] | None:
        published = info.context.room(PublishedCatalogue)
        return [CatalogueAttribute.of(one) for one in _chosen(ids, published.attributes, published.attribute)]

    @root_field(Access.PUBLIC, description=f"What services require of people, and what proves it. {_OF_IDS}")
    def requirements(self, info: Info, ids: list[str] | None = None) -> list[Requirement] | None:
        published = info.context.room(PublishedCatalogue)
        return [Requirement.of(one) for one in _chosen(ids, published.requirements, published.requirement)]

    @root_field(Access.PUBLIC, description="Why facts may be asked for.")
    def purposes(self, info: Info) -> list[CataloguePurpose] | None:
        return [CataloguePurpose.of(one) for one in info.context.room(PublishedCatalogue).purposes()]


def _chosen(ids: Sequence[str] | None, every: Callable[[], Iterable[Any]], one: Callable[[str], Any]) -> Iterable[Any]:
    return every() if ids is None else [one(name) for name in dict.fromkeys(ids)]


def _words(info: Info, words: shapes.Words) -> str:
    return localized(info, Text(th=words.th, en=words.en))
