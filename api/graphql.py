"""GraphQL over HTTP, WebSocket and SSE at `/graphql`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import orjson
from cross_web import HTTPException
from graphql import GraphQLError, GraphQLSchema
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from strawberry import UNSET
from strawberry.extensions import MaskErrors, ParserCache
from strawberry.fastapi import GraphQLRouter
from strawberry.schema.schema import validate_document
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from api import plans
from api.composer import SchemaHolder
from api.deprecations import DeprecationNotices, warned
from api.errors import BadRequest, as_graphql, as_json, status_of, without_values
from api.lasting import ending_with
from api.rate_limits import CallerLimits
from api.sockets import SocketHandler
from core.assurance import Demand
from core.errors import SitthiError
from core.graph import Context, Viewer
from core.graph.rights import unmet
from core.text import Language, preferred_language

_CONTEXT: Final = "sitthi.context"
VALIDATED_MAX: Final = 128
"""Documents of each schema."""
_validated: WeakKeyDictionary[GraphQLSchema, OrderedDict[Any, list[GraphQLError]]] = WeakKeyDictionary()


class TypedErrors(MaskErrors):
    """Every error of an answer, streamed ones too, gets its code and the caller's language; nothing else leaves."""

    def anonymise_error(self, error: Any) -> Any:
        context: Context | None = self.execution_context.context
        return as_graphql(error, context.language if context else Language.TH)


class CachedDocuments(ParserCache):
    """The library's cache of parsed documents, for streams too: there an error raised in a hook ends the stream unsaid.

    What cannot be read is left to the parser itself, whose refusal is an answer.
    """

    def on_parse(self) -> Iterator[None]:
        operation = self.execution_context
        with suppress(GraphQLError):
            operation.graphql_document = self.cached_parse_document(operation.query, **operation.parse_options)
        yield


class ValidatedDocuments(DeprecationNotices):
    """Remembers what came of validating a document, for as long as the schema lives that it was validated against; and
    tells which names that go a valid one uses.

    The library's own cache is one for all schemas, and keeps those alive that plugins have replaced.
    """

    def on_validate(self) -> Iterator[None]:
        operation = self.execution_context
        schema = operation.schema._schema  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else
        known = _validated.setdefault(schema, OrderedDict())
        asked = (operation.graphql_document, operation.validation_rules)
        if asked in known:
            known.move_to_end(asked)
        else:
            assert operation.graphql_document is not None, "a document that cannot be read is never validated"
            known[asked] = validate_document(schema, operation.graphql_document, operation.validation_rules)
            if len(known) > VALIDATED_MAX:
                known.popitem(last=False)
        operation.pre_execution_errors = known[asked]
        if not known[asked] and not self.look(operation) and operation.query is not None:
            plans.note(schema, operation.query, asked[0])
        yield


class GraphRouter(GraphQLRouter[Context, None]):
    """The library's router, with the schema looked up for every operation, and typed errors for what is not GraphQL."""

    graphql_transport_ws_handler_class = SocketHandler

    def __init__(
        self,
        holder: SchemaHolder,
        context_of: Callable[[HTTPConnection], Awaitable[Context]],
        viewer_of: Callable[[Mapping[str, str], str], Awaitable[Viewer]],
        limits: CallerLimits,
    ) -> None:
        self._holder, self._viewer_of, self.limits = holder, viewer_of, limits
        super().__init__(
            schema=holder.current,
            path="/graphql",
            graphql_ide=None,
            context_getter=context_of,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
        )

    @property
    def schema(self) -> Any:
        """The schema of this moment: an operation keeps the one it began with."""
        return self._holder.current

    @schema.setter
    def schema(self, _: Any) -> None:
        """The library sets it once; the holder knows better."""

    async def run(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.scope[_CONTEXT] = kwargs.get("context")
        try:
            context = kwargs.get("context")
            return warned(challenged(request, await super().run(request, *args, **kwargs), context), context)
        except HTTPException as error:
            return _refusal(request, BadRequest(what=without_values(error.reason)), error.status_code)
        except RecursionError:
            return _refusal(request, BadRequest(what="nested too deep"), 400)

    def should_render_graphql_ide(self, request: Any) -> bool:  # noqa: ARG002 - the library's hook
        """Never: the IDE has a page of its own."""
        return False

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """A WebSocket client sends its token in `connection_init`, as `{"authorization": "Bearer …"}`.

        One that is bound to a key comes as `{"authorization": "DPoP …", "dpop": "<proof>"}`, a proof for GET.
        """
        parameters = {name.lower(): str(value) for name, value in (context.connection_params or {}).items()}
        if parameters.get("authorization"):
            context.viewer = await self._viewer_of(parameters, "GET")
        return cast("UnsetType", UNSET)

    async def create_streaming_response(
        self, request: Request, stream: Callable[[], AsyncIterator[str]], *args: Any, **kwargs: Any
    ) -> Response:
        """A stream of events, which ends with the sign-in it was asked for under."""
        context: Context | None = request.scope.get(_CONTEXT)
        lasting = stream if context is None or context.viewer is None else partial(ending_with, context, stream)
        return await super().create_streaming_response(request, lasting, *args, **kwargs)

    def decode_json(self, data: str | bytes) -> object:
        """Of a body, a parameter or a message. The library expects objects, and this one error."""
        decoded = orjson.loads(data)
        if not isinstance(decoded, dict):
            raise orjson.JSONDecodeError("not an object", "", 0)
        return decoded

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def challenged(request: HTTPConnection, response: Any, context: Any) -> Any:
    """The answer, with the challenge of RFC 9470 §3 where a field demanded a better sign-in than the request had.

    The status is 401 where the operation was for that alone: beside a sibling that was answered it stays 200, since
    clients throw the body of a 401 away.
    """
    demand = unmet(context) if isinstance(context, Context) else None
    if demand is None or not isinstance(response, Response):
        return response
    scheme = request.headers.get("authorization", "").partition(" ")[0]
    response.headers["WWW-Authenticate"] = challenge(scheme, demand)
    body = getattr(response, "body", b"")
    if body and _answers_nothing(orjson.loads(body).get("data")):
        response.status_code = 401
    return response


def challenge(scheme: str, demand: Demand) -> str:
    """For a request that came by that scheme."""
    return f"{'DPoP' if scheme.lower() == 'dpop' else 'Bearer'} {demand.challenge}"


def _answers_nothing(data: Any) -> bool:
    """Whether a part of an answer is nothing but nulls and problems."""
    if isinstance(data, dict):
        return all(name in ("problems", "__typename") or _answers_nothing(value) for name, value in data.items())
    return data is None


def _refusal(request: Request, error: SitthiError, status: int | None = None) -> Response:
    language = preferred_language(request.headers.get("accept-language"))
    return Response(
        orjson.dumps(as_json(error, language)), status_code=status or status_of(error), media_type="application/json"
    )
