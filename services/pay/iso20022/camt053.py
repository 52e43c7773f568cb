"""camt.053.001.08, BankToCustomerStatement: an account's day as the bank has booked it, with what was there before and
after. One statement a message, of one Bangkok day; amounts in baht.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.clock import bangkok_day
from core.money import CURRENCY, Money
from services.pay.iso20022.schema import check_message
from services.pay.iso20022.xml import BAD_COUNT, BAD_CURRENCY, BAD_SUM, BAD_VALUE, Element, read

MESSAGE: Final = "camt.053.001.08"
OPENING: Final = "OPBD"
CLOSING: Final = "CLBD"
"""Of ISO 20022's external balance types: as booked at the beginning and at the end of the day."""


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """An entry of a statement."""

    reference: str
    """The bank's own; a payment and its return may bear the same."""
    satang: int
    """Negative of what left the account."""
    end_to_end: str = ""
    """As the bank writes it, where it does: one reference may stand for several payments."""


@dataclass(frozen=True, slots=True)
class Statement:
    id: str
    account: str
    day: date
    opening: int
    """Satang; negative where the account is overdrawn."""
    closing: int
    entries: tuple[Listed, ...]

    @property
    def adds_up(self) -> bool:
        return self.opening + sum(one.satang for one in self.entries) == self.closing

    @property
    def content(self) -> bytes:
        """SHA-256 of what it says, in whatever order it says it. Without end-to-end ids, which it may leave out: those
        that were taken in before these were read are the same still."""
        said = [self.account, self.day.isoformat(), str(self.opening), str(self.closing)]
        said += [f"{one.reference} {one.satang}" for one in sorted(self.entries)]
        return hashlib.sha256("\n".join(said).encode()).digest()


def read_statement(document: bytes) -> Statement:
    """Raises :class:`BankFileRefused`; then nothing of it is used. Whether it adds up is for the caller to ask."""
    root = read(document, MESSAGE, "BkToCstmrStmt")
    root.need("GrpHdr", "MsgId").short_text()
    statement = root.need("Stmt")
    check_message(root, MESSAGE)
    period = statement.need("FrToDt")
    day = bangkok_day(period.need("FrDtTm").instant())
    if bangkok_day(period.need("ToDtTm").instant()) != day:
        raise period.refused(BAD_VALUE, "ToDtTm")
    entries = list(statement.all("Ntry"))
    listed = tuple(one for entry in entries for one in _listed(entry, day))
    _check_summary(statement, entries)
    return Statement(
        id=statement.need("Id").short_text(),
        account=statement.need("Acct", "Id", "Othr", "Id").short_text(34),
        day=day,
        opening=_balance(statement, OPENING, day),
        closing=_balance(statement, CLOSING, day),
        entries=listed,
    )


def _balance(statement: Element, kind: str, day: date) -> int:
    found = [one for one in statement.all("Bal") if one.need("Tp", "CdOrPrtry", "Cd").text == kind]
    if len(found) != 1:
        raise statement.refused(BAD_COUNT, "Bal", kind)
    amount = found[0].need("Amt")
    if amount.currency() != CURRENCY:
        raise amount.refused(BAD_CURRENCY)
    if found[0].need("Dt", "Dt").day() != day:
        raise found[0].refused(BAD_VALUE, "Dt")
    return _signed(found[0], amount.decimal())


def _listed(entry: Element, day: date) -> Iterator[Listed]:
    """Its transactions, whose amounts make up the entry's."""
    status = entry.need("Sts", "Cd")
    if status.code() != "BOOK":
        raise status.refused(BAD_VALUE)
    booking = entry.need("BookgDt")
    exact = booking.find("DtTm")
    booked_on = bangkok_day(exact.instant()) if exact is not None else booking.need("Dt").day()
    if booked_on != day:
        raise booking.refused(BAD_VALUE)
    amount, total = entry.need("Amt"), 0
    for block in entry.all("NtryDtls"):
        for transaction in block.all("TxDtls"):
            if transaction.need("CdtDbtInd").text != entry.need("CdtDbtInd").text:
                raise transaction.refused(BAD_VALUE, "CdtDbtInd")
            money = transaction.need("Amt").amount()
            total += money.satang
            references = transaction.need("Refs")
            named = references.find("EndToEndId")
            end_to_end = "" if named is None else named.short_text()
            yield Listed(references.need("AcctSvcrRef").short_text(), _signed(transaction, money), end_to_end)
    if amount.amount().satang != total:
        raise amount.refused(BAD_SUM)


def _check_summary(statement: Element, entries: list[Element]) -> None:
    count = statement.find("TxsSummry", "TtlNtries", "NbOfNtries")
    if count is not None and count.count() != len(entries):
        raise count.refused(BAD_COUNT)
    total = statement.find("TxsSummry", "TtlNtries", "Sum")
    if total is not None and total.decimal().satang != sum(one.need("Amt").amount().satang for one in entries):
        raise total.refused(BAD_SUM)


def _signed(element: Element, money: Money) -> int:
    return money.satang if element.need("CdtDbtInd").text == "CRDT" else -money.satang
