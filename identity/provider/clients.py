"""The programs that may send people here, and where they may be called back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.text import Text
from identity.provider.endings import ACCESS_TOKEN_SECONDS_MAX, Endings
from identity.provider.models import Client
from identity.provider.protocol import InvalidTargetError
from identity.provider.redirects import LOOPBACK, is_loopback

__all__ = ["LOOPBACK", "is_loopback"]

GRAPH_AUDIENCE: Final = "/graphql"
OFFICER_AUDIENCE: Final = "/officer"
OFFICER_SCOPE: Final = "officer"
CITIZEN_SCOPE: Final = "citizen"
"""What opens the graph: a program that only asked who a person is gets none of their data."""
DEMO_APP: Final = "demo-app"
OFFICER_CLIENT: Final = "sitthi-cli"

PERSON_SCOPES: Final = frozenset({"openid", "profile", CITIZEN_SCOPE, OFFICER_SCOPE})
"""What only a person can grant: a program that asks in its own name (RFC 6749 §4.4) gets none of these."""
OWN_RESOURCE: Final = "/resource/"
"""A client that is itself a resource for others' tokens is this path and its id (docs/adr/0012)."""
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """A client as it is seeded; the fields are those of :class:`Client`."""

    id: str
    name_th: str
    name_en: str
    scopes: Sequence[str]
    resources: Sequence[str]
    token_seconds: int
    refresh_seconds: int = 0
    redirect_uris: Sequence[str] = ()
    post_logout_redirect_uris: Sequence[str] = ()
    loopback: bool = False
    grant_types: Sequence[str] = ("authorization_code",)
    auth_method: str = "none"
    fapi: bool = False
    dpop_bound: bool = False
    created_by: str = "installation"


SEEDED: Final = (
    ClientEntry(
        id=DEMO_APP,
        name_th="แอปสาธิตสิทธิ",
        name_en="Sitthi demo app",
        scopes=("openid", "profile", CITIZEN_SCOPE),
        resources=(GRAPH_AUDIENCE,),
        token_seconds=3_600,  # a tour by hand takes its time
        refresh_seconds=30 * 86_400,
        redirect_uris=("{issuer}/demo/callback",),
        post_logout_redirect_uris=("{issuer}/demo",),
        loopback=True,
        grant_types=("authorization_code", "refresh_token", EXCHANGE_GRANT),
    ),
    ClientEntry(
        id=OFFICER_CLIENT,
        name_th="คำสั่ง sitthi ของเจ้าหน้าที่",
        name_en="The officers' sitthi command",
        scopes=("openid", "profile", OFFICER_SCOPE),
        resources=(OFFICER_AUDIENCE,),
        token_seconds=8 * 3_600,  # a working day
        loopback=True,
    ),
)


_DEMONSTRATION: Final = (DEMO_APP,)


async def seed_clients(session: AsyncSession, clock: Clock, *, production: bool = False) -> None:
    """Enters the clients that every installation has, or brings them up to date. `session` is a write session.

    In production there is no demonstration: what is found of it, in a copied database, is ended. One that was ended is
    not revived by the next start.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    for entry in SEEDED:
        if production and entry.id in _DEMONSTRATION:
            await Endings(clock).end_client(session, entry.id)
            continue
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(entry).items()}
        row: dict[str, Any] = {**given, "updated_at": clock.now()}
        insert = dialect.insert(Client).values(row)
        changed = {name: value for name, value in row.items() if name != "id"}
        await session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed))


class RegisteredClient(ClientMixin):  # type: ignore[misc] # Authlib has no types
    """A client as Authlib's grants see it."""

    def __init__(self, row: Client, issuer: str) -> None:
        self.row = row
        self._issuer = issuer

    @property
    def name(self) -> Text:
        return Text(th=self.row.name_th, en=self.row.name_en)

    @property
    def is_public(self) -> bool:
        """It cannot keep a secret, so its id is anyone's to send (RFC 6749 §2.1)."""
        return self.row.auth_method == "none"

    @property
    def is_ended(self) -> bool:
        return self.row.ended_at is not None

    @property
    def needs_dpop(self) -> bool:
        """Its tokens are bound to a key, always (RFC 9449 §5.2; FAPI 2.0 Security Profile §5.3.2.1)."""
        return self.row.dpop_bound or self.row.fapi

    @property
    def token_seconds(self) -> int:
        return min(self.row.token_seconds, ACCESS_TOKEN_SECONDS_MAX)

    @property
    def own_resource(self) -> str:
        """The address under which others' tokens are for this client: it may ask about those (RFC 7662)."""
        return f"{self._issuer}{OWN_RESOURCE}{self.row.id}"

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """None: a request always names its redirect URI (OAuth 2.1)."""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        if self.row.fapi and not self._is_private(redirect_uri):
            return False
        return redirect_uri in self._whole(self.row.redirect_uris) or (self.row.loopback and is_loopback(redirect_uri))

    def check_post_logout_redirect_uri(self, uri: str) -> bool:
        """Letter for letter (OpenID Connect RP-Initiated Logout 1.0 §3)."""
        return uri in self._whole(self.row.post_logout_redirect_uris)

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes asked for, once each; None when one of them is not this client's, `openid` when none is named."""
        wanted = (scope or "openid").split()
        if not set(wanted) <= set(self.row.scopes):
            return None
        return " ".join(dict.fromkeys(wanted))

    def resources_for(self, wanted: Sequence[str]) -> list[str]:
        """What tokens may be for, whole addresses: those wanted, or the client's first when none is named (RFC 8707).

        Raises :class:`InvalidTargetError`.
        """
        registered = [self._issuer + path for path in self.row.resources]
        if not set(wanted) <= set(registered):
            raise InvalidTargetError("This client gets no tokens for that resource.")
        return list(wanted) or registered[:1]

    def check_client_secret(self, _secret: str) -> bool:
        """There are no shared secrets, so none is right."""
        return False

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return bool(method == self.row.auth_method)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types

    def _is_private(self, uri: str) -> bool:
        """Whether nobody reads an answer on its way there (FAPI 2.0 Security Profile §5.3.2.2): https; or this machine,
        while we are not under https ourselves, which is in development."""
        return uri.startswith("https://") or (not self._issuer.startswith("https://") and is_loopback(uri))

    def _whole(self, uris: Sequence[str]) -> set[str]:
        return {uri.replace("{issuer}", self._issuer) for uri in uris}
