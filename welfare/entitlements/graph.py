"""Programmes and entitlements in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.graph import Access, Delegate, Info, MoneyAmount, Node, Nodes, field, global_id, localized, rights
from core.graph.plain import PLAIN
from core.money import Money
from services.apply.graph import Application, MissingFact, ReasonOutcome, application_node
from services.exchange.catalogue import Catalogue, How
from services.exchange.facts import Fact, Facts, FactState, Value
from services.exchange.graph import Person, Source, source_of, viewer_asker
from services.exchange.graph.fields import described
from welfare import programmes as rules
from welfare.entitlements import service
from welfare.entitlements.anonymous import Given, check
from welfare.entitlements.assessment import CITIZEN, Assessment, named_key
from welfare.entitlements.change_graph import SmallestChange
from welfare.entitlements.counterfactual import smallest_change
from welfare.entitlements.service import EntitlementService, EntitlementStatus
from welfare.entitlements.what_if import WhatIf

strawberry.enum(EntitlementStatus, description="RECEIVING, else APPLIED, else what the rules say.")
strawberry.enum(rules.Cadence, name="BenefitCadence", description="How often a benefit is given.")
strawberry.enum(rules.Per, name="BenefitPer", description="Whether each person gets it, or the household once.")

_LOADER: Final = "welfare.entitlements"


def _key(programme: rules.Programme) -> UUID:
    return named_key(b"programme", programme.slug.encode())


@strawberry.type(description="A benefit that a programme gives, by the law in force today.")
class ProgrammeBenefit:
    kind: str
    title: str
    cadence: rules.Cadence
    per: rules.Per
    in_kind: bool = strawberry.field(description="Whether it is an allowance for goods or a discount, not cash.")
    is_right: bool = strawberry.field(description="Whether it is a standing (health care, a loan) and not a sum.")


strawberry.enum(rules.Channel, name="ProgrammeChannel", description="Where one applies.")


@strawberry.type(description="A welfare programme.")
class Programme(Node):
    programme: strawberry.Private[rules.Programme]
    slug: str

    @classmethod
    def of(cls, programme: rules.Programme) -> Programme:
        return cls(id=global_id("Programme", _key(programme)), programme=programme, slug=programme.slug)

    @described(**PLAIN)
    def title(self, info: Info) -> str:
        return localized(info, self.programme.title)

    @described("The agency that pays.", **PLAIN)
    def payer(self, info: Info) -> Source:
        return source_of(info, self.programme.payer)

    @described("Whether it is given for each child, and a parent applies.", **PLAIN)
    def for_children(self) -> bool:
        return self.programme.for_each is rules.ForEach.CHILD

    @described("Where one applies: here, with the agency that pays, or nowhere, because it is a right by law.", **PLAIN)
    def apply_at(self) -> rules.Channel:
        return self.programme.channel

    @described("Whether nobody is told of it unasked, because already the question tells a secret.", **PLAIN)
    def on_request(self) -> bool:
        return self.programme.on_request

    @described("Programmes that the law lets nobody have beside this one for the same beneficiary.")
    def excludes(self, info: Info) -> list[Programme]:
        programmes = info.context.room(EntitlementService).programmes
        return [Programme.of(programmes[one.programme]) for one in programmes.exclusions(self.slug)]

    @described("The law in force today; null where none is.")
    def law(self, info: Info) -> str | None:
        version = self._version(info)
        return None if version is None else localized(info, version.law)

    @described("What the law in force today asks for, one condition each.")
    def requirements(self, info: Info) -> list[str]:
        version = self._version(info)
        return [] if version is None else [localized(info, condition.text) for condition in version.conditions]

    @strawberry.field
    def benefits(self, info: Info) -> list[ProgrammeBenefit]:
        version = self._version(info)
        return [
            ProgrammeBenefit(
                kind=b.kind,
                title=localized(info, b.text),
                cadence=b.cadence,
                per=b.per,
                in_kind=b.in_kind,
                is_right=b.is_right,
            )
            for b in (() if version is None else version.benefits)
        ]

    @described("What no source has confirmed of these rules.")
    def unverified(self, info: Info) -> list[str]:
        version = self._version(info)
        remarks = (*self.programme.unverified, *(() if version is None else version.unverified))
        return [localized(info, remark) for remark in remarks]

    def _version(self, info: Info) -> rules.Version | None:
        return self.programme.version_on(info.context.clock.today())


@strawberry.type(description="What would be given, or is.")
class Benefit:
    kind: str
    title: str
    amount: MoneyAmount | None = strawberry.field(
        description="Null where a fact that is missing decides it, and of a right."
    )
    cadence: rules.Cadence
    per: rules.Per
    in_kind: bool = strawberry.field(description="Whether it is an allowance for goods or a discount, not cash.")
    is_right: bool = strawberry.field(description="Whether it is a standing (health care, a loan) and not a sum.")


@strawberry.type(description="A fact that a condition reads.")
class ReasonFact:
    attribute: str
    title: str
    value: JSON | None = strawberry.field(
        description="Days as ISO dates, money as satang and currency; null when there is none or `state` says why. "
        "DENIED: it was used, and is not shown, because it would tell what others in the household have."
    )
    source: Source
    as_of: datetime | None
    state: FactState

    @classmethod
    def of(cls, info: Info, name: str, fact: Fact, *, anonymous: bool) -> ReasonFact:
        """A total over the household is not shown: less one's own part, it is the others' (docs/adr/0009)."""
        attribute = info.context.room(Catalogue).attribute(fact.attribute)
        told = anonymous or fact.source == CITIZEN  # by the caller, who supposes it
        if fact.known and not told and attribute.derived is not None and attribute.derived.how is How.SUM:
            fact = replace(fact, value=None, state=FactState.DENIED)
        return cls(
            attribute=name,
            title=localized(info, attribute.title),
            value=_shown(fact.value),
            source=source_of(info, fact.source),
            as_of=fact.as_of,
            state=fact.state,
        )


@strawberry.type(description="One condition of the law, and whether it is met.")
class Reason:
    text: str
    outcome: ReasonOutcome
    law: str
    found: strawberry.Private[Assessment]
    names: strawberry.Private[Sequence[str]]
    anonymous: strawberry.Private[bool]

    @described(**PLAIN)
    def facts(self, info: Info) -> list[ReasonFact]:
        """Made only for whoever asks for them."""
        return [
            ReasonFact.of(info, name, fact, anonymous=self.anonymous)
            for name in self.names
            if (fact := self.found.fact(name)) is not None
        ]


class Somebody(Person):
    """The person of an anonymous check: known by what the caller gave, and by nothing that the gate could tell."""

    given: Facts

    async def _fact(self, info: Info, attribute: str) -> Fact:
        steward = info.context.room(Catalogue).attribute(attribute).steward
        return self.given.get(attribute) or Fact(attribute, None, steward, None, FactState.UNAVAILABLE)


@strawberry.type(description="Whether somebody is entitled to something, and why.")
class Entitlement(Node):
    found: strawberry.Private[service.Entitlement]
    anonymous: strawberry.Private[bool]
    status: EntitlementStatus

    @classmethod
    def of(cls, found: service.Entitlement, *, anonymous: bool = False) -> Entitlement:
        return cls(id=global_id("Entitlement", found.id), found=found, anonymous=anonymous, status=found.status)

    @property
    def _assessment(self) -> Assessment:
        return self.found.assessment

    @described(**PLAIN)
    def programme(self) -> Programme:
        return Programme.of(self._assessment.programme)

    @described("The citizen, or the child that it is for.", **PLAIN)
    def beneficiary(self) -> Person:
        found = self._assessment
        if not self.anonymous:
            return Person.of(found.beneficiary)
        somebody = Somebody.of(found.beneficiary)
        somebody.given = found.own if found.child is None else found.child
        return somebody

    @described("Empty when the answer is no; while something is missing, what it would be if the rest is met.", **PLAIN)
    def benefits(self, info: Info) -> list[Benefit]:
        return [
            Benefit(
                kind=b.kind,
                title=localized(info, b.text),
                amount=None if b.amount is None else MoneyAmount.of(b.amount),
                cadence=b.cadence,
                per=b.per,
                in_kind=b.in_kind,
                is_right=b.is_right,
            )
            for b in self._assessment.determination.benefits
        ]

    @described("Every condition of the law, in its order.", **PLAIN)
    def reasons(self, info: Info) -> list[Reason]:
        found = self._assessment
        return [
            Reason(
                text=localized(info, condition.text),
                outcome=ReasonOutcome(condition.outcome.value),
                law=localized(info, condition.law),
                found=found,
                names=condition.facts_used,
                anonymous=self.anonymous,
            )
            for condition in found.determination.conditions
        ]

    @described("What to supply, and who holds it. Empty unless it could change the answer.", **PLAIN)
    def missing(self, info: Info) -> list[MissingFact]:
        return [MissingFact.of(info, missing) for missing in self._assessment.missing]

    @described("The next day on which the answer changes by itself.", **PLAIN)
    def changes_on(self) -> date | None:
        return self._assessment.changes_on()

    @described(
        "The smallest change that would alter the answer: of a no, the fewest facts, each by no more than it takes; of "
        "a yes, only if it hangs by a thread. Null where there is none that is anybody's to make or comes by itself."
    )
    def smallest_change(self, info: Info) -> SmallestChange | None:
        found = smallest_change(info.context.room(Catalogue), self._assessment, anonymous=self.anonymous)
        return None if found is None else SmallestChange.of(info, found)

    @described("The viewer's active application for it.")
    async def application(self, info: Info) -> Application | None:
        return None if self.found.application is None else await application_node(info, self.found.application)


@strawberry.type(description="What would be different between today and what was supposed.")
class WhatIfDifference:
    today: Entitlement | None = strawberry.field(description="As it is; null where no law is in force.")
    then: Entitlement | None = strawberry.field(description="As it would be; null where no law is in force that day.")


@strawberry.type(name="WhatIf", description="What somebody would be entitled to, if. Nothing of it is stored.")
class WhatIfAnswer:
    on: date
    entitlements: list[Entitlement] = strawberry.field(
        description="By the law alone; their ids lead nowhere. A total over the household is unknown where what it is "
        "compared with is supposed: suppose it too."
    )
    differences: list[WhatIfDifference]


@strawberry.input(description="A fact that the caller gives of themself or of a child.")
class FactInput:
    attribute: str = strawberry.field(description="Its id in the catalogue of attributes.")
    value: JSON | None = strawberry.field(
        default=None, description="true or false, a whole number, a code, an ISO date, or `{satang, currency}`."
    )
    child: int | None = strawberry.field(default=None, description="Which child it is about, from 1; null: oneself.")


@strawberry.type
class WelfareOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described(
        "`on` another day than today asks what the law would then say to the facts of today.", **rights(Delegate.VIEW)
    )
    async def entitlements(
        self, info: Info, status: list[EntitlementStatus] | None = None, on: date | None = None
    ) -> list[Entitlement] | None:
        found = await info.context.loader(_LOADER, _Batch(info)).load((self.person, on))
        return [Entitlement.of(one) for one in found if status is None or one.status in status]

    @described(
        "The viewer's own facts, some of them replaced, on another day or today: what would be different? A look, and "
        "no decision. `child` counts the viewer's minor children, the eldest first.",
        **rights(Delegate.VIEW),
    )
    async def what_if(self, info: Info, facts: list[FactInput], on: date | None = None) -> WhatIfAnswer | None:
        given = [Given(fact.attribute, fact.value, fact.child) for fact in facts]
        room, asker = info.context.room(WhatIf), viewer_asker(info)
        found = await room.suppose(self.person, given, on, request=info.context.request_id, asker=asker)
        return WhatIfAnswer(
            on=found.on,
            entitlements=[Entitlement.of(one) for one in found.entitlements],
            differences=[
                WhatIfDifference(
                    today=None if one.today is None else Entitlement.of(one.today),
                    then=None if one.then is None else Entitlement.of(one.then),
                )
                for one in found.differences
            ],
        )


class _Batch:
    """Sibling fields that ask about the same day are one look."""

    def __init__(self, info: Info) -> None:
        self._service, self._request = info.context.room(EntitlementService), info.context.request_id
        self._asker = viewer_asker(info)

    async def __call__(
        self, keys: list[tuple[UUID, date | None]]
    ) -> Sequence[tuple[service.Entitlement, ...] | BaseException]:
        results: list[tuple[service.Entitlement, ...] | BaseException] = []
        for person, on in keys:
            try:
                results.append(await self._service.of(person, on=on, request=self._request, asker=self._asker))
            except Exception as error:  # noqa: BLE001 (each key's error is its own field's)
                results.append(error)
        return results


@strawberry.type
class WelfareQuery:
    @field(Access.PUBLIC, description="All programmes, by slug.")
    def programmes(self, info: Info) -> list[Programme]:
        return [Programme.of(programme) for programme in info.context.room(EntitlementService).programmes]

    @field(
        Access.PUBLIC, description="What somebody would be entitled to of whom these things are true. Stores nothing."
    )
    def check_entitlements(self, info: Info, facts: list[FactInput], on: date | None = None) -> list[Entitlement]:
        room, clock = info.context.room(EntitlementService), info.context.clock
        given = [Given(fact.attribute, fact.value, fact.child) for fact in facts]
        found = check(room.catalogue, room.programmes, given, on or clock.today(), clock.now())
        return [Entitlement.of(one, anonymous=True) for one in found]


async def entitlement_node(info: Info, key: UUID) -> Entitlement | None:
    """The viewer's, assessed anew; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    found = await info.context.loader(_LOADER, _Batch(info)).load((viewer.person, None))
    return next((Entitlement.of(one) for one in found if one.id == key), None)


async def programme_node(info: Info, key: UUID) -> Programme | None:
    catalogue = info.context.room(EntitlementService).programmes
    return next((Programme.of(programme) for programme in catalogue if _key(programme) == key), None)


NODES: Nodes = {"Entitlement": entitlement_node, "Programme": programme_node}


def _shown(value: Value) -> Any:
    """A value of a fact as JSON."""
    if isinstance(value, Money):
        return {"satang": value.satang, "currency": value.currency}
    return value.isoformat() if isinstance(value, date) else value
