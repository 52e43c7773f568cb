"""Counting against an agreement's quota: of the day in Bangkok, and of the minute, for all processes together.

**Exact.** `INCRBY` answers each process another number, so that no more than the quota is ever granted, whatever number
of processes ask at once. A batch that finds no room takes back what it added; while it does, another may be refused
that would have fitted, and may ask again: a quota is never exceeded, and now and then a little cautious.

**Valkey away.** Then nobody can count for all, and nothing is told that has to be counted: the refusal is
`SERVICE_UNAVAILABLE`. An agency that asks for a while in vain is a nuisance; an agreement without its limit is a breach
of it. Standing agreements without a quota do not depend on it.

Counted is who is asked about once the gate has found nothing else in the way, also when a source is then silent. What
was counted and could not be entered in the log stays counted.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.clock import BANGKOK, Clock
from services.exchange.agreements.terms import Quota, Terms
from services.exchange.policy import QUOTA_EXCEEDED, QUOTA_UNKNOWN, Verdict

QUESTIONS_MAX: Final = 16
"""Under way to Valkey at once. A crowd that took every connection of the pool would pass for a Valkey that is away."""
_DAY_KEPT: Final = timedelta(days=2)
_MINUTE_KEPT: Final = timedelta(minutes=3)

log = structlog.get_logger(__name__)


class Quotas:
    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._turns = asyncio.Semaphore(QUESTIONS_MAX)

    async def take(self, terms: Terms, count: int) -> str | None:
        """Counts so many subjects, all or none: None, or the reason why they may not be asked about."""
        if terms.quota is None:
            return None
        if count > min(terms.quota.per_day, terms.quota.per_minute):
            return QUOTA_EXCEEDED  # it never fits: nobody else is to be refused while we find out
        names = _names(terms, self._clock.now())
        try:
            async with self._turns:
                return None if await self._added(names, terms.quota, count) else QUOTA_EXCEEDED
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("quota_unknown", agreement=terms.id, error=type(error).__name__)
            return QUOTA_UNKNOWN

    async def within(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Counts each subject against each agreement that something is told under, and refuses what is too much."""
        counts: dict[str, int] = defaultdict(int)
        terms = {}
        for verdict in verdicts:
            for one in {one.id: one for one in verdict.agreements.values()}.values():
                counts[one.id] += 1
                terms[one.id] = one
        refused = {name: await self.take(terms[name], count) for name, count in sorted(counts.items())}
        checked = []
        for verdict in verdicts:
            left = verdict
            for name, reason in refused.items():
                if reason is not None:
                    gone = [attribute for attribute, one in verdict.agreements.items() if one.id == name]
                    left = left.without(gone, reason)
            checked.append(left)
        return checked

    async def _added(self, names: tuple[str, str], quota: Quota, count: int) -> bool:
        day, minute = names
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(day, 0, ex=_DAY_KEPT, nx=True)  # never a counter that does not end
            pipeline.incrby(day, count)
            pipeline.set(minute, 0, ex=_MINUTE_KEPT, nx=True)
            pipeline.incrby(minute, count)
            _, of_day, _, of_minute = await pipeline.execute()
        if of_day <= quota.per_day and of_minute <= quota.per_minute:
            return True
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.decrby(day, count)
            pipeline.decrby(minute, count)
            await pipeline.execute()
        return False


def _names(terms: Terms, now: datetime) -> tuple[str, str]:
    """Both in one slot of a cluster. A new version of an agreement goes on counting where the former one stood."""
    local = now.astimezone(BANGKOK)
    prefix = f"exchange:quota:{{{terms.id}}}"
    return f"{prefix}:{local:%Y%m%d}", f"{prefix}:{local:%Y%m%d%H%M}"
