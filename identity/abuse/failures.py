"""Failed attempts at a secret, counted so that guessing stops and nobody is locked out by somebody else (ADR 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from fastapi import Request

from core.addresses import address_of
from core.rate_limits import Asked, Limit, RateLimited, RateLimiter
from identity.abuse.devices import Devices

SLOW_SECONDS: Final = 3
"""What an attempt from an unknown device waits while there are too many failures everywhere."""
WAITING_MAX: Final = 200
"""Attempts of one process that wait at once. Whoever comes then is asked to come back as much later."""
_TEN_MINUTES: Final = 600


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """How many attempts at one kind of secret may fail. None of the three is keyed by the secret or by its owner."""

    by_device: Limit
    """For a browser that somebody has signed in on; after these, its attempts count by address as everybody's do."""
    by_address: Limit
    overall: Limit | None
    """Of all addresses together: above it, attempts from unknown devices wait. None where no secret can be guessed:
    attempts that are under way count too, and a whole nation's are many."""


def failure_limits(name: str, *, by_device: int, by_address: int, overall: int | None) -> FailureLimits:
    """In ten minutes each."""
    return FailureLimits(
        Limit(f"{name}-by-device", by_device, _TEN_MINUTES, scaled=False),
        Limit(f"{name}-by-address", by_address, _TEN_MINUTES, scaled=False),
        None if overall is None else Limit(f"{name}-overall", overall, _TEN_MINUTES, scaled=False),
    )


SIGN_IN_RETURNS: Final = failure_limits("sign-in-return", by_device=20, by_address=600, overall=None)
"""Coming back from ThaID. Its code is not to be guessed, but each attempt asks ThaID, and in our name: one machine may
do that once a second. While ThaID is slow, 200 of the 4,000 people behind one address are under way at once."""
COUNTER_CODES: Final = failure_limits("counter-code", by_device=10, by_address=30, overall=600)
"""Codes from an officer's counter, typed by hand. An office's visitors share one address, and slip now and then. With
50 bits in a code and a thousand of them good at once, 600 guesses in ten minutes find one in 35,000 years; ten thousand
addresses that all guess as much as they may need 70, and are seen in the metrics at once."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An attempt that was admitted; it counts as failed until it is said to have succeeded."""

    taken: tuple[Asked, ...]
    at: float


class Failures:
    """Attempts at one kind of secret.

    Ask :meth:`admit` before looking at the secret, and tell :meth:`succeeded` if it was right, or if it was not the
    caller's fault that it could not be checked. Counting comes first, so that a hundred parallel guesses are a hundred.
    """

    def __init__(
        self,
        limits: FailureLimits,
        limiter: RateLimiter,
        devices: Devices,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits, self._limiter, self._devices, self._pause = limits, limiter, devices, pause
        self._waiting = 0

    async def admit(self, request: Request) -> Ticket:
        """Raises :class:`RateLimited` when too many attempts from here have failed. May take :data:`SLOW_SECONDS`."""
        at = self._limiter.now()
        device = self._devices.known(request)
        if device is not None:
            mine = (self._limits.by_device, device)
            if await self._limiter.take(mine) == 0:
                return Ticket((mine,), at)
        by_address: Asked = (self._limits.by_address, address_of(request.scope))
        await self._limiter.check(by_address)
        if self._limits.overall is None:
            return Ticket((by_address,), at)
        overall: Asked = (self._limits.overall, "")
        if await self._limiter.take(overall) == 0:
            return Ticket((by_address, overall), at)
        ticket = Ticket((by_address,), at)
        if self._waiting >= WAITING_MAX:
            await self.succeeded(ticket)
            raise RateLimited(SLOW_SECONDS)
        self._waiting += 1
        try:
            await self._pause(SLOW_SECONDS)
        finally:
            self._waiting -= 1
        return ticket

    async def succeeded(self, ticket: Ticket) -> None:
        """The attempt did not fail: it is uncounted."""
        for limit, key in ticket.taken:
            await self._limiter.give_back(limit, key, ticket.at)
