"""In the graph: how long a turn lasts, and all that happened to an application."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import strawberry

from core.graph import Info
from services.apply import models, repository
from services.apply.states import Action, Status
from services.exchange.graph.fields import described

EVENTS: Final = "application.events"

strawberry.enum(Status, name="ApplicationStatus", description="Where an application stands.")
strawberry.enum(Action, name="ApplicationAction", description="What moved an application.")


@strawberry.type(description="One step in the life of an application.")
class ApplicationStep:
    at: datetime
    action: Action
    status: Status
    by_delegate: bool = strawberry.field(description="Whether somebody did it who acts for the citizen.")
    by_officer: bool = strawberry.field(description="Whether an officer did it, or had it decided again.")
    cause: str | None = strawberry.field(description="Why it was looked at again or closed: a stable code.")

    @classmethod
    def of(cls, row: models.ApplicationEvent) -> ApplicationStep:
        return cls(
            at=row.at,
            action=Action(row.action),
            status=Status(row.status),
            by_delegate=row.acted_by is not None,
            by_officer=row.officer is not None,
            cause=row.cause,
        )


@strawberry.type
class LifeOfApplication:
    """What an application shows of its life."""

    row: strawberry.Private[models.Application]

    @described(
        "The last day for whoever's `turn` it is, in Thai working days. Null where it is nobody's, and while nobody "
        "knows that year's holidays."
    )
    def due_on(self) -> date | None:
        return self.row.due_on

    @described("Whether the agency's time ran out; its supervisors know.")
    def overdue(self) -> bool:
        return self.row.overdue_at is not None

    @described("Of one that lapsed: the last day on which it can be opened again.")
    def reopen_until(self) -> date | None:
        return self.row.reopen_until

    @described("All that happened to it, oldest first.")
    async def history(self, info: Info) -> list[ApplicationStep]:
        async def batch(keys: list[UUID]) -> Sequence[list[models.ApplicationEvent]]:
            async with info.context.db.read() as session:
                found = await repository.events(session, info.context.signed_in().person, keys)
            return [found[key] for key in keys]

        steps = await info.context.loader(EVENTS, batch).load(self.row.id)
        return [ApplicationStep.of(step) for step in steps]
