"""Credentials in the graph: asking for one, what a wallet has, taking it back."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.errors import BadInput, SitthiError
from core.graph import (
    Connection,
    Delegate,
    Info,
    Node,
    Nodes,
    Problem,
    Rights,
    connection,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    rights,
    work_of,
)
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.exchange.graph import look_purpose, viewer_asker
from services.exchange.graph.fields import described
from services.plugins.contract import Credential
from services.receive.credentials import repository
from services.receive.credentials.models import WalletCredential
from services.receive.credentials.needs import Asking
from services.receive.credentials.service import Credentials, OpenOffer
from services.receive.credentials.status import Status
from services.receive.service import svg_of

strawberry.enum(Status, name="CredentialStatus", description="Whether a credential is good, as verifiers read it.")


@strawberry.type(description="A credential that waits for the citizen's wallet, for five minutes, to be fetched once.")
class CredentialOffer:
    uri: str = strawberry.field(description="`openid-credential-offer:`: a link on a phone, a QR code elsewhere.")
    digits: str = strawberry.field(description="What the wallet asks for. Nobody else asks for it.")
    expires_at: datetime

    @described("The same link as a QR code, an SVG element, for a wallet on another device.")
    async def qr_svg(self) -> str:
        return await asyncio.to_thread(svg_of, self.uri)

    @classmethod
    def of(cls, offer: OpenOffer) -> CredentialOffer:
        return cls(uri=offer.uri, digits=offer.digits, expires_at=offer.expires_at)


@strawberry.type(name="WalletCredential", description="A credential that a wallet has. What it says is not kept here.")
class CredentialNode(Node):
    row: strawberry.Private[WalletCredential]
    status: Status
    issued_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, row: WalletCredential, status: Status) -> CredentialNode:
        return cls(
            id=global_id("WalletCredential", row.id),
            row=row,
            status=status,
            issued_at=row.issued_at,
            expires_at=row.expires_at,
        )

    @described("What it is, in the caller's language; null of what the agency gives no more.")
    def title(self, info: Info) -> str | None:
        offered = info.context.room(Credentials).offerings.of(self.row.agency)
        found = next((one for one in offered if one.configuration == self.row.configuration), None)
        return None if found is None else localized(info, found.spec.title.text)

    @described("Whose it is: the agency that is named as its issuer.")
    def issuer(self, info: Info) -> str:
        return localized(info, info.context.room(Credentials).offerings.title(self.row.agency))


@strawberry.type
class CredentialsOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("Credentials that wallets fetched, the newest first.", **rights(Delegate.NOTHING))
    async def credentials(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[CredentialNode] | None:
        size, before = page_size(first), _cursor(after)
        async with info.context.db.read() as session:
            rows = await repository.page(session, self.person, size + 1, before)
            statuses = await repository.statuses_of(session, rows)
        return connection(
            Connection[CredentialNode],
            rows,
            size,
            key=lambda row: row.id.hex,
            node=lambda row: CredentialNode.of(row, statuses.get(row.id, Status.VALID)),
        )


@strawberry.input
class OfferCredentialInput:
    service: strawberry.ID = strawberry.field(description="Id of a `Service`.")
    credential: str = strawberry.field(description="As the service names it.")
    idempotency_key: str
    arguments: JSON | None = strawberry.field(default=None, description="An object, as the service describes it.")


@strawberry.type
class OfferCredentialPayload:
    offer: CredentialOffer | None = strawberry.field(
        default=None, description="Null, without problems, if it was made and is fetched or over."
    )
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        person, key = info.context.signed_in().person, UUID(hex=kept["offer"])
        found = await info.context.room(Credentials).own_offer(person, key)
        return cls(offer=None if found is None else CredentialOffer.of(found))


@strawberry.input
class RevokeCredentialInput:
    credential: strawberry.ID = strawberry.field(description="Id of a `WalletCredential`.")
    idempotency_key: str


@strawberry.type
class RevokeCredentialPayload:
    credential: CredentialNode | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(credential=await credential_node(info, UUID(hex=kept["credential"])))


@strawberry.type
class CredentialMutation:
    @mutation(
        OfferCredentialPayload,
        delegate=Delegate.NOTHING,
        description="Asks an agency for a credential, for the citizen's wallet. Needs the service's assurance.",
    )
    async def offer_credential(self, info: Info, input: OfferCredentialInput) -> OfferCredentialPayload:
        room, work = info.context.room(Credentials), work_of(info)
        offered = room.offerings.find(_id(input.service, "Service", "service"), input.credential)
        Rights(Delegate.NOTHING, offered.demand).check(info.context)
        arguments, now = room.offerings.arguments(input.arguments), info.context.clock.now()
        asking = Asking(offered, arguments, input.idempotency_key, now)
        told: Credential | UUID | None = await room.ready(work.viewer.person, asking)
        if told is None:
            told = await room.ask(asking, work.viewer, viewer_asker(info), look_purpose(info))
        async with work.transaction() as session:
            offer = await room.offer(session, work.viewer.person, asking, told)
            work.keep(offer=offer.id.hex)
        return OfferCredentialPayload(offer=CredentialOffer.of(offer))

    @mutation(
        RevokeCredentialPayload,
        delegate=Delegate.NOTHING,
        description="Takes a credential back for good, with all copies that were fetched together: the wallet is lost.",
    )
    async def revoke_credential(self, info: Info, input: RevokeCredentialInput) -> RevokeCredentialPayload:
        room, work = info.context.room(Credentials), work_of(info)
        key = _id(input.credential, "WalletCredential", "credential")
        async with work.transaction() as session:
            row = await room.lists.set_own(session, work.viewer.person, key, Status.INVALID)
            work.keep(credential=key.hex)
        return RevokeCredentialPayload(credential=CredentialNode.of(row, Status.INVALID))


def _id(given: strawberry.ID, type_: str, member: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=type_).id
    except SitthiError:
        raise MalformedGlobalId(path=(member,)) from None


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


async def credential_node(info: Info, key: UUID) -> CredentialNode | None:
    """The viewer's; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await repository.own(session, viewer.person, key)
        if row is None:
            return None
        statuses = await repository.statuses_of(session, [row])
    return CredentialNode.of(row, statuses.get(row.id, Status.VALID))


NODES: Nodes = {"WalletCredential": credential_node}
