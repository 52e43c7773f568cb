"""What delegation refuses, and why. None of it says anything about the other side."""

from __future__ import annotations

from core.errors import Conflict, NotAllowed, SitthiError
from core.text import Text


class NotToOneself(SitthiError):
    code = "DELEGATION_TO_ONESELF"
    text = Text(th="มอบหมายให้ตนเองไม่ได้", en="Nobody acts for themself: this is your own number.")


class NotYourMinorChild(NotAllowed):
    """Alike for a stranger's child, a child of age, and somebody whom the register does not know."""

    code = "NOT_YOUR_MINOR_CHILD"
    text = Text(
        th="ทะเบียนราษฎรไม่มีข้อมูลว่าบุคคลนี้เป็นบุตรของคุณที่ยังไม่บรรลุนิติภาวะ",
        en="The civil register does not know this person as a minor child of yours.",
    )


class TooYoung(NotAllowed):
    """Whoever acts for another, or lets a carer act, is of age (Civil and Commercial Code s.19, s.21)."""

    code = "NOT_OF_AGE"
    text = Text(th="ต้องบรรลุนิติภาวะ (อายุ 20 ปีบริบูรณ์) ก่อน", en="One must be of age (20) for this.")


class NoCarerNeeded(NotAllowed):
    code = "NOT_ENTITLED_TO_A_CARER"
    text = Text(
        th="ผู้ดูแลดำเนินการแทนได้เฉพาะผู้ที่มีอายุ 60 ปีขึ้นไป หรือมีบัตรประจำตัวคนพิการ",
        en="A carer acts for a person of 60 or more, or with a disability card.",
    )


class UnderGuardianship(NotAllowed):
    code = "UNDER_GUARDIANSHIP"
    text = Text(th="ผู้ที่มีผู้ปกครองหรือผู้อนุบาลดำเนินการแทนผู้อื่นไม่ได้", en="Who has a guardian cannot act for others.")


class AlreadyDelegated(Conflict):
    code = "ALREADY_DELEGATED"
    text = Text(
        th="มีการมอบหมายหรือคำขอมอบหมายระหว่างคุณกับบุคคลนี้อยู่แล้ว",
        en="There is such a delegation, or a proposal of one, between the two of you already.",
    )


class DelegationOver(Conflict):
    code = "DELEGATION_OVER"
    text = Text(th="การมอบหมายนี้สิ้นสุดแล้ว หรือตอบรับไปแล้ว", en="This has ended, or was accepted before.")


class TooManyProposals(SitthiError):
    code = "TOO_MANY_PROPOSALS"
    text = Text(
        th="คุณส่งคำขอมอบหมายครบ {most} รายการแล้ว กรุณารอคำตอบ หรือลองใหม่พรุ่งนี้",
        en="You have made {most} proposals that wait for an answer or are of today. Wait, or come back tomorrow.",
    )


class EndedByOfficersOnly(NotAllowed):
    code = "ENDED_BY_OFFICERS_ONLY"
    text = Text(
        th="ผู้ปกครองหรือผู้อนุบาลตามคำสั่งศาล สิ้นสุดได้โดยเจ้าหน้าที่เท่านั้น",
        en="A guardian whom a court appointed is taken off by officers only.",
    )
