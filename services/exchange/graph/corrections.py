"""Corrections in the graph."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from core.graph import Delegate, Info, Node, Problem, global_id, mutation, work_of
from services.exchange.corrections.models import Correction as CorrectionRow
from services.exchange.corrections.service import CorrectionService, CorrectionStatus
from services.exchange.graph.access import AttributeName, attribute_name
from services.exchange.graph.facts import Source, source_of
from services.exchange.graph.fields import described

strawberry.enum(CorrectionStatus)


@strawberry.type(description="A citizen's word that a fact is wrong, before the agency that owns the fact.")
class Correction(Node):
    row: strawberry.Private[CorrectionRow]
    status: CorrectionStatus
    created_at: datetime

    @classmethod
    def of(cls, row: CorrectionRow) -> Correction:
        return cls(
            id=global_id("Correction", row.id),
            row=row,
            status=CorrectionStatus(row.status),
            created_at=row.created_at,
        )

    @strawberry.field
    def attribute(self, info: Info) -> AttributeName:
        return attribute_name(info, self.row.attribute)

    @described("The agency that can put it right.")
    def steward(self, info: Info) -> Source:
        return source_of(info, self.row.steward)

    @strawberry.field
    def statement(self, info: Info) -> str:
        return info.context.room(CorrectionService).statement(self.row)


@strawberry.type
class RequestCorrectionPayload:
    correction: Correction | None = None
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(correction=await correction_node(info, UUID(hex=kept["correction"])))


@strawberry.input
class RequestCorrectionInput:
    attribute: str = strawberry.field(description="Id of the catalogue, e.g. `birth_date`.")
    statement: str = strawberry.field(description="What is wrong, and what is right.")
    idempotency_key: str


@strawberry.type
class CorrectionMutation:
    @mutation(RequestCorrectionPayload, delegate=Delegate.NOTHING)
    async def request_correction(self, info: Info, input: RequestCorrectionInput) -> RequestCorrectionPayload | None:
        work = work_of(info)
        async with work.transaction() as session:
            opened = await info.context.room(CorrectionService).request(
                session, work.viewer.person, attribute=input.attribute, statement=input.statement
            )
            work.keep(correction=opened.id.hex)
        return RequestCorrectionPayload(correction=Correction.of(opened))


async def correction_node(info: Info, key: UUID) -> Correction | None:
    viewer = info.context.viewer
    if viewer is None:
        return None
    async with info.context.db.read() as session:
        row = await info.context.room(CorrectionService).get(session, viewer.person, key)
    return Correction.of(row) if row is not None else None
