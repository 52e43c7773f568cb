"""Group commit: requests of one kind that wait at the same time are made durable by one transaction.

A commit costs a wait for the disk, whatever it holds. Each worker therefore gathers what waits into one statement in
one transaction, with an outcome for each request. There is no timer: a group leaves as soon as a lane (a connection)
is free, so a request that comes alone is not delayed, and takes the statement for one row.

What a kind has to bring is :class:`Kind`. Outcomes are told only after the commit: whoever has an answer has it for
good. Whoever is told `DatabaseUnavailable` may have been stored; the same key, sent again, tells.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import structlog

from core.database_faults import DatabaseUnavailable
from core.errors import BadInput, ServiceUnavailable
from core.text import Text

log = structlog.get_logger(__name__)

Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)

LANES: Final = 2
"""While one waits for the disk the other fills."""
ROWS_MAX: Final = 128
"""Of a group. More bring little, and what fails with one of them fails with all."""
WAITING_MAX: Final = 10_000
"""Of one worker. Past that the answer is at once that it is too much."""

_HERE: Final = Text(th="ระบบ", en="The system")


class Kind(Protocol[Q_contra, A_co]):
    """What is done for one kind of request, alone and in a group. Both bear an idempotency key of the request's own:
    done twice, it is done once, and the second answers as the first."""

    def check(self, request: Q_contra) -> None:
        """Raises what the request is refused with where the database would refuse the statement, and so the group:
        :func:`storable` for each text, ranges of numbers. Called before the request joins a group."""
        ...

    def order(self, request: Q_contra) -> Any:
        """What a group is sorted by, so that groups cannot deadlock: the citizen, then the key."""
        ...

    async def one(self, request: Q_contra) -> A_co:
        """One request in a transaction of its own; raises what it is refused with."""
        ...

    async def many(self, requests: Sequence[Q_contra]) -> Sequence[A_co | Exception]:
        """All of them in one transaction: the outcome of each, in their order, an exception where it is refused.

        Two of them may bear the same key. The losers of a conflict are read in a second statement: the first's
        snapshot cannot see a concurrent winner. Whatever it raises, nothing of the group was stored, unless that is
        `DatabaseUnavailable`.
        """
        ...


class GroupClosed(ServiceUnavailable):
    """The worker ends; nothing was stored."""

    def __init__(self) -> None:
        super().__init__(_HERE)


class TooManyWaiting(ServiceUnavailable):
    """More wait than may; nothing was stored."""

    def __init__(self) -> None:
        super().__init__(_HERE)


def storable(text: str) -> str:
    """The text. Raises `BadInput` for one that PostgreSQL cannot hold: it would fail all who wait with it."""
    if "\x00" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise BadInput(Text(th="ข้อความมีอักขระที่เก็บไม่ได้", en="a text has a character that cannot be kept"))
    return text


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Q, A]):
    request: Q
    answer: asyncio.Future[A] = field(repr=False)


class GroupCommit(Generic[Q, A]):
    """Gathers the requests of one kind, within one event loop. There is one for each kind and worker."""

    def __init__(
        self, kind: Kind[Q, A], *, lanes: int = LANES, rows_max: int = ROWS_MAX, waiting_max: int = WAITING_MAX
    ) -> None:
        self._kind, self._lanes_max, self._rows_max, self._waiting_max = kind, lanes, rows_max, waiting_max
        self._waiting: deque[_Waiting[Q, A]] = deque()
        self._lanes: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """Requests that are in no group yet."""
        return len(self._waiting)

    async def submit(self, request: Q) -> A:
        """The outcome, once it is durable. Raises what the request is refused with, :class:`TooManyWaiting`,
        :class:`GroupClosed` and `DatabaseUnavailable`.

        Cancelled while it waits, nothing is done; cancelled later, it may be done, and nobody is told.
        """
        return await self.enter(request)

    def enter(self, request: Q) -> asyncio.Future[A]:
        """The same for who does not wait by awaiting: what is raised at once is raised here, the rest by the future."""
        self._kind.check(request)
        if self._is_closed:
            raise GroupClosed
        if len(self._waiting) >= self._waiting_max:
            raise TooManyWaiting
        waiting: _Waiting[Q, A] = _Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._lanes) < self._lanes_max:
            self._begin()
        return waiting.answer

    def _begin(self) -> None:
        """In a context of its own: a lane works for many, and must not log or trace in the name of the first."""
        self._lanes.add(asyncio.create_task(self._lane(), context=contextvars.Context()))

    async def close(self) -> None:
        """Takes no more, and returns when all that were taken have their outcome."""
        self._is_closed = True
        while self._lanes:
            await asyncio.wait(self._lanes)

    async def _lane(self) -> None:
        """Is a lane no more in the very step in which it found nobody waiting: who comes after that begins another."""
        try:
            await self._run()
        finally:
            self._lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))
            if not self._lanes and any(not one.answer.done() for one in self._waiting):
                self._begin()  # it was cut off: nobody else may ever come who would begin another

    async def _run(self) -> None:
        """One lane: group after group, until nobody waits."""
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(self._rows_max, len(self._waiting)))]
            group = [one for one in group if not one.answer.done()]  # the others were given up
            group.sort(key=lambda one: self._kind.order(one.request))
            try:
                await self._settle(group)
            except BaseException:
                self._tell(group, [GroupClosed() for _ in group])
                raise

    async def _settle(self, group: Sequence[_Waiting[Q, A]]) -> None:
        """Gives each its outcome. A group that fails is tried in halves, down to each alone, so that what is wrong
        with one is told to that one only."""
        if not group:
            return
        try:
            if len(group) == 1:
                outcomes: Sequence[A | Exception] = [await self._kind.one(group[0].request)]
            else:
                outcomes = await self._kind.many([one.request for one in group])
            assert len(outcomes) == len(group), "nobody may be told another's outcome"
        except DatabaseUnavailable:
            # Trying each again would take as long as the group has members, for the same answer.
            log.warning("group_unavailable", requests=len(group))
            self._tell(group, [DatabaseUnavailable() for _ in group])
        except Exception as error:  # noqa: BLE001 - handed to whom it concerns
            if len(group) == 1:
                self._tell(group, [error])
                return
            half = len(group) // 2
            await self._settle(group[:half])
            await self._settle(group[half:])
        else:
            self._tell(group, outcomes)

    @staticmethod
    def _tell(group: Sequence[_Waiting[Q, A]], outcomes: Sequence[A | Exception]) -> None:
        for one, outcome in zip(group, outcomes, strict=True):
            if one.answer.done():  # given up, or told before a later half failed
                continue
            if isinstance(outcome, Exception):
                one.answer.set_exception(outcome)
            else:
                one.answer.set_result(outcome)
