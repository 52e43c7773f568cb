"""The bank's side of ISO 20022: pain.001 read, pain.002 and camt.054 written.

Reading shares the safe XML tree with the room that pays and nothing else, so that a mistake in one's messages is not
mirrored in the other's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from core.ids import MalformedNationalId, NationalId
from core.money import Money
from services.pay.iso20022.xml import BAD_VALUE, Element, read
from services.sandbox.bank.books import Booked

_PAIN001: Final = "pain.001.001.09"
_PAIN002: Final = "pain.002.001.10"
_CAMT054: Final = "camt.054.001.08"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{}">\n'

_PRODUCTS: Final = frozenset({"PROMPTPAY", "SMART"})
_MOBILE: Final = re.compile(r"0066[689][0-9]{8}", re.ASCII)
_MEMBER: Final = re.compile(r"[0-9]{3}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{10,14}", re.ASCII)

INVALID_FILE: Final = "FF01"
DUPLICATION: Final = "AM05"
INVALID_CONTROL_SUM: Final = "AM10"
TOO_MANY: Final = "AM18"
"""Of ISO 20022's external status reasons: the number of transactions is invalid."""
INVALID_ACCOUNT: Final = "AC01"
INVALID_CREDITOR_ACCOUNT: Final = "AC03"
CLOSED_ACCOUNT: Final = "AC04"


@dataclass(frozen=True, slots=True)
class Ordered:
    """One payment of a pain.001."""

    block: str
    end_to_end: str
    satang: int
    account_is_valid: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    message: str
    payments: tuple[Ordered, ...]
    sums_hold: bool
    account: str = ""
    """That pays."""


def read_instruction(document: bytes) -> Instruction:
    """Raises :class:`services.pay.errors.BankFileRefused`."""
    root = read(document, _PAIN001, "CstmrCdtTrfInitn")
    header = root.need("GrpHdr")
    header.need("CreDtTm").instant()
    payments: list[Ordered] = []
    sums_hold, account = True, ""
    for block in root.all("PmtInf"):
        if block.need("PmtMtd").code() != "TRF":
            raise block.refused(BAD_VALUE, "PmtMtd")
        _check_product(block)
        block.need("ReqdExctnDt", "Dt").day()
        account = block.need("DbtrAcct", "Id", "Othr", "Id").short_text(34)
        name = block.need("PmtInfId").short_text()
        here = [_ordered(name, transaction) for transaction in block.all("CdtTrfTxInf")]
        sums_hold = sums_hold and _holds(block, here)
        payments.extend(here)
    sums_hold = sums_hold and bool(payments) and _holds(header, payments)
    return Instruction(header.need("MsgId").short_text(), tuple(payments), sums_hold, account)


def write_answer(
    instruction: Instruction, rejected: Mapping[str, str], at: datetime, *, answer: str, reason: str = ""
) -> bytes:
    """A pain.002. With a `reason` the file is rejected whole; `rejected` maps end-to-end ids to reason codes."""
    return "".join(_answer(instruction, rejected, at, answer, reason)).encode()


def write_refusal(where: str, at: datetime) -> bytes:
    """A pain.002 to something that is not a pain.001, so that it has no id to name."""
    nothing = Instruction("NOTPROVIDED", (), sums_hold=False)
    return "".join(_answer(nothing, {}, at, "REFUSAL", INVALID_FILE, where)).encode()


def write_notification(name: str, entries: Sequence[Told], at: datetime) -> bytes:
    """A camt.054 with one entry per payment."""
    return "".join(_notification(name, entries, at)).encode()


@dataclass(frozen=True, slots=True)
class Told:
    """An entry as it is told, faults included."""

    reference: str
    end_to_end: str
    satang: int
    returned: bool
    booked_at: datetime

    @classmethod
    def of(cls, entry: Booked) -> Told:
        return cls(f"SB{entry.number:012d}", entry.end_to_end, entry.satang, entry.returned, entry.booked_at)

    @classmethod
    def back(cls, entry: Booked, number: int, at: datetime) -> Told:
        """The entry by which the bank takes back what it had booked."""
        return cls(f"SR{number:012d}", entry.end_to_end, entry.satang, returned=True, booked_at=at)


def _ordered(block: str, transaction: Element) -> Ordered:
    return Ordered(
        block=block,
        end_to_end=transaction.need("PmtId", "EndToEndId").short_text(),
        satang=transaction.need("Amt", "InstdAmt").amount().satang,
        account_is_valid=_is_valid(transaction),
    )


def _check_product(block: Element) -> None:
    """A block without a type goes by whatever fits; SMART takes accounts, PromptPay takes proxies."""
    instrument = block.find("PmtTpInf", "LclInstrm", "Prtry")
    if instrument is None:
        return
    if instrument.text not in _PRODUCTS:
        raise instrument.refused(BAD_VALUE)
    by_proxy = instrument.text == "PROMPTPAY"
    for transaction in block.all("CdtTrfTxInf"):
        if (transaction.find("CdtrAcct", "Prxy") is not None) != by_proxy:
            raise transaction.refused(BAD_VALUE, "CdtrAcct")


