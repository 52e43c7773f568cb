"""camt.054.001.08, BankToCustomerDebitCreditNotification: what the bank has booked.

A payment is a DBIT entry; a return is a CRDT entry with `RvslInd` true and `RtrInf`. An entry may hold several
transactions; their amounts must add up to the entry's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from core.clock import start_of_bangkok_day
from core.money import Money
from services.pay.iso20022.schema import check_message
from services.pay.iso20022.xml import BAD_COUNT, BAD_SUM, BAD_VALUE, Element, read
from services.pay.rails.contract import Entry, EntryKind

MESSAGE: Final = "camt.054.001.08"


def read_entries(document: bytes) -> tuple[Entry, ...]:
    """Raises :class:`BankFileRefused`; then no entry of the file is used."""
    root = read(document, MESSAGE, "BkToCstmrDbtCdtNtfctn")
    root.need("GrpHdr", "MsgId").short_text()
    root.need("GrpHdr", "CreDtTm").instant()
    found: list[Entry] = []
    for notification in root.all("Ntfctn"):
        notification.need("Id").short_text()
        entries = list(notification.all("Ntry"))
        _check_summary(notification, entries)
        for entry in entries:
            found.extend(_transactions(entry))
    check_message(root, MESSAGE)
    return tuple(found)


def _check_summary(notification: Element, entries: list[Element]) -> None:
    summary = notification.find("TxsSummry", "TtlNtries")
    if summary is None:
        return
    count = summary.find("NbOfNtries")
    if count is not None and count.count() != len(entries):
        raise count.refused(BAD_COUNT)
    total = summary.find("Sum")
    if total is not None and total.decimal().satang != sum(e.need("Amt").any_amount().satang for e in entries):
        raise total.refused(BAD_SUM)


def _transactions(entry: Element) -> Iterator[Entry]:
    amount = entry.need("Amt")
    money, currency = amount.any_amount(), amount.currency()
    status = entry.need("Sts", "Cd")
    if status.code() != "BOOK":
        raise status.refused(BAD_VALUE)
    booked_at = _instant(entry.need("BookgDt"))
    direction = entry.need("CdtDbtInd").code()
    reversal = entry.find("RvslInd")
    returned = reversal is not None and reversal.short_text() == "true"
    if (direction, returned) not in {("DBIT", False), ("CRDT", True)}:
        raise entry.refused(BAD_VALUE, "CdtDbtInd")
    details = [transaction for block in entry.all("NtryDtls") for transaction in block.all("TxDtls")]
    if not details:
        raise entry.refused(BAD_COUNT, "NtryDtls", "TxDtls")
    total = 0
    for transaction in details:
        part = transaction.need("Amt")
        if part.currency() != currency:
            raise part.refused(BAD_VALUE)
        total += part.any_amount().satang
        yield _entry(transaction, part.any_amount(), currency, booked_at, returned=returned)
    if total != money.satang:
        raise amount.refused(BAD_SUM)


def _entry(transaction: Element, money: Money, currency: str, booked_at: datetime, *, returned: bool) -> Entry:
    references = transaction.need("Refs")
    return Entry(
        kind=EntryKind.RETURNED if returned else EntryKind.PAID,
        reference=references.need("AcctSvcrRef").short_text(),
        end_to_end=references.need("EndToEndId").short_text(),
        money=money,
        currency=currency,
        booked_at=booked_at,
        reason=transaction.need("RtrInf", "Rsn", "Cd").code() if returned else "",
    )


def _instant(booking: Element) -> datetime:
    exact = booking.find("DtTm")
    return exact.instant() if exact is not None else start_of_bangkok_day(booking.need("Dt").day())
