"""What the ledger refuses. All of these are faults of a program, never of a citizen."""

from __future__ import annotations

from core.errors import Conflict, NotFound, SitthiError
from core.text import Text


class LedgerError(SitthiError):
    code = "LEDGER_ERROR"
    text = Text(th="บัญชีแยกประเภทปฏิเสธรายการ", en="The ledger refused the entry.")


class Unbalanced(LedgerError):
    code = "LEDGER_UNBALANCED"
    text = Text(th="รายการบัญชีไม่สมดุล", en="The postings of a transaction must sum to zero, none of them being zero.")


class KeyReused(LedgerError):
    """The business key was used for other postings. Booking a correction is a counter-entry with a key of its own."""

    code = "LEDGER_KEY_REUSED"
    text = Text(
        th="รายการ {key} ลงบัญชีไว้แล้วด้วยยอดอื่น", en="The transaction {key} is booked already, with other postings."
    )


class KeyTooLong(LedgerError):
    """Cut, it might be another's: :func:`services.pay.ledger.service.bounded` makes one that is not."""

    code = "LEDGER_KEY_TOO_LONG"
    text = Text(th="รหัสรายการบัญชียาวเกินไป", en="The key of a transaction has 100 characters at most.")


class PeriodClosed(Conflict):
    """Corrections are counter-entries in the month that is open."""

    code = "PERIOD_CLOSED"
    text = Text(
        th="ปิดบัญชีงวด {period} แล้ว ลงรายการอีกไม่ได้",
        en="The books of {period} are closed; nothing is booked into them any more.",
    )


class PeriodStillOpen(Conflict):
    code = "PERIOD_STILL_OPEN"
    text = Text(
        th="ยังปิดบัญชีงวด {period} ไม่ได้ ปิดได้ตั้งแต่วันที่ 2 ของเดือนถัดไป",
        en="{period} cannot be closed yet: it can from the second day of the month after it.",
    )


class EntryNotFound(NotFound):
    code = "ENTRY_NOT_FOUND"
    text = Text(th="ไม่พบรายการบัญชีนี้ในหน่วยงานของคุณ", en="Your agency's books have no entry of that key.")


class NotReversible(Conflict):
    """It was reversed before, or is itself a reversal, or belongs to a budget."""

    code = "NOT_REVERSIBLE"
    text = Text(
        th="กลับรายการ {key} ไม่ได้: กลับแล้ว เป็นรายการกลับ หรือเป็นรายการงบประมาณ",
        en="{key} is not reversed: it was already, or it reverses another, or it is a budget's.",
    )


class ActNotFound(NotFound):
    code = "ACT_NOT_FOUND"
    text = Text(th="ไม่พบรายการที่เสนอนี้ในหน่วยงานของคุณ", en="Your agency has no such proposal on its books.")


class ActDecided(Conflict):
    code = "ACT_DECIDED"
    text = Text(th="รายการที่เสนอนี้มีผู้พิจารณาแล้ว", en="This proposal was decided already.")
