"""Applications on the way that a flood takes: from the body to the group that stores them, without executing a query.

What it answers is, byte by byte, what the graph answers to the same request with `decide: SOON`; it answers only where
the application was stored. Anything else, refusals too, is left to the graph, which is handed the same request: it has
stored nothing, or finds the idempotency key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.plans import FIELD, Plan, plan_for
from core.errors import SitthiError
from core.graph.rights import Rights
from core.idempotency import Claim, checked_key, input_hash
from core.text import preferred_language
from core.viewer import Viewer
from services.apply.acceptance.service import Accepted, Decide
from services.apply.applied_for import subject_of_programme
from services.apply.forms import QuestionCounter

if TYPE_CHECKING:
    from api.house import House

COUNTED: Final = "sitthi.counted"
"""In a scope: the request counts already against the limit of its citizen."""
_MEMBERS: Final = frozenset({"query", "variables", "operationName"})
_INPUT: Final = frozenset({"idempotencyKey", "programme", "answers", "decide"})
_WHEN: Final[Mapping[Any, Decide | None]] = {None: None, "SOON": Decide.SOON}
_STREAMS: Final = (b"event-stream", b"multipart")

log = structlog.get_logger(__name__)


class QuickApply:
    """ASGI middleware, within those that limit what comes in."""

    def __init__(
        self, app: ASGIApp, *, house: House, read: Callable[[Mapping[str, str], str], Awaitable[Viewer]]
    ) -> None:
        self._app, self._house, self._read, self._acceptance = app, house, read, house.acceptance
        self._rights: Rights | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            answer = await self._answer(scope, first.get("body", b""))
            if answer is not None:
                await _send(answer, send)
                return
        await self._app(scope, _again(first, receive), send)

    async def _answer(self, scope: Scope, body: bytes) -> bytes | None:
        """None where the graph is to answer."""
        headers = _headers(scope)
        if headers is None or FIELD.encode() not in body:
            return None
        found = self._planned(body)
        if found is None:
            return None
        plan, given = found
        try:
            made = await self._accepted(scope, headers, given)
        except SitthiError:
            return None  # and so the graph says it
        except Exception:
            log.exception("quick_apply")
            return None
        if made is None:
            return None
        if (form := self._acceptance.form(made.subject)) is not None:
            self._house.rooms.get(QuestionCounter).form_submitted(form)  # type: ignore[type-abstract]  # by its protocol
        language = preferred_language(headers.get("accept-language"))
        return orjson.dumps({"data": plan.write(made, language)})

    def _planned(self, body: bytes) -> tuple[Plan, dict[str, Any]] | None:
        """How to answer, and the input, where it is a plain one that is to be accepted first."""
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

    async def _accepted(self, scope: Scope, headers: Mapping[str, str], given: Mapping[str, Any]) -> Accepted | None:
        """Raises what verifying a token, its limit, the answers and the group raise."""
        viewer = await self._read(headers, "POST")
        if viewer.acting is not None or not self._may(viewer):
            return None
        await self._house.limits.citizen(viewer)
        scope[COUNTED] = True
        when, answers = _WHEN[given.get("decide")], given.get("answers")
        key, programme = checked_key(given["idempotencyKey"]), given["programme"]
        plain = {
            "programme": programme,
            "service": None,
            "beneficiary": None,
            "answers": answers,
            "evidence": None,
            "draft": None,
            "draft_revision": None,
            "decide": when,
        }
        claim = Claim(viewer.person, viewer.client, FIELD, key, input_hash(plain))
        subject = subject_of_programme(programme)
        return await self._acceptance.accept(claim, subject, answers, asked=when is not None)

    def _may(self, viewer: Viewer) -> bool:
        """Whether the sign-in is what the field demands."""
        if self._rights is None:
            kind = self._house.base._schema.mutation_type  # noqa: SLF001 - as above
            assert kind is not None, "the graph has mutations"
            self._rights = Rights.of(kind.fields[FIELD].extensions["strawberry-definition"].metadata)
        demand = self._rights.demand
        return demand is None or demand.met_by(viewer.acr, viewer.authenticated_at, self._house.clock.now())


def _headers(scope: Scope) -> dict[str, str] | None:
    """The first of each name; None where they, or the address, ask for more than one plain answer."""
    if scope.get("query_string"):
        return None
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    is_json = "application/json" in found.get("content-type", "")
    accepts = found.get("accept", "").encode()
    is_bearer = found.get("authorization", "")[:7].lower() == "bearer "  # the proof of another would be used up by us
    return found if is_json and is_bearer and not any(one in accepts for one in _STREAMS) else None


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


async def _send(body: bytes, send: Send) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
