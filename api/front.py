"""The server's protocol, with a shorter way for applications in a flood (api/quick_apply.py).

Of an application whose token is known nothing has to be waited for but the group that stores it. So it is given neither
a task nor an ASGI conversation, which together cost more than all that is done for it: it is handed over when its body
is whole, and its answer is written when the group has its outcome. Where its token is new, or its limits have to be
asked about, it has a task for that. The bytes are read by the same parser as ever, and whatever is not such an
application, or cannot be answered so, is begun as uvicorn begins it, with the same scope.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from api.quick_apply import Entered, Headers, QuickApply

PATH: Final = b"/graphql"
BYTES_MAX: Final = 16 * 1024
"""Of a body that is gathered here; a larger one goes the ordinary way from its head on."""


class _Nobody:
    """Whom the protocol wakes where a request is waiting for its body. None is here."""

    def set(self) -> None:
        return


_NOBODY: Final = _Nobody()


class _UnderWay:
    """What stands where uvicorn has its cycle, while a group stores the application: the protocol tells it that the
    client went or that the server ends, and queues the next request of the connection behind it."""

    __slots__ = ("disconnected", "keep_alive", "message_event", "response_complete")

    def __init__(self, *, keep_alive: bool) -> None:
        self.keep_alive, self.disconnected, self.response_complete = keep_alive, False, False
        self.message_event = _NOBODY


class FrontDoor(HttpToolsProtocol):
    """For `uvicorn.run(http=...)`."""

    _gathered: list[bytes] | None = None
    """The body so far of a request that may be answered here."""
    _read: Headers

    def on_headers_complete(self) -> None:
        if self.url == PATH and self._may_answer():
            self._gathered = []
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._gathered is None:
            super().on_body(body)
        else:
            self._gathered.append(body)

    def on_message_complete(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered is None:
            super().on_message_complete()
            return
        quick, body = self._quick(), gathered[0] if len(gathered) == 1 else b"".join(gathered)
        scope: Any = self.scope
        entered = None if quick is None else quick.enter(scope, self._read, body)
        if quick is None or (entered is None and quick.is_tried(scope)):
            self._begin_ordinarily(gathered)
            super().on_message_complete()
            return
        under_way = _UnderWay(keep_alive=self.parser.should_keep_alive())
        self.cycle = cast("RequestResponseCycle", under_way)
        if entered is not None:
            entered.outcome.add_done_callback(partial(self._heard, quick, entered, under_way, scope, body))
            return
        _name(scope)
        task = self.loop.create_task(self._waited_for(quick, under_way, scope, self._read, body))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def shutdown(self) -> None:
        gathered, self._gathered = self._gathered, None
        if gathered is not None:  # as any other whose body is not whole: it is waited for
            self._begin_ordinarily(gathered)
        super().shutdown()

    def _quick(self) -> QuickApply | None:
        found: QuickApply | None = getattr(self.app, "quick_apply", None)
        return found

    def _may_answer(self) -> bool:
        """Whether the head is one of a plain application, and nothing of the connection is under way."""
        if self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        before: RequestResponseCycle | None = self.cycle
        is_free = (before is None or before.response_complete) and not self.pipeline
        if not is_free or self.limit_concurrency is not None or self.flow.write_paused:
            return False
        if self.expect_100_continue or self.parser.should_upgrade():
            return False
        quick = self._quick()
        found = None if quick is None else quick.plain(self.headers, BYTES_MAX)
        if found is None:
            return False
        self._read = found
        return True

    def _begin_ordinarily(self, gathered: list[bytes]) -> None:
        """As if it had never been held."""
        super().on_headers_complete()
        for piece in gathered:
            super().on_body(piece)

    async def _waited_for(
        self, quick: QuickApply, under_way: _UnderWay, scope: Any, headers: Headers, body: bytes
    ) -> None:
        """One whose token is new, or whose limits have to be asked about."""
        entered = await quick.enter_later(scope, headers, body)
        if entered is not None:
            entered.outcome.add_done_callback(partial(self._heard, quick, entered, under_way, scope, body))
        elif not under_way.disconnected and not self.transport.is_closing():
            self._ask_the_graph(under_way, scope, body)

    def _heard(
        self,
        quick: QuickApply,
        entered: Entered,
        under_way: _UnderWay,
        scope: Any,
        body: bytes,
        outcome: asyncio.Future[bool],
    ) -> None:
        answer = quick.answer(entered, outcome)
        if under_way.disconnected or self.transport.is_closing():
            return
        if answer is None:
            self._ask_the_graph(under_way, scope, body)
            return
        under_way.response_complete = True
        head = quick.head(self.server_state.default_headers, has_origin=b"origin" in entered.headers)
        closing = b"" if under_way.keep_alive else b"connection: close\r\n"
        self.transport.write(b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(answer), closing, answer))
        if not under_way.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _ask_the_graph(self, under_way: _UnderWay, scope: Any, body: bytes) -> None:
        """The request from its beginning, by the ordinary way: here it was not answered."""
        _name(scope)
        event = asyncio.Event()
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=event,
            expect_100_continue=False,
            keep_alive=under_way.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += body
        cycle.more_body = False
        event.set()
        if cast("Any", self.cycle) is under_way:  # else it is the next one's, which waits behind
            self.cycle = cycle
        self._start_asgi_task(cycle, self.app)


def _name(scope: Any) -> None:
    """What uvicorn says in a scope of a request line that is this one."""
    scope["method"], scope["path"], scope["raw_path"], scope["query_string"] = "POST", PATH.decode(), PATH, b""
