"""pain.001.001.09, CustomerCreditTransferInitiation: our order to the bank.

One payment information block per day of payment. The creditor's account is a PromptPay proxy (a national ID or a mobile
number: `CdtrAcct/Prxy` with the type agreed with the bank), or an account at a bank, which `CdtrAgt` names by its
code in the Thai clearing system. Names of payees are not sent: the bank does not need them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date
from itertools import groupby
from typing import Final
from xml.sax.saxutils import escape

from core.money import CURRENCY, Money
from services.pay.accounts import BankAccount, Cash, CreditorAccount, Mobile
from services.pay.rails.contract import Order, Transfer

MESSAGE: Final = "pain.001.001.09"
NATIONAL_ID_PROXY: Final = "NATID"
MOBILE_PROXY: Final = "MSISDN"
"""Proxy types of PromptPay, as agreed with the sandbox bank (unverified: each bank names its own)."""
THAI_CLEARING: Final = "THCBC"
"""Of ISO 20022's external clearing system codes: members are known by the Bank of Thailand's code."""


def write(order: Order) -> bytes:
    """The same order, in whatever sequence its transfers are, makes the same bytes."""
    transfers = sorted(order.transfers, key=lambda transfer: (transfer.pay_on, transfer.end_to_end.hex))
    return "".join(_document(order, transfers)).encode()


def _document(order: Order, transfers: Sequence[Transfer]) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{MESSAGE}">\n'
    yield "<CstmrCdtTrfInitn>\n<GrpHdr>"
    yield f"<MsgId>{order.message.hex}</MsgId>"
    yield f"<CreDtTm>{order.created_at.astimezone(UTC).isoformat(timespec='seconds')}</CreDtTm>"
    yield f"<NbOfTxs>{len(transfers)}</NbOfTxs><CtrlSum>{order.total.decimal()}</CtrlSum>"
    yield f"<InitgPty><Nm>{escape(order.payer.name)}</Nm></InitgPty></GrpHdr>\n"
    blocks = groupby(transfers, key=lambda transfer: transfer.pay_on)
    for number, (pay_on, block) in enumerate(blocks, 1):
        yield from _block(order, number, pay_on, list(block))
    yield "</CstmrCdtTrfInitn>\n</Document>\n"


def _block(order: Order, number: int, pay_on: date, transfers: Sequence[Transfer]) -> Iterator[str]:
    total = Money(sum(transfer.money.satang for transfer in transfers))
    payer = order.payer
    yield f"<PmtInf><PmtInfId>{order.message.hex}{number:02d}</PmtInfId><PmtMtd>TRF</PmtMtd>"
    yield f"<NbOfTxs>{len(transfers)}</NbOfTxs><CtrlSum>{total.decimal()}</CtrlSum>"
    yield f"<ReqdExctnDt><Dt>{pay_on.isoformat()}</Dt></ReqdExctnDt>"
    yield f"<Dbtr><Nm>{escape(payer.name)}</Nm></Dbtr>"
    yield f"<DbtrAcct><Id><Othr><Id>{escape(payer.account)}</Id></Othr></Id><Ccy>{CURRENCY}</Ccy></DbtrAcct>"
    yield f"<DbtrAgt><FinInstnId><Othr><Id>{escape(payer.bank)}</Id></Othr></FinInstnId></DbtrAgt>\n"
    for transfer in transfers:
        yield f"<CdtTrfTxInf><PmtId><EndToEndId>{transfer.end_to_end.hex}</EndToEndId></PmtId>"
        yield f'<Amt><InstdAmt Ccy="{CURRENCY}">{transfer.money.decimal()}</InstdAmt></Amt>'
        yield _creditor(transfer.payee)
        yield f"<RmtInf><Ustrd>{escape(transfer.remittance)}</Ustrd></RmtInf></CdtTrfTxInf>\n"
    yield "</PmtInf>\n"


def _creditor(account: CreditorAccount) -> str:
    if isinstance(account, BankAccount):
        member = f"<ClrSysId><Cd>{THAI_CLEARING}</Cd></ClrSysId><MmbId>{escape(account.bank)}</MmbId>"
        agent = f"<CdtrAgt><FinInstnId><ClrSysMmbId>{member}</ClrSysMmbId></FinInstnId></CdtrAgt>"
        return f"{agent}<CdtrAcct><Id><Othr><Id>{escape(account.number)}</Id></Othr></Id></CdtrAcct>"
    if isinstance(account, Cash):
        raise ValueError("cash goes by no bank")  # noqa: TRY004 - of the payees that there are, not of types
    kind, value = (MOBILE_PROXY, account.proxy) if isinstance(account, Mobile) else (NATIONAL_ID_PROXY, account.digits)
    return f"<CdtrAcct><Prxy><Tp><Prtry>{kind}</Prtry></Tp><Id>{value}</Id></Prxy></CdtrAcct>"
