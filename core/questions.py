"""Questions to Redis: those that wait at the same time go to it as one, in a single round trip.

In a crowd nearly every request asks for a count of its own. Each question by itself would take a connection and a turn
of the event loop, several times what the commands cost; together they take one. There is no timer: one that comes alone
leaves at once.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast

from redis.asyncio import Redis

from core.round_trip import round_trip

LANES: Final = 2
"""Under way at once. A crowd that took every connection of the pool would pass for a Redis that is away."""
TOGETHER_MAX: Final = 64
"""Questions of one round trip."""
TURN_SECONDS_MAX: Final = 1.0
"""How long a question waits to be put. A Redis so slow that it is longer passes for one that is away, or the queue of
those who wait would only grow."""

Command: TypeAlias = tuple[Any, ...]


@dataclass(slots=True, eq=False)
class _Question:
    commands: Sequence[Command]
    still: Callable[[], bool]
    answer: asyncio.Future[list[Any] | None]
    too_late: asyncio.TimerHandle


class Questions:
    """Of one process to one Redis, within one event loop."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: deque[_Question] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def ask(self, commands: Sequence[Command], still: Callable[[], bool] = lambda: True) -> list[Any] | None:
        """The answers to these commands, which nothing comes between that is asked here.

        `still` is called when its turn has come: None, and nothing was asked, where it says no. Raises `RedisError` and
        `OSError`; `TimeoutError`, which is one, where its turn did not come.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any] | None] = loop.create_future()
        too_late = loop.call_later(TURN_SECONDS_MAX, _give_up, answer)
        self._waiting.append(_Question(commands, still, answer, too_late))
        if len(self._lanes) < LANES:
            # In a context of its own: a lane asks for many, and must not log or trace in the name of the first.
            self._lanes.add(asyncio.create_task(self._lane(), context=contextvars.Context()))
        return await answer

    async def _lane(self) -> None:
        """Is a lane no more in the very step in which it found nobody waiting: who comes after that begins another."""
        try:
            await self._run()
        finally:
            self._lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _run(self) -> None:
        while self._waiting:
            some = self._next()
            if not some:
                continue
            try:
                answers = await self._answers([command for one in some for command in one.commands])
            except BaseException as error:
                for one in some:
                    if not one.answer.done():
                        one.answer.set_exception(error if isinstance(error, Exception) else OSError("cut off"))
                if not isinstance(error, Exception):
                    raise
            else:
                _tell(some, answers)

    async def _answers(self, commands: Sequence[Command]) -> Sequence[Any]:
        if type(self._redis) is Redis:
            return await round_trip(self._redis.connection_pool, commands)
        pipeline = self._redis.pipeline(transaction=False)  # the stand-in has no connections
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute()

    def _next(self) -> list[_Question]:
        """Those that go together now; the others of this turn have their answer."""
        found: list[_Question] = []
        while self._waiting and len(found) < TOGETHER_MAX:
            one = self._waiting.popleft()
            one.too_late.cancel()
            if one.answer.done():  # given up
                continue
            if one.still():
                found.append(one)
            else:
                one.answer.set_result(None)
        return found


def _tell(some: Sequence[_Question], answers: Sequence[Any]) -> None:
    at = 0
    for one in some:
        end = at + len(one.commands)
        if not one.answer.done():
            one.answer.set_result(list(answers[at:end]))
        at = end


def _give_up(answer: asyncio.Future[list[Any] | None]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
