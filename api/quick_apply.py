"""Applications on the way that a flood takes: from the body to the group that stores them, without executing a query.

It stands outermost, before the middlewares and routers that other requests need, and itself does of theirs what an
application takes: the limits of its address and its citizen, the bound on the body, the headers of the answer.

What it answers is, byte by byte, what the graph answers to the same request with `decide: SOON`; it answers only where
the application was stored. Anything else, refusals too, is left to the graph, which is handed the same request: it has
stored nothing, or finds the idempotency key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cors import OpenToWebApps
from api.headers import SafeHeaders
from api.limits import BODY_BYTES_MAX
from api.plans import FIELD, Plan, plan_for
from api.rate_limits import GRAPH, TAKEN
from core.addresses import ADDRESS, Addresses, networks
from core.errors import SitthiError
from core.graph.rights import Rights
from core.idempotency import Claim, checked_key, input_hash
from core.text import Language, preferred_language
from core.viewer import Viewer
from identity.provider.clients import CITIZEN_SCOPE
from services.apply.acceptance.service import Accepted, Decide
from services.apply.applied_for import subject_of_programme
from services.apply.forms import QuestionCounter

if TYPE_CHECKING:
    from api.house import House

COUNTED: Final = "sitthi.counted"
"""In a scope: the request counts already against the limit of its citizen."""
_TRIED: Final = "sitthi.tried"
"""In a scope: the quick way has nothing more to say of it."""
_PLANNED: Final = "sitthi.planned"
"""In a scope: what was found in the body."""
_MEMBERS: Final = frozenset({"query", "variables", "operationName"})
_INPUT: Final = frozenset({"idempotencyKey", "programme", "answers", "decide"})
_WHEN: Final[Mapping[Any, Decide | None]] = {None: None, "SOON": Decide.SOON}
_STREAMS: Final = (b"event-stream", b"multipart")
_READ_NAMES: Final = frozenset(
    {b"accept", b"accept-language", b"authorization", b"content-length", b"content-type", b"origin"}
)
_DIGITS: Final = 9
_LANGUAGES_MAX: Final = 256
"""Bytes of a header that is remembered."""
_BEARER: Final = b"bearer "
_FIELD: Final = FIELD.encode()
Headers: TypeAlias = Mapping[bytes, bytes]
Named: TypeAlias = Sequence[tuple[bytes, bytes]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Entered:
    """An application that waits in a group."""

    plan: Plan
    made: Accepted
    outcome: asyncio.Future[bool]
    headers: Headers
    asked: bool


class QuickApply:
    """ASGI middleware around all others."""

    def __init__(
        self, app: ASGIApp, *, house: House, read: Callable[[Mapping[str, str], str], Awaitable[Viewer]]
    ) -> None:
        self._app, self._house, self._read, self._acceptance = app, house, read, house.acceptance
        self._addresses = Addresses(networks(house.settings.trusted_proxies))
        self._counter: QuestionCounter = house.rooms.get(QuestionCounter)  # type: ignore[type-abstract]  # by its protocol
        self._rights: Rights | None = None
        self._told: dict[bool, Named] = {}
        self._heads: dict[bool, tuple[object, bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if headers is None or _TRIED in scope or not await self._may_ask(scope):
            await self._app(scope, receive, send)
            return
        first = await _whole(receive, int(headers[b"content-length"]))
        if first["type"] == "http.request" and not first["more_body"]:
            entered = await self.enter_later(scope, headers, first["body"])
            answer = None if entered is None else await self._heard(entered)
            if answer is not None:
                await self._send(answer, scope, b"origin" in headers, send)
                return
        await self._app(scope, _again(first, receive), send)

    @staticmethod
    def plain(headers: Named, length_max: int) -> Headers | None:
        """What is read of these headers, of a POST to the graph that may be a plain application of at most so many
        bytes; None where it is none."""
        found = _read(headers)
        return found if found is not None and int(found[b"content-length"]) <= length_max else None

    def enter(self, scope: Scope, headers: Headers, body: bytes) -> Entered | None:
        """An application that nothing need be waited for to take, on its way into a group. None where something has to
        be waited for, which :meth:`enter_later` does, or where the ordinary way is to answer (:meth:`is_tried`). What
        was done already stands in the scope."""
        try:
            address = scope[ADDRESS] = self._addresses.of(scope)
            if (b"origin" in headers) not in self._told or not self._house.limiter.take_held(GRAPH, address):
                return None
            scope[TAKEN] = 0
            found = scope[_PLANNED] = self._planned(body)
            if found is None:
                scope[_TRIED] = True
                return None
            viewer = self._remembered(headers[b"authorization"].decode("latin-1"))
            if viewer is None or not self._house.limits.citizen_at_once(viewer):
                return None
            scope[COUNTED] = True
            return self._join(scope, headers, found, viewer)
        except Exception as error:  # noqa: BLE001 - told by what answers instead
            _left_to_the_graph(scope, error)
            return None

    async def enter_later(self, scope: Scope, headers: Headers, body: bytes) -> Entered | None:
        """The same, and what has to be waited for is. None where the ordinary way is to answer."""
        try:
            if not await self._may_ask(scope):
                return None
            await self._told_to(scope, has_origin=b"origin" in headers)
            found = scope.pop(_PLANNED, None) or self._planned(body)
            viewer = None if found is None else await self._viewer(headers[b"authorization"])
            if found is None or viewer is None:
                return None
            limits = self._house.limits
            if COUNTED not in scope and not limits.citizen_at_once(viewer):
                await limits.citizen(viewer)
            scope[COUNTED] = True
            return self._join(scope, headers, found, viewer)
        except Exception as error:  # noqa: BLE001 - as above
            _left_to_the_graph(scope, error)
            return None
        finally:
            scope[_TRIED] = True

    @staticmethod
    def is_tried(scope: Scope) -> bool:
        """Whether the quick way has nothing more to say of it."""
        return _TRIED in scope

    def _join(
        self, scope: Scope, headers: Headers, found: tuple[Plan, Mapping[str, Any]], viewer: Viewer
    ) -> Entered | None:
        """Raises what the answers and the group raise at once."""
        scope[_TRIED] = True
        if viewer.acting is not None or not self._may(viewer):
            return None
        plan, given = found
        claim, asked = _claim(viewer, given), _WHEN[given.get("decide")] is not None
        entered = self._acceptance.enter(claim, subject_of_programme(given["programme"]), given.get("answers"))
        return None if entered is None else Entered(plan, *entered, headers, asked)

    async def _heard(self, entered: Entered) -> bytes | None:
        with contextlib.suppress(Exception):  # which the next line tells
            await entered.outcome
        return self.answer(entered, entered.outcome)

    def answer(self, entered: Entered, outcome: asyncio.Future[bool]) -> bytes | None:
        """The body of its answer, when its group has an outcome; None where the graph is to answer."""
        try:
            if not outcome.result():
                return None
            self._acceptance.count(asked=entered.asked)
            return self._written(entered.plan, entered.made, entered.headers)
        except (SitthiError, asyncio.CancelledError):
            return None  # and so the graph says it
        except Exception:
            log.exception("quick_apply")
            return None

    def head(self, beside: Named, *, has_origin: bool) -> bytes:
        """The first lines of an answer, without its length. `beside` are the server's own, one list for a second."""
        known, head = self._heads.get(has_origin, (None, b""))
        if known is not beside:
            told = (*beside, *self._told[has_origin])
            head = b"".join((b"HTTP/1.1 200 OK\r\n", *(b"%b: %b\r\n" % one for one in told)))
            self._heads[has_origin] = beside, head
        return head

    async def _may_ask(self, scope: Scope) -> bool:
        """Counts the request against the limit of its address, before anything of it is read."""
        if TAKEN in scope:
            return not scope[TAKEN]
        address = scope[ADDRESS] = self._addresses.of(scope)
        limiter = self._house.limiter
        if not limiter.take_held(GRAPH, address):
            try:
                scope[TAKEN] = await limiter.take((GRAPH, address))
            except Exception:
                log.exception("quick_apply")
                return False  # and so whoever answers for errors meets it
            return not scope[TAKEN]
        scope[TAKEN] = 0
        return True

    def _written(self, plan: Plan, made: Accepted, headers: Headers) -> bytes:
        if (form := self._acceptance.form(made.subject)) is not None:
            self._counter.form_submitted(form)
        return orjson.dumps({"data": plan.write(made, _language(headers.get(b"accept-language", b"")))})

    def _planned(self, body: bytes) -> tuple[Plan, dict[str, Any]] | None:
        """How to answer, and the input, where it is a plain one that is to be accepted first."""
        if _FIELD not in body:
            return None
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if type(asked) is not dict or not asked.keys() <= _MEMBERS or type(asked.get("query")) is not str:
            return None
        schema = self._house.schemas.current._schema  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else
        plan = plan_for(schema, asked["query"])
        if plan is None or asked.get("operationName") not in (None, plan.operation):
            return None
        variables = asked.get("variables")
        if type(variables) is not dict or variables.keys() != {plan.variable}:
            return None
        given = variables[plan.variable]
        is_plain = type(given) is dict and given.keys() <= _INPUT
        if not is_plain or type(given.get("idempotencyKey")) is not str or type(given.get("programme")) is not str:
            return None
        when = given.get("decide")
        if type(when) not in (str, type(None)) or when not in _WHEN or not self._acceptance.is_soon(_WHEN[when]):
            return None
        return plan, given

    async def _viewer(self, authorization: bytes) -> Viewer:
        """Raises what verifying a token raises."""
        whole = authorization.decode("latin-1")
        return self._remembered(whole) or await self._read({"authorization": whole}, "POST")

    def _remembered(self, authorization: str) -> Viewer | None:
        known = self._house.identity.verifier.remembered(authorization[len(_BEARER) :].strip())
        return known if known is not None and CITIZEN_SCOPE in known.scopes else None

    def _may(self, viewer: Viewer) -> bool:
        """Whether the sign-in is what the field demands."""
        if self._rights is None:
            kind = self._house.base._schema.mutation_type  # noqa: SLF001 - as above
            assert kind is not None, "the graph has mutations"
            self._rights = Rights.of(kind.fields[FIELD].extensions["strawberry-definition"].metadata)
        demand = self._rights.demand
        return demand is None or demand.met_by(viewer.acr, viewer.authenticated_at, self._house.clock.now())

    async def _send(self, body: bytes, scope: Scope, has_origin: bool, send: Send) -> None:
        told = await self._told_to(scope, has_origin=has_origin)
        headers = [(b"content-length", b"%d" % len(body)), *told]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _told_to(self, scope: Scope, *, has_origin: bool) -> Named:
        """The headers of an answer beside its length; asked once."""
        told = self._told.get(has_origin)
        if told is None:
            told = self._told[has_origin] = await _told_beside(scope, secure=self._house.settings.secure)
        return told


