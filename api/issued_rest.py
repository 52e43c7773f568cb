"""`/agency/v1/issued`: what the calling agency issued, for its own system: it looks, takes back, suspends, reissues.

Another agency's is as unknown as what never was. Who is looked at sees it in their access log, and what was done with a
thing of theirs in their inbox. A call that comes again under its `Idempotency-Key` is answered as it stands.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from core.errors import BadInput
from core.text import Text
from services.exchange.facts import Asker
from services.exchange.rest.auth import AgencyDoor, Caller
from services.exchange.rest.requests import Agent, PersonNamed, Strict, read
from services.receive.standing.desk import ID, IssuedDesk
from services.receive.standing.errors import IssuedNotFound
from services.receive.standing.service import REASON_MAX, Call, Issued
from services.receive.standing.states import StandingActKind

PREFIX: Final = "/agency/v1/issued"
ACTS: Final = {act.value.lower(): act for act in StandingActKind}
_KEY: Final = re.compile(r"[\x21-\x7e]{8,128}", re.ASCII)
_BAD_KEY: Final = Text(
    th="Idempotency-Key: ต้องมี 8 ถึง 128 ตัวอักษร ASCII", en="Idempotency-Key: 8 to 128 visible ASCII characters"
)


class Looked(Strict):
    """Who looks, and at whom."""

    agent: Agent
    person: PersonNamed


class ReasonGiven(Strict):
    """Why, for the citizen, in both languages."""

    th: Annotated[str, Field(min_length=1, max_length=REASON_MAX)]
    en: Annotated[str, Field(min_length=1, max_length=REASON_MAX)]


class Done(Strict):
    """Who acts, and why."""

    agent: Agent
    reason: ReasonGiven


class Agents(Protocol):
    """Who may be named as acting in an agency's system."""

    async def asker(self, caller: Caller, agent: Agent) -> Asker:
        """Raises `AgentUnknown`, and `RoleMissing` for an officer who has another task."""
        ...

    async def person(self, caller: Caller, named: PersonNamed) -> UUID | None:
        """None for nobody whom the agency issued anything to. Raises `PersonMalformed`."""
        ...

    async def refuse_near(self, agent: Agent, issued: Issued) -> None:
        """Raises `ConflictOfInterest` for an officer who acts on what is theirs, or of somebody near them."""
        ...


def issued_router(door: AgencyDoor, desk: IssuedDesk, agents: Agents) -> APIRouter:
    """To be included without a prefix."""
    router = APIRouter(prefix=PREFIX, include_in_schema=False)

    @router.post("/list")
    async def listed(request: Request, caller: Caller = Depends(door.caller)) -> JSONResponse:
        given = await read(request, Looked)
        asker = await agents.asker(caller, given.agent)
        person = await agents.person(caller, given.person)
        found = [] if person is None else await desk.listed(caller.agency, person, asker)
        return JSONResponse({"issued": [_told(one) for one in found]}, headers=caller.headers)

    @router.post("/{issued}/{act}")
    async def act(
        issued: str,
        act: str,
        request: Request,
        idempotency_key: Annotated[str | None, Header()] = None,
        caller: Caller = Depends(door.caller),
    ) -> JSONResponse:
        if act not in ACTS or not ID.fullmatch(issued):
            raise IssuedNotFound
        if idempotency_key is None or not _KEY.fullmatch(idempotency_key):
            raise BadInput(_BAD_KEY, path=("Idempotency-Key",))
        given = await read(request, Done)
        asker = await agents.asker(caller, given.agent)
        found = await desk.named(caller.agency, issued)
        await agents.refuse_near(given.agent, found)
        reason = Text(given.reason.th, given.reason.en)
        done = await desk.act(Call(caller.agency, asker.id, found.id, ACTS[act], reason, idempotency_key))
        return JSONResponse(_told(done), headers=caller.headers)

    return router


def _told(one: Issued) -> dict[str, Any]:
    """Nothing that says whose it is."""
    return {
        "id": one.id.hex,
        "kind": one.kind.value,
        "credential": one.configuration,
        "sha256": one.sha256,
        "issuedAt": one.at.isoformat(),
        "status": one.status.name,
    }
