"""In the graph: opening again what lapsed."""

from __future__ import annotations

from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from core.graph import Delegate, Info, mutation, work_of
from services.apply import models
from services.apply.graph import ApplicationPayload, acted
from services.apply.lifecycle import Lifecycle


@strawberry.input
class ReopenInput:
    application: strawberry.ID
    idempotency_key: str


@strawberry.type
class ReopenPayload(ApplicationPayload):
    pass


@strawberry.type
class ReopenMutation:
    @mutation(
        ReopenPayload,
        delegate=Delegate.APPLY,
        description="Opens again an application that lapsed because nobody answered, until its `reopenUntil`.",
    )
    async def reopen(self, info: Info, input: ReopenInput) -> ReopenPayload:
        async def act(session: AsyncSession, person: UUID, application: UUID) -> models.Application:
            room, by = info.context.room(Lifecycle), work_of(info).acted_by
            return await room.reopen(session, person, application, acted_by=by)

        return ReopenPayload(application=await acted(info, input.application, act))
