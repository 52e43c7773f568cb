"""`/agency/v1/corrections`: the cases about what the calling agency owns, for its own system.

The agency is the one whose client asks; another's case is as unknown as one that never was. A list names nobody. Who
reads one case is told who it is about, and that look stands in the citizen's log under the agent who is named.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from core.clock import Clock
from core.database import Database
from core.errors import BadInput, NotFound
from core.text import Text
from identity.officers.register import OfficerRegister
from services.exchange.corrections.desk import Case, CorrectionDesk
from services.exchange.corrections.models import Correction
from services.exchange.corrections.roles import DECIDE
from services.exchange.corrections.service import Handler, Outcome, is_overdue
from services.exchange.corrections.states import TURNS, CorrectionStatus
from services.exchange.facts import Asker, AskerKind, Assured
from services.exchange.rest.auth import AgencyDoor, Caller
from services.exchange.rest.errors import AgentUnknown
from services.exchange.rest.requests import Agent, AgentKind, Strict, read
from services.exchange.rest.service import OF_A_SYSTEM, OF_AN_OFFICER

PREFIX: Final = "/agency/v1/corrections"
PAGE_MAX: Final = 100
_NO_SUCH_STATUS: Final = Text(th="ไม่มีสถานะนี้", en="there is no such status")


class Seen(Strict):
    """Who looks at a case, or takes it."""

    agent: Agent


class Decided(Strict):
    """What the agency says to a case."""

    agent: Agent
    outcome: Annotated[Outcome, Field(strict=False)]
    note: Annotated[str, Field(max_length=4_000)] = ""
    """The question or the reason, for the citizen to read; a correction needs none."""
    version: int | None = None
    """Of the case, as the agency saw it: what the citizen added since is read before anything is decided."""


class Agents:
    """Who may be named as acting in an agency's system: those of its officers who may decide corrections wherever they
    sit, and its systems by whatever name."""

    def __init__(self, db: Database, officers: OfficerRegister) -> None:
        self._db, self._officers = db, officers

    async def asker(self, caller: Caller, agent: Agent) -> Asker:
        """Who looks, as the citizen will read it. Raises :class:`AgentUnknown` for an officer who is not theirs,
        `RoleMissing` for one who has another task."""
        if agent.officer is not None:
            async with self._db.read() as session:
                officer = await self._officers.find(session, agent.officer)
            if officer is None or officer.agency != caller.agency:
                raise AgentUnknown
            officer.must_have(DECIDE)
        by_officer = agent.kind is AgentKind.OFFICER
        return Asker(
            AskerKind.OFFICER if by_officer else AskerKind.SYSTEM,
            f"{caller.client}:{agent.id}",
            caller.agency,
            (OF_AN_OFFICER if by_officer else OF_A_SYSTEM).filled(agency=caller.title),
            client=caller.client,
            agent=agent.id,
            assurance=Assured(bound_key=caller.bound_key),
        )


def corrections_router(door: AgencyDoor, desk: CorrectionDesk, agents: Agents, clock: Clock) -> APIRouter:
    """To be included without a prefix."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)

    @router.get("")
    async def listed(
        status: Annotated[list[str] | None, Query()] = None,
        after: UUID | None = None,
        caller: Caller = Depends(door.caller),
    ) -> JSONResponse:
        handler = Handler(caller.agency, caller.client)
        rows = await desk.listed(handler, _statuses(status), after=after, limit=PAGE_MAX + 1)
        page = rows[:PAGE_MAX]
        following = page[-1].id.hex if len(rows) > PAGE_MAX else None
        return JSONResponse({"corrections": [_short(row, clock.today()) for row in page], "after": following})

    @router.post("/{correction}")
    async def show(correction: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        given = await read(request, Seen)
        asker = await agents.asker(caller, given.agent)
        case = await desk.show(_handler(caller, given.agent), asker, _key(correction))
        return JSONResponse(_whole(case, clock.today()))

    @router.post("/{correction}/take")
    async def take(correction: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        given = await read(request, Seen)
        await agents.asker(caller, given.agent)
        return JSONResponse(_short(await desk.take(_handler(caller, given.agent), _key(correction)), clock.today()))

    @router.post("/{correction}/decide")
    async def decide(correction: str, request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        given = await read(request, Decided)
        await agents.asker(caller, given.agent)
        handler = _handler(caller, given.agent)
        row = await desk.decide(handler, _key(correction), given.outcome, given.note, seen=given.version)
        return JSONResponse(_short(row, clock.today()))

    return router


def _handler(caller: Caller, agent: Agent) -> Handler:
    """An officer by their own key, whichever way they come, so that nobody decides about themself."""
    return Handler(caller.agency, agent.id if agent.kind is AgentKind.OFFICER else f"{caller.client}:{agent.id}")


def _key(given: str) -> UUID:
    try:
        return UUID(hex=given)
    except ValueError:
        raise NotFound from None


def _statuses(given: list[str] | None) -> list[CorrectionStatus]:
    """Raises BadInput."""
    try:
        return [CorrectionStatus(one) for one in given or ()]
    except ValueError:
        raise BadInput(_NO_SUCH_STATUS, path=("status",)) from None


def _short(row: Correction, today: date) -> dict[str, Any]:
    """Nothing that says who it is about."""
    return {
        "id": row.id.hex,
        "version": row.version,
        "attribute": row.attribute,
        "status": row.status,
        "turn": TURNS[CorrectionStatus(row.status)].value,
        "openedAt": row.created_at.isoformat(),
        "updatedAt": row.updated_at.isoformat(),
        "dueOn": row.due_on.isoformat() if row.closed_at is None else None,
        "overdue": is_overdue(row, today),
        "handler": row.handler,
    }


def _whole(case: Case, today: date) -> dict[str, Any]:
    steps = [
        {
            "at": step.at.isoformat(),
            "action": step.action.value,
            "status": step.status.value,
            "by": step.by or "citizen",
            "note": step.note,
        }
        for step in case.steps
    ]
    return {
        **_short(case.row, today),
        "title": {"th": case.title.th, "en": case.title.en},
        "person": {"nationalId": case.national_id.digits},
        "statement": case.statement,
        "steps": steps,
    }
