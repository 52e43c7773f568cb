"""What the ledger refuses. All of these are faults of a program, never of a citizen."""

from __future__ import annotations

from core.errors import SitthiError
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
