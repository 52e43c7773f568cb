"""Browsers that somebody has signed in on: the device cookies of OWASP's "Slow Down Online Guessing Attacks"."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import Request, Response

from core.clock import Clock
from core.crypto import KeyRing
from identity.web import Cookies

_COOKIE: Final = "device"
_KEPT: Final = timedelta(days=180)
_LENGTH_MAX: Final = 200


class Devices:
    """A cookie says that somebody once signed in here, and hides who.

    It opens nothing. Whoever holds one has their failures counted by it, before those of their address: strangers
    behind the same NAT cannot lock them out. All devices of one person count as one, so that signing in again and again
    earns no new attempts.
    """

    def __init__(self, cookies: Cookies, keys: KeyRing, clock: Clock) -> None:
        self._cookies, self._keys, self._clock = cookies, keys, clock

    def remember(self, response: Response, person: UUID) -> None:
        """After a sign-in that succeeded."""
        until = int((self._clock.now() + _KEPT).timestamp())
        told = f"{self._keys.blind_index(person.hex, domain='device-person')[:16].hex()}.{until}"
        self._cookies.write(response, _COOKIE, f"{told}.{self._mac(told)}", int(_KEPT.total_seconds()))

    def known(self, request: Request) -> str | None:
        """By what a known device's failures are counted; None for a device that nobody has signed in on."""
        cookie = self._cookies.read(request, _COOKIE) or ""
        told, _, mac = cookie.rpartition(".")
        if len(cookie) > _LENGTH_MAX or not hmac.compare_digest(mac.encode(), self._mac(told).encode()):
            return None
        who, _, until = told.partition(".")
        return who if int(until) > self._clock.now().timestamp() else None

    def _mac(self, told: str) -> str:
        return self._keys.blind_index(told, domain="device-cookie").hex()
