"""Corrections in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import date, datetime
from typing import Any, Final, Self
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.graph import (
    Connection,
    Delegate,
    Info,
    Node,
    Problem,
    connection,
    global_id,
    mutation,
    page_size,
    work_of,
)
from core.ids import GlobalId
from services.exchange.corrections.models import Correction as CorrectionRow
from services.exchange.corrections.repository import CorrectionRepository
from services.exchange.corrections.service import CorrectionService, CorrectionStatus, CorrectionStep
from services.exchange.corrections.states import TURNS, CorrectionAction, CorrectionTurn
from services.exchange.facts import OWN_VIEW
from services.exchange.graph.access import AttributeName, attribute_name, cursor_key
from services.exchange.graph.facts import Source, load_facts, source_of
from services.exchange.graph.fields import described
from services.exchange.graph.known import KnownFact

_STEPS: Final = "exchange.corrections.steps"

strawberry.enum(CorrectionStatus)
strawberry.enum(CorrectionTurn, description="Whose move it is.")
strawberry.enum(CorrectionAction, description="What moved a correction.")


@strawberry.type(name="CorrectionStep", description="One step of a correction, as both sides see it.")
class Step:
    at: datetime
    action: CorrectionAction
    status: CorrectionStatus
    by_agency: bool
    note: str | None = strawberry.field(
        description="What was said: the citizen's evidence, the agency's question or its reason."
    )

    @classmethod
    def of(cls, step: CorrectionStep) -> Step:
        return cls(at=step.at, action=step.action, status=step.status, by_agency=step.by is not None, note=step.note)


@strawberry.type(description="A citizen's word that a fact is wrong, before the agency that owns the fact.")
class Correction(Node):
    row: strawberry.Private[CorrectionRow]
    status: CorrectionStatus
    turn: CorrectionTurn
    created_at: datetime
    closed_at: datetime | None
    due_on: date | None = strawberry.field(
        description="The last day, in Bangkok, for whose turn it is; null when it is over."
    )

    @classmethod
    def of(cls, row: CorrectionRow) -> Correction:
        status = CorrectionStatus(row.status)
        return cls(
            id=global_id("Correction", row.id),
            row=row,
            status=status,
            turn=TURNS[status],
            created_at=row.created_at,
            closed_at=row.closed_at,
            due_on=row.due_on if row.closed_at is None else None,
        )

    @strawberry.field
    def attribute(self, info: Info) -> AttributeName:
        return attribute_name(info, self.row.attribute)

    @described("The agency that can put it right.")
    def steward(self, info: Info) -> Source:
        return source_of(info, self.row.steward)

    @described("What the citizen said first.")
    def statement(self, info: Info) -> str:
        return info.context.room(CorrectionService).statement(self.row)

    @described("All that happened to it, oldest first.")
    async def history(self, info: Info) -> list[Step]:
        return [Step.of(step) for step in await self._steps(info)]

    @described("Why it was refused, in the agency's words; null unless it was.")
    async def refusal(self, info: Info) -> str | None:
        if self.status is not CorrectionStatus.REFUSED:
            return None
        return next((s.note for s in reversed(await self._steps(info)) if s.action is CorrectionAction.REFUSE), None)

    @described("What is on record now, with its source: after CORRECTED, the new value.")
    async def on_record(self, info: Info) -> KnownFact | None:
        [fact] = (await load_facts(info, self.row.person, [self.row.attribute], OWN_VIEW)).values()
        return KnownFact.of(info, fact)

    async def _steps(self, info: Info) -> Sequence[CorrectionStep]:
        async def batch(keys: list[tuple[UUID, UUID]]) -> Sequence[Sequence[CorrectionStep]]:
            service, people = info.context.room(CorrectionService), {person for person, _ in keys}
            async with info.context.db.read() as session:
                found = {
                    person: await service.steps(session, person, [key for of, key in keys if of == person])
                    for person in people
                }
            return [found[person].get(key, ()) for person, key in keys]

        return await info.context.loader(_STEPS, batch).load((self.row.person, self.row.id))


@strawberry.type
class _CorrectionPayload:
    correction: Correction | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(correction=await correction_node(info, UUID(hex=kept["correction"])))


@strawberry.type
class RequestCorrectionPayload(_CorrectionPayload):
    pass


@strawberry.type
class SupplementCorrectionPayload(_CorrectionPayload):
    pass


@strawberry.type
class WithdrawCorrectionPayload(_CorrectionPayload):
    pass


@strawberry.input
class RequestCorrectionInput:
    attribute: str = strawberry.field(description="Id of the catalogue, e.g. `birth_date`.")
    statement: str = strawberry.field(description="What is wrong, and what is right.")
    idempotency_key: str


@strawberry.input
class SupplementCorrectionInput:
    correction: strawberry.ID
    statement: str = strawberry.field(description="The answer to the agency's question, or further evidence.")
    idempotency_key: str


@strawberry.input
class WithdrawCorrectionInput:
    correction: strawberry.ID
    idempotency_key: str


@strawberry.type
class CorrectionMutation:
    @mutation(
        RequestCorrectionPayload,
        delegate=Delegate.NOTHING,
        description="Opens a case with the agency that owns the fact (PDPA 2562 s.36).",
    )
    async def request_correction(self, info: Info, input: RequestCorrectionInput) -> RequestCorrectionPayload | None:
        work = work_of(info)
        async with work.transaction() as session:
            opened = await info.context.room(CorrectionService).request(
                session, work.viewer.person, attribute=input.attribute, statement=input.statement
            )
            work.keep(correction=opened.id.hex)
        return RequestCorrectionPayload(correction=_changed(info, opened))

    @mutation(
        SupplementCorrectionPayload,
        delegate=Delegate.NOTHING,
        description="Answers what the agency asked, or adds evidence.",
    )
    async def supplement_correction(
        self, info: Info, input: SupplementCorrectionInput
    ) -> SupplementCorrectionPayload | None:
        async def act(service: CorrectionService, session: AsyncSession, person: UUID, key: UUID) -> CorrectionRow:
            return await service.supplement(session, person, key, input.statement)

        return SupplementCorrectionPayload(correction=await _acted(info, input.correction, act))

    @mutation(WithdrawCorrectionPayload, delegate=Delegate.NOTHING, description="Takes a case back.")
    async def withdraw_correction(self, info: Info, input: WithdrawCorrectionInput) -> WithdrawCorrectionPayload | None:
        async def act(service: CorrectionService, session: AsyncSession, person: UUID, key: UUID) -> CorrectionRow:
            return await service.withdraw(session, person, key)

        return WithdrawCorrectionPayload(correction=await _acted(info, input.correction, act))


async def _acted(info: Info, correction: strawberry.ID, act: Any) -> Correction:
    work, key = work_of(info), GlobalId.parse(correction, "Correction").id
    async with work.transaction() as session:
        row = await act(info.context.room(CorrectionService), session, work.viewer.person, key)
        work.keep(correction=row.id.hex)
    return _changed(info, row)


def _changed(info: Info, row: CorrectionRow) -> Correction:
    """The case after a mutation: what an earlier field of the request has loaded of it is outdated."""
    info.context.loaders.pop(_STEPS, None)
    return Correction.of(row)


async def corrections(info: Info, person: UUID, first: int | None, after: str | None) -> Connection[Correction]:
    """The newest first."""
    size = page_size(first)
    before = cursor_key(after)
    async with info.context.db.read() as session:
        rows = await CorrectionRepository(session).page(person, size=size + 1, before=before)
    return connection(Connection[Correction], rows, size, key=lambda row: row.id.hex, node=Correction.of)


async def correction_node(info: Info, key: UUID) -> Correction | None:
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await info.context.room(CorrectionService).get(session, viewer.person, key)
    return Correction.of(row) if row is not None else None
