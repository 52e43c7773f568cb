"""Limits on how often: counted in Redis for all processes, and in the process alone while Redis does not answer.

**Sliding windows of two counters.** A key counts the requests of one window; of the window before, the part that still
lies within `seconds` of now counts too, taken as evenly spread. Within one window of the clock `count` is never
exceeded, whatever number of processes ask at once, because `INCRBY` answers each of them another number. (Exact
algorithms read, decide and write back: that takes Lua, which the in-process stand-in lacks, or a transaction that is
tried again and again on just the keys that are busiest.)

**Leases.** A process takes `lease` of a limit at once and gives them out without asking; a refusal is remembered until
it ends. So a limit of thousands costs a question to Redis now and then, and whoever is refused costs none. What a
process has taken and does not give out is lost for that window, which makes a limit lower by at most one lease for each
further process, never higher.

**Redis away.** Each process then counts for itself, in a table of bounded size: a limit holds for each process instead
of for all. The door is neither open nor shut; it is logged once, and `sitthi_rate_limits_alone` is 1.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Generic, TypeAlias, TypeVar

import structlog
from prometheus_client import Counter, Gauge
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import SitthiError
from core.questions import Command, Questions
from core.text import Text

KEYS_MAX: Final = 20_000
"""How many callers a process remembers. Whoever is forgotten is asked about anew."""
AWAY_SECONDS: Final = 2.0
"""Between two attempts to reach a Redis that does not answer: each may take half a second."""

_ROUNDING: Final = 1e-9
"""Whoever waited as long as they were told finds room, whatever the fractions."""

log = structlog.get_logger("core.rate_limits")


class RateLimited(SitthiError):
    """Too many requests. `retry_after` is in whole seconds, at least one."""

    code = "RATE_LIMITED"
    text = Text(
        th="มีคำขอมากเกินไปในเวลาสั้น ๆ กรุณารอ {seconds} วินาทีแล้วลองใหม่",
        en="There were too many requests in a short time. Please try again in {seconds} seconds.",
    )

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(seconds=retry_after)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in `seconds`, for each key."""

    name: str
    count: int
    seconds: int
    lease: int = 1
    scaled: bool = True
    """Whether SITTHI_RATE_LIMIT_SCALE applies. Limits on guessing are not traffic: they stay as they are."""


Asked: TypeAlias = tuple[Limit, str]
"""A limit, and whose count it is: an address, a person's key, a client's id."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What monitoring reads."""

    refused: Counter
    alone: Gauge


@cache
def figures() -> Figures:
    """Made when first needed, once in a process."""
    return Figures(
        Counter("sitthi_rate_limited_total", "Requests refused by a limit", ["limit"]),
        Gauge("sitthi_rate_limits_alone", "1 while this process counts alone because Redis does not answer"),
    )


@dataclass(frozen=True, slots=True)
class Left:
    """What a caller may be told of a limit."""

    count: int
    """The limit itself."""
    left: int
    """About how many more: other processes count too, and are not asked each time."""
    seconds: int
    """Until the window ends."""


@dataclass(slots=True)
class _Held:
    """What this process holds of a key: leases of a window, or a refusal."""

    window: int = -1
    left: int = 0
    beyond: int = 0
    """What nobody had leased of the window when this process asked last."""
    refused_until: float = 0.0
    asking: int = 0
    """Questions to Redis about this key that are under way."""


@dataclass(slots=True)
class _Alone:
    """The two counters of a key, in this process."""

    window: int = -1
    used: int = 0
    used_before: int = 0


@dataclass(slots=True)
class _Wanted:
    """One request against one limit, while it is decided."""

    limit: Limit
    key: str
    window: int
    held: _Held
    lease: int = 1
    room: int = 0
    seconds: float = 0.0


