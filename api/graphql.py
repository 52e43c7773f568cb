"""GraphQL over HTTP, WebSocket and SSE at `/graphql`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson
from cross_web import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from strawberry import UNSET
from strawberry.extensions import MaskErrors
from strawberry.fastapi import GraphQLRouter
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UnsetType

from api.composer import SchemaHolder
from api.errors import BadRequest, as_graphql, as_json, status_of, without_values
from api.sockets import SocketHandler
from core.errors import SitthiError
from core.graph import Context, Viewer
from core.text import Language, preferred_language


class TypedErrors(MaskErrors):
    """Every error of an answer, streamed ones too, gets its code and the caller's language; nothing else leaves."""

    def anonymise_error(self, error: Any) -> Any:
        context: Context | None = self.execution_context.context
        return as_graphql(error, context.language if context else Language.TH)


class GraphRouter(GraphQLRouter[Context, None]):
    """The library's router, with the schema looked up for every operation, and typed errors for what is not GraphQL."""

    graphql_transport_ws_handler_class = SocketHandler

    def __init__(
        self,
        holder: SchemaHolder,
        context_of: Callable[[HTTPConnection], Awaitable[Context]],
        viewer_of: Callable[[str], Awaitable[Viewer]],
    ) -> None:
        self._holder, self._viewer_of = holder, viewer_of
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
        try:
            return await super().run(request, *args, **kwargs)
        except HTTPException as error:
            return _refusal(request, BadRequest(what=without_values(error.reason)), error.status_code)
        except RecursionError:
            return _refusal(request, BadRequest(what="nested too deep"), 400)

    def should_render_graphql_ide(self, request: Any) -> bool:  # noqa: ARG002 - the library's hook
        """Never: the IDE has a page of its own."""
        return False

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """A WebSocket client sends its token in `connection_init`, as `{"authorization": "Bearer …"}`."""
        parameters = context.connection_params or {}
        authorization = parameters.get("authorization") or parameters.get("Authorization")
        if isinstance(authorization, str):
            context.viewer = await self._viewer_of(authorization)
        return cast("UnsetType", UNSET)

    def decode_json(self, data: str | bytes) -> object:
        decoded = orjson.loads(data)
        if not isinstance(decoded, dict):
            raise HTTPException(400, "the body must be a JSON object")
        return decoded

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def _refusal(request: Request, error: SitthiError, status: int | None = None) -> Response:
    language = preferred_language(request.headers.get("accept-language"))
    return Response(
        orjson.dumps(as_json(error, language)), status_code=status or status_of(error), media_type="application/json"
    )
