"""What agencies did with what they issued, in the graph: the citizen reads it, and officers of the agency do it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

from core.errors import BadInput, NotSignedIn
from core.graph import (
    Access,
    Connection,
    Delegate,
    Info,
    Node,
    Nodes,
    Problem,
    connection,
    global_id,
    localized,
    mutation,
    page_size,
    read_cursor,
    rights,
    work_of,
)
from core.text import Text
from identity.officers import Officer
from identity.proposals.acts import ProposalKind
from identity.proposals.service import Proposals
from services.exchange.graph.fields import described
from services.receive.credentials.status import Status
from services.receive.standing.desk import ID, IssuedDesk
from services.receive.standing.errors import IssuedNotFound
from services.receive.standing.models import StandingAct
from services.receive.standing.service import Call, Issued, Standings
from services.receive.standing.states import FOR_GOOD, IssuedKind, StandingActKind

OFFICER: Final = "standing.officer"
"""Where the edge puts the officer behind the request (`Context.memo`)."""
strawberry.enum(IssuedKind, description="What an agency issued.")
strawberry.enum(StandingActKind, description="What an agency does with what it issued.")


@strawberry.type(name="StandingAct", description="What an agency did with a credential or a paper of the citizen.")
class StandingActNode(Node):
    row: strawberry.Private[StandingAct]
    words: strawberry.Private[Text]
    kind: IssuedKind
    act: StandingActKind
    at: datetime

    @classmethod
    def of(cls, row: StandingAct, words: Text) -> StandingActNode:
        return cls(
            id=global_id("StandingAct", row.id),
            row=row,
            words=words,
            kind=IssuedKind(row.kind),
            act=StandingActKind(row.act),
            at=row.at,
        )

    @described("Why, in the agency's words.")
    def reason(self, info: Info) -> str:
        return localized(info, self.words)

    @described("Which one: what the agency names it by, and the same for every act on it.")
    def issued(self) -> strawberry.ID:
        return strawberry.ID(self.row.issued.hex)

    @described("Slug of the agency.")
    def agency(self) -> str:
        return self.row.agency


@strawberry.type
class StandingOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("What agencies took back, suspended or reissued, and why, the newest first.", **rights(Delegate.NOTHING))
    async def standing_acts(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[StandingActNode] | None:
        size, before = page_size(first), _cursor(after)
        async with info.context.db.read() as session:
            rows = await info.context.room(Standings).acts(session, self.person, size + 1, before)
        return connection(
            Connection[StandingActNode],
            rows,
            size,
            key=lambda one: one[0].id.hex,
            node=lambda one: StandingActNode.of(*one),
        )


@strawberry.type(name="Issued", description="What the officer's agency issued, and how it stands.")
class IssuedNode:
    id: strawberry.ID
    kind: IssuedKind
    status: Status
    proposal: strawberry.ID | None = strawberry.field(
        description="What waits for a second officer, who approves it at `/officer`; null where it was done."
    )

    @classmethod
    def of(cls, one: Issued, proposal: UUID | None = None) -> IssuedNode:
        waits = None if proposal is None else strawberry.ID(proposal.hex)
        return cls(id=strawberry.ID(one.id.hex), kind=one.kind, status=one.status, proposal=waits)


@strawberry.input
class WorkOnIssuedInput:
    issued: strawberry.ID = strawberry.field(
        description="As the agency's list names it, 32 hexadecimal digits; a paper also by the SHA-256 of its file."
    )
    act: StandingActKind
    reason: str = strawberry.field(description="For the citizen, in Thai.")
    reason_en: str
    idempotency_key: str


@strawberry.type
class WorkOnIssuedPayload:
    issued: IssuedNode | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        desk, waits = info.context.room(IssuedDesk), kept["proposal"]
        found = await desk.named(_officer(info).agency, kept["issued"])
        return cls(issued=IssuedNode.of(found, None if waits is None else UUID(hex=waits)))


@strawberry.type
class StandingMutation:
    @mutation(
        WorkOnIssuedPayload,
        delegate=Delegate.NOTHING,
        access=Access.OFFICER,
        keyed=True,
        description="Suspends or reinstates what the officer's agency issued; proposes to revoke or to reissue it.",
    )
    async def work_on_issued(self, info: Info, input: WorkOnIssuedInput) -> WorkOnIssuedPayload:
        desk, officer, work = info.context.room(IssuedDesk), _officer(info), work_of(info)
        reason, given = Text(input.reason, input.reason_en), str(input.issued)
        if not ID.fullmatch(given):
            raise IssuedNotFound(path=("issued",))
        found = await desk.ready(officer, given)
        proposal = None
        async with work.transaction() as session:
            if input.act in FOR_GOOD:
                asked = {"issued": found.id.hex, "act": input.act.value, "reason_th": reason.th, "reason_en": reason.en}
                proposals = info.context.room(Proposals)
                kind, why = ProposalKind.ISSUED_WITHDRAW, f"{input.act.value} {found.id.hex}"
                proposal = await proposals.propose(session, officer, kind, asked, why)
            else:
                key = f"graph:{officer.person.hex}:{input.idempotency_key}"
                call = Call(officer.agency, officer.person.hex, found.id, input.act, reason, key)
                found = await info.context.room(Standings).act(session, call)
            work.keep(issued=found.id.hex, proposal=None if proposal is None else proposal.hex)
        return WorkOnIssuedPayload(issued=IssuedNode.of(found, proposal))


async def standing_act_node(info: Info, key: UUID) -> StandingActNode | None:
    """The viewer's; foreign and unknown ones are alike."""
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        found = await info.context.room(Standings).own(session, viewer.person, key)
    return None if found is None else StandingActNode.of(*found)


NODES: Final[Nodes] = {"StandingAct": standing_act_node}


def _officer(info: Info) -> Officer:
    """Raises NotSignedIn for who does not come as an officer."""
    officer: Officer | None = info.context.memo.get(OFFICER)
    if officer is None:
        raise NotSignedIn
    return officer


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None
