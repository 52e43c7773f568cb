"""Checks in the graph: who asks, what would be answered, and the candidate's word."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry

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
from services.exchange.graph.consents import may_consent
from services.exchange.graph.fields import described
from services.exchange.handing.giving import Handing
from services.receive.shares.checks.answering import WORDS, Answering, View
from services.receive.shares.checks.comparing import Degree, Outcome
from services.receive.shares.checks.errors import CheckNotFound
from services.receive.shares.checks.states import Result, Status

_DEGREES: Final = "checks.degrees"
strawberry.enum(Status, name="CheckStatus")
strawberry.enum(Result, name="CheckResult")


@strawberry.type(description="What whoever asks claims of the viewer; what is null is not asked about.")
class CheckClaim:
    institution: str | None
    level: str | None
    title: str | None
    year: int | None = strawberry.field(description="Of the Common Era.")


@strawberry.type(description="What is answered: that it is so, or in which fields it is not. Nothing else.")
class CheckAnswer:
    result: Result
    differs: list[str]

    @classmethod
    def of(cls, outcome: Outcome) -> CheckAnswer:
        return cls(result=outcome.result, differs=list(outcome.differs))


@strawberry.type(description="What would be answered if the viewer agreed now.")
class CheckSaying:
    answer: CheckAnswer
    tag: str = strawberry.field(description="Whoever agrees gives it: what was seen is what is answered.")


@strawberry.type(description="A juristic person asks whether qualifications are as the viewer, or it, has said.")
class CheckAsked(Node):
    view: strawberry.Private[View]
    status: Status
    employer_number: str = strawberry.field(description="Of the juristic person, in the agency's register.")
    claim: CheckClaim
    asked_at: datetime
    until: datetime = strawberry.field(description="From when on it cannot be agreed to any more.")
    answered_at: datetime | None
    told: CheckAnswer | None = strawberry.field(description="What they are told; null unless the viewer agreed.")
    receipts: list[str] = strawberry.field(
        description="Signed, of agreeing and of taking it back: compact JWS; /verify/consent-receipt reads them."
    )

    @classmethod
    def of(cls, view: View) -> CheckAsked:
        row, claim = view.row, view.claim
        return cls(
            id=global_id("CheckAsked", row.id),
            view=view,
            status=view.status,
            employer_number=view.request.number,
            claim=CheckClaim(institution=claim.institution, level=claim.level, title=claim.title, year=claim.year),
            asked_at=row.asked_at,
            until=row.until,
            answered_at=row.answered_at,
            told=None if view.told is None else CheckAnswer.of(view.told),
            receipts=list(view.receipts),
        )

    @described("Who asks, as the agency's register names them.")
    def employer(self, info: Info) -> str:
        return localized(info, Text(th=self.view.request.title_th, en=self.view.request.title_en))

    @described("Why, in their words.")
    def purpose(self, info: Info) -> str:
        return localized(info, self.view.purpose)

    @described("What the viewer agrees to by agreeing.")
    def words(self, info: Info) -> str:
        return localized(info, WORDS)

    @described("Asks the agency; null once it is answered or over. Needs the assurance that its service asks for.")
    async def would_say(self, info: Info) -> CheckSaying | None:
        if self.view.status is not Status.ASKED:
            return None
        room = info.context.room(Answering)
        require(info.context, room.records.demand())
        saying = room.saying(self.view, await _degrees(info))
        return CheckSaying(answer=CheckAnswer.of(saying.outcome), tag=saying.tag)


@strawberry.type
class ChecksOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @described("Who asks to check the citizen's qualifications, the newest first.", **rights(Delegate.NOTHING))
    async def checks_asked(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[CheckAsked] | None:
        size, before = page_size(first), _cursor(after)
        views = await info.context.room(Answering).page(self.person, size + 1, before)
        return connection(Connection[CheckAsked], views, size, key=lambda view: view.row.id.hex, node=CheckAsked.of)


@strawberry.input
class AnswerCheckInput:
    check: strawberry.ID
    agrees: bool = strawberry.field(description="False declines, or takes back that they agreed.")
    idempotency_key: str
    saying: str | None = strawberry.field(default=None, description="To agree: the tag of `wouldSay`.")


@strawberry.type
class AnswerCheckPayload:
    check: CheckAsked | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(check=await check_node(info, UUID(hex=kept["check"])))


@strawberry.type
class CheckMutation:
    @mutation(
        AnswerCheckPayload,
        delegate=Delegate.NOTHING,
        description="Lets whoever asks be answered, or not, or takes it back. A minor does not agree alone.",
    )
    async def answer_check(self, info: Info, input: AnswerCheckInput) -> AnswerCheckPayload:
        room, work = info.context.room(Answering), work_of(info)
        key, person = _id(input.check), work.viewer.person
        if not input.agrees:
            await room.ready()
            async with work.transaction() as session:
                view = await room.decline(session, person, key)
                work.keep(check=key.hex)
            return AnswerCheckPayload(check=CheckAsked.of(view))
        Rights(Delegate.NOTHING, room.records.demand()).check(info.context)
        found = await room.own(person, key)
        if found is None:
            raise CheckNotFound
        await may_consent(info)
        saying = room.saying(found, await _degrees(info))
        handed = await room.prepare(found, saying, input.saying)

        async def give() -> View:
            async with work.transaction() as session:
                view = await room.agree(session, person, key, saying.outcome)
                work.keep(check=key.hex)
            return view

        view = await info.context.room(Handing).hand(handed, give)
        return AnswerCheckPayload(check=CheckAsked.of(view))


async def _degrees(info: Info) -> Sequence[Degree]:
    """The viewer's, asked for once in a request, however many checks compare them: one look, one call."""
    task = info.context.memo.get(_DEGREES)
    if task is None:
        records, viewer = info.context.room(Answering).records, info.context.signed_in()
        task = asyncio.ensure_future(records.degrees(viewer, viewer_asker(info), look_purpose(info)))
        info.context.memo[_DEGREES] = task
    return await asyncio.shield(task)


def _id(given: strawberry.ID) -> UUID:
    try:
        return GlobalId.parse(str(given), expected="CheckAsked").id
    except SitthiError:
        raise MalformedGlobalId(path=("check",)) from None


def _cursor(after: str | None) -> UUID | None:
    key = read_cursor(after)
    try:
        return None if key is None else UUID(hex=key)
    except ValueError:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",)) from None


async def check_node(info: Info, key: UUID) -> CheckAsked | None:
    """The viewer's; foreign and unknown are alike."""
    viewer = info.context.viewer
    found = None if viewer is None else await info.context.room(Answering).own(viewer.person, key)
    return None if found is None else CheckAsked.of(found)


NODES: Nodes = {"CheckAsked": check_node}
