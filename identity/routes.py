"""Identity, put together: what the edge serves and what the other rooms take from it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import httpx2
from fastapi import APIRouter

from core.cache import open_redis
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.rate_limits import RateLimiter
from core.settings import Settings
from identity.abuse import SIGN_IN_RETURNS, Devices, Failures
from identity.people import PeopleRegister
from identity.provider.clients import GRAPH_AUDIENCE, OFFICER_AUDIENCE
from identity.provider.routes import ProviderRoutes
from identity.provider.sessions import SessionNames, SignInSessions
from identity.provider.signing import Schedule, SigningKeys
from identity.provider.subjects import Subjects
from identity.provider.verifier import TokenVerifier
from identity.trusted import EveryIssuer, TrustedIssuers, Verifier
from identity.upstream.facts import SignInFacts
from identity.upstream.routes import RETURN, SignInRoutes
from identity.upstream.thaid import ThaID
from identity.web import Cookies, Forms, Pages

THAID_SANDBOX_PATH = "/sandbox/thaid"


@dataclass(frozen=True, slots=True, repr=False)
class Upstream:
    """How we are known to ThaID."""

    issuer: str
    url: str
    client_id: str
    secret: str
    redirect_uri: str

    @classmethod
    def of(cls, settings: Settings, keys: KeyRing) -> Upstream:
        """From the settings. The sandbox's secret is derived from our keys, so there is no default one to forget."""
        issuer = settings.thaid_issuer or settings.issuer + THAID_SANDBOX_PATH
        inside = f"http://127.0.0.1:{settings.port}{THAID_SANDBOX_PATH}" if settings.thaid_issuer is None else issuer
        given = settings.thaid_client_secret
        derived = base64.urlsafe_b64encode(keys.blind_index(settings.thaid_client_id, domain="thaid-sandbox-client"))
        return cls(
            issuer=issuer,
            url=settings.thaid_url or inside,
            client_id=settings.thaid_client_id,
            secret=derived.decode() if given is None else given.get_secret_value(),
            redirect_uri=settings.issuer + RETURN,
        )


class Identity:
    """The room of identity, built from what is handed in.

    `http` reaches ThaID. `people`, `signing`, `subjects` and `verifier` (of citizens' tokens for the graph) are for
    others to use; `facts` may be set after building, when the exchange stands. Without a `limiter` that all processes
    share, failed attempts are counted in this one.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        http: httpx2.AsyncClient,
        *,
        people: PeopleRegister | None = None,
        facts: SignInFacts | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        self.settings, self.db, self.clock, self.keys = settings, db, clock, keys
        self.people = people or PeopleRegister(keys, clock)
        self.facts = facts
        self.limiter = limiter or RateLimiter(open_redis(None), clock, keys)
        self.devices = Devices(Cookies(settings), keys, clock)
        self.signing = SigningKeys(db, keys, clock, Schedule.of(settings))
        self.subjects = Subjects(keys)
        self.verifier: Verifier = self._verifier_of_everyone(http)
        self.upstream = Upstream.of(settings, keys)
        self._http = http

    def verifier_for(self, *audiences: str) -> TokenVerifier:
        """A verifier of access tokens for these resources, paths below the issuer."""
        issuer = self.settings.issuer
        return TokenVerifier(issuer, [issuer + one for one in audiences], self.signing, self.subjects, self.clock)

    def _verifier_of_everyone(self, http: httpx2.AsyncClient) -> Verifier:
        """Of tokens for the graph, whoever may issue them."""
        ours = self.verifier_for(GRAPH_AUDIENCE)
        given = self.settings.trusted_issuers
        if not given:
            return ours
        trusted = TrustedIssuers(given, db=self.db, people=self.people, clock=self.clock, http=http)
        return EveryIssuer(ours if self.settings.own_provider else None, trusted)

    def router(self) -> APIRouter:
        """`/.well-known/…`, `/oauth/…`, `/signin…`, `/signout`; to be included without a prefix.

        Nothing where our own provider is switched off.
        """
        if not self.settings.own_provider:
            return APIRouter()
        cookies = Cookies(self.settings)
        forms = Forms(self.settings.issuer, cookies, self.keys)
        sessions = SignInSessions(self.keys, self.clock)
        pages = Pages(forms)
        provider = ProviderRoutes(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            signing=self.signing,
            subjects=self.subjects,
            sessions=sessions,
            names=SessionNames(self.keys),
            verifier=self.verifier_for(GRAPH_AUDIENCE, OFFICER_AUDIENCE),
            cookies=cookies,
            forms=forms,
            pages=pages,
        )
        sign_in = SignInRoutes(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            keys=self.keys,
            thaid=self._thaid(),
            people=self.people,
            sessions=sessions,
            cookies=cookies,
            forms=forms,
            pages=pages,
            failures=Failures(SIGN_IN_RETURNS, self.limiter, self.devices),
            devices=self.devices,
            facts=lambda: self.facts,
        )
        router = APIRouter()
        router.include_router(provider.router())
        router.include_router(sign_in.router())
        return router

    def _thaid(self) -> ThaID:
        known = self.upstream
        return ThaID(
            self._http,
            issuer=known.issuer,
            url=known.url,
            client_id=known.client_id,
            secret=known.secret,
            redirect_uri=known.redirect_uri,
            clock=self.clock,
        )