class RateLimiter:
    """Counts against limits. Keys are hashed, so that the cache holds no address and nobody's id.

    `scale` multiplies the counts of all limits that are `scaled`; 0 turns those off.
    """

    def __init__(self, redis: Redis, clock: Clock, keys: KeyRing, scale: float = 1.0) -> None:
        self._questions = Questions(redis)
        self._clock, self._keys, self._scale = clock, keys, scale
        self._held = _Recent(_Held)
        self._counts = _Recent(_Alone)
        self._effective: dict[Limit, Limit] = {}
        self._is_away, self._away_until = False, 0.0

    async def check(self, *asked: Asked) -> None:
        """Counts one request against each limit. Raises :class:`RateLimited`; then none of them has counted it."""
        seconds = await self.take(*asked)
        if seconds:
            raise RateLimited(seconds)

    async def take(self, *asked: Asked) -> int:
        """Counts one request against each limit: 0, or the seconds to wait; then none of them has counted it."""
        now = self._now()
        wanted = [self._wanted(limit, key, now) for limit, key in asked if self._scale or not limit.scaled]
        for one in wanted:
            if not one.held.left and one.held.refused_until > now:
                return _refused(one.limit, one.held.refused_until - now)
        taken = [one for one in wanted if one.held.left]
        missing = [one for one in wanted if not one.held.left]
        for one in taken:
            one.held.left -= 1
        seconds = await self._lease(missing, now) if missing else 0
        if seconds:
            for one in taken:
                one.held.left += 1
        return seconds

    def take_held(self, limit: Limit, key: str) -> bool:
        """Counts one request where nobody need be asked. False: it is not counted, and :meth:`take` tells."""
        if not self._scale and limit.scaled:
            return True
        limit = self._scaled(limit)
        held = self._held.of((limit.name, key))
        is_held = held.left > 0 and held.window == int(self._now() // limit.seconds)
        held.left -= is_held
        return is_held

    def left(self, limit: Limit, key: str) -> Left | None:
        """What is left of a limit, by what this process knows; None for one that is turned off."""
        if not self._scale and limit.scaled:
            return None
        now, limit = self._now(), self._scaled(limit)
        held, window = self._held.of((limit.name, key)), int(now // limit.seconds)
        left = held.left + held.beyond if held.window == window else limit.count
        return Left(limit.count, left, math.ceil(limit.seconds - now % limit.seconds))

    async def give_back(self, limit: Limit, key: str, at: float) -> None:
        """Uncounts one that was taken at this time (seconds since 1970), as if it had not been."""
        limit = self._scaled(limit)
        self._held.of((limit.name, key)).refused_until = 0.0
        alone = self._counts.of((limit.name, key))
        if alone.window == int(at // limit.seconds) and alone.used:
            alone.used -= 1
            return
        try:
            await self._return(limit, key, int(at // limit.seconds), 1)
        except (RedisError, OSError):
            self._gone(self._now())

    def now(self) -> float:
        """The time of a `take` that follows at once, for :meth:`give_back`."""
        return self._now()

    async def _lease(self, missing: list[_Wanted], now: float) -> int:
        """One of each for the caller, the rest of each lease for those who come after; or the seconds to wait."""
        for one in missing:
            one.lease = 1 if one.held.asking else one.limit.lease  # or a crowd would lease all there is at once
            one.held.asking += 1
        try:
            answers = await self._ask(missing, now)
        finally:
            for one in missing:
                one.held.asking -= 1
        if answers is None:
            return self._take_alone(missing, now)
        for one, (total, before) in zip(missing, answers, strict=True):
            one.room, one.seconds = _room(one.limit, used=total - one.lease, before=before, now=now)
            one.held.beyond = max(0, one.room - one.lease)
            one.room = min(one.room, one.lease)
            if one.room < one.lease:
                await self._return_quietly(one, one.lease - one.room)
        worst = _worst(missing, now)
        for one in missing:
            if one.held.window == one.window:
                one.held.left += one.room if worst else one.room - 1
        return worst

    def _take_alone(self, missing: list[_Wanted], now: float) -> int:
        counts = []
        for one in missing:
            alone = self._counts.of((one.limit.name, one.key))
            if alone.window != one.window:
                alone.used_before = alone.used if alone.window == one.window - 1 else 0
                alone.window, alone.used = one.window, 0
            counts.append(alone)
            one.room, one.seconds = _room(one.limit, used=alone.used, before=alone.used_before, now=now)
        worst = _worst(missing, now)
        if not worst:
            for one, alone in zip(missing, counts, strict=True):
                alone.used += 1
                one.held.beyond = one.room - 1
        return worst

    async def _ask(self, missing: list[_Wanted], now: float) -> list[tuple[int, int]] | None:
        """What is counted of each in this window, with the lease we take, and in the one before; one round trip.

        None while Redis is away.
        """
        if self._is_left_alone(now):
            return None
        commands: list[Command] = []
        for one in missing:
            name, before = self._names(one.limit, one.key, one.window)
            commands.append(("SET", name, 0, "EX", 2 * one.limit.seconds, "NX"))  # never a counter that does not end
            commands.append(("INCRBY", name, one.lease))
            commands.append(("GET", before))
        was_away = False

        def still() -> bool:
            nonlocal was_away
            if self._is_left_alone(now):  # learnt while we waited
                return False
            was_away = self._is_away
            self._away_until = now + AWAY_SECONDS  # of those that wait for it, one tries
            return True

        try:
            answers = await self._questions.ask(commands, still)
        except (RedisError, OSError) as error:
            self._gone(now, error)
            return None
        if answers is None:
            return None
        if was_away:  # an answer that was long under way says nothing new
            self._is_back()
        return [(int(answers[i + 1]), int(answers[i + 2] or 0)) for i in range(0, len(answers), 3)]

    async def _return(self, limit: Limit, key: str, window: int, count: int) -> None:
        name, _ = self._names(limit, key, window)
        await self._questions.ask([("SET", name, 0, "EX", 2 * limit.seconds, "NX"), ("DECRBY", name, count)])

    async def _return_quietly(self, one: _Wanted, count: int) -> None:
        """What is not returned only makes the limit lower until its window ends."""
        try:
            await self._return(one.limit, one.key, one.window, count)
        except (RedisError, OSError):
            log.info("rate_limit_lease_not_returned", limit=one.limit.name)

    def _names(self, limit: Limit, key: str, window: int) -> tuple[str, str]:
        """Of the counters of this window and the one before; both lie in one slot of a cluster."""
        hidden = self._keys.blind_index(key, domain=f"rate-limit:{limit.name}")[:16].hex()
        return f"limit:{{{hidden}}}:{window}", f"limit:{{{hidden}}}:{window - 1}"

    def _wanted(self, limit: Limit, key: str, now: float) -> _Wanted:
        limit = self._scaled(limit)
        held, window = self._held.of((limit.name, key)), int(now // limit.seconds)
        if held.window != window:
            held.window, held.left, held.beyond = window, 0, 0
        return _Wanted(limit, key, window, held)

    def _scaled(self, limit: Limit) -> Limit:
        found = self._effective.get(limit)
        if found is None:
            scale = self._scale if limit.scaled else 1.0
            count = max(1, round(limit.count * scale))
            # A larger limit is leased in the same portions, so that it costs what it costs in production.
            found = replace(limit, count=count, lease=max(1, min(limit.lease, round(limit.lease * scale))))
            self._effective[limit] = found
        return found

    def _is_left_alone(self, now: float) -> bool:
        return self._is_away and now < self._away_until

    def _gone(self, now: float, error: BaseException | None = None) -> None:
        self._away_until = now + AWAY_SECONDS
        if not self._is_away:
            self._is_away = True
            log.warning("rate_limits_alone", error=type(error).__name__)
            figures().alone.set(1)

    def _is_back(self) -> None:
        if self._is_away:
            self._is_away = False
            log.warning("rate_limits_shared_again")
            figures().alone.set(0)

    def _now(self) -> float:
        return self._clock.now().timestamp()


_State = TypeVar("_State")


class _Recent(Generic[_State]):
    """The state of the keys asked about last, no more than :data:`KEYS_MAX`."""

    def __init__(self, make: type[_State]) -> None:
        self._make = make
        self._states: OrderedDict[Hashable, _State] = OrderedDict()

    def of(self, key: Hashable) -> _State:
        found = self._states.get(key)
        if found is None:
            found = self._states[key] = self._make()
            if len(self._states) > KEYS_MAX:
                self._states.popitem(last=False)
        else:
            self._states.move_to_end(key)
        return found


def _room(limit: Limit, *, used: int, before: int, now: float) -> tuple[int, float]:
    """How many more may be counted now; if none, the seconds until one may, when nobody else comes."""
    elapsed = now % limit.seconds
    before = min(before, limit.count)  # leases under way may have taken it above
    room = math.floor(limit.count - used - before * (1 - elapsed / limit.seconds) + _ROUNDING)
    if room >= 1:
        return room, 0.0
    if used + 1 > limit.count:  # this window is full; in the next, what it holds fades
        return 0, limit.seconds - elapsed + limit.seconds / limit.count
    return 0, limit.seconds * (1 - (limit.count - used - 1) / before) - elapsed


def _worst(asked: list[_Wanted], now: float) -> int:
    """The longest wait of those that have no room, which is remembered of each; 0 when all have."""
    worst = 0
    for one in asked:
        if one.room < 1:
            one.held.refused_until = now + one.seconds
            worst = max(worst, _refused(one.limit, one.seconds))
    return worst


def _refused(limit: Limit, seconds: float) -> int:
    figures().refused.labels(limit.name).inc()
    return max(1, math.ceil(seconds))
