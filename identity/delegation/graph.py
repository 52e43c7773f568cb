"""Delegations in the graph: who may act for the viewer, and for whom the viewer may act."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import SitthiError
from core.graph import (
    Delegate,
    Info,
    Node,
    Nodes,
    Problem,
    citizen_field,
    global_id,
    localized,
    mutation,
    work_of,
)
from core.ids import GlobalId, MalformedGlobalId, MalformedNationalId, NationalId
from core.text import Text
from identity.delegation import models
from identity.delegation.models import EndReason, Kind, Scope
from identity.delegation.offers import Direction, Offers, Wish
from identity.delegation.repository import DelegationRepository
from identity.delegation.service import DelegationService

GRANTING: Final = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_1), age_seconds_max=900)
"""Letting somebody act is asked for by who has just proved who they are; ThaID alone is enough for that."""
_DELEGATION: Final = "Delegation"

strawberry.enum(Kind, name="DelegationKind", description="Why one may act for another.")
strawberry.enum(Scope, name="DelegationScope", description="What one may do for another; VIEW is always among them.")
strawberry.enum(Direction, name="DelegationDirection", description="Seen from the viewer.")
strawberry.enum(EndReason, name="DelegationEndReason", description="How it ended.")


@strawberry.enum(name="DelegationStatus", description="Where a delegation stands today.")
class Status(Enum):
    PROPOSED = "PROPOSED"
    """It waits for the other side."""
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    """Somebody ended it, its last day has passed, or nobody accepted it in time."""


@strawberry.type(description="The other side of a delegation, as far as the viewer may know.")
class DelegationParty:
    name: str | None = strawberry.field(
        description="As it was on the day that side took part; null before it has: a number does not tell a name."
    )


@strawberry.type(description="That one person may act for another. Both sides see it, and either may end it.")
class Delegation(Node):
    row: strawberry.Private[models.Delegation]
    viewer: strawberry.Private[UUID]
    kind: Kind
    scopes: list[Scope]
    since: date = strawberry.field(description="The first day on which it holds.")
    until: date = strawberry.field(description="The last day on which it holds.")
    direction: Direction
    proposed_by_me: bool
    ended_at: datetime | None
    end_reason: EndReason | None

    @classmethod
    def of(cls, row: models.Delegation, viewer: UUID) -> Delegation:
        return cls(
            id=global_id(_DELEGATION, row.id),
            row=row,
            viewer=viewer,
            kind=Kind(row.kind),
            scopes=[Scope(scope) for scope in row.scopes],
            since=row.starts_on,
            until=row.ends_on - timedelta(days=1),
            direction=Direction.I_ACT if row.delegate == viewer else Direction.ACTS_FOR_ME,
            proposed_by_me=row.proposed_by == viewer,
            ended_at=row.ended_at,
            end_reason=None if row.end_reason is None else EndReason(row.end_reason),
        )

    @strawberry.field
    def status(self, info: Info) -> Status:
        service = info.context.room(DelegationService)
        if service.holds(self.row):
            return Status.ACTIVE
        return Status.PROPOSED if service.is_open(self.row) else Status.ENDED

    @strawberry.field
    def other(self, info: Info) -> DelegationParty:
        side = "person" if self.row.delegate == self.viewer else "delegate"
        name: Text | None = info.context.room(DelegationService).names(self.row).get(side)
        return DelegationParty(name=None if name is None else localized(info, name))


@strawberry.type
class DelegationOfCitizen:
    """What delegation adds to a citizen."""

    person: strawberry.Private[UUID]

    @citizen_field(
        Delegate.NOTHING, description="Who may act for the citizen, and for whom the citizen may act; the newest first."
    )
    async def delegations(self, info: Info) -> list[Delegation] | None:
        async with info.context.db.read() as session:
            rows = await DelegationRepository(session).of(self.person)
        return [Delegation.of(row, self.person) for row in rows]


@strawberry.input
class ProposeDelegationInput:
    kind: Kind = strawberry.field(description="PARENT or CARER; guardians are registered by officers.")
    direction: Direction = strawberry.field(description="Whether the viewer is to act, or the other for the viewer.")
    national_id: str = strawberry.field(description="Of the other side: the child, the carer, or who is cared for.")
    scopes: list[Scope]
    idempotency_key: str
    until: date | None = strawberry.field(
        default=None, description="The last day; left out, the longest possible: a year, or until the child is of age."
    )


@strawberry.input
class AcceptDelegationInput:
    delegation: strawberry.ID
    idempotency_key: str


@strawberry.input
class EndDelegationInput:
    delegation: strawberry.ID
    idempotency_key: str


@strawberry.type
class _DelegationPayload:
    delegation: Delegation | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(delegation=await delegation_node(info, UUID(hex=kept["delegation"])))


@strawberry.type
class ProposeDelegationPayload(_DelegationPayload):
    pass


@strawberry.type
class AcceptDelegationPayload(_DelegationPayload):
    pass


@strawberry.type
class EndDelegationPayload(_DelegationPayload):
    pass


@strawberry.type
class DelegationMutation:
    @mutation(
        ProposeDelegationPayload,
        delegate=Delegate.NOTHING,
        demand=GRANTING,
        keyed=True,
        description="A parent's holds at once, when the register proves it; a carer's once the other side accepts.",
    )
    async def propose_delegation(self, info: Info, input: ProposeDelegationInput) -> ProposeDelegationPayload:
        work, viewer = work_of(info), work_of(info).viewer.person
        wish = Wish(input.kind, input.direction, _national_id(input.national_id), input.scopes, input.until)
        offer = await info.context.room(Offers).offer(viewer, wish, request=info.context.request_id)
        async with work.transaction() as session:
            row = await info.context.room(DelegationService).propose(session, offer)
            work.keep(delegation=row.id.hex)
        return ProposeDelegationPayload(delegation=Delegation.of(row, viewer))

    @mutation(
        AcceptDelegationPayload,
        delegate=Delegate.NOTHING,
        demand=GRANTING,
        description="The other side agrees, and it holds from today.",
    )
    async def accept_delegation(self, info: Info, input: AcceptDelegationInput) -> AcceptDelegationPayload:
        work, viewer, key = work_of(info), work_of(info).viewer.person, _delegation(input.delegation)
        service = info.context.room(DelegationService)
        async with info.context.db.read() as session:
            asked = await service.asked(session, viewer, key)
        side = Direction.I_ACT if asked.delegate == viewer else Direction.ACTS_FOR_ME
        standing = await info.context.room(Offers).side(viewer, side, request=info.context.request_id)
        async with work.transaction() as session:
            row = await service.accept(session, viewer, key, standing)
            work.keep(delegation=row.id.hex)
        return AcceptDelegationPayload(delegation=Delegation.of(row, viewer))

    @mutation(
        EndDelegationPayload,
        delegate=Delegate.NOTHING,
        description="Ends it at once, from either side; also declines one, or takes a proposal back.",
    )
    async def end_delegation(self, info: Info, input: EndDelegationInput) -> EndDelegationPayload:
        work, viewer, key = work_of(info), work_of(info).viewer.person, _delegation(input.delegation)
        async with work.transaction() as session:
            row = await info.context.room(DelegationService).end(session, viewer, key)
            work.keep(delegation=row.id.hex)
        return EndDelegationPayload(delegation=Delegation.of(row, viewer))


def _delegation(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=_DELEGATION).id
    except SitthiError:
        raise MalformedGlobalId(path=("delegation",)) from None


def _national_id(given: str) -> NationalId:
    try:
        return NationalId.parse(given)
    except MalformedNationalId:
        raise MalformedNationalId(path=("nationalId",)) from None


async def delegation_node(info: Info, key: UUID) -> Delegation | None:
    """One in which the viewer is one of the two sides; foreign and unknown are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None

    async with info.context.db.read() as session:
        row = await DelegationRepository(session).get(viewer.person, key)
    return None if row is None else Delegation.of(row, viewer.person)


NODES: Final[Nodes] = {_DELEGATION: delegation_node}
