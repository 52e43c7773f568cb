"""The bank, when we ask it: whether a bill is paid, and its list of a day. JSON over HTTP (notices.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import httpx2

from core.errors import ServiceUnavailable
from core.text import Text
from services.pay.fees.errors import NoticeMalformed
from services.pay.fees.needs import Notice
from services.pay.fees.notices import read_list

BANK: Final = Text(th="ธนาคาร", en="The bank")
BYTES_MAX: Final = 32 * 1024 * 1024


class HttpBillingBank:
    """`GET {base}/credits/{biller}?reference1=…` and `?day=2026-11-16`; both answer a list."""

    def __init__(self, client: httpx2.AsyncClient, base_url: str) -> None:
        """`client` brings its time limits; whoever made it closes it."""
        self._client, self._base = client, base_url.rstrip("/")

    async def paid(self, biller: str, reference: str) -> Sequence[Notice]:
        found = await self._ask(biller, {"reference1": reference})
        if any(one.biller != biller or one.reference != reference for one in found):
            raise NoticeMalformed(where="reference1")
        return found

    async def of_day(self, biller: str, day: date) -> Sequence[Notice]:
        found = await self._ask(biller, {"day": day.isoformat()})
        if any(one.biller != biller for one in found):
            raise NoticeMalformed(where="biller")
        return found

    async def _ask(self, biller: str, query: Mapping[str, str]) -> Sequence[Notice]:
        try:
            async with self._client.stream("GET", f"{self._base}/credits/{biller}", params=query) as response:
                if response.status_code != httpx2.codes.OK:
                    raise ServiceUnavailable(BANK)
                received = bytearray()
                async for piece in response.aiter_bytes():
                    received += piece
                    if len(received) > BYTES_MAX:
                        raise NoticeMalformed(where="size")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise ServiceUnavailable(BANK) from None
        return read_list(bytes(received))
