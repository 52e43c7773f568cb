"""How often anyone may ask for what: the table of limits, and the door that holds them.

Whom a limit counts (docs/adr/0011): an **address**, for whoever has not shown who they are; a **citizen**, by a token
that was verified, so that nobody else's requests count against them; a **client**, when it has proved that it is that
one. A public client's id is anyone's to send, so its requests count by client and address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import as_json, status_of
from core.addresses import ADDRESS, Addresses, address_of, network_of
from core.rate_limits import Left, Limit, RateLimited, RateLimiter
from core.text import preferred_language
from core.viewer import Viewer
from identity.web import PAGE_HEADERS, problem_page
from services.plugins.contract import Asked

MINUTE: Final = 60
DAY: Final = 86_400
_DIGITS: Final = str.maketrans("๐๑๒๓๔๕๖๗๘๙", "0123456789")

# How many people one address may stand for. A mobile carrier's NAT has some 64,500 ports an address, and a phone with
# an app open takes at least 16 of them: so up to 4,000 people. On the day that broke the real app, all of them come
# within the first ten minutes, and try again when it is slow: 4,000 / 10 × 3 = 1,200 sign-ins a minute from one
# address. Every limit by address below lets at least that through; what it stops is one machine that asks as no 4,000
# people would.

SIGN_IN: Final = Limit("sign-in", 9_000, MINUTE, lease=60)
"""Pages and forms of signing in and out: 3 requests a sign-in, and twice as many for who goes back and forth."""
AUTHORIZE: Final = Limit("authorize", 6_000, MINUTE, lease=60)
"""2 requests a sign-in, before and after ThaID, and the page that asks whether to go on."""
TOKENS: Final = Limit("tokens", 6_000, MINUTE, lease=60)
"""1 a sign-in, and 4,000 people's refreshes every few minutes. An ES256 signature each, the dearest thing we do."""
PUSHED: Final = Limit("pushed-requests", 6_000, MINUTE, lease=60)
"""1 a sign-in; each is a row that stays until it expires."""
REVOKE: Final = Limit("revoke", 3_000, MINUTE, lease=30)
"""Signing out is rarer than signing in."""
INTROSPECT: Final = Limit("introspect", 12_000, MINUTE, lease=120)
"""By agencies' servers, one question for each request of theirs; their clients are known, and counted too."""
PASSKEYS: Final = Limit("passkeys", 6_000, MINUTE, lease=60)
"""2 requests a sign-in, challenge and answer. A challenge is random and signed: there is nothing to guess."""
COUNTER: Final = Limit("counter", 120, MINUTE)
"""Codes are typed by hand at an office's counters: with twenty counters, one a minute each, and slips. Guessing is
stopped by the code's entropy and by its limit on failures (identity/abuse), long before this."""
GRAPH: Final = Limit("graph", 60_000, MINUTE, lease=600)
"""With a token. 4,000 people with an app open, 15 requests a minute each: it is the limit by citizen that decides, and
this one keeps one machine with made-up tokens from taking a whole worker."""
GRAPH_ANONYMOUS: Final = Limit("graph-anonymous", 12_000, MINUTE, lease=120)
"""Without one: looking around before signing in, 3 requests a minute for each of 4,000."""
SOCKETS: Final = Limit("sockets", 12_000, MINUTE, lease=120)
"""WebSocket handshakes: 4,000 phones that come back three times a minute after a break of the network."""
VERIFY: Final = Limit("verify", 600, MINUTE, lease=6)
"""Receipts are verified one at a time, by scanning; a code has 192 bits, so this only saves our own time."""
WALLETS: Final = Limit("wallets", 6_000, MINUTE, lease=60)
"""An offer is 6 requests of a wallet: metadata, offer, token, nonce, credential; and a signature for each copy. Status
lists and types are asked for there too, by verifiers that keep them."""
LOG: Final = Limit("log", 12_000, MINUTE, lease=120)
"""Tiles, heads and consistency of the access log: who mirrors ten million leaves asks for 39,000 tiles."""
OTHER: Final = Limit("other", 12_000, MINUTE, lease=120)
"""Pages, discovery, keys, files, and whatever is not there."""

