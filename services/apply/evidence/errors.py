"""What can be wrong with evidence."""

from __future__ import annotations

from typing import Final

from core.errors import SitthiError
from core.text import Text
from services.apply.evidence.refusals import Reason


class EvidenceError(SitthiError):
    """Base of this room's errors."""


class EvidenceTypeRefused(EvidenceError):
    """It is decided by what the file holds; what it is called, and what the request says of it, is not looked at."""

    code = "EVIDENCE_TYPE"
    text = Text(th="รับเฉพาะไฟล์ PDF, JPEG และ PNG", en="Only PDF, JPEG and PNG files are taken.")


class EvidenceBroken(EvidenceError):
    code = "EVIDENCE_BROKEN"
    text = Text(
        th="ไฟล์นี้เปิดอ่านไม่ได้ทั้งไฟล์ กรุณาบันทึกหรือสแกนใหม่แล้วส่งอีกครั้ง",
        en="This file cannot be read to its end. Please save or scan it anew, and send it again.",
    )


class EvidenceUnsafe(EvidenceError):
    """`reason` says what is in it that must not be."""

    code = "EVIDENCE_UNSAFE"
    text = Text(th="รับไฟล์นี้ไม่ได้: {reason}", en="This file cannot be taken: {reason}")


class EvidenceInfected(EvidenceError):
    """The scanner knows something in it. Which, is logged and not told."""

    code = "EVIDENCE_INFECTED"
    text = Text(
        th="โปรแกรมตรวจไวรัสพบสิ่งอันตรายในไฟล์นี้ จึงไม่ได้เก็บไว้",
        en="A virus scanner found something harmful in this file. It was not kept.",
    )


class EvidenceTooLarge(EvidenceError):
    code = "EVIDENCE_TOO_LARGE"
    text = Text(th="ไฟล์ใหญ่เกิน {most} MB", en="The file is larger than {most} MB.")


class EvidenceCut(EvidenceError):
    """The body ended before it was whole, or is of another length than was said. Nothing of it was kept."""

    code = "EVIDENCE_CUT"
    text = Text(th="ได้รับไฟล์ไม่ครบ กรุณาส่งใหม่", en="The file did not arrive whole. Please send it again.")


class EvidenceTooSlow(EvidenceError):
    code = "EVIDENCE_TOO_SLOW"
    text = Text(
        th="ส่งไฟล์ไม่เสร็จในเวลาที่กำหนด กรุณาลองใหม่เมื่อสัญญาณดีขึ้น",
        en="The file took too long to arrive. Please try again with a better connection.",
    )


class TooMuchEvidence(EvidenceError):
    """So much is kept of the person, or named in the application, that no more is taken; or it is being sent now."""

    code = "TOO_MUCH_EVIDENCE"
    text = Text(
        th="ส่งหลักฐานครบจำนวนที่รับได้แล้ว ({most}) กรุณาลบไฟล์ที่ไม่ได้ใช้ก่อน",
        en="As much evidence is here as can be taken ({most}). Please delete what you do not need.",
    )


class EvidenceSubmitted(EvidenceError):
    """It is part of an application: it can neither be deleted nor be named in another one."""

    code = "EVIDENCE_SUBMITTED"
    text = Text(th="หลักฐานนี้อยู่ในคำขอแล้ว", en="This evidence is part of an application already.")


class EvidenceNotTaken(EvidenceError):
    """The agency decides, and the contract with agencies has no way to bring a file there."""

    code = "EVIDENCE_NOT_TAKEN"
    text = Text(
        th="บริการนี้รับหลักฐานที่หน่วยงานโดยตรง ไม่รับทางนี้", en="This service takes evidence at the agency itself, not here."
    )


class EvidenceClosed(EvidenceError):
    """In production nothing is taken that nobody scans: SITTHI_CLAMD is not set."""

    code = "EVIDENCE_CLOSED"
    text = Text(th="ขณะนี้ยังไม่เปิดรับไฟล์หลักฐาน", en="Evidence is not taken here at present.")


_WHY: Final = {
    Reason.MORE_BEHIND: Text(th="มีข้อมูลอื่นต่อท้ายไฟล์", en="something follows after its end"),
    Reason.TWO_FORMATS: Text(th="ในไฟล์มีไฟล์ชนิดอื่นซ้อนอยู่", en="it is a file of another kind as well"),
    Reason.ACTIVE: Text(th="ในไฟล์มีสคริปต์หรือคำสั่งที่ทำงานเอง", en="it holds a script, or something that runs by itself"),
    Reason.ATTACHMENTS: Text(th="มีไฟล์อื่นแนบอยู่ข้างใน", en="other files are attached in it"),
    Reason.LOCKED: Text(th="ไฟล์ถูกเข้ารหัสหรือใส่รหัสผ่าน", en="it is encrypted, or has a password"),
    Reason.TOO_MUCH_INSIDE: Text(th="ข้อมูลข้างในใหญ่หรือซับซ้อนเกินไป", en="what is in it is too large or too many"),
}


def error_of(reason: Reason) -> EvidenceError:
    """What the citizen is told."""
    if reason is Reason.WRONG_TYPE:
        return EvidenceTypeRefused()
    if reason is Reason.BROKEN:
        return EvidenceBroken()
    return EvidenceUnsafe(reason=_WHY[reason])