def _headers(scope: Scope) -> Headers | None:
    """The first of each name; None for what is no plain application, or asks for more than one plain answer."""
    if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST" or scope["query_string"]:
        return None
    return _read(scope["headers"])


def _read(headers: Iterable[tuple[bytes, bytes]]) -> Headers | None:
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ_NAMES:
            if name not in found:
                found[name] = value
            elif name == b"content-length":
                return None
        elif name == b"transfer-encoding":
            return None
    length, accepts = found.get(b"content-length", b""), found.get(b"accept", b"").lower()
    is_bounded = length.isdigit() and len(length) < _DIGITS and 0 < int(length) <= BODY_BYTES_MAX
    is_json = b"application/json" in found.get(b"content-type", b"").partition(b";")[0]
    # With a proof beside it goes the ordinary way: a proof is used up by whoever reads it.
    is_bearer = found.get(b"authorization", b"")[: len(_BEARER)].lower() == _BEARER
    is_plain = is_bounded and is_json and is_bearer and not any(one in accepts for one in _STREAMS)
    return found if is_plain else None


def _left_to_the_graph(scope: Scope, error: Exception) -> None:
    """Which says what is the case, or meets the error again."""
    scope[_TRIED] = True
    if not isinstance(error, SitthiError):
        log.error("quick_apply", exc_info=error)


