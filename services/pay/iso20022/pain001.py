"""pain.001.001.09, CustomerCreditTransferInitiation: our order to the bank.

One payment information block per day of payment; its type says by which of the bank's products it goes. The creditor's
account is a PromptPay proxy (a national ID or a mobile number: `CdtrAcct/Prxy` with the type agreed with the bank), or
an account at a bank, which `CdtrAgt` names by its code in the Thai clearing system. Names of payees are not sent: the
bank does not need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from enum import StrEnum
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
_EVERY_BANK: Final = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/?:().,'+ -]+(?<!/)", re.ASCII)
THAI_CLEARING: Final = "THCBC"
"""Of ISO 20022's external clearing system codes: members are known by the Bank of Thailand's code."""


class Product(StrEnum):
    """What the bank is to pay by: `LclInstrm/Prtry`, as agreed with it (unverified: each bank names its own)."""

    PROMPTPAY = "PROMPTPAY"
    """By proxy; the money is there at once."""
    SMART = "SMART"
    """In bulk to accounts at all banks, by the clearing of the next bank day."""


SERVICE_LEVELS: Final = {Product.PROMPTPAY: "SDVA", Product.SMART: "NURG"}
"""Of ISO 20022's external service level codes: same day value, not urgent."""
GOVERNMENT: Final = "GOVT"
"""Of ISO 20022's external category purposes: a payment of government."""
_NAME_MAX, _ACCOUNT_MAX, _BANK_MAX, _REMITTANCE_MAX, _COUNT_MAX = 140, 34, 35, 140, 999
"""Max140Text, Max34Text, Max35Text, Max140Text; so many blocks leave room for their number in `PmtInfId`."""


def write(order: Order, product: Product | None = None) -> bytes:
    """The same order, in whatever sequence its transfers are, makes the same bytes.

    Without a product the bank takes what fits each account. Raises ValueError for what the message cannot hold: a text
    that is too long, or of other characters than banks exchange; an amount of nothing; a payee who is paid in cash.
    """
    transfers = sorted(order.transfers, key=lambda transfer: (transfer.pay_on, transfer.end_to_end.hex))
    if not transfers or len({transfer.pay_on for transfer in transfers}) > _COUNT_MAX:
        raise ValueError("no transfers, or too many days")
    return "".join(_document(order, transfers, product)).encode()


def _text(value: str, most: int) -> str:
    """Of XML's characters."""
    if not 0 < len(value) <= most or not value.isprintable() or value != value.strip():
        raise ValueError("a text is empty, too long, or holds characters that cannot be sent")
    return escape(value)


def _identifier(value: str, most: int) -> str:
    """Of those characters that every bank takes (SWIFT's set X)."""
    if not _EVERY_BANK.fullmatch(value):
        raise ValueError("an identifier holds characters that not every bank takes")
    return _text(value, most)


def _document(order: Order, transfers: Sequence[Transfer], product: Product | None) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{MESSAGE}">\n'
    yield "<CstmrCdtTrfInitn>\n<GrpHdr>"
    yield f"<MsgId>{order.message.hex}</MsgId>"
    yield f"<CreDtTm>{order.created_at.astimezone(UTC).isoformat(timespec='seconds')}</CreDtTm>"
    yield f"<NbOfTxs>{len(transfers)}</NbOfTxs><CtrlSum>{order.total.decimal()}</CtrlSum>"
    yield f"<InitgPty><Nm>{_text(order.payer.name, _NAME_MAX)}</Nm></InitgPty></GrpHdr>\n"
    blocks = groupby(transfers, key=lambda transfer: transfer.pay_on)
    for number, (pay_on, block) in enumerate(blocks, 1):
        yield from _block(order, number, pay_on, list(block), product)
    yield "</CstmrCdtTrfInitn>\n</Document>\n"


def _block(
    order: Order, number: int, pay_on: date, transfers: Sequence[Transfer], product: Product | None
) -> Iterator[str]:
    total = Money(sum(transfer.money.satang for transfer in transfers))
    payer = order.payer
    yield f"<PmtInf><PmtInfId>{order.message.hex}{number:02d}</PmtInfId><PmtMtd>TRF</PmtMtd>"
    yield f"<NbOfTxs>{len(transfers)}</NbOfTxs><CtrlSum>{total.decimal()}</CtrlSum>"
    if product is not None:
        level, instrument = f"<SvcLvl><Cd>{SERVICE_LEVELS[product]}</Cd></SvcLvl>", f"<Prtry>{product.value}</Prtry>"
        purpose = f"<CtgyPurp><Cd>{GOVERNMENT}</Cd></CtgyPurp>"
        yield f"<PmtTpInf>{level}<LclInstrm>{instrument}</LclInstrm>{purpose}</PmtTpInf>"
    yield f"<ReqdExctnDt><Dt>{pay_on.isoformat()}</Dt></ReqdExctnDt>"
    yield f"<Dbtr><Nm>{_text(payer.name, _NAME_MAX)}</Nm></Dbtr>"
    account, bank = _identifier(payer.account, _ACCOUNT_MAX), _identifier(payer.bank, _BANK_MAX)
    yield f"<DbtrAcct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>{CURRENCY}</Ccy></DbtrAcct>"
    yield f"<DbtrAgt><FinInstnId><Othr><Id>{bank}</Id></Othr></FinInstnId></DbtrAgt>\n"
    for transfer in transfers:
        if transfer.money.satang <= 0:
            raise ValueError("nothing is to be paid")
        yield f"<CdtTrfTxInf><PmtId><EndToEndId>{transfer.end_to_end.hex}</EndToEndId></PmtId>"
        yield f'<Amt><InstdAmt Ccy="{CURRENCY}">{transfer.money.decimal()}</InstdAmt></Amt>'
        yield _creditor(transfer.payee)
        yield f"<RmtInf><Ustrd>{_text(transfer.remittance, _REMITTANCE_MAX)}</Ustrd></RmtInf></CdtTrfTxInf>\n"
    yield "</PmtInf>\n"


def _creditor(account: CreditorAccount) -> str:
    if isinstance(account, BankAccount):
        bank, number = _identifier(account.bank, _BANK_MAX), _identifier(account.number, _ACCOUNT_MAX)
        member = f"<ClrSysId><Cd>{THAI_CLEARING}</Cd></ClrSysId><MmbId>{bank}</MmbId>"
        agent = f"<CdtrAgt><FinInstnId><ClrSysMmbId>{member}</ClrSysMmbId></FinInstnId></CdtrAgt>"
        return f"{agent}<CdtrAcct><Id><Othr><Id>{number}</Id></Othr></Id></CdtrAcct>"
    if isinstance(account, Cash):
        raise ValueError("cash goes by no bank")  # noqa: TRY004 - of the payees that there are, not of types
    kind, value = (MOBILE_PROXY, account.proxy) if isinstance(account, Mobile) else (NATIONAL_ID_PROXY, account.digits)
    return f"<CdtrAcct><Prxy><Tp><Prtry>{kind}</Prtry></Tp><Id>{value}</Id></Prxy></CdtrAcct>"
