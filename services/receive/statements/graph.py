"""The way to a statement, in the graph."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from core.graph import Delegate, Info, citizen_field
from services.receive.statements.service import Statements, Wish
from services.receive.statements.years import Calendar

strawberry.enum(Calendar, name="StatementCalendar", description="FISCAL: from 1 October, as the state counts.")


@strawberry.type(description="Where a statement is taken from, for two minutes, by whoever has the address.")
class StatementLink:
    url: str
    expires_at: datetime


@strawberry.type
class StatementsOfCitizen:
    person: strawberry.Private[UUID]

    @citizen_field(
        Delegate.NOTHING,
        description="A PDF of what one was paid in a year, signed. `year` is of the Buddhist era (2500 and more) or "
        "the common one; a fiscal year has the number of the year in which it ends.",
    )
    async def statement(self, info: Info, year: int, calendar: Calendar = Calendar.CALENDAR) -> StatementLink | None:
        made = info.context.room(Statements).link(Wish(self.person, year, calendar, info.context.signed_in().acr))
        return StatementLink(url=made.url, expires_at=made.expires_at)
