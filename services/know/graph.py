"""The catalogue of services in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import strawberry

from core.graph import (
    Access,
    Connection,
    Info,
    Node,
    Nodes,
    connection,
    field,
    global_id,
    localized,
    page_size,
    read_cursor,
)
from core.text import Text
from services.exchange.graph.fields import described
from services.know.entries import Entry
from services.know.operating import Answering, CredentialTypes, Maintenance, Window
from services.know.service import KnowService
from services.plugins.contract import IssueFee, ServiceCategory

strawberry.enum(ServiceCategory, description="The ten focus areas of the national plan for digital government.")


@strawberry.type(description="The agency that offers a service.")
class ServiceAgency:
    slug: str
    title: str


@strawberry.type(description="How to reach the people behind a service.")
class ServiceContact:
    phone: str | None
    email: str | None
    url: str | None


@strawberry.type(description="A time in which a service, or a part of it, does not answer, as its agency announced.")
class MaintenanceWindow:
    window: strawberry.Private[Window]
    begins_at: datetime
    ends_at: datetime = strawberry.field(description="From this moment on it answers again.")
    operations: list[str] = strawberry.field(description="What of the service does not answer; none of it: all.")

    @described("Why, in the agency's words.")
    def words(self, info: Info) -> str:
        return localized(info, self.window.words)

    @described("Whether it is on now.")
    def is_on(self, info: Info) -> bool:
        return self.window.is_on(info.context.clock.now())


@strawberry.type(description="How well a service answered lately.")
class ServiceAvailability:
    days: int = strawberry.field(description="Over how many days, up to some minutes ago.")
    percent: float = strawberry.field(description="Of its calls that were answered; announced maintenance is left out.")
    p95_milliseconds: int | None = strawberry.field(
        description="Within about that long 95 of 100 answers came; null where they took longer than five seconds."
    )


@strawberry.type(description="A fact that a service reads from its owner, so that nobody asks the citizen for it.")
class ServiceNeed:
    attribute: str
    purpose: str
    by_consent: bool = strawberry.field(description="Whether the citizen must agree first; else it is a public task.")


@strawberry.type(description="What a document costs. It is made once that is paid.")
class ServiceDocumentFee:
    satang: int
    text: str = strawberry.field(description="For what, and by which rule, in the agency's words.")
    first_free: int = strawberry.field(description="So many cost a citizen nothing, the first ones.")
    again_days: int = strawberry.field(
        description="For so many days after a citizen paid for one, others cost nothing, once that one is made."
    )


@strawberry.type(description="A document that a service issues, by `issueDocument`.")
class ServiceDocument:
    operation: str = strawberry.field(description="What `issueDocument` takes as `operation`.")
    title: str
    fee: ServiceDocumentFee | None = strawberry.field(description="Null where it is free.")


@strawberry.type(description="A credential for a wallet that a service gives, by `offerCredential`.")
class ServiceCredential:
    name: str = strawberry.field(description="What `offerCredential` and `prepareShare` take as `credential`.")
    title: str
    vct: str = strawberry.field(description="Its type, as it stands in the credential; its metadata is read there.")
    days: int = strawberry.field(description="For so many days it is good at most.")
    key_bound: bool = strawberry.field(
        description="Whether the wallet's key is in it, by which whoever shows it proves that it is theirs."
    )


@strawberry.type(description="A service of the state.")
class Service(Node):
    entry: strawberry.Private[Entry]
    slug: str
    category: ServiceCategory
    programme: str | None = strawberry.field(description="The slug of the welfare programme that it is, if it is one.")

    @classmethod
    def of(cls, entry: Entry) -> Service:
        return cls(
            id=global_id("Service", entry.id),
            entry=entry,
            slug=entry.slug,
            category=entry.category,
            programme=entry.slug if entry.is_programme else None,
        )

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, self.entry.title)

    @strawberry.field
    def description(self, info: Info) -> str:
        return localized(info, self.entry.description)

    @strawberry.field
    def agency(self, info: Info) -> ServiceAgency:
        return ServiceAgency(slug=self.entry.agency, title=localized(info, self.entry.agency_title))

    @described("What it reads of the citizen, and why.")
    def needs(self, info: Info) -> list[ServiceNeed]:
        return [
            ServiceNeed(attribute=need.attribute, purpose=localized(info, need.purpose), by_consent=need.by_consent)
            for need in self.entry.needs
        ]

    @described("Documents that it issues to the citizen.")
    def documents(self, info: Info) -> list[ServiceDocument]:
        return [
            ServiceDocument(operation=one.operation, title=localized(info, one.title), fee=_fee(info, one.fee))
            for one in self.entry.documents
        ]

    @described("Credentials that it gives for wallets.")
    def credentials(self, info: Info) -> list[ServiceCredential]:
        types = info.context.room(CredentialTypes)  # type: ignore[type-abstract]  # known by its protocol alone
        return [
            ServiceCredential(
                name=one.name,
                title=localized(info, one.title),
                vct=types.vct(self.entry.agency, self.slug, one.name, one.version),
                days=one.days,
                key_bound=one.by_key,
            )
            for one in self.entry.credentials
        ]

    @described("What the citizen pays.")
    def fee(self, info: Info) -> str | None:
        return _maybe(info, self.entry.fee)

    @described("What the citizen gets.")
    def benefit(self, info: Info) -> str | None:
        return _maybe(info, self.entry.benefit)

    @described("When it is open.")
    def hours(self, info: Info) -> str | None:
        return _maybe(info, self.entry.hours)

    @described("The identity assurance level that it asks for, as `2.3`.")
    def assurance(self) -> str | None:
        return self.entry.assurance

    @strawberry.field
    def contact(self) -> ServiceContact:
        return ServiceContact(phone=self.entry.phone, email=self.entry.email, url=self.entry.url)

    @described("Announced maintenance, on or to come, the next first. Show it before the citizen tries.")
    def maintenance(self, info: Info) -> list[MaintenanceWindow]:
        return [
            MaintenanceWindow(
                window=one, begins_at=one.begins_at, ends_at=one.ends_at, operations=sorted(one.operations)
            )
            for one in (() if self.entry.is_programme else self._windows(info).of(self.slug))
        ]

    @described("Whether nothing of it is under announced maintenance now.")
    def available_now(self, info: Info) -> bool:
        return self.entry.is_programme or not self._windows(info).is_on(self.slug)

    @described("How well it answered lately; null where it was asked too seldom to say.")
    def availability(self, info: Info) -> ServiceAvailability | None:
        answering = info.context.room(Answering)  # type: ignore[type-abstract]  # known by its protocol alone
        found = None if self.entry.is_programme else answering.of(self.slug)
        if found is None:
            return None
        return ServiceAvailability(days=found.days, percent=found.percent, p95_milliseconds=found.p95_milliseconds)

    def _windows(self, info: Info) -> Maintenance:
        return info.context.room(Maintenance)  # type: ignore[type-abstract]  # known by its protocol alone


def _fee(info: Info, fee: IssueFee | None) -> ServiceDocumentFee | None:
    if fee is None:
        return None
    return ServiceDocumentFee(
        satang=fee.satang,
        text=localized(info, fee.text.text),
        first_free=fee.first_free,
        again_days=fee.again_days,
    )


def _maybe(info: Info, text: Text | None) -> str | None:
    return None if text is None else localized(info, text)


@strawberry.type
class KnowQuery:
    @field(
        Access.PUBLIC,
        description="The services of the state; with a search in Thai or English, those found, the best first.",
    )
    def services(
        self,
        info: Info,
        search: str | None = None,
        category: ServiceCategory | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Connection[Service]:
        size = page_size(first)
        know = info.context.room(KnowService)
        found = know.search(search, category=category, after=read_cursor(after), limit=size + 1)
        return connection(
            Connection[Service], found, size, key=lambda one: one.key, node=lambda one: Service.of(one.entry)
        )


async def _service(info: Info, key: UUID) -> Node | None:
    entry = info.context.room(KnowService).find(key)
    return None if entry is None else Service.of(entry)


NODES: Final[Nodes] = {"Service": _service}
