"""Consents in the graph."""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from core.errors import ServiceUnavailable
from core.graph import (
    Access,
    Connection,
    Delegate,
    Info,
    Node,
    Problem,
    connection,
    global_id,
    localized,
    mutation,
    page_size,
    work_of,
)
from core.graph import (
    field as root_field,
)
from core.ids import GlobalId
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.catalogue.model import BIRTH_DATE
from services.exchange.consent.errors import ConsentNeedsParent
from services.exchange.consent.models import Consent as ConsentRow
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService, ConsentStatus
from services.exchange.facts import OWN_VIEW
from services.exchange.graph.access import AttributeName, PurposeName, attribute_name, cursor_key, purpose_name
from services.exchange.graph.facts import Source, load_facts, source_of
from services.exchange.graph.fields import described
from services.exchange.policy import is_minor

strawberry.enum(ConsentStatus)


@strawberry.type(description="What a citizen may consent to, in the words in force.")
class ConsentTerms:
    entry: strawberry.Private[RegisteredPurpose]
    text_version: str
    days: int = strawberry.field(description="How long a consent lasts unless it is withdrawn.")

    @strawberry.field
    def text(self, info: Info) -> str:
        assert self.entry.consent is not None
        return localized(info, self.entry.consent.text)

    @strawberry.field
    def purpose(self, info: Info) -> PurposeName:
        return purpose_name(info, self.entry.purpose.id)

    @described("The agency that would see the data.")
    def requester(self, info: Info) -> Source:
        return source_of(info, self.entry.requester or "")

    @strawberry.field
    def attributes(self, info: Info) -> list[AttributeName]:
        return [attribute_name(info, name) for name in sorted(self.entry.attributes or ())]


@strawberry.type(description="A citizen's consent (PDPA 2562 s.19). It can be withdrawn at any time.")
class Consent(Node):
    row: strawberry.Private[ConsentRow]
    text_version: str
    granted_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None

    @classmethod
    def of(cls, row: ConsentRow) -> Consent:
        return cls(
            id=global_id("Consent", row.id),
            row=row,
            text_version=row.text_version,
            granted_at=row.granted_at,
            expires_at=row.expires_at,
            withdrawn_at=row.withdrawn_at,
        )

    @strawberry.field
    def status(self, info: Info) -> ConsentStatus:
        return info.context.room(ConsentService).status(self.row)

    @strawberry.field
    def requester(self, info: Info) -> Source:
        return source_of(info, self.row.requester)

    @strawberry.field
    def purpose(self, info: Info) -> PurposeName:
        return purpose_name(info, self.row.purpose)

    @strawberry.field
    def attributes(self, info: Info) -> list[AttributeName]:
        return [attribute_name(info, name) for name in self.row.attributes]


@strawberry.type
class _ConsentPayload:
    consent: Consent | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(consent=await consent_node(info, UUID(hex=kept["consent"])))


@strawberry.type
class GrantConsentPayload(_ConsentPayload):
    pass


@strawberry.type
class WithdrawConsentPayload(_ConsentPayload):
    pass


@strawberry.input
class GrantConsentInput:
    purpose: str
    text_version: str = strawberry.field(description="The version of the words that were shown (`consentTerms`).")
    attributes: list[str] | None = strawberry.field(default=None, description="Only these; all when left out.")
    idempotency_key: str


@strawberry.input
class WithdrawConsentInput:
    consent: strawberry.ID
    idempotency_key: str


@strawberry.type
class ConsentQuery:
    @root_field(Access.PUBLIC, description="What may be consented to.")
    def consent_terms(self, info: Info) -> list[ConsentTerms] | None:
        return [
            ConsentTerms(entry=entry, text_version=entry.consent.version, days=entry.consent.valid.days)
            for entry in info.context.room(Catalogue).purposes.values()
            if entry.consent is not None
        ]


@strawberry.type
class ConsentMutation:
    @mutation(GrantConsentPayload, delegate=Delegate.NOTHING)
    async def grant_consent(self, info: Info, input: GrantConsentInput) -> GrantConsentPayload | None:
        work, service = work_of(info), info.context.room(ConsentService)
        service.checked(input.purpose, input.text_version, input.attributes)
        await _check_of_age(info, work.viewer.person)
        async with work.transaction() as session:
            granted = await service.grant(
                session,
                work.viewer.person,
                purpose=input.purpose,
                text_version=input.text_version,
                attributes=input.attributes,
            )
            work.keep(consent=granted.id.hex)
        return GrantConsentPayload(consent=Consent.of(granted))

    @mutation(WithdrawConsentPayload, delegate=Delegate.NOTHING)
    async def withdraw_consent(self, info: Info, input: WithdrawConsentInput) -> WithdrawConsentPayload | None:
        work = work_of(info)
        key = GlobalId.parse(input.consent, "Consent").id
        async with work.transaction() as session:
            withdrawn = await info.context.room(ConsentService).withdraw(session, work.viewer.person, key)
            work.keep(consent=withdrawn.id.hex)
        return WithdrawConsentPayload(consent=Consent.of(withdrawn))


async def _check_of_age(info: Info, person: UUID) -> None:
    """Raises ConsentNeedsParent, and ServiceUnavailable when nobody can say how old the person is."""
    [fact] = (await load_facts(info, person, [BIRTH_DATE], OWN_VIEW)).values()
    if not isinstance(fact.value, date):
        raise ServiceUnavailable(info.context.room(Catalogue).agency_title(fact.source))
    if is_minor(fact.value, info.context.clock.today()):
        raise ConsentNeedsParent


async def consents(info: Info, person: UUID, first: int | None, after: str | None) -> Connection[Consent]:
    """The newest first."""
    size = page_size(first)
    before = cursor_key(after)
    async with info.context.db.read() as session:
        rows = await ConsentRepository(session).page(person, size=size + 1, before=before)
    return connection(Connection[Consent], rows, size, key=lambda row: row.id.hex, node=Consent.of)


async def consent_node(info: Info, key: UUID) -> Consent | None:
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await ConsentRepository(session).get(viewer.person, key)
    return Consent.of(row) if row is not None else None