def _claim(viewer: Viewer, given: Mapping[str, Any]) -> Claim:
    """Raises BadInput."""
    key = checked_key(given["idempotencyKey"])
    plain = {"programme": given["programme"], "answers": given.get("answers"), "decide": _WHEN[given.get("decide")]}
    return Claim(viewer.person, viewer.client, FIELD, key, input_hash(plain))


async def _whole(receive: Receive, length: int) -> Message:
    """The request with all of its body; with `more_body` where that is longer than it said; or a disconnection."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        return {"type": "http.request", "body": message.get("body", b""), "more_body": False}
    body = b""
    while message["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > length:
            return {"type": "http.request", "body": body, "more_body": message.get("more_body", False)}
        message = await receive()
    return message


def _again(first: Message, receive: Receive) -> Receive:
    """A `receive` that gives the first message once more."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if not given:
            given = True
            return first
        return await receive()

    return replayed


async def _told_beside(scope: Scope, *, secure: bool) -> Named:
    """The headers of an answer beside its length, as those say who add them to every other answer."""
    told: list[tuple[bytes, bytes]] = []

    async def plain(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})

    async def nothing() -> Message:
        raise AssertionError("the answer reads nothing")

    async def noted(message: Message) -> None:
        told.extend(message["headers"])

    await OpenToWebApps(SafeHeaders(plain, secure=secure))(scope, nothing, noted)
    return tuple(told)


def _language(accepts: bytes) -> Language:
    return _known_language(accepts) if len(accepts) < _LANGUAGES_MAX else preferred_language(accepts.decode("latin-1"))


@lru_cache(maxsize=256)
def _known_language(accepts: bytes) -> Language:
    return preferred_language(accepts.decode("latin-1"))
