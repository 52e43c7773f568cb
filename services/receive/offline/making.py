"""The bundle: who issues, by which keys, what was taken back, and under which certificates papers are signed."""

from __future__ import annotations

import asyncio
import base64
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding

from core.attestation.service import Attestor
from core.clock import Clock
from services.receive.credentials.service import Credentials
from services.receive.credentials.status import LIVES, TTL
from services.receive.papers.authority import Authority
from services.receive.standing.register import PaperRegister

BUNDLE_TYPE: Final = "sitthi-verification-bundle+jwt"
VERSION: Final = 1
"""Of the claims; they may grow, and never change their meaning."""


class Bundles:
    """One per process; makes a bundle at most every five minutes, however many ask."""

    def __init__(
        self, clock: Clock, credentials: Credentials, authority: Authority, register: PaperRegister, attestor: Attestor
    ) -> None:
        self._clock, self._credentials, self._authority, self._attestor = clock, credentials, authority, attestor
        self._register = register
        self._making = asyncio.Lock()
        self._made: tuple[datetime, dict[str, Any]] | None = None

    async def current(self) -> dict[str, Any]:
        """`bundle`, a JWS by the keys that attest, and `keys`, their public halves, with which it can be read."""
        async with self._making:
            now = self._clock.now()
            if self._made is None or not self._made[0] <= now < self._made[0] + TTL:
                self._made = (now, await self._make(now))
            return self._made[1]

    async def _make(self, now: datetime) -> dict[str, Any]:
        room = self._credentials
        lists, ends = {}, now + LIVES
        for agency in await room.issuers.agencies():
            for number in range(1, await room.lists.last(agency) + 1):
                found = await room.lists.published(agency, number)
                assert found is not None, "an agency that has a list has a key"
                lists[room.lists.uri(agency, number)] = found.token
                ends = min(ends, found.at + LIVES)
        claims = {
            "v": VERSION,
            "until": ends.isoformat(timespec="seconds"),
            "issuers": await room.issuers.known(
                {one: room.offerings.title(one) for one in await room.issuers.agencies()}
            ),
            "lists": lists,
            "certificates": [
                {
                    "agency": one.agency,
                    "certificate": base64.b64encode(one.certificate.public_bytes(Encoding.DER)).decode(),
                    "revoked_at": None if one.revoked_at is None else one.revoked_at.isoformat(),
                }
                for one in (await self._authority.known()).values()
            ],
            "papers": {sha256: status.name for sha256, status in (await self._register.not_good()).items()},
        }
        token = await self._attestor.sign(claims, typ=BUNDLE_TYPE)
        return {"keys": (await self._attestor.public())["keys"], "bundle": token}
