"""A front as the Government Data Exchange has one, before an agency's system that answers what it is told to.

It speaks all that a real one asks of a caller: a token for a consumer key and secret, alive while it is used within 60
minutes, or for a client's signed JWT (RFC 7523), alive for as long as the answer says; an AgentID with each request;
401 for a token that is no more. What it answers is `answer`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import jwt
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.plugins.contract.sandbox import Refusal, malformed
from services.sandbox.agencies.access import IDLE_SECONDS_MAX, SANDBOX_CREDENTIALS, Tokens
from services.sandbox.agencies.errors import NO_PROOF

BODY_BYTES_MAX: Final = 65_536
LIFE_SECONDS: Final = 600
"""Of a token that a client bought by its key."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS_MAX: Final = 300
CLOCKS_APART_SECONDS: Final = 30
_NEEDED: Final = ("iss", "sub", "aud", "exp", "iat", "jti")
_ALGORITHMS: Final = ("ES256", "EdDSA", "PS256", "RS256")

Answer = Callable[[str, Mapping[str, Any]], tuple[int, Any]]
"""Path and body of a request → status and what is answered, as JSON."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who may buy tokens by a key: its public key (JWK)."""

    key: Mapping[str, Any]


class Front:
    """`audience` is the address by which it calls itself in assertions; `seconds` a clock that only moves forward."""

    def __init__(
        self,
        answer: Answer,
        *,
        credentials: Mapping[str, str] = SANDBOX_CREDENTIALS,
        clients: Mapping[str, Client] | None = None,
        audience: str = "",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._answer, self._clients, self.audience = answer, clients or {}, audience
        self.tokens, self._seconds = Tokens(credentials, seconds), seconds
        self._ends: dict[str, float] = {}
        self._seen: set[str] = set()
        self.sold = 0
        """How many tokens were bought."""
        self.app = Starlette(
            routes=[
                Route("/oauth/token", self._token, methods=["POST"]),
                Route("/{path:path}", self._ask, methods=["POST"]),
            ]
        )

    def end_tokens(self) -> None:
        """As of now every token is refused, as when the agency's system was started again."""
        self.tokens.end_all()
        self._ends.clear()

    async def _token(self, request: Request) -> Response:
        try:
            taken = await _body(request)
            if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
                token, life = self._by_key(taken), LIFE_SECONDS
            else:
                asked = _object(taken)
                key, secret = asked.get("consumer_key"), asked.get("consumer_secret")
                if not isinstance(key, str) or not isinstance(secret, str):
                    raise malformed()
                token, life = self.tokens.issue(key, secret), IDLE_SECONDS_MAX
        except Refusal as refusal:
            return _refused(refusal)
        self.sold += 1
        return _json(200, {"access_token": token, "token_type": "Bearer", "expires_in": life})

    async def _ask(self, request: Request) -> Response:
        try:
            authorization = request.headers.get("authorization", "")
            self._must_not_be_over(authorization.partition(" ")[2])
            self.tokens.check(authorization, request.headers.get("agentid", ""))
            body = _object(await _body(request))
        except Refusal as refusal:
            return _refused(refusal)
        return _json(*self._answer(f"/{request.path_params['path']}", body))

    def _must_not_be_over(self, token: str) -> None:
        ends = self._ends.get(token)
        if ends is not None and ends < self._seconds():
            self.tokens.end(token)

    def _by_key(self, taken: bytes) -> str:
        """Raises a 401 :class:`Refusal` for an assertion that proves nothing."""
        try:
            fields = {name: values[0] for name, values in parse_qs(taken.decode(), strict_parsing=True).items()}
        except ValueError:
            raise malformed() from None
        is_asked_so = fields.get("client_assertion_type") == ASSERTION_TYPE
        if fields.get("grant_type") != "client_credentials" or not is_asked_so:
            raise malformed()
        self._must_prove(fields.get("client_assertion", ""))
        token = self.tokens.make()
        self._ends[token] = self._seconds() + LIFE_SECONDS
        return token

    def _must_prove(self, assertion: str) -> None:
        try:
            claimed = jwt.decode(assertion, options={"verify_signature": False})
            client = self._clients[str(claimed.get("sub"))]
            claims = jwt.decode(
                assertion,
                jwt.PyJWK(dict(client.key)),
                algorithms=_ALGORITHMS,
                audience=self.audience,
                options={"require": list(_NEEDED)},
                leeway=CLOCKS_APART_SECONDS,
            )
        except (jwt.PyJWTError, KeyError):
            raise Refusal(401, "CLIENT_NOT_PROVED", NO_PROOF) from None
        is_long = claims["exp"] - claims["iat"] > ASSERTION_SECONDS_MAX
        if claims["iss"] != claims["sub"] or is_long or claims["jti"] in self._seen:
            raise Refusal(401, "CLIENT_NOT_PROVED", NO_PROOF)
        self._seen.add(claims["jti"])


async def _body(request: Request) -> bytes:
    taken = bytearray()
    async for chunk in request.stream():
        taken += chunk
        if len(taken) > BODY_BYTES_MAX:
            raise malformed()
    return bytes(taken)


def _object(taken: bytes) -> Mapping[str, Any]:
    try:
        body = orjson.loads(taken)
    except orjson.JSONDecodeError:
        raise malformed() from None
    if not isinstance(body, dict):
        raise malformed()
    return body


def _refused(refusal: Refusal) -> Response:
    return _json(refusal.status, {"code": refusal.code, "message_th": refusal.text.th, "message_en": refusal.text.en})


def _json(status: int, content: Any) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
