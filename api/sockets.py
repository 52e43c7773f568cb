"""Operations over a WebSocket (`graphql-transport-ws`): a connection lives long, each operation is a request."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Mapping
from dataclasses import replace
from types import NoneType
from typing import Any, Final, cast

from graphql import GraphQLError
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler, Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    CompleteMessage,
    ConnectionInitMessage,
    Message,
)

from api.acting import still_acting
from api.errors import as_graphql
from api.lasting import until_ended
from api.rate_limits import CallerLimits
from core.addresses import address_of
from core.errors import SitthiError
from core.graph import Context
from core.ids import new_id
from identity.delegation.service import DelegationService
from identity.provider.errors import TokenExpired, TokenInvalid

UNAUTHORISED: Final = 4401
FORBIDDEN: Final = 4403
"""Close codes of the protocol; the reason is one of our error codes."""
FAREWELL_SECONDS: Final = 1.0


_MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "query": (str,),
    "variables": (dict, NoneType),
    "operationName": (str, NoneType),
}


def _is_message(message: object) -> bool:
    """Whether it has a type and, if it asks for something, an id and the members of a request."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return False
    if message["type"] not in ("subscribe", "complete"):
        return True
    payload = message.get("payload")
    if not isinstance(message.get("id"), str) or message["type"] == "complete":
        return isinstance(message.get("id"), str)
    return isinstance(payload, dict) and all(isinstance(payload.get(name), kinds) for name, kinds in _MEMBERS.items())


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """The library's handler, which keeps one schema and one context for the length of the connection.

    Here each operation runs on the schema of its moment, with loaders and an entry in the access log of its own. It
    counts against the limit of its citizen, as a request would. The connection ends with its sign-in.
    """

    _ending: asyncio.Task[None] | None = None
    _over: SitthiError | None = None

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        try:
            await super().handle_connection_init(message)
        except SitthiError as error:
            await self.websocket.close(code=FORBIDDEN, reason=error.code)
            return
        if self.context.viewer is not None and self._ending is None:
            self._ending = asyncio.create_task(self._end_with_the_sign_in())

    async def shutdown(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ending
        await super().shutdown()

    async def _end_with_the_sign_in(self) -> None:
        """Ends what runs; whoever then asks for more is told why, and a little later the connection is gone."""
        over = self._over = await until_ended(self.context)
        for operation in list(self.operations.values()):
            with contextlib.suppress(Exception):  # a client that is gone needs no telling
                await operation.send_operation_message(CompleteMessage(id=operation.id, type="complete"))
            if operation.task is not None:
                operation.task.cancel()
        await asyncio.sleep(FAREWELL_SECONDS)
        await self.websocket.close(code=UNAUTHORISED, reason=over.code)

    async def handle_message(self, message: Message) -> None:
        """The library trusts that a message has its form."""
        if _is_message(message):
            await super().handle_message(message)
        else:
            await self.handle_invalid_message("Failed to parse message")

    async def _count(self) -> None:
        """This operation against the limit of whose it is. Raises `RateLimited`."""
        limits: CallerLimits = cast("Any", self.view).limits
        if self.context.viewer is None:
            await limits.anonymous(address_of(cast("Any", self.websocket).ws.scope))
        else:
            await limits.citizen(self.context.viewer)

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        viewer = self.context.viewer
        is_expired = viewer is not None and self.context.clock.now() >= viewer.expires_at
        if is_expired or self._over is not None:
            await self.websocket.close(code=UNAUTHORISED, reason=(self._over or TokenExpired()).code)
            return
        try:
            if viewer is not None and viewer.acting is not None:
                delegations = self.context.room(DelegationService)
                self.context.viewer = await still_acting(viewer, self.context.db, delegations)
            await self._count()
        except TokenInvalid as error:
            await self.websocket.close(code=UNAUTHORISED, reason=error.code)
            return
        except SitthiError as error:  # too often, or nobody can tell just now whether they still may act
            await operation.send_initial_errors(
                [as_graphql(GraphQLError("", original_error=error), self.context.language)]
            )
            return
        one: Any = copy.copy(self)
        one.context = replace(self.context, request_id=new_id(), loaders={}, memo={})
        one.schema = self.view.schema
        await BaseGraphQLTransportWSHandler.run_operation(one, operation)