CITIZEN: Final = Limit("citizen", 600, MINUTE, lease=10)
"""Operations of one person, on all their devices: a home screen takes 3, an app that asks all the time 60 a minute."""
CLIENT: Final = Limit("client", 12_000, MINUTE, lease=60)
"""Of a client that has proved who it is, at the endpoints under /oauth."""
AGENCY: Final = Limit("agency", 3_000, MINUTE, lease=30)
"""Requests of one agency's system under /agency, where a batch of a hundred people is one: an answer takes four
commits, and a signature a person. How many people an agency may ask about is for its agreements to say."""
PUBLIC_CLIENT: Final = Limit("public-client", 3_000, MINUTE, lease=30)
"""Of a client that cannot, at one address: half of what the address itself may."""

BY_PATH: Final[tuple[tuple[str, Limit], ...]] = (
    ("/graphql", GRAPH),
    ("/signin/passkey", PASSKEYS),
    ("/signin/counter", COUNTER),
    ("/signin", SIGN_IN),
    ("/signout", SIGN_IN),
    ("/oauth/authorize", AUTHORIZE),
    ("/oauth/token", TOKENS),
    ("/oauth/par", PUSHED),
    ("/oauth/revoke", REVOKE),
    ("/oauth/introspect", INTROSPECT),
    ("/oauth/userinfo", TOKENS),
    ("/oauth/logout", SIGN_IN),
    ("/issuers", WALLETS),
    ("/verify/log", LOG),
    ("/verify", VERIFY),
)
"""By address. The first that fits is meant, with all below it; `/signin/passkey` fits `/signin/passkeys/…` too."""
CALLED_BY_CLIENTS: Final = ("/oauth/token", "/oauth/par", "/oauth/revoke", "/oauth/introspect", "/oauth/userinfo")
"""Where errors have the form of OAuth."""
CALLED_BY_WALLETS: Final = re.compile(r"/issuers/[^/]+/(token|nonce|credential)")
"""Where they have that of OpenID4VCI, which is the same (§6.3, §8.3.1.2)."""
UNCOUNTED: Final = ("/health/", "/sandbox")
"""A balancer asks after our health from one address, and a server that says it is ill for being asked often would be
taken out. The sandboxes stand for other people's servers, and never run in production."""
ALL: Final = (*(limit for _, limit in BY_PATH), GRAPH_ANONYMOUS, SOCKETS, OTHER, CITIZEN, CLIENT, AGENCY, PUBLIC_CLIENT)

_TRY_AGAIN_LATER: Final = 1013
"""Of a WebSocket (RFC 6455 §7.4, IANA registry)."""
_SECONDS: Final = "SECONDS"
_PAGE: Final = problem_page(RateLimited.text.filled(seconds=_SECONDS), RateLimited.code)
"""Made once: refusing must cost less than answering."""


class CallerLimits:
    """The limits that count by who somebody has shown to be. Each method raises :class:`RateLimited`."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    async def citizen(self, viewer: Viewer) -> None:
        """One operation of whoever the verified token names: who acts for somebody uses up their own limit."""
        await self._limiter.check((CITIZEN, (viewer.acting or viewer).person.hex))

    def citizen_at_once(self, viewer: Viewer) -> bool:
        """The same where nobody need be asked. False: it is not counted, and :meth:`citizen` tells."""
        return self._limiter.take_held(CITIZEN, (viewer.acting or viewer).person.hex)

    async def anonymous(self, address: str) -> None:
        """One operation on a socket without a token; those over HTTP are counted at the door."""
        await self._limiter.check((GRAPH_ANONYMOUS, address))

    async def client(self, client_id: str, address: str, *, authenticated: bool) -> None:
        """One request of a client: `authenticated` if its own key or secret was verified in this very request."""
        await self._limiter.check((CLIENT, client_id) if authenticated else (PUBLIC_CLIENT, f"{address} {client_id}"))

    async def question(
        self, service: str, operation: str, asked: Asked, address: str, arguments: Mapping[str, Any] | None = None
    ) -> None:
        """One public question that a service bounds by itself. Each counts, however many one request asks.

        What it is about counts together with the network alone: nobody keeps others from asking about one thing
        (docs/adr/0011).
        """
        name, network = f"{service}:{operation}", network_of(address)
        lease = max(1, asked.everybody // 100)
        limits = [(Limit(f"asked/{name}", asked.address, MINUTE, scaled=False), address)]
        if asked.network is not None:
            limits.append((Limit(f"asked-by-network/{name}", asked.network, MINUTE, scaled=False), network))
        if asked.day is not None:
            limits.append((Limit(f"asked-in-a-day/{name}", asked.day, DAY, scaled=False), network))
        if asked.same is not None:
            same = Limit(f"asked-again/{name}", asked.same, MINUTE, scaled=False)
            limits.append((same, f"{network} {read_alike(arguments or {})}"))
        limits.append((Limit(f"asked-by-all/{name}", asked.everybody, MINUTE, lease=lease, scaled=False), ""))
        await self._limiter.check(*limits)

    async def agency(self, client_id: str) -> Left | None:
        """One request of an agency's system whose token was verified; answers what it has left. None: no limit."""
        await self._limiter.check((AGENCY, client_id))
        return self._limiter.left(AGENCY, client_id)


