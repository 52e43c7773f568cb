"""The officer at the command line."""

from __future__ import annotations

from dataclasses import replace

from core.assurance import StepUpRequired
from core.clock import Clock, SystemClock
from core.crypto import KeyRing, load_keys
from core.database import Database
from core.settings import Settings
from identity.officers.demands import AT_THE_DESK
from identity.officers.errors import NotAnOfficer, OfficerNotSignedIn
from identity.officers.profiles import DEFAULT_PROFILE, Profiles
from identity.officers.register import Officer, OfficerRegister, SignIn
from identity.people import PeopleRegister
from identity.provider.clients import OFFICER_AUDIENCE, OFFICER_SCOPE
from identity.provider.errors import TokenExpired, TokenInvalid
from identity.provider.revocations import Revocations
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects
from identity.provider.verifier import TokenVerifier


class OfficerVerifier:
    """Tells the officer behind an access token. What an officer may do is looked up each time, never in the token."""

    def __init__(self, settings: Settings, db: Database, keys: KeyRing, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._officers = OfficerRegister(PeopleRegister(keys, clock), clock)
        audience = settings.issuer + OFFICER_AUDIENCE
        self._tokens = TokenVerifier(
            settings.issuer, [audience], SigningKeys(db, keys, clock), Subjects(keys), clock, Revocations(db, clock)
        )

    async def verify(self, token: str) -> Officer:
        """Raises :class:`TokenExpired`, :class:`TokenInvalid`, :class:`NotAnOfficer`, and :class:`StepUpRequired` for a
        sign-in that is no desk's: of one factor, or of another day."""
        viewer = await self._tokens.verify(token)
        if OFFICER_SCOPE not in viewer.scopes or viewer.acting is not None:  # nobody is an officer in another's name
            raise TokenInvalid
        async with self._db.read() as session:
            officer = await self._officers.find(session, viewer.person)
        if officer is None:
            raise NotAnOfficer
        if viewer.authenticated_at is None:
            raise StepUpRequired(AT_THE_DESK)
        signed_in = replace(officer, sign_in=SignIn(viewer.acr, viewer.authenticated_at))
        signed_in.must_meet(AT_THE_DESK, self._clock.now())
        return signed_in


async def current_officer(
    settings: Settings,
    db: Database,
    profile: str | None = None,
    *,
    keys: KeyRing | None = None,
    clock: Clock | None = None,
) -> Officer:
    """The officer who signed in under this profile on this machine, verified anew.

    Raises :class:`OfficerNotSignedIn`, :class:`NotAnOfficer`, :class:`StepUpRequired`.
    """
    name = profile or DEFAULT_PROFILE
    token = Profiles(settings.data).token(name)
    if token is None:
        raise OfficerNotSignedIn(profile=name)
    try:
        verifier = OfficerVerifier(settings, db, keys or load_keys(settings), clock or SystemClock())
        return await verifier.verify(token)
    except (TokenExpired, TokenInvalid):
        raise OfficerNotSignedIn(profile=name) from None
