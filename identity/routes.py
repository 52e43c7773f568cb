"""Identity, put together: what the edge serves and what the other rooms take from it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from fastapi import APIRouter
from redis.asyncio import Redis

from core.cache import open_redis
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.rate_limits import RateLimiter
from core.settings import Settings
from identity.abuse import SIGN_IN_RETURNS, ClientLimits, Devices, Failures
from identity.account.room import AccountRoom, Web
from identity.officers.room import OfficerRoom
from identity.people import PeopleRegister
from identity.provider.client_authentication import ClientAuthentication
from identity.provider.client_requests import ClientRequests
from identity.provider.clients import GRAPH_AUDIENCE
from identity.provider.delegated import Delegations
from identity.provider.discovery import GraphMetadata
from identity.provider.dpop import DPoP
from identity.provider.grants.exchange import Exchanges
from identity.provider.introspection import IntrospectionEndpoint
from identity.provider.known_clients import KnownClients
from identity.provider.logout import LogoutEndpoint
from identity.provider.presented import Presenting
from identity.provider.replay import Replays
from identity.provider.revocation import RevocationEndpoint
from identity.provider.revocations import Revocations
from identity.provider.routes import ProviderRoutes
from identity.provider.sessions import SessionNames, SignInSessions
from identity.provider.signing import Schedule, SigningKeys
from identity.provider.subjects import Subjects
from identity.provider.token_endpoint import TokenEndpoint
from identity.provider.token_lookup import TokenLookup
from identity.provider.userinfo import UserInfo
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
    others to use; `facts` and `delegations` may be set after building, when those rooms stand. A process that serves
    keeps :meth:`serving` open. Without a `limiter` and a `redis` that all processes share, failed attempts and
    used proofs are remembered in this one.
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
        client_limits: ClientLimits | None = None,
        delegations: Delegations | None = None,
        redis: Redis | None = None,
    ) -> None:
        self.settings, self.db, self.clock, self.keys = settings, db, clock, keys
        self.delegations = delegations
        self.revocations = Revocations(db, clock)
        self.clients = KnownClients(db, settings.issuer)
        replays = self._replays = Replays(redis or open_redis(None), keys)
        self.dpop = DPoP(clock, keys, replays)
        self.presenting = Presenting(self.dpop)
        self.client_authentication = ClientAuthentication(settings.issuer, self.clients, clock, replays)
        self.people = people or PeopleRegister(keys, clock)
        self.facts = facts
        self.limiter = limiter or RateLimiter(open_redis(None), clock, keys)
        self.client_limits = client_limits
        self.devices = Devices(Cookies(settings), keys, clock)
        self.signing = SigningKeys(db, keys, clock, Schedule.of(settings))
        self.subjects = Subjects(keys)
        self.verifier: Verifier = self._verifier_of_everyone(http)
        self.account = AccountRoom(db, clock, keys, self.subjects)
        self.office = OfficerRoom(db, clock, keys, self.people)
        self.upstream = Upstream.of(settings, keys)
        self._http = http

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """While the block runs, what each request asks lies in memory: what was revoked, and the clients."""
        async with self.revocations.watching():
            with self.clients.remembering():
                yield

    def verifier_for(self, *audiences: str) -> TokenVerifier:
        """A verifier of access tokens for these resources, paths below the issuer; for any when none is named."""
        issuer = self.settings.issuer
        whole = [issuer + one for one in audiences] or None
        return TokenVerifier(issuer, whole, self.signing, self.subjects, self.clock, self.revocations)

    def _verifier_of_everyone(self, http: httpx2.AsyncClient) -> Verifier:
        """Of tokens for the graph, whoever may issue them."""
        ours = self.verifier_for(GRAPH_AUDIENCE)
        given = self.settings.trusted_issuers
        if not given:
            return ours
        trusted = TrustedIssuers(
            given, db=self.db, people=self.people, clock=self.clock, http=http, revocations=self.revocations
        )
        return EveryIssuer(ours if self.settings.own_provider else None, trusted)

    def router(self) -> APIRouter:
        """`/.well-known/…`, `/oauth/…`, `/signin…`, `/signout`; to be included without a prefix.

        Where our own provider is switched off, only who issues tokens for the graph instead.
        """
        router = APIRouter()
        router.include_router(self._graph_metadata().router())
        if not self.settings.own_provider:
            return router
        cookies = Cookies(self.settings)
        forms = Forms(self.settings.issuer, cookies, self.keys)
        sessions = self.account.sessions
        pages = Pages(forms)
        provider = ProviderRoutes(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            keys=self.keys,
            signing=self.signing,
            subjects=self.subjects,
            sessions=sessions,
            names=SessionNames(self.keys),
            known_clients=self.clients,
            clients=ClientRequests(self.client_authentication, self.client_limits),
            dpop=self.dpop,
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
            sign_ins=self.account.sign_ins,
            passkeys=self.account.passkeys,
            cookies=cookies,
            forms=forms,
            pages=pages,
            failures=Failures(SIGN_IN_RETURNS, self.limiter, self.devices),
            devices=self.devices,
            facts=lambda: self.facts,
        )
        router.include_router(provider.router())
        router.include_router(self._called_by_clients(sessions))
        router.include_router(self._logout(sessions, cookies, forms, pages).router())
        router.include_router(sign_in.router())
        web = Web(cookies, forms, pages, self.devices, self._replays)
        router.include_router(self.account.router(self.settings.issuer, web))
        router.include_router(self.office.router(self.settings.issuer, web, self.account, self.limiter))
        return router

    def _logout(self, sessions: SignInSessions, cookies: Cookies, forms: Forms, pages: Pages) -> LogoutEndpoint:
        return LogoutEndpoint(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            signing=self.signing,
            subjects=self.subjects,
            sessions=sessions,
            cookies=cookies,
            forms=forms,
            pages=pages,
        )

    def _graph_metadata(self) -> GraphMetadata:
        issuer, others = self.settings.issuer, [one.issuer for one in self.settings.trusted_issuers]
        return GraphMetadata(issuer, [issuer, *others] if self.settings.own_provider else others)

    def _called_by_clients(self, sessions: SignInSessions) -> APIRouter:
        requests = ClientRequests(self.client_authentication, self.client_limits)
        tokens = self.verifier_for()
        token = TokenEndpoint(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            signing=self.signing,
            subjects=self.subjects,
            names=SessionNames(self.keys),
            requests=requests,
            dpop=self.dpop,
            exchanges=Exchanges(tokens, lambda: self.delegations),
        )
        userinfo = UserInfo(self.settings.issuer, self.db, sessions, self.presenting, tokens)
        lookup = TokenLookup(tokens)
        revocation = RevocationEndpoint(self.db, self.clock, requests, lookup)
        introspection = IntrospectionEndpoint(
            issuer=self.settings.issuer,
            db=self.db,
            clock=self.clock,
            subjects=self.subjects,
            requests=requests,
            lookup=lookup,
        )
        router = APIRouter()
        for one in (token, userinfo, revocation, introspection):
            router.include_router(one.router())
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
