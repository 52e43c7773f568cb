"""In the graph: how long a turn lasts, and all that happened to an application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import strawberry

from core.crypto import KeyRing
from core.graph import Info, localized
from core.sealed import bound_to
from core.text import Text
from services.apply import models, repository
from services.apply.desk import repository as desk
from services.apply.desk.models import DeskQuestion
from services.apply.desk.words import Words
from services.apply.states import Action, Status
from services.exchange.graph.fields import described

EVENTS: Final = "application.events"
QUESTIONS: Final = "application.questions"

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


@strawberry.type(description="A fact that an officer asked for.")
class AskedFor:
    attribute: str = strawberry.field(description="Its id, as an answer's key names it; or evidence of it.")
    title: str


@strawberry.type(description="What an officer of the agency that decides asked for. A supplement answers it.")
class OfficersQuestion:
    wanted: list[AskedFor]
    why: list[str] = strawberry.field(description="The officer's words for each, in their order.")
    asked_at: datetime
    answered_at: datetime | None


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

    @described("What officers asked, oldest first, and why.")
    async def questions(self, info: Info) -> list[OfficersQuestion]:
        async def batch(keys: list[UUID]) -> Sequence[list[OfficersQuestion]]:
            words, person = Words(info.context.room(KeyRing)), self.row.person
            found: dict[UUID, list[OfficersQuestion]] = {key: [] for key in keys}
            async with info.context.db.read() as session:
                for row in await desk.questions(session, person, keys):
                    why = await words.open(
                        session, person, row.why_sealed, place=bound_to(DeskQuestion.why_sealed, row.id)
                    )
                    found[row.application].append(_question(info, row, why or ()))
            return [found[key] for key in keys]

        asked: list[OfficersQuestion] = await info.context.loader(QUESTIONS, batch).load(self.row.id)
        return asked


def _question(info: Info, row: DeskQuestion, why: Sequence[Mapping[str, str]]) -> OfficersQuestion:
    return OfficersQuestion(
        wanted=[
            AskedFor(attribute=one["attribute"], title=localized(info, Text(th=one["th"], en=one["en"])))
            for one in row.wanted
        ],
        why=[localized(info, Text(**one)) for one in why],
        asked_at=row.asked_at,
        answered_at=row.answered_at,
    )
