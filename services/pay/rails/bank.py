"""The rail of bulk credit transfers: ISO 20022 files over the bank's file interface (HTTP)."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

import httpx2

from core.errors import ServiceUnavailable
from core.text import Text
from services.pay.errors import BankFileRefused
from services.pay.iso20022 import camt054, pain001, pain002
from services.pay.iso20022.xml import BYTES_MAX, TOO_LARGE
from services.pay.rails.contract import Answer, Entry, Order

BANK: Final = Text(th="ธนาคาร", en="The bank")
_XML: Final = {"content-type": "application/xml", "accept": "application/xml"}


class BankRail:
    """`POST {base}/pain.001` answers a pain.002; `GET {base}/camt.054/{message id}` the notification, or 404."""

    def __init__(self, client: httpx2.AsyncClient, base_url: str, product: pain001.Product | None = None) -> None:
        """`client` brings its time limits; it is closed by whoever made it. Each product of the bank is a rail."""
        self._client, self._base, self._product = client, base_url.rstrip("/"), product

    def write(self, order: Order) -> bytes:
        """Raises ValueError for what the message cannot hold."""
        return pain001.write(order, self._product)

    async def submit(self, order: UUID, file: bytes) -> Answer:
        answer = await self._exchange("POST", "/pain.001", file)
        if answer is None:
            raise ServiceUnavailable(BANK)
        return pain002.read_answer(answer, order)

    async def booked(self, order: UUID) -> tuple[Entry, ...]:
        return await self.told(order) or ()

    async def told(self, order: UUID) -> tuple[Entry, ...] | None:
        """As :meth:`booked`; None for a message that never came. Raises the same."""
        notification = await self._exchange("GET", f"/camt.054/{order.hex}", None)
        return None if notification is None else camt054.read_entries(notification)

    async def statement(self, account: str, day: date) -> bytes | None:
        """`GET {base}/camt.053/{account}?day=2026-11-16`; None where the bank has none."""
        return await self._exchange("GET", f"/camt.053/{account}?day={day.isoformat()}", None)

    async def _exchange(self, method: str, path: str, body: bytes | None) -> bytes | None:
        """The body of a 200, None for a 404; whatever else happens leaves it open what the bank did."""
        try:
            async with self._client.stream(method, self._base + path, content=body, headers=_XML) as response:
                if response.status_code == httpx2.codes.NOT_FOUND:
                    return None
                if response.status_code != httpx2.codes.OK:
                    raise ServiceUnavailable(BANK)
                received = bytearray()
                async for piece in response.aiter_bytes():
                    received += piece
                    if len(received) > BYTES_MAX:
                        raise BankFileRefused(TOO_LARGE, "file")
                return bytes(received)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise ServiceUnavailable(BANK) from None
