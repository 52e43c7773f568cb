"""Shares in the graph: preparing, making, seeing and revoking them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from core.assurance import Aal, Assurance, Demand, Ial
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
from core.graph.drawing import drawn
from core.graph.rights import require
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.exchange.graph import Source, look_purpose, source_of, viewer_asker
from services.exchange.graph.fields import described
from services.receive.credentials.needs import Asking
from services.receive.service import svg_of
from services.receive.shares.choosing import Choice
from services.receive.shares.making import OfClaims, Wish
from services.receive.shares.service import Prepared, Shares, View
from services.receive.shares.states import Kind, State

strawberry.enum(Kind, name="ShareKind")
strawberry.enum(State, name="ShareStatus")


@strawberry.type(description="That a share was opened, by whoever had the link.")
class ShareOpening:
    at: datetime


@strawberry.type(description="What the citizen lets one verifier open: a paper, or chosen claims of a credential.")
class Share(Node):
    view: strawberry.Private[View]
    kind: Kind
    status: State
    verifier: str = strawberry.field(description="Whom it is for, as the citizen named them, or the agency's register.")
    verifier_number: str | None = strawberry.field(description="Of a juristic person that stands in the register.")
    sharer: str | None = strawberry.field(description="What the citizen calls themself in it.")
    openings_max: int
    openings: list[ShareOpening] = strawberry.field(description="When it was opened, the first time first.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, view: View) -> Share:
        row, about = view.row, view.about
        return cls(
            id=global_id("Share", row.id),
            view=view,
            kind=Kind(row.kind),
            status=view.state,
            verifier=about.verifier,
            verifier_number=about.verifier_number,
            sharer=about.sharer,
            openings_max=row.openings_max,
            openings=[ShareOpening(at=one.at) for one in view.openings],
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )

    @described("Whose document it is.")
    def issuer(self, info: Info) -> Source:
        return source_of(info, self.view.row.agency)

    @described("Needs the assurance that the service asks for.")
    def title(self, info: Info) -> str | None:
        require(info.context, self._demand)
        return localized(info, self.view.about.title)

    @described("Titles of the claims that each opening shows; empty of a paper, which is shown whole. Needs that, too.")
    def shown(self, info: Info) -> list[str] | None:
        require(info.context, self._demand)
        return [localized(info, title) for _, title in self.view.about.shown]

    @described("What the verifier is given, while it is open. Needs the assurance that the service asks for.")
    def url(self, info: Info) -> str | None:
        require(info.context, self._demand)
        return self.view.url

    @described("The same as a QR code, an SVG element; 20 QR codes at most in a request.")
    async def qr_svg(self, info: Info) -> str | None:
        require(info.context, self._demand)
        url = self.view.url
        if url is None:
            return None
        return await drawn(info.context.memo, ("share", self.view.row.id), lambda: asyncio.to_thread(svg_of, url))

    @property
    def _demand(self) -> Demand:
        return Demand(Assurance(Ial(self.view.row.assurance), Aal.AAL_1))


@strawberry.type(description="A claim that can be shown alone.")
class ShareChoice:
    pointer: str = strawberry.field(description="A JSON pointer (RFC 6901) into what the agency said.")
    title: str
    value: JSON | None = strawberry.field(description="Null where it is chosen by its parts.")
    always: bool = strawberry.field(description="Whether every share of this credential shows it.")

    @classmethod
    def of(cls, info: Info, choice: Choice) -> ShareChoice:
        return cls(
            pointer=choice.pointer, title=localized(info, choice.title), value=choice.value, always=choice.always
        )


@strawberry.type(description="What an agency said of the citizen, for a quarter of an hour, to choose from.")
class PreparedShare:
    id: strawberry.ID
    title: str
    choices: list[ShareChoice]
    expires_at: datetime

    @classmethod
    def of(cls, info: Info, prepared: Prepared) -> PreparedShare:
        return cls(
            id=global_id("Share", prepared.id),
            title=localized(info, prepared.title),
            choices=[ShareChoice.of(info, one) for one in prepared.choices],
            expires_at=prepared.expires_at,
        )


@strawberry.type
class SharesOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("What the citizen shared, the newest first; also what is over, for 90 days.", **rights(Delegate.NOTHING))
    async def shares(self, info: Info, first: int | None = None, after: str | None = None) -> Connection[Share] | None:
        size, before = page_size(first), _cursor(after)
        views = await info.context.room(Shares).page(self.person, size + 1, before)
        return connection(Connection[Share], views, size, key=lambda view: view.row.id.hex, node=Share.of)


@strawberry.input
class PrepareShareInput:
    service: strawberry.ID = strawberry.field(description="Id of a `Service`.")
    credential: str = strawberry.field(description="As the service names it: `transcript`.")
    idempotency_key: str
    arguments: JSON | None = strawberry.field(default=None, description="An object, as the service describes it.")


@strawberry.type
class PrepareSharePayload:
    prepared: PreparedShare | None = strawberry.field(
        default=None, description="Null, without problems, if it was prepared and is made or over."
    )
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        person, key = info.context.signed_in().person, UUID(hex=kept["prepared"])
        found = await info.context.room(Shares).prepared(person, key)
        if found is not None:
            require(info.context, found.demand)
        return cls(prepared=None if found is None else PreparedShare.of(info, found))


@strawberry.input
class CreateShareInput:
    until: datetime = strawberry.field(description="From when on nobody opens it; 90 days from now at most.")
    openings: int = strawberry.field(description="How often it can be opened: 1 to 5 times.")
    idempotency_key: str
    document: strawberry.ID | None = strawberry.field(default=None, description="Id of an `IssuedDocument`; or …")
    prepared: strawberry.ID | None = strawberry.field(default=None, description="… of what was prepared.")
    disclose: list[str] = strawberry.field(
        default_factory=list, description="Pointers of what is shown of it, each with all that stands in it."
    )
    verifier: str | None = strawberry.field(default=None, description="Whom it is for, in the citizen's words; or …")
    verifier_number: str | None = strawberry.field(
        default=None, description="… the number of a juristic person in the agency's register."
    )
    sharer: str | None = strawberry.field(default=None, description="What the citizen calls themself in it.")


@strawberry.type
class _SharePayload:
    share: Share | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(share=await share_node(info, UUID(hex=kept["share"])))


@strawberry.type
class CreateSharePayload(_SharePayload):
    pass


@strawberry.input
class RevokeShareInput:
    share: strawberry.ID
    idempotency_key: str


@strawberry.type
class RevokeSharePayload(_SharePayload):
    pass


@strawberry.type
class ShareMutation:
    @mutation(
        PrepareSharePayload,
        delegate=Delegate.NOTHING,
        description="Asks an agency for a credential, to share some of its claims. Needs the service's assurance.",
    )
    async def prepare_share(self, info: Info, input: PrepareShareInput) -> PrepareSharePayload:
        room, work = info.context.room(Shares), work_of(info)
        offerings = room.credentials.offerings
        offered = offerings.find(_id(input.service, "Service", "service"), input.credential)
        Rights(Delegate.NOTHING, offered.demand).check(info.context)
        await room.must_have_room(work.viewer.person)
        arguments, now = offerings.arguments(input.arguments), info.context.clock.now()
        asking = Asking(offered, arguments, input.idempotency_key, now)
        told = await room.credentials.ask(asking, work.viewer, viewer_asker(info), look_purpose(info))
        async with work.transaction() as session:
            prepared = await room.prepare(session, work.viewer.person, asking, told)
            work.keep(prepared=prepared.id.hex)
        return PrepareSharePayload(prepared=PreparedShare.of(info, prepared))

    @mutation(
        CreateSharePayload,
        delegate=Delegate.NOTHING,
        description="Makes a link for one verifier. Needs the assurance of the service whose document it is.",
    )
    async def create_share(self, info: Info, input: CreateShareInput) -> CreateSharePayload:
        room, work = info.context.room(Shares), work_of(info)
        plan = await room.making.plan(work.viewer.person, _wish(input))
        demand = plan.offered.demand if isinstance(plan, OfClaims) else plan.paper.demand
        Rights(Delegate.NOTHING, demand).check(info.context)
        async with work.transaction() as session:
            row = await room.making.make(session, work.viewer.person, plan)
            view = await room.made(session, work.viewer.person, row)
            work.keep(share=row.id.hex)
        return CreateSharePayload(share=Share.of(view))

    @mutation(
        RevokeSharePayload,
        delegate=Delegate.NOTHING,
        description="Nobody opens it from now on; claims that it showed are published as taken back.",
    )
    async def revoke_share(self, info: Info, input: RevokeShareInput) -> RevokeSharePayload:
        room, work = info.context.room(Shares), work_of(info)
        key = _id(input.share, "Share", "share")
        async with work.transaction() as session:
            view = await room.revoke(session, work.viewer.person, key)
            work.keep(share=key.hex)
        return RevokeSharePayload(share=Share.of(view))


def _wish(input: CreateShareInput) -> Wish:
    return Wish(
        document=None if input.document is None else _id(input.document, "IssuedDocument", "document"),
        prepared=None if input.prepared is None else _id(input.prepared, "Share", "prepared"),
        disclose=tuple(input.disclose),
        verifier=input.verifier,
        verifier_number=input.verifier_number,
        sharer=input.sharer,
        until=input.until,
        openings=input.openings,
    )


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


async def share_node(info: Info, key: UUID) -> Share | None:
    """The viewer's; foreign, unknown and only prepared ones are alike."""
    viewer = info.context.viewer
    found = None if viewer is None else await info.context.room(Shares).own(viewer.person, key)
    return None if found is None else Share.of(found)


NODES: Nodes = {"Share": share_node}
