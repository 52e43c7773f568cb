"""pain.002.001.10, CustomerPaymentStatusReport: the bank's answer to a pain.001."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from uuid import UUID

from services.pay.iso20022 import pain001
from services.pay.iso20022.schema import check_message
from services.pay.iso20022.xml import BAD_VALUE, REPEATED, Element, read
from services.pay.rails.contract import Answer, Verdict

MESSAGE: Final = "pain.002.001.10"
DUPLICATION: Final = "AM05"
"""ISO 20022 external status reason: the bank has had it before. Says nothing about whether it was paid."""
_GROUP: Final = {
    "ACTC": Verdict.ACCEPTED,
    "ACCP": Verdict.ACCEPTED,
    "ACSP": Verdict.ACCEPTED,
    "ACSC": Verdict.ACCEPTED,
    "PART": Verdict.PARTLY,
    "RJCT": Verdict.REJECTED,
}
_OPEN: Final = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "PDNG"})
"""Transaction states in which the payment may still be booked, or is. Only camt.054 says that it is."""


def read_answer(document: bytes, message: UUID) -> Answer:
    """Raises :class:`BankFileRefused`: malformed, or an answer to another message."""
    root = read(document, MESSAGE, "CstmrPmtStsRpt")
    root.need("GrpHdr", "MsgId").short_text()
    root.need("GrpHdr", "CreDtTm").instant()
    group = root.need("OrgnlGrpInfAndSts")
    original = group.need("OrgnlMsgId")
    if original.hex_id() != message:
        raise original.refused(BAD_VALUE)
    if group.need("OrgnlMsgNmId").short_text() != pain001.MESSAGE:
        raise group.refused(BAD_VALUE, "OrgnlMsgNmId")
    status = group.need("GrpSts")
    verdict = _GROUP.get(status.code())
    if verdict is None:
        raise status.refused(BAD_VALUE)
    check_message(root, MESSAGE)
    reason = _reason(group)
    rejected = dict(_rejected(root))
    if verdict is Verdict.REJECTED:
        if reason == DUPLICATION:  # what it says of payments is said of this copy: the first may have paid them
            return Answer(message, Verdict.DUPLICATE, reason)
        return Answer(message, verdict, reason, rejected)
    if (verdict is Verdict.PARTLY) != bool(rejected):
        raise status.refused(BAD_VALUE)
    return Answer(message, verdict, reason, rejected)


def _rejected(root: Element) -> Iterator[tuple[UUID, str]]:
    seen: set[UUID] = set()
    for block in root.all("OrgnlPmtInfAndSts"):
        block.need("OrgnlPmtInfId").short_text()
        for transaction in block.all("TxInfAndSts"):
            end_to_end = transaction.need("OrgnlEndToEndId")
            key = end_to_end.hex_id()
            if key in seen:
                raise end_to_end.refused(REPEATED)
            seen.add(key)
            status = transaction.need("TxSts")
            if status.code() == "RJCT":
                yield key, _reason(transaction)
            elif status.code() not in _OPEN:
                raise status.refused(BAD_VALUE)


def _reason(element: Element) -> str:
    information = element.find("StsRsnInf")
    return "" if information is None else information.need("Rsn", "Cd").code()
