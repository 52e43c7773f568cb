"""Issued documents in the graph."""

from __future__ import annotations

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
from core.graph.rights import require
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from services.exchange.graph import look_purpose, viewer_asker
from services.exchange.graph.fields import described
from services.plugins.contract import Delegates
from services.plugins.documents.forms import read_arguments
from services.plugins.documents.order_graph import DocumentOrder, order_node
from services.plugins.documents.orders import Orders
from services.plugins.documents.service import DocumentDesk, Kept, Wish, demand_of
from services.plugins.plugin import Plugin


@strawberry.type(description="A document that an agency issued to the viewer. It is kept until it expires.")
class IssuedDocument(Node):
    kept: strawberry.Private[Kept]
    bytes: int = strawberry.field(description="How large it is.")
    url: str = strawberry.field(description="Where the citizen downloads it, with the token that the graph takes.")
    issued_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, info: Info, kept: Kept) -> IssuedDocument:
        row = kept.row
        return cls(
            id=global_id("IssuedDocument", row.id),
            kept=kept,
            bytes=row.size,
            url=info.context.room(DocumentDesk).url_of(row.id),
            issued_at=row.issued_at,
            expires_at=row.expires_at,
        )

    @described("Its file name. Needs the assurance that the service asks for.")
    def name(self, info: Info) -> str | None:
        require(info.context, self.kept.demand)
        return self.kept.name

    @described("Needs the assurance that the service asks for.")
    def title(self, info: Info) -> str | None:
        require(info.context, self.kept.demand)
        return localized(info, self.kept.title)

    @described("What the agency says that it is; nobody has checked that.")
    def media_type(self, info: Info) -> str | None:
        require(info.context, self.kept.demand)
        return self.kept.media_type


@strawberry.type
class DocumentsOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described(
        "Documents that agencies issued and that have not expired, the newest first.", **rights(Delegate.NOTHING)
    )
    async def documents(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[IssuedDocument] | None:
        size, before = page_size(first), _cursor(after)
        rows = await info.context.room(DocumentDesk).page(self.person, size + 1, before)
        return connection(
            Connection[IssuedDocument],
            rows,
            size,
            key=lambda kept: kept.row.id.hex,
            node=lambda kept: IssuedDocument.of(info, kept),
        )


@strawberry.input
class IssueDocumentInput:
    service: strawberry.ID = strawberry.field(description="Id of a `Service`.")
    operation: str = strawberry.field(description="The operation of kind `issue`, as the service names it.")
    idempotency_key: str
    arguments: JSON | None = strawberry.field(default=None, description="An object, as the service describes it.")


@strawberry.type
class IssueDocumentPayload:
    document: IssuedDocument | None = strawberry.field(
        default=None,
        description="Null, without problems, if it was issued and is not kept any more, or if it is ordered.",
    )
    order: DocumentOrder | None = strawberry.field(
        default=None, description="Of a document that costs something: it is made once it is paid for, by `payFee`."
    )
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        person = info.context.signed_in().person
        if "order" in kept:
            return cls(order=await order_node(info, UUID(hex=kept["order"])))
        found = await info.context.room(DocumentDesk).own(person, UUID(hex=kept["document"]))
        return cls(document=None if found is None else IssuedDocument.of(info, found))


@strawberry.type
class DocumentMutation:
    @mutation(
        IssueDocumentPayload,
        delegate=Delegate.APPLY,
        description="Asks an agency for a document, or orders one that costs something. Needs the assurance that the "
        "service asks for.",
    )
    async def issue_document(self, info: Info, input: IssueDocumentInput) -> IssueDocumentPayload:
        desk, work = info.context.room(DocumentDesk), work_of(info)
        plugin = desk.find(_service(input.service), input.operation)
        _rights_of(plugin).check(info.context)
        arguments, now = read_arguments(input.arguments), info.context.clock.now()
        wish = Wish(plugin, input.operation, arguments, input.idempotency_key, now)
        fee = plugin.manifest.operations[input.operation].fee
        if fee is not None:
            async with work.transaction() as session:
                order = await info.context.room(Orders).order(session, work.viewer, wish, fee)
                work.keep(order=order.id.hex)
            return IssueDocumentPayload(order=DocumentOrder.of(order))
        document = await desk.ask(wish, work.viewer, viewer_asker(info), look_purpose(info))
        async with work.transaction() as session:
            kept = await desk.keep(session, work.viewer.person, wish, document)
            work.keep(document=kept.row.id.hex)
        return IssueDocumentPayload(document=IssuedDocument.of(info, kept))


def _rights_of(plugin: Plugin) -> Rights:
    """As for the service's namespace: a document tells of the citizen what a look tells."""
    manifest = plugin.manifest
    delegate = Delegate.NOTHING if manifest.delegates is Delegates.NOTHING else Delegate.VIEW
    return Rights(delegate, demand_of(manifest))


def _service(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="Service").id
    except SitthiError:
        raise MalformedGlobalId(path=("service",)) from None


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


async def document_node(info: Info, key: UUID) -> IssuedDocument | None:
    """The viewer's document; foreign and unknown are alike."""
    viewer = info.context.viewer
    found = None if viewer is None else await info.context.room(DocumentDesk).own(viewer.person, key)
    return None if found is None else IssuedDocument.of(info, found)


NODES: Nodes = {"IssuedDocument": document_node, "DocumentOrder": order_node}
