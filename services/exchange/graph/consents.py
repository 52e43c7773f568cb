"""Consents in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.clock import start_of_bangkok_day
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
from core.viewer import NotDelegated
from identity.delegation.days import majority
from identity.delegation.models import Kind
from identity.delegation.repository import DelegationRepository
from identity.delegation.service import DelegationService
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.catalogue.model import BIRTH_DATE
from services.exchange.consent.errors import ConsentNeedsGuardian, ConsentNeedsParent
from services.exchange.consent.models import Consent as ConsentRow
from services.exchange.consent.receipts import SignedReceipt
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService, ConsentStatus
from services.exchange.consent.terms import ConsentEvent, GivenAs, Giver
from services.exchange.consent.texts import Words
from services.exchange.facts import OWN_VIEW
from services.exchange.graph.access import AttributeName, PurposeName, attribute_name, cursor_key, purpose_name
from services.exchange.graph.facts import Source, load_facts, source_of
from services.exchange.graph.fields import described
from services.exchange.policy import is_minor

_OPEN: Final = "exchange.consents.open"
_RECEIPTS: Final = "exchange.consents.receipts"
_GIVEN_AS: Final = {Kind.PARENT: GivenAs.PARENT, Kind.GUARDIAN: GivenAs.GUARDIAN}

strawberry.enum(ConsentStatus)
strawberry.enum(ConsentEvent, description="What happened to a consent.")
strawberry.enum(GivenAs, name="ConsentGivenAs", description="Who gave a consent (PDPA 2562 s.20).")


@strawberry.type(description="One version of the words of a consent. It never changes, and can be read for ever.")
class ConsentWords:
    words: strawberry.Private[Words]
    version: str
    since: date = strawberry.field(description="The first day, in Bangkok, on which it was asked with.")
    sha256: str = strawberry.field(
        description="In hexadecimal, of the Thai words, a zero byte and the English words in UTF-8."
    )

    @classmethod
    def of(cls, words: Words) -> ConsentWords:
        return cls(words=words, version=words.version, since=words.since, sha256=words.sha256)

    @strawberry.field
    def text(self, info: Info) -> str:
        return localized(info, self.words.text)

    @strawberry.field
    def text_th(self) -> str:
        return self.words.text.th

    @strawberry.field
    def text_en(self) -> str:
        return self.words.text.en


@strawberry.type(description="What a citizen may consent to, in the words in force.")
class ConsentTerms:
    entry: strawberry.Private[RegisteredPurpose]
    words: strawberry.Private[Words]
    text_version: str
    days: int = strawberry.field(description="How long a consent lasts unless it is withdrawn.")

    @strawberry.field
    def text(self, info: Info) -> str:
        return localized(info, self.words.text)

    @described("Every version that was ever asked with, the one in force last.")
    def versions(self, info: Info) -> list[ConsentWords]:
        texts = info.context.room(ConsentService).texts
        return [ConsentWords.of(one) for one in texts.until(self.entry.purpose.id, info.context.clock.today())]

    @strawberry.field
    def purpose(self, info: Info) -> PurposeName:
        return purpose_name(info, self.entry.purpose.id)

    @described("The agency that would see the data.")
    def requester(self, info: Info) -> Source:
        return source_of(info, self.entry.requester or "")

    @strawberry.field
    def attributes(self, info: Info) -> list[AttributeName]:
        return [attribute_name(info, name) for name in sorted(self.entry.attributes or ())]

    @described("The viewer's consent to it that is good now; null without one, or when nobody is signed in.")
    async def active(self, info: Info) -> Consent | None:
        row = await self._active(info)
        return Consent.of(row) if row is not None else None

    @described(
        "What the viewer would still have to agree to, of these attributes or of all. Empty: do not ask them. "
        "Words that changed in meaning ask again for what they say otherwise, other words for the same do not."
    )
    async def missing(self, info: Info, attributes: list[str] | None = None) -> list[AttributeName]:
        service, row = info.context.room(ConsentService), await self._active(info)
        return [attribute_name(info, name) for name in sorted(service.missing(self.entry, row, attributes))]

    @described("Whether the viewer's consent ends so soon that agreeing again prolongs it.")
    async def renewable(self, info: Info) -> bool:
        row = await self._active(info)
        return row is not None and info.context.room(ConsentService).is_renewable(row)

    async def _active(self, info: Info) -> ConsentRow | None:
        viewer = info.context.viewer
        if viewer is None or (viewer.acting is not None and not Delegate.CONSENT.opened_by(viewer.acting.scopes)):
            return None

        async def batch(keys: list[tuple[str, str]]) -> Sequence[ConsentRow | None]:
            async with info.context.db.read() as session:
                found = await ConsentRepository(session).open_of(viewer.person)
            by_place = {(row.requester, row.purpose): row for row in found}
            return [by_place.get(key) for key in keys]

        place = (self.entry.requester or "", self.entry.purpose.id)
        row = await info.context.loader(_OPEN, batch).load(place)
        service = info.context.room(ConsentService)
        return row if row is not None and service.status(row) is ConsentStatus.ACTIVE else None


@strawberry.type(
    name="ConsentReceipt", description="A signed receipt. Whoever has it can prove what was agreed to, without us."
)
class ConsentReceiptNode:
    event: ConsentEvent
    at: datetime
    jws: str = strawberry.field(
        description="Compact JWS (RFC 7515, ES256) by the keys of /.well-known/attestation-keys.json; "
        "/verify/consent-receipt reads it."
    )

    @classmethod
    def of(cls, receipt: SignedReceipt) -> ConsentReceiptNode:
        return cls(event=receipt.event, at=receipt.at, jws=receipt.token)


@strawberry.type(description="A citizen's consent (PDPA 2562 s.19). It can be withdrawn at any time.")
class Consent(Node):
    row: strawberry.Private[ConsentRow]
    text_version: str
    granted_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None
    given_as: GivenAs

    @classmethod
    def of(cls, row: ConsentRow) -> Consent:
        return cls(
            id=global_id("Consent", row.id),
            row=row,
            text_version=row.text_version,
            granted_at=row.granted_at,
            expires_at=row.expires_at,
            withdrawn_at=row.withdrawn_at,
            given_as=GivenAs(row.given_as),
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

    @described("The very words that were agreed to, whatever the words in force say now.")
    def words(self, info: Info) -> ConsentWords | None:
        found = info.context.room(ConsentService).texts.find(self.row.purpose, self.row.text_version)
        return ConsentWords.of(found) if found is not None else None

    @described("Of what happened to it, oldest first. That of an end that nobody was there for follows within minutes.")
    async def receipts(self, info: Info) -> list[ConsentReceiptNode]:
        async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Sequence[SignedReceipt]]:
            service, people = info.context.room(ConsentService), {person for person, _ in keys}
            async with info.context.db.read() as session:
                found = {
                    person: await service.receipts_of(session, person, [key for of, key in keys if of == person])
                    for person in people
                }
            return [found[person].get(key, ()) for person, key in keys]

        signed = await info.context.loader(_RECEIPTS, batch).load((self.row.person, self.row.id))
        return [ConsentReceiptNode.of(one) for one in signed]


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
    attributes: list[str] | None = strawberry.field(
        default=None, description="Only these, beside what is agreed to already; all when left out."
    )
    idempotency_key: str


@strawberry.input
class WithdrawConsentInput:
    consent: strawberry.ID
    attributes: list[str] | None = strawberry.field(
        default=None, description="Only these; the rest stays agreed to. All when left out."
    )
    idempotency_key: str


@strawberry.type
class ConsentQuery:
    @root_field(Access.PUBLIC, description="What may be consented to.")
    def consent_terms(self, info: Info) -> list[ConsentTerms] | None:
        service = info.context.room(ConsentService)
        terms = [
            (entry, entry.consent, service.words(entry.purpose.id))
            for entry in info.context.room(Catalogue).purposes.values()
        ]
        return [
            ConsentTerms(entry=entry, words=words, text_version=words.version, days=consent.valid.days)
            for entry, consent, words in terms
            if consent is not None and words is not None
        ]


@strawberry.type
class ConsentMutation:
    @mutation(
        GrantConsentPayload,
        delegate=Delegate.CONSENT,
        description="Agrees. What is agreed to already needs nothing and answers the consent that is there.",
    )
    async def grant_consent(self, info: Info, input: GrantConsentInput) -> GrantConsentPayload | None:
        work, service = work_of(info), info.context.room(ConsentService)
        service.checked(input.purpose, input.text_version, input.attributes)
        giver = await _giver(info)
        prepared = await service.prepare_grant(
            info.context.db,
            work.viewer.person,
            purpose=input.purpose,
            text_version=input.text_version,
            attributes=input.attributes,
            giver=giver,
        )
        async with work.transaction() as session:
            granted = await service.grant(session, prepared)
            work.keep(consent=granted.id.hex)
        return GrantConsentPayload(consent=_changed(info, granted))

    @mutation(
        WithdrawConsentPayload,
        delegate=Delegate.CONSENT,
        description="Withdraws a consent, or some of its attributes, at once: also for requests that are under way.",
    )
    async def withdraw_consent(self, info: Info, input: WithdrawConsentInput) -> WithdrawConsentPayload | None:
        work, service = work_of(info), info.context.room(ConsentService)
        key = GlobalId.parse(input.consent, "Consent").id
        # To end a consent nobody's age is asked: the minor may, and who gave it for them (PDPA s.19, s.20).
        prepared = await service.prepare_withdrawal(
            info.context.db, work.viewer.person, key, input.attributes, Giver(work.acted_by)
        )
        async with work.transaction() as session:
            withdrawn = await service.withdraw(session, prepared)
            work.keep(consent=withdrawn.id.hex)
        return WithdrawConsentPayload(consent=_changed(info, withdrawn))


def _changed(info: Info, row: ConsentRow) -> Consent:
    """The consent after a mutation: what an earlier field of the request has loaded is outdated."""
    for name in (_OPEN, _RECEIPTS):
        info.context.loaders.pop(name, None)
    return Consent.of(row)


async def may_consent(info: Info) -> None:
    """That whoever asks may consent here by themselves, or for whom they act for. Raises as :func:`_giver`."""
    await _giver(info)


async def _giver(info: Info) -> Giver:
    """Who consents here, if they may (PDPA s.20).

    Raises ConsentNeedsParent, ConsentNeedsGuardian, NotDelegated, and ServiceUnavailable when nobody can say how old
    the person is.
    """
    viewer, today = info.context.signed_in(), info.context.clock.today()
    if viewer.acting is None:
        async with info.context.db.read() as session:
            if await DelegationRepository(session).has_guardian(viewer.person, today):
                raise ConsentNeedsGuardian
        if is_minor(await _born(info, viewer.person), today):
            raise ConsentNeedsParent
        return Giver()
    async with info.context.db.read() as session:
        delegations = info.context.room(DelegationService)
        holds = await delegations.still(session, viewer.acting.delegation, viewer.acting.person)
    given_as = _GIVEN_AS.get(holds.kind) if holds is not None else None
    if given_as is None:  # a carer's tie lets nobody consent, whatever its scopes say
        raise NotDelegated
    born = await _born(info, viewer.person)
    minor = is_minor(born, today)
    if given_as is GivenAs.PARENT and not minor:
        raise NotDelegated
    return Giver(viewer.acting.person, given_as, start_of_bangkok_day(majority(born)) if minor else None)


async def _born(info: Info, person: UUID) -> date:
    [fact] = (await load_facts(info, person, [BIRTH_DATE], OWN_VIEW)).values()
    if not isinstance(fact.value, date):
        raise ServiceUnavailable(info.context.room(Catalogue).agency_title(fact.source))
    return fact.value


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