def read_alike(arguments: Mapping[str, Any]) -> str:
    """The same for questions that are written differently and read the same: letters and digits alone, in one form."""
    told = ((name, _plain(str(value))) for name, value in sorted(arguments.items()) if value is not None)
    return "|".join(f"{name}={plain}" for name, plain in told if plain)


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).translate(_DIGITS).casefold()
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LN")


TAKEN: Final = "sitthi.taken"
"""In a scope: the request counts already against the limit of its address; the seconds to wait, 0 for none."""


class RateLimits:
    """ASGI middleware: counts each request against the limit of its path, by address, before anything is read."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter, addresses: Addresses) -> None:
        self.app, self.limiter, self.addresses = app, limiter, addresses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        seconds = scope.get(TAKEN)
        if seconds is None:
            scope[ADDRESS] = self.addresses.of(scope)
            limit = limit_of(scope)
            seconds = await self.limiter.take((limit, address_of(scope))) if limit else 0
        if not seconds:
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _send(refusal(scope, seconds), "http.response", send)
        else:
            await _deny_socket(scope, seconds, receive, send)


def limit_of(scope: Scope) -> Limit | None:
    """The limit by address that this request counts against."""
    path: str = scope["path"]
    if path.startswith(UNCOUNTED):
        return None
    for prefix, limit in BY_PATH:
        if path.startswith(prefix):
            if limit is not GRAPH:
                return limit
            if scope["type"] == "websocket":
                return SOCKETS
            # The first of several, as whoever reads the token does.
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            return GRAPH if given else GRAPH_ANONYMOUS
    return OTHER


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of status 429 (RFC 6585 §4)."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


def refusal(scope: Scope, seconds: int) -> Refusal:
    """In the form that the caller of this path reads.

    OAuth names no error for it at the token endpoint (RFC 6749 §5.2), and `slow_down` means that a device should go on
    polling (RFC 8628 §3.5). `temporarily_unavailable` is the registered code that says what is the case (RFC 6749
    §4.1.2.1); RFC 9126 §2.3 names the status.
    """
    headers = dict(scope["headers"])
    retry = (b"retry-after", str(seconds).encode())
    path: str = scope["path"]
    if path.startswith(CALLED_BY_CLIENTS) or CALLED_BY_WALLETS.fullmatch(path):
        error = {"error": "temporarily_unavailable", "error_description": "Too many requests. See Retry-After."}
        return Refusal([(b"content-type", b"application/json"), (b"pragma", b"no-cache"), retry], orjson.dumps(error))
    if b"text/html" in headers.get(b"accept", b""):
        page = [(name.lower().encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
        body = _PAGE.replace(_SECONDS, str(seconds)).encode()
        return Refusal([(b"content-type", b"text/html; charset=utf-8"), *page, retry], body)
    language = preferred_language(headers.get(b"accept-language", b"").decode("latin-1"))
    return Refusal(
        [(b"content-type", b"application/json"), retry], orjson.dumps(as_json(RateLimited(seconds), language))
    )


async def _send(answer: Refusal, kind: str, send: Send) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    start: dict[str, Any] = {"type": f"{kind}.start", "status": _STATUS, "headers": headers}
    await send(start)
    await send({"type": f"{kind}.body", "body": answer.body})


async def _deny_socket(scope: Scope, seconds: int, receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if "websocket.http.response" in scope.get("extensions", {}):
        await _send(refusal(scope, seconds), "websocket.http.response", send)
    else:
        await send({"type": "websocket.close", "code": _TRY_AGAIN_LATER})


_STATUS: Final = status_of(RateLimited(1))
