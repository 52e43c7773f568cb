"""The programs that may send people here, and where they may be called back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.text import Text
from identity.provider.models import Client

GRAPH_AUDIENCE: Final = "/graphql"
OFFICER_AUDIENCE: Final = "/officer"
OFFICER_SCOPE: Final = "officer"
CITIZEN_SCOPE: Final = "citizen"
"""What opens the graph: a program that only asked who a person is gets none of their data."""
DEMO_APP: Final = "demo-app"
OFFICER_CLIENT: Final = "sitthi-cli"

LOOPBACK: Final = re.compile(
    r"http://(?:127\.0\.0\.1|\[::1\])(?P<port>:[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?", re.ASCII
)
"""A callback on this machine (RFC 8252 §7.3). The address is spelt out, for `localhost` may be resolved to another
(§8.3); any path will do, since whoever holds the port holds its paths. No user, no query, no fragment."""


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
        token_seconds=3_600,  # there are no refresh tokens yet, and a tour by hand takes its time
        redirect_uris=("{issuer}/demo/callback",),
        loopback=True,
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


async def seed_clients(session: AsyncSession, clock: Clock) -> None:
    """Enters the clients that every installation has, or brings them up to date. `session` is a write session."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    for entry in SEEDED:
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(entry).items()}
        row: dict[str, Any] = {**given, "updated_at": clock.now()}
        insert = dialect.insert(Client).values(row)
        changed = {name: value for name, value in row.items() if name != "id"}
        await session.execute(insert.on_conflict_do_update(index_elements=["id"], set_=changed))


def is_loopback(uri: str) -> bool:
    match = LOOPBACK.fullmatch(uri)
    return match is not None and (match["port"] is None or int(match["port"][1:]) <= 65_535)


class RegisteredClient(ClientMixin):  # type: ignore[misc] # Authlib has no types
    """A client as Authlib's grants see it."""

    def __init__(self, row: Client, issuer: str) -> None:
        self.row = row
        self._issuer = issuer

    @property
    def name(self) -> Text:
        return Text(th=self.row.name_th, en=self.row.name_en)

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> None:
        """None: a request always names its redirect URI (OAuth 2.1)."""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        exact = {uri.replace("{issuer}", self._issuer) for uri in self.row.redirect_uris}
        return redirect_uri in exact or (self.row.loopback and is_loopback(redirect_uri))

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes asked for, once each; None when one of them is not this client's, `openid` when none is named."""
        wanted = (scope or "openid").split()
        if not set(wanted) <= set(self.row.scopes):
            return None
        return " ".join(dict.fromkeys(wanted))

    def check_client_secret(self, _secret: str) -> bool:
        """A public client has none, so none is right."""
        return False

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"
