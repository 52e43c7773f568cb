"""The OpenID provider towards browsers and whoever discovers it. What clients call has modules of its own."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from identity.provider.authorization_request import AuthorizationRequests
from identity.provider.authorize import SESSION_COOKIE, AuthorizationEndpoint, sign_in_path
from identity.provider.client_requests import ClientRequests
from identity.provider.discovery import Discovery
from identity.provider.dpop import DPoP
from identity.provider.hints import IdTokenHints
from identity.provider.known_clients import KnownClients
from identity.provider.pushed import PushedRequestEndpoint, PushedRequests
from identity.provider.sessions import SessionNames, SignInSessions
from identity.provider.signing import SigningKeys
from identity.provider.subjects import Subjects
from identity.web import Cookies, Forms, Pages

__all__ = ["SESSION_COOKIE", "ProviderRoutes", "sign_in_path"]


@dataclass(frozen=True, slots=True)
class ProviderRoutes:
    """`/.well-known/…`, `/oauth/jwks`, `/oauth/authorize`, `/oauth/par`."""

    issuer: str
    db: Database
    clock: Clock
    keys: KeyRing
    signing: SigningKeys
    subjects: Subjects
    sessions: SignInSessions
    names: SessionNames
    known_clients: KnownClients
    clients: ClientRequests
    dpop: DPoP
    cookies: Cookies
    forms: Forms
    pages: Pages

    def router(self) -> APIRouter:
        requests = AuthorizationRequests(self.issuer, self.clock, self.sessions, self.known_clients)
        pushed = PushedRequests(self.keys, self.clock)
        authorize = AuthorizationEndpoint(
            issuer=self.issuer,
            db=self.db,
            requests=requests,
            pushed=pushed,
            hints=IdTokenHints(self.issuer, self.signing, self.subjects, self.clock),
            sessions=self.sessions,
            names=self.names,
            cookies=self.cookies,
            forms=self.forms,
            pages=self.pages,
        )
        par = PushedRequestEndpoint(self.issuer, self.db, self.clients, self.dpop, requests, pushed)
        router = APIRouter()
        for one in (Discovery(self.issuer, self.signing), authorize, par):
            router.include_router(one.router())
        return router
