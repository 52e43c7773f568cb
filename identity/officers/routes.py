"""The officers' pages: the desk, proposals, the counter. Plain HTML that works without JavaScript."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from fastapi.responses import Response

from core.assurance import StepUpRequired
from core.clock import BANGKOK, Clock
from core.database import Database
from core.errors import NotFound, SitthiError
from core.ids import NationalId
from core.text import Text
from identity.counter.service import Counter
from identity.officers.demands import TO_APPROVE
from identity.officers.door import OfficerDoor
from identity.officers.register import Officer
from identity.officers.roles import COUNTER, ROLES
from identity.officers.trail import Trail
from identity.people.correction import KnownFacts
from identity.proposals.edge import approve
from identity.proposals.service import OUTCOMES, Proposals
from identity.web import Forms, Pages, see_other

DESK: Final = "/officer"
COUNTER_PAGE: Final = "/officer/counter"
CODE_PAGE: Final = "/signin/counter"
"""Where the person types the code. Also what the QR code leads to: a code in an address would be in logs and histories,
and one in its fragment would need JavaScript."""

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class OfficerRoutes:
    issuer: str
    db: Database
    clock: Clock
    door: OfficerDoor
    forms: Forms
    pages: Pages
    proposals: Proposals
    counter: Counter
    titles: Callable[[str], Text]
    """The name of an agency by its slug."""
    known_facts: Callable[[], KnownFacts | None]
    """Asked at each correction, for the exchange is built after us."""

    def router(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        for path, endpoint, methods in (
            (DESK, self.desk, ["GET"]),
            (DESK + "/proposals/{proposal}", self.show, ["GET"]),
            (DESK + "/proposals/{proposal}", self.decide, ["POST"]),
            (COUNTER_PAGE, self.show_counter, ["GET"]),
            (COUNTER_PAGE, self.issue, ["POST"]),
        ):
            router.add_api_route(path, endpoint, methods=methods, response_model=None)
        return router

    async def desk(self, request: Request) -> Response:
        try:
            officer = await self.door.officer(request)
            async with self.db.read() as session:
                proposals = await self.proposals.open(session, officer)
                acts = await Trail(self.clock).of(session, officer.person)
        except SitthiError as error:
            return self.door.refusal(request, error, back=DESK)
        return self.pages.page(
            request,
            "officer/desk.html",
            officer=officer,
            agency=self.titles(officer.agency),
            roles=[(role, ROLES[role].title if role in ROLES else None) for role in sorted(officer.roles)],
            proposals=proposals,
            acts=[(act.at.astimezone(BANGKOK), act.kind, act.note) for act in acts],
            has_counter=COUNTER in officer.roles,
            zone=BANGKOK,
        )

    async def show(self, request: Request, proposal: str) -> Response:
        here = f"{DESK}/proposals/{proposal}" if _key(proposal) else DESK
        try:
            officer = await self.door.officer(request)
            return await self._proposal(request, officer, _known(proposal))
        except SitthiError as error:
            return self.door.refusal(request, error, back=here)

    async def decide(self, request: Request, proposal: str) -> Response:
        """`decision` is approve, refuse or withdraw; what is not done is shown with the reason why."""
        here = f"{DESK}/proposals/{proposal}" if _key(proposal) else DESK
        try:
            officer = await self.door.officer(request)
            fields = await self.forms.read(request)
            key, reason = _known(proposal), fields.get("reason", "")
            match fields.get("decision"):
                case "approve":
                    done = await approve(self.db, self.proposals, self.known_facts(), officer, key, reason)
                    if done.told:
                        return self.pages.page(request, "officer/done.html", told=done.told)
                case "refuse":
                    async with self.db.write() as session:
                        await self.proposals.refuse(session, officer, key, reason)
                case "withdraw":
                    async with self.db.write() as session:
                        await self.proposals.withdraw(session, officer, key, reason)
                case _:
                    raise NotFound
        except SitthiError as error:
            return self.door.refusal(request, error, back=here)
        return see_other(self.issuer + DESK)

    async def show_counter(self, request: Request) -> Response:
        try:
            officer = await self.door.officer(request)
            officer.must_have(COUNTER)
        except SitthiError as error:
            return self.door.refusal(request, error, back=COUNTER_PAGE)
        return self._counter(request)

    async def issue(self, request: Request) -> Response:
        try:
            officer = await self.door.officer(request)
            fields = await self.forms.read(request)
        except SitthiError as error:
            return self.door.refusal(request, error, back=COUNTER_PAGE)
        name = Text(th=fields.get("name_th", ""), en=fields.get("name_en", ""))
        try:
            number = NationalId.parse(fields.get("national_id", ""))
            async with self.db.write() as session:
                issued = await self.counter.issue(
                    session, officer, number, name, saw_person=fields.get("seen") == "yes"
                )
        except StepUpRequired as error:
            return self.door.refusal(request, error, back=COUNTER_PAGE)
        except SitthiError as error:
            return self._counter(request, error)
        address = self.issuer + CODE_PAGE
        return self.pages.page(
            request,
            "officer/code.html",
            code=issued.code,
            name=name,
            until=issued.expires_at.astimezone(BANGKOK),
            address=address,
            qr=segno.make(address, error="m", micro=False).svg_inline(scale=5, border=2, light="#fff"),
        )

    def _counter(self, request: Request, error: SitthiError | None = None) -> Response:
        """Without what was typed: a number and a name do not come back from a page that failed."""
        text = None if error is None else error.text.filled(**error.fields)
        return self.pages.page(request, "officer/counter.html", status=200 if error is None else 422, error=text)

    async def _proposal(self, request: Request, officer: Officer, key: UUID) -> Response:
        async with self.db.read() as session:
            shown = await self.proposals.show(session, officer, key)
        sign_in = officer.sign_in
        assert sign_in is not None, "whoever came in by the door signed in"
        now = self.clock.now()
        is_open = shown.outcome is None and shown.expires_at > now
        return self.pages.page(
            request,
            "officer/proposal.html",
            shown=shown,
            is_open=is_open,
            outcome=OUTCOMES.get(shown.outcome or ""),
            may_withdraw=is_open and shown.maker == officer.person,
            may_decide=is_open and shown.maker != officer.person and shown.approves in officer.roles,
            must_step_up=not TO_APPROVE.met_by(sign_in.acr, sign_in.authenticated_at, now),
            step_up=TO_APPROVE.assurance.acr,
            here=f"{DESK}/proposals/{key.hex}",
            acts=[(act.at.astimezone(BANGKOK), act.kind, act.note) for act in shown.trail],
            zone=BANGKOK,
        )


def _key(given: str) -> UUID | None:
    try:
        return UUID(hex=given) if len(given) in (32, 36) else None
    except ValueError:
        return None


def _known(given: str) -> UUID:
    """Raises :class:`NotFound` for what is no key."""
    key = _key(given)
    if key is None:
        raise NotFound
    return key
