"""Errors of requests under the PDPA."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, NotFound, SitthiError
from core.text import Text
from services.exchange import errors


class WrongState(Conflict):
    """The request is not, or no longer, where this can be done."""

    code = "PRIVACY_REQUEST_STATE"
    text = Text(th="คำขอนี้อยู่ในสถานะ {status} จึงทำรายการนี้ไม่ได้", en="The request is {status}; this cannot be done to it.")


class RequestOpen(SitthiError):
    code = "PRIVACY_REQUEST_OPEN"
    text = Text(th="มีคำขอเรื่องนี้ที่กำลังดำเนินการอยู่แล้ว", en="A request of this kind is under way already.")


class NotErasableAlone(SitthiError):
    code = "NOT_ERASABLE_ALONE"
    text = Text(
        th="ข้อมูลหมวด {store} ลบเฉพาะส่วนไม่ได้ ลบได้เมื่อออกจากระบบทั้งหมดเท่านั้น",
        en="`{store}` cannot be erased by itself, only with everything when you leave.",
    )


class ObjectionNotPossible(SitthiError):
    """The law lets the state go on for this purpose (s.32(1) with a compelling ground)."""

    code = "OBJECTION_NOT_POSSIBLE"
    text = Text(
        th="คัดค้านการใช้ข้อมูลเพื่อวัตถุประสงค์ {purpose} ไม่ได้ เพราะ {why}",
        en="One cannot object to the purpose {purpose}: {why}",
    )


class RestrictionNotPossible(SitthiError):
    """What the purpose is for could not be done for anybody if its data could be frozen."""

    code = "RESTRICTION_NOT_POSSIBLE"
    text = Text(
        th="ระงับการใช้ข้อมูลเพื่อวัตถุประสงค์ {purpose} ไม่ได้ เพราะ {why}",
        en="The use for the purpose {purpose} cannot be restricted: {why}",
    )


class UnknownPurpose(errors.UnknownPurpose):
    text = Text(th="ไม่มีวัตถุประสงค์ที่ขึ้นทะเบียนชื่อ {purpose}", en="There is no registered purpose `{purpose}`.")


class ExportGone(NotFound):
    """Prepared, and no longer there."""

    code = "EXPORT_EXPIRED"
    text = Text(th="ไฟล์นี้หมดอายุแล้ว กรุณาขอใหม่", en="This file has expired; please ask for a new one.")


class NotReady(SitthiError):
    code = "EXPORT_NOT_READY"
    text = Text(th="ยังเตรียมไฟล์ไม่เสร็จ", en="The file is not ready yet.")


class OwnHold(NotAllowed):
    """The hold is on the officer's own data."""

    code = "LEGAL_HOLD_OWN"
    text = Text(
        th="การระงับการลบนี้เกี่ยวกับข้อมูลของคุณเอง ต้องให้เจ้าหน้าที่อื่นดำเนินการ",
        en="This hold is on your own data; that is for others to decide.",
    )


class NoSuchHold(NotFound):
    code = "LEGAL_HOLD_UNKNOWN"
    text = Text(th="ไม่พบการระงับการลบนี้", en="There is no such legal hold.")
