"""What can be wrong with an application."""

from __future__ import annotations

from uuid import UUID

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text


class ApplyError(SitthiError):
    """Base of this room's errors."""


class AlreadyApplied(ApplyError):
    """There is an active one for this beneficiary, or their household, and subject. `application` is its id if it is
    the caller's; whose another one is, nobody is told."""

    code = "ALREADY_APPLIED"
    text = Text(
        th="มีคำขอเรื่องนี้สำหรับบุคคลหรือครัวเรือนนี้อยู่แล้ว",
        en="There is an application for this person or household and subject already.",
    )

    def __init__(self, application: UUID | None = None) -> None:
        self.application = application
        super().__init__()


class ExcludedByAnother(ApplyError):
    """Something that the law lets nobody have beside this is under way or granted for this beneficiary."""

    code = "EXCLUDED_BY_ANOTHER"
    text = Text(
        th="ยื่นคำขอนี้ไม่ได้ เพราะมีคำขอหรือสิทธิเรื่อง {other} สำหรับบุคคลนี้อยู่แล้ว ซึ่งกฎหมายไม่ให้มีพร้อมกัน หากต้องการเปลี่ยน ให้ถอนคำขอนั้นก่อน",
        en="This cannot be applied for while {other} is under way or granted for this person: the law does not allow "
        "both. To change, withdraw that one first.",
    )


class NotOfferedHere(ApplyError):
    code = "NOT_OFFERED_HERE"
    text = Text(th="บริการนี้ยังไม่เปิดรับคำขอทางนี้", en="This service does not take applications here.")


class NotWaitingForAnswers(ApplyError):
    code = "NOT_WAITING_FOR_ANSWERS"
    text = Text(th="คำขอนี้ไม่ได้รอข้อมูลเพิ่มเติม", en="This application does not wait for further information.")


class AlreadyDecided(ApplyError):
    code = "ALREADY_DECIDED"
    text = Text(th="คำขอนี้มีผลการพิจารณาแล้ว", en="This application has been decided already.")


class AlreadyClosed(ApplyError):
    code = "ALREADY_CLOSED"
    text = Text(th="คำขอนี้สิ้นสุดแล้ว", en="This application is closed already.")


class NotRejected(ApplyError):
    """Only a rejection, or the end of what was granted, can be appealed, and only while no appeal of it is open."""

    code = "NOT_REJECTED"
    text = Text(th="อุทธรณ์ได้เฉพาะคำขอที่ไม่ได้รับอนุมัติ", en="Only a rejected application can be appealed.")


class NotReopenable(ApplyError):
    """Only what lapsed is opened again, and not for ever; what a death closed, by an officer alone."""

    code = "NOT_REOPENABLE"
    text = Text(
        th="เปิดคำขอนี้อีกครั้งไม่ได้แล้ว กรุณายื่นคำขอใหม่", en="This application cannot be opened again; please apply anew."
    )


class NotYoursToDecide(ApplyError, NotAllowed):
    """The officer's agency does not decide this application, or the officer has no such role."""

    code = "NOT_YOURS_TO_DECIDE"
    text = Text(th="หน่วยงานของคุณไม่ได้พิจารณาคำขอนี้ หรือคุณไม่มีหน้าที่นี้", en="This application is not yours to decide.")


class ChangedMeanwhile(ApplyError, Conflict):
    """The application moved between the reading of facts and the writing of the decision."""

    code = "CONFLICT"
    text = Text(
        th="คำขอนี้เปลี่ยนแปลงระหว่างดำเนินการ กรุณาลองใหม่", en="This application changed in the meantime. Please try again."
    )
