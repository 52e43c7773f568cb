"""How an agency is signed in at: what buys a token there, and how long the token lives.

Three ways. A consumer key and secret, as at the Government Data Exchange (GDX): the token lives while it is used at
least every 60 minutes. A client that proves itself by a signed JWT (RFC 6749 §4.4, RFC 7523 §2.2): the token lives as
long as its answer says. Nothing: the agency asks for no token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlencode
from uuid import uuid4

import jwt
import orjson

from core.clock import Clock
from services.plugins.contract import AgencyRefusal
from services.plugins.runner.errors import LeftAlone, MalformedReply, Trouble

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - an address, not a token
TOKEN_IDLE_SECONDS: Final = 55 * 60
"""Given up five minutes before the agency would, so that no request meets a token that has just died."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS: Final = 60
UNSAID_SECONDS: Final = 300
"""How long a token is used whose answer does not say how long it lives (RFC 6749 §5.1 only recommends it)."""
EARLY_SECONDS: Final = 30
"""Before its end a token is given up, or after half its life if that is sooner."""
LIFE_SECONDS_MAX: Final = 86_400
PAUSE_SECONDS: Final = 60.0
"""Without a purchase, when a token that was just bought is refused: more of them would be, too. No agency that asks to
be left alone (`Retry-After`) is left alone for longer."""
PURCHASE_SECONDS_MAX: Final = 30.0
"""However slowly it is answered; no call has so long."""

Post: TypeAlias = Callable[[str, bytes, Mapping[str, str]], Awaitable[Any]]
"""Sends a body to an address with these headers, and answers the JSON that came back."""


class TokenRefused(AgencyRefusal):
    """The agency gave no token. It is 401 without a code, whatever it answered: what a plugin reads in a refusal of its
    own question (404: nobody of that number; a code that it declares) must not be read in this one.

    `answered` is the status that came; a refusal for haste stays 429."""

    def __init__(self, refusal: AgencyRefusal) -> None:
        is_haste = refusal.status == HTTPStatus.TOO_MANY_REQUESTS
        status = HTTPStatus.TOO_MANY_REQUESTS if is_haste else HTTPStatus.UNAUTHORIZED
        super().__init__(status, None, retry_after_seconds=refusal.retry_after_seconds)
        self.answered = refusal.status