def _is_valid(transaction: Element) -> bool:
    """Whether the creditor's account has a form that an account could have: by proxy, or by number at a bank."""
    proxy = transaction.find("CdtrAcct", "Prxy")
    if proxy is None:
        bank = transaction.need("CdtrAgt", "FinInstnId", "ClrSysMmbId", "MmbId").short_text()
        number = transaction.need("CdtrAcct", "Id", "Othr", "Id").short_text(34)
        return _MEMBER.fullmatch(bank) is not None and _ACCOUNT.fullmatch(number) is not None
    kind, value = proxy.need("Tp", "Prtry").short_text(), proxy.need("Id").short_text(2048)
    if kind == "MSISDN":
        return _MOBILE.fullmatch(value) is not None
    try:
        NationalId(value)
    except MalformedNationalId:
        return False
    return kind == "NATID"


def _holds(header: Element, payments: Sequence[Ordered]) -> bool:
    count, total = header.need("NbOfTxs").count(), header.need("CtrlSum").decimal()
    return (count, total.satang) == (len(payments), sum(payment.satang for payment in payments))


def _answer(
    instruction: Instruction, rejected: Mapping[str, str], at: datetime, answer: str, reason: str, where: str = ""
) -> Iterator[str]:
    whole = bool(reason) or (bool(rejected) and len(rejected) == len(instruction.payments))
    yield _HEAD.format(_PAIN002) + "<CstmrPmtStsRpt>\n"
    yield f"<GrpHdr><MsgId>{answer}</MsgId><CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm></GrpHdr>\n"
    yield f"<OrgnlGrpInfAndSts><OrgnlMsgId>{escape(instruction.message)}</OrgnlMsgId>"
    yield f"<OrgnlMsgNmId>{_PAIN001}</OrgnlMsgNmId><OrgnlNbOfTxs>{len(instruction.payments)}</OrgnlNbOfTxs>"
    yield f"<GrpSts>{'RJCT' if whole else 'PART' if rejected else 'ACTC'}</GrpSts>{_status_reason(reason, where)}"
    yield "</OrgnlGrpInfAndSts>\n"
    if rejected:
        for block in sorted({payment.block for payment in instruction.payments}):
            yield f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{escape(block)}</OrgnlPmtInfId>\n"
            for payment in instruction.payments:
                if payment.block == block:
                    why = rejected.get(payment.end_to_end, "")
                    yield f"<TxInfAndSts><OrgnlEndToEndId>{escape(payment.end_to_end)}</OrgnlEndToEndId>"
                    yield f"<TxSts>{'RJCT' if why else 'ACTC'}</TxSts>{_status_reason(why)}</TxInfAndSts>\n"
            yield "</OrgnlPmtInfAndSts>\n"
    yield "</CstmrPmtStsRpt>\n</Document>\n"


def _status_reason(code: str, where: str = "") -> str:
    additional = f"<AddtlInf>{escape(where[:105])}</AddtlInf>" if where else ""
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{additional}</StsRsnInf>" if code else ""


def _notification(name: str, entries: Sequence[Told], at: datetime) -> Iterator[str]:
    created = f"<CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm>"
    total = Money(sum(entry.satang for entry in entries))
    yield _HEAD.format(_CAMT054) + "<BkToCstmrDbtCdtNtfctn>\n"
    yield f"<GrpHdr><MsgId>{escape(name)}</MsgId>{created}</GrpHdr>\n<Ntfctn><Id>{escape(name)}</Id>{created}"
    yield "<Acct><Id><Othr><Id>TREASURY</Id></Othr></Id><Ccy>THB</Ccy></Acct>\n"
    summary = f"<NbOfNtries>{len(entries)}</NbOfNtries><Sum>{total.decimal()}</Sum>"
    yield f"<TxsSummry><TtlNtries>{summary}</TtlNtries></TxsSummry>\n"
    for entry in entries:
        amount = f'<Amt Ccy="THB">{Money(entry.satang).decimal()}</Amt>'
        direction = f"<CdtDbtInd>{'CRDT' if entry.returned else 'DBIT'}</CdtDbtInd>"
        reversal = "<RvslInd>true</RvslInd>" if entry.returned else ""
        returned = f"<RtrInf><Rsn><Cd>{CLOSED_ACCOUNT}</Cd></Rsn></RtrInf>" if entry.returned else ""
        references = f"<AcctSvcrRef>{entry.reference}</AcctSvcrRef><EndToEndId>{escape(entry.end_to_end)}</EndToEndId>"
        yield f"<Ntry>{amount}{direction}{reversal}<Sts><Cd>BOOK</Cd></Sts>"
        yield f"<BookgDt><DtTm>{entry.booked_at.isoformat()}</DtTm></BookgDt>"
        yield "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        yield f"<NtryDtls><TxDtls><Refs>{references}</Refs>{amount}{direction}{returned}</TxDtls></NtryDtls></Ntry>\n"
    yield "</Ntfctn>\n</BkToCstmrDbtCdtNtfctn>\n</Document>\n"
