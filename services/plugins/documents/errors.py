"""What can be wrong with asking for a document."""

from __future__ import annotations

from core.errors import SitthiError
from core.text import Text


class NotIssuedHere(SitthiError):
    """There is no such service, or it issues no document to a citizen by that operation."""

    code = "NOT_ISSUED_HERE"
    text = Text(th="บริการนี้ไม่มีเอกสารที่ขอได้ที่นี่", en="This service issues no such document here.")


class TooManyDocuments(SitthiError):
    """So many documents of the citizen are kept that no more are asked for. They go by themselves, or by erasure."""

    code = "TOO_MANY_DOCUMENTS"
    text = Text(
        th="คุณมีเอกสารที่ยังไม่หมดอายุครบ {most} ฉบับแล้ว กรุณาลบเอกสารหรือรอให้หมดอายุก่อน",
        en="You have {most} documents here already. Erase them, or wait until one of them expires.",
    )


class TooManyOrders(SitthiError):
    """So many orders of the citizen wait to be paid or made that no more are taken."""

    code = "TOO_MANY_ORDERS"
    text = Text(
        th="คุณมีคำสั่งขอเอกสารที่รอชำระหรือรอออกครบ {most} รายการแล้ว",
        en="{most} documents that you ordered are not paid or not made yet.",
    )