@dataclass(frozen=True, slots=True)
class Bought:
    token: str = field(repr=False)
    life_seconds: float
    is_renewed_by_use: bool
    """Whether its life begins anew with each use."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A consumer key and secret. Without `token_url`, the token is bought below the agency's address."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    token_url: str = ""

    async def buy(self, post: Post, base_url: str, _: datetime) -> Bought:
        asked = {"consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret}
        headers = {"Content-Type": "application/json"}
        told = await post(self.token_url or base_url + TOKEN_PATH, orjson.dumps(asked), headers)
        return Bought(_token(told), TOKEN_IDLE_SECONDS, is_renewed_by_use=True)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A client and the private key (JWK, RFC 7517) by which it proves itself. `audience` is the address that tokens are
    bought at, unless the agency wants to read another name of its."""

    client_id: str
    key: Mapping[str, Any] = field(repr=False)
    token_url: str = ""
    audience: str = ""
    scope: str = ""

    async def buy(self, post: Post, base_url: str, now: datetime) -> Bought:
        """Each purchase with an assertion of its own: one that was seen is worth nothing."""
        url = self.token_url or base_url + TOKEN_PATH
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(self.audience or url, int(now.timestamp())),
        }
        asked = fields | ({"scope": self.scope} if self.scope else {})
        told = await post(url, urlencode(asked).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
        token = _token(told)
        if str(told.get("token_type", "")).lower() != "bearer":
            raise MalformedReply(Trouble.MALFORMED)
        said = told.get("expires_in", UNSAID_SECONDS)
        if isinstance(said, bool) or not isinstance(said, int) or not said > 0:
            raise MalformedReply(Trouble.MALFORMED)
        life = min(said, LIFE_SECONDS_MAX)
        return Bought(token, max(life - EARLY_SECONDS, life / 2), is_renewed_by_use=False)

    def _assertion(self, audience: str, now: int) -> str:
        key = jwt.PyJWK(dict(self.key))
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": audience,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        headers = {"kid": str(self.key["kid"])} if "kid" in self.key else None
        return jwt.encode(claims, key.key, algorithm=key.algorithm_name, headers=headers)


class Way(Protocol):
    """What buys a token. Raises AgencyRefusal where it is refused, MalformedReply, or an error of httpx2."""

    async def buy(self, post: Post, base_url: str, now: datetime, /) -> Bought: ...


class TokenKeeper:
    """The token of one agency, shared by all who ask it. `way_of` is asked at each purchase: a secret that was replaced
    is the next one's. `seconds` is a clock that only moves forward."""

    def __init__(self, way_of: Callable[[], Way | None], clock: Clock, seconds: Callable[[], float]) -> None:
        self._way_of, self._clock, self._seconds = way_of, clock, seconds
        self._bought: Bought | None = None
        self._since = 0.0
        self._paused_until = float("-inf")
        self._buying: asyncio.Task[Bought | None] | None = None

    async def valid(self, post: Post, base_url: str) -> str | None:
        """A token that lives; None where the agency asks for none.

        All who wait share one purchase and what comes of it: whoever tries a wrong secret as often as citizens ask is
        soon locked out. It goes on when they give up, so that an agency that sells slowly sells to those who come next.

        Raises what `Way.buy` raises, but :class:`TokenRefused` for a refusal, TimeoutError, and :class:`LeftAlone`.
        """
        bought = self._living()
        if bought is None:
            if (left := self._paused_until - self._seconds()) > 0 and self._buying is None:
                raise LeftAlone(left)
            bought = await asyncio.shield(self._purchase(post, base_url))
        return None if bought is None else bought.token

    def _living(self) -> Bought | None:
        bought, now = self._bought, self._seconds()
        if bought is None or now - self._since > bought.life_seconds:
            return None
        if bought.is_renewed_by_use:
            self._since = now
        return bought

    def _purchase(self, post: Post, base_url: str) -> asyncio.Task[Bought | None]:
        if self._buying is None or self._buying.done():
            self._buying = asyncio.create_task(self._buy(post, base_url), name="purchase of a token")
            self._buying.add_done_callback(self._ended)
        return self._buying

    async def _buy(self, post: Post, base_url: str) -> Bought | None:
        way = self._way_of()
        if way is None:
            return None
        try:
            async with asyncio.timeout(PURCHASE_SECONDS_MAX):
                bought = await way.buy(post, base_url, self._clock.now())
        except AgencyRefusal as refusal:
            self._pause(refusal.retry_after_seconds)
            raise TokenRefused(refusal) from None
        except MalformedReply as malformed:
            self._pause(malformed.retry_after_seconds)
            raise
        self._bought, self._since = bought, self._seconds()
        return bought

    def _ended(self, purchase: asyncio.Task[Bought | None]) -> None:
        if self._buying is purchase:
            self._buying = None
        if not purchase.cancelled():
            purchase.exception()  # nobody may be waiting any more

    def refused(self, token: str) -> bool:
        """Says that the agency did not take it; answers whether it may be asked once more, with :meth:`valid`."""
        if self._bought is not None and self._bought.token == token:  # another caller may have bought one by now
            if self._seconds() < self._paused_until:
                return False
            self._bought = None
        return True

    def refused_again(self) -> None:
        """Says that it did not take the next one either. That one is kept: it may be one operation that refuses it, and
        the agency's others go on."""
        self._pause(PAUSE_SECONDS)

    def _pause(self, seconds: float | None) -> None:
        self._paused_until = max(self._paused_until, self._seconds() + min(seconds or 0.0, PAUSE_SECONDS))


def _token(told: Any) -> str:
    token = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise MalformedReply(Trouble.MALFORMED)
    return token
