"""Who of the officers is at this browser."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from core.assurance import Demand, StepUpRequired
from core.clock import Clock
from core.database import Database
from core.errors import NotSignedIn, SitthiError
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import NotAnOfficer
from identity.officers.register import Officer, OfficerRegister, SignIn
from identity.provider.routes import SESSION_COOKIE, sign_in_path
from identity.provider.sessions import SignInSessions
from identity.web import Cookies, Pages, see_other

_STATUS = {
    "BAD_INPUT": 422,
    "MALFORMED_NATIONAL_ID": 422,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "MAKER_GONE": 409,
    "NATIONAL_ID_TAKEN": 409,
    "PROPOSAL_DECIDED": 409,
    "PROPOSAL_EXPIRED": 409,
    "SERVES_ANOTHER_AGENCY": 409,
    "FORM_NOT_OURS": 400,
    "BODY_TOO_LARGE": 413,
    "NOT_SEEN": 422,
    "SERVICE_UNAVAILABLE": 503,
}
"""Of the pages; what is not named is a refusal."""


@dataclass(frozen=True, slots=True)
class OfficerDoor:
    issuer: str
    db: Database
    clock: Clock
    cookies: Cookies
    pages: Pages
    sessions: SignInSessions
    officers: OfficerRegister

    async def officer(self, request: Request, demand: Demand = AT_THE_DESK) -> Officer:
        """The officer signed in in this browser. Raises :class:`NotSignedIn`, :class:`NotAnOfficer`,
        :class:`StepUpRequired`."""
        async with self.db.read() as session:
            who = await self.sessions.find(session, self.cookies.read(request, SESSION_COOKIE))
            if who is None:
                raise NotSignedIn
            found = await self.officers.find(session, who.person)
        if found is None:
            raise NotAnOfficer
        officer = replace(found, sign_in=SignIn(who.acr, who.authenticated_at))
        officer.must_meet(demand, self.clock.now())
        return officer

    def refusal(self, request: Request, error: SitthiError, *, back: str) -> Response:
        """A page that says what is wrong; or the way to sign in, and by `back` to here again."""
        if isinstance(error, NotSignedIn):
            return see_other(self.issuer + sign_in_path(back))
        if isinstance(error, StepUpRequired):
            wanted = {"return": back, "acr": error.fields["acr_values"]}
            return see_other(f"{self.issuer}/signin?{urlencode(wanted)}")
        again = "" if isinstance(error, NotAnOfficer) else back
        status = _STATUS.get(error.code, 403)
        return self.pages.problem(
            request, error.text.filled(**error.fields), status=status, code=error.code, again=again
        )
