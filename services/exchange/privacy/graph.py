"""One's own data, in the graph: asking for a copy, for erasure, and that use be stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.errors import BadInput
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
    read_cursor,
    work_of,
)
from core.graph import field as root_field
from core.ids import GlobalId
from core.personal_data import PersonalData
from core.text import Text
from services.exchange.privacy.export import Downloads
from services.exchange.privacy.models import PrivacyRequest as Row
from services.exchange.privacy.requests import PrivacyRequests, Stop
from services.exchange.privacy.retention import retention_classes
from services.exchange.privacy.room import PrivacyRoom
from services.exchange.privacy.routes import MY_DATA, WITH_PASSKEY
from services.exchange.privacy.states import Ground, Kind, Status

TYPE: Final = "PrivacyRequest"


def _described(description: str) -> Callable[[Callable[..., Any]], Any]:
    return strawberry.field(description=description)  # type: ignore[no-any-return]


strawberry.enum(Kind, name="PrivacyRequestKind", description="By the section of the PDPA.")
strawberry.enum(Status, name="PrivacyRequestStatus")


@strawberry.enum(description="Both make the same files.")
class DataCopyKind(Enum):
    ACCESS = "ACCESS"
    PORTABILITY = "PORTABILITY"


@strawberry.enum(description="PDPA s.34.")
class RestrictionGround(Enum):
    ACCURACY = "ACCURACY"
    UNLAWFUL = "UNLAWFUL"
    CLAIMS = "CLAIMS"
    OBJECTION_CHECKED = "OBJECTION_CHECKED"


@strawberry.enum(description="PDPA s.32.")
class ObjectionGround(Enum):
    PUBLIC_TASK = "PUBLIC_TASK"
    MARKETING = "MARKETING"
    RESEARCH = "RESEARCH"


@strawberry.type(description="A kind of personal data that is held.")
class PersonalDataStore:
    store: strawberry.Private[PersonalData]
    name: str = strawberry.field(description="What `requestErasure` calls it.")
    erasable_alone: bool = strawberry.field(description="Whether `requestErasure` takes it; else it goes with `leave`.")

    @classmethod
    def of(cls, store: PersonalData) -> PersonalDataStore:
        return cls(store=store, name=store.about.name, erasable_alone=bool(store.about.rows) and store.about.alone)

    @strawberry.field
    def title(self, info: Info) -> str:
        return localized(info, self.store.about.title)

    @strawberry.field
    def description(self, info: Info) -> str:
        return localized(info, self.store.about.description)

    @strawberry.field
    def purpose(self, info: Info) -> str:
        return localized(info, self.store.about.purpose)

    @_described("The section of the PDPA on which it is held.")
    def basis(self) -> str:
        return self.store.about.basis.value

    @_described("For how long.")
    def kept(self, info: Info) -> str:
        return localized(info, retention_classes()[self.store.about.retention].text)


@strawberry.type(description="What a law keeps although its erasure was asked for.")
class KeptByLaw:
    given: strawberry.Private[dict[str, Any]]
    hold: str = strawberry.field(description="A stable code, `ACCOUNTING` for instance.")
    until: datetime | None = strawberry.field(description="Null while nobody can tell.")

    @classmethod
    def of(cls, given: dict[str, Any]) -> KeptByLaw:
        until = given["until"]
        return cls(given=given, hold=given["hold"], until=datetime.fromisoformat(until) if until else None)

    @strawberry.field
    def store(self, info: Info) -> str:
        titles = {one.about.name: one.about.title for one in info.context.room(PrivacyRoom).stores}
        found = titles.get(self.given["store"])
        return str(self.given["store"]) if found is None else localized(info, found)

    @strawberry.field
    def law(self, info: Info) -> str:
        return localized(info, Text(**self.given["law"]))

    @strawberry.field
    def reason(self, info: Info) -> str:
        return localized(info, Text(**self.given["reason"]))


@strawberry.type(description="A file to be fetched with the citizen's own token and a passkey used just now.")
class DataCopyFile:
    format: str = strawberry.field(description="`json`, `pdf`, or `jws`: the signature over the other two.")
    path: str


@strawberry.type(name=TYPE, description="What a citizen asked for about their own data, and what became of it.")
class PrivacyRequest(Node):
    row: strawberry.Private[Row]
    kind: Kind
    status: Status
    made_at: datetime
    due_at: datetime = strawberry.field(description="By when the law wants it done.")
    proceeds_at: datetime | None = strawberry.field(description="Until then an erasure can be taken back.")
    finished_at: datetime | None
    expires_at: datetime | None = strawberry.field(description="When the files go.")
    stores: list[str] = strawberry.field(description="Of an erasure; empty: everything.")
    purpose: str | None = strawberry.field(description="What is stopped; null: whatever can be.")
    ground: str | None

    @classmethod
    def of(cls, row: Row) -> PrivacyRequest:
        return cls(
            id=global_id(TYPE, row.id),
            row=row,
            kind=Kind(row.kind),
            status=Status(row.status),
            made_at=row.made_at,
            due_at=row.due_at,
            proceeds_at=row.proceeds_at,
            finished_at=row.finished_at,
            expires_at=row.expires_at,
            stores=row.stores,
            purpose=row.purpose or None,
            ground=row.ground,
        )

    @_described("What the law keeps, why, and until when.")
    def stays(self) -> list[KeptByLaw]:
        return [KeptByLaw.of(one) for one in self.row.stays]

    @_described("What the citizen said.")
    def statement(self, info: Info) -> str | None:
        return info.context.room(PrivacyRequests).statement(self.row)

    @strawberry.field
    async def files(self, info: Info) -> list[DataCopyFile]:
        if self.row.status != Status.READY:
            return []
        async with info.context.db.read() as session:
            formats = await info.context.room(Downloads).formats(session, self.row.person, self.row.id)
        return [DataCopyFile(format=one, path=f"{MY_DATA}/{self.row.id.hex}/{one}") for one in formats]


@strawberry.type
class _Payload:
    request: PrivacyRequest | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        found = await privacy_request_node(info, UUID(hex=kept["request"]))
        return cls(request=found)


@strawberry.type
class RequestMyDataPayload(_Payload):
    pass


@strawberry.type
class RequestErasurePayload(_Payload):
    pass


@strawberry.type
class LeavePayload(_Payload):
    pass


@strawberry.type
class CancelErasurePayload(_Payload):
    pass


@strawberry.type
class RestrictUsePayload(_Payload):
    pass


@strawberry.type
class ObjectToUsePayload(_Payload):
    pass


@strawberry.type
class LiftRestrictionPayload(_Payload):
    pass


@strawberry.input
class RequestMyDataInput:
    kind: DataCopyKind
    idempotency_key: str


@strawberry.input
class RequestErasureInput:
    stores: list[str] = strawberry.field(description="Names of `personalDataStores` that are erasable alone.")
    idempotency_key: str


@strawberry.input
class LeaveInput:
    end_benefits: bool = strawberry.field(
        description="Give up what is being paid. Without it, that goes on, and what it needs is kept until it ends."
    )
    idempotency_key: str


@strawberry.input
class CancelErasureInput:
    request: strawberry.ID
    idempotency_key: str


@strawberry.input
class RestrictUseInput:
    ground: RestrictionGround
    statement: str
    idempotency_key: str
    purpose: str | None = strawberry.field(
        default=None, description="A registered purpose; null: whatever can be stopped."
    )


@strawberry.input
class ObjectToUseInput:
    ground: ObjectionGround
    statement: str
    idempotency_key: str
    purpose: str | None = strawberry.field(
        default=None, description="A registered purpose; null: whatever can be stopped."
    )


@strawberry.input
class LiftRestrictionInput:
    request: strawberry.ID
    idempotency_key: str


@strawberry.type
class PrivacyMutation:
    @mutation(
        RequestMyDataPayload,
        delegate=Delegate.NOTHING,
        description="A copy of all that is held (PDPA s.30, s.31). It is prepared within minutes, and kept for a week.",
    )
    async def request_my_data(self, info: Info, input: RequestMyDataInput) -> RequestMyDataPayload | None:
        work = work_of(info)
        async with work.transaction() as session:
            room = info.context.room(PrivacyRequests)
            row = await room.data(session, work.viewer.person, Kind(input.kind.value), assurance=work.viewer.assurance)
            work.keep(request=row.id.hex)
        return RequestMyDataPayload(request=PrivacyRequest.of(row))

    @mutation(
        RequestErasurePayload,
        delegate=Delegate.NOTHING,
        demand=WITH_PASSKEY,
        description="Has some of one's data erased and stays (PDPA s.33). It begins after seven days.",
    )
    async def request_erasure(self, info: Info, input: RequestErasureInput) -> RequestErasurePayload | None:
        work = work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(PrivacyRequests).erasure(session, work.viewer.person, input.stores)
            work.keep(request=row.id.hex)
        return RequestErasurePayload(request=PrivacyRequest.of(row))

    @mutation(
        LeavePayload,
        delegate=Delegate.NOTHING,
        demand=WITH_PASSKEY,
        description="Has everything erased, with the account (PDPA s.33). It begins after seven days.",
    )
    async def leave(self, info: Info, input: LeaveInput) -> LeavePayload | None:
        work = work_of(info)
        async with work.transaction() as session:
            room = info.context.room(PrivacyRequests)
            row = await room.leave(session, work.viewer.person, end_benefits=input.end_benefits)
            work.keep(request=row.id.hex)
        return LeavePayload(request=PrivacyRequest.of(row))

    @mutation(CancelErasurePayload, delegate=Delegate.NOTHING, description="Takes an erasure back that has not begun.")
    async def cancel_erasure(self, info: Info, input: CancelErasureInput) -> CancelErasurePayload | None:
        key, work = GlobalId.parse(input.request, TYPE).id, work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(PrivacyRequests).cancel(session, work.viewer.person, key)
            work.keep(request=row.id.hex)
        return CancelErasurePayload(request=PrivacyRequest.of(row))

    @mutation(
        RestrictUsePayload,
        delegate=Delegate.NOTHING,
        description="Has the use of one's data stopped, at once (PDPA s.34). One still sees them oneself.",
    )
    async def restrict_use(self, info: Info, input: RestrictUseInput) -> RestrictUsePayload | None:
        work = work_of(info)
        wish = Stop(Kind.RESTRICTION, input.purpose or "", Ground(input.ground.value), input.statement)
        async with work.transaction() as session:
            row = await info.context.room(PrivacyRequests).stop(session, work.viewer.person, wish)
            work.keep(request=row.id.hex)
        return RestrictUsePayload(request=PrivacyRequest.of(row))

    @mutation(
        ObjectToUsePayload,
        delegate=Delegate.NOTHING,
        description="Objects to a use of one's data (PDPA s.32), with effect at once where the law lets one.",
    )
    async def object_to_use(self, info: Info, input: ObjectToUseInput) -> ObjectToUsePayload | None:
        work = work_of(info)
        wish = Stop(Kind.OBJECTION, input.purpose or "", Ground(input.ground.value), input.statement)
        async with work.transaction() as session:
            row = await info.context.room(PrivacyRequests).stop(session, work.viewer.person, wish)
            work.keep(request=row.id.hex)
        return ObjectToUsePayload(request=PrivacyRequest.of(row))

    @mutation(
        LiftRestrictionPayload, delegate=Delegate.NOTHING, description="Ends a restriction, or takes an objection back."
    )
    async def lift_restriction(self, info: Info, input: LiftRestrictionInput) -> LiftRestrictionPayload | None:
        key, work = GlobalId.parse(input.request, TYPE).id, work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(PrivacyRequests).lift(session, work.viewer.person, key)
            work.keep(request=row.id.hex)
        return LiftRestrictionPayload(request=PrivacyRequest.of(row))


@strawberry.type
class PrivacyQuery:
    @root_field(Access.PUBLIC, description="What is held of citizens, why, and for how long (PDPA s.23, s.39).")
    def personal_data_stores(self, info: Info) -> list[PersonalDataStore]:
        return [PersonalDataStore.of(one) for one in info.context.room(PrivacyRoom).stores]


async def privacy_requests(
    info: Info, person: UUID, first: int | None, after: str | None
) -> Connection[PrivacyRequest]:
    size, key = page_size(first), read_cursor(after)
    try:
        before = UUID(hex=key) if key is not None else None
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None
    async with info.context.db.read() as session:
        rows = await info.context.room(PrivacyRequests).page(session, person, size=size + 1, before=before)
    return connection(Connection[PrivacyRequest], rows, size, key=lambda row: row.id.hex, node=PrivacyRequest.of)


async def privacy_request_node(info: Info, key: UUID) -> PrivacyRequest | None:
    viewer = info.context.viewer
    if viewer is None or viewer.acting is not None:
        return None
    async with info.context.db.read() as session:
        row = await info.context.room(PrivacyRequests).get(session, viewer.person, key)
    return PrivacyRequest.of(row) if row is not None else None
