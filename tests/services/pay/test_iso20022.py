"""Files of the bank: what is good is read exactly, what is not is refused whole, with the line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from core.ids import new_id
from core.money import Money
from services.pay.errors import BankFileRefused
from services.pay.iso20022 import pain001
from services.pay.iso20022 import xml as safe
from services.pay.iso20022.camt054 import read_entries
from services.pay.iso20022.pain002 import read_answer
from services.pay.rails.contract import EntryKind, Order, Payer, Transfer, Verdict
from services.sandbox.bank.messages import read_instruction
from tests.services.pay.town import national_id

MESSAGE, FIRST, SECOND = UUID(int=1), UUID(int=2), UUID(int=3)
AT = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
PAIN = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"


def order(*amounts: int) -> Order:
    return Order(
        message=MESSAGE,
        created_at=AT,
        payer=Payer("dla", "Town <hall> & sons", "TREASURY-DLA", "SANDBOX"),
        transfers=tuple(
            Transfer(UUID(int=10 + n), national_id(n), Money(satang), date(2026, 11, 10 + n % 2), "old-age 2026-11")
            for n, satang in enumerate(amounts)
        ),
    )


def entry(end_to_end: str = FIRST.hex, amount: str = "700.00", **changes: str) -> str:
    part = changes.get("part", amount)
    return f"""<Ntry><Amt Ccy="{changes.get("currency", "THB")}">{amount}</Amt>
<CdtDbtInd>{changes.get("direction", "DBIT")}</CdtDbtInd>{changes.get("reversal", "")}
<Sts><Cd>{changes.get("status", "BOOK")}</Cd></Sts>
<BookgDt>{changes.get("booked", "<DtTm>2026-11-16T10:00:00+07:00</DtTm>")}</BookgDt><BkTxCd/>
<NtryDtls><TxDtls><Refs><AcctSvcrRef>R1</AcctSvcrRef><EndToEndId>{end_to_end}</EndToEndId></Refs>
<Amt Ccy="{changes.get("currency", "THB")}">{part}</Amt>
<CdtDbtInd>{changes.get("direction", "DBIT")}</CdtDbtInd>{changes.get("returned", "")}</TxDtls></NtryDtls></Ntry>"""


def camt(*entries: str, summary: str = "", namespace: str = CAMT, prolog: str = "") -> bytes:
    return f"""{prolog}<Document xmlns="{namespace}"><BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>N1</MsgId><CreDtTm>2026-11-16T03:00:00Z</CreDtTm></GrpHdr>
<Ntfctn><Id>N1</Id><Acct/>{summary}{"".join(entries)}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>""".encode()


def pain(status: str = "ACTC", *transactions: tuple[UUID, str], message: str = MESSAGE.hex, reason: str = "") -> bytes:
    information = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    details = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{key.hex}</OrgnlEndToEndId><TxSts>{of}</TxSts></TxInfAndSts>"
        for key, of in transactions
    )
    block = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>P1</OrgnlPmtInfId>{details}</OrgnlPmtInfAndSts>" if details else ""
    return f"""<Document xmlns="{PAIN}"><CstmrPmtStsRpt>
<GrpHdr><MsgId>A1</MsgId><CreDtTm>2026-11-16T03:00:00Z</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>{status}</GrpSts>{information}</OrgnlGrpInfAndSts>{block}</CstmrPmtStsRpt></Document>""".encode()


def test_the_order_is_the_same_bytes_whatever_the_sequence_of_its_transfers() -> None:
    one = order(70_000, 80_000, 123)
    other = Order(one.message, one.created_at, one.payer, one.transfers[::-1])
    assert pain001.write(one) == pain001.write(other)


def test_the_bank_reads_in_the_order_what_was_written() -> None:
    written = pain001.write(order(70_000, 1, 80_050))
    read = read_instruction(written)
    assert (read.message, read.sums_hold) == (MESSAGE.hex, True)
    assert sorted((p.end_to_end, p.satang, p.account_is_valid) for p in read.payments) == [
        (UUID(int=10 + n).hex, satang, True) for n, satang in enumerate((70_000, 1, 80_050))
    ]
    text = written.decode()
    assert "<NbOfTxs>3</NbOfTxs><CtrlSum>1500.51</CtrlSum>" in text
    assert "<Prxy><Tp><Prtry>NATID</Prtry></Tp><Id>" in text
    assert "Town &lt;hall&gt; &amp; sons" in text


def test_an_order_does_not_show_national_ids_when_it_is_printed() -> None:
    assert national_id(0).digits not in repr(order(1))


def test_a_payment_and_a_return_are_read() -> None:
    returned = entry(
        SECOND.hex,
        "800.5",
        direction="CRDT",
        reversal="<RvslInd>true</RvslInd>",
        booked="<Dt>2026-11-16</Dt>",
        returned="<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>",
    )
    paid, back = read_entries(camt(entry(), returned))
    assert (paid.kind, paid.end_to_end, paid.money, paid.booked_at) == (EntryKind.PAID, FIRST.hex, Money(70_000), AT)
    assert (back.kind, back.money, back.reason) == (EntryKind.RETURNED, Money(80_050), "AC04")
    assert back.booked_at == datetime(2026, 11, 15, 17, 0, tzinfo=UTC)


def test_a_notification_without_entries_is_read() -> None:
    assert read_entries(camt()) == ()


def test_a_foreign_currency_is_read_as_such() -> None:
    (foreign,) = read_entries(camt(entry(currency="USD")))
    assert foreign.currency == "USD"


GOOD_SUMMARY = "<TxsSummry><TtlNtries><NbOfNtries>1</NbOfNtries><Sum>700</Sum></TtlNtries></TxsSummry>"


def test_a_summary_that_holds_is_accepted() -> None:
    assert len(read_entries(camt(entry(), summary=GOOD_SUMMARY))) == 1


BAD = {
    "empty": (b"", "line 1"),
    "not XML": (b"hello", "line 1"),
    "cut off": (camt(entry())[:-30], "line"),
    "wrong namespace": (camt(entry(), namespace=PAIN), "line 1"),
    "no namespace": (b"<Document/>", "line 1"),
    "another root": (f'<Doc xmlns="{CAMT}"/>'.encode(), "Document"),
    "another message inside": (f'<Document xmlns="{CAMT}"><X/></Document>'.encode(), "BkToCstmrDbtCdtNtfctn"),
    "an entity": (camt(entry(), prolog='<!DOCTYPE x [<!ENTITY a "b">]>'), "line 1"),
    "a billion laughs": (camt(prolog='<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'), "line 1"),
    "an external entity": (camt(prolog='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "line 1"),
    "an encoding that does not exist": (camt(prolog='<?xml version="1.0" encoding="thai-9"?>'), "line 1"),
    "a control character": (camt(entry("a\x01b")), "line"),
    "too deep": (f'<Document xmlns="{CAMT}">'.encode() + b"<a>" * 30 + b"</a>" * 30 + b"</Document>", "line 1"),
    "half a satang": (camt(entry(amount="1.005")), "line 3, Amt"),
    "three decimals of nothing": (camt(entry(amount="1.000")), "Amt"),
    "zero": (camt(entry(amount="0.00")), "Amt"),
    "negative": (camt(entry(amount="-700.00")), "Amt"),
    "a plus sign": (camt(entry(amount="+700.00")), "Amt"),
    "an exponent": (camt(entry(amount="7e2")), "Amt"),
    "not a number": (camt(entry(amount="NaN")), "Amt"),
    "Thai digits": (camt(entry(amount="๗๐๐.๐๐")), "Amt"),
    "a thousands separator": (camt(entry(amount="1,700.00")), "Amt"),
    "beyond what banks count": (camt(entry(amount="99999999999999999")), "Amt"),
    "no currency": (camt(entry(currency="")), "Amt"),
    "lower-case currency": (camt(entry(currency="thb")), "Amt"),
    "parts that do not add up": (camt(entry(part="699.99")), "Amt"),
    "neither booked nor known": (camt(entry(status="PDNG")), "Cd"),
    "a credit that is no return": (camt(entry(direction="CRDT")), "CdtDbtInd"),
    "a reversal that is a debit": (camt(entry(reversal="<RvslInd>true</RvslInd>")), "CdtDbtInd"),
    "a return without a reason": (
        camt(entry(direction="CRDT", reversal="<RvslInd>true</RvslInd>")),
        "RtrInf/Rsn/Cd",
    ),
    "a time without a zone": (camt(entry(booked="<DtTm>2026-11-16T10:00:00</DtTm>")), "DtTm"),
    "a day that is none": (camt(entry(booked="<Dt>2026-02-30</Dt>")), "Dt"),
    "a reference too long": (camt(entry("x" * 36)), "EndToEndId"),
    "no reference": (camt(entry("")), "EndToEndId"),
    "two amounts": (camt(entry().replace("<CdtDbtInd>", '<Amt Ccy="THB">1</Amt><CdtDbtInd>', 1)), "Ntry/Amt"),
    "a wrong count": (camt(entry(), summary=GOOD_SUMMARY.replace(">1<", ">2<")), "NbOfNtries"),
    "a wrong sum": (camt(entry(), summary=GOOD_SUMMARY.replace("700", "700.01")), "Sum"),
    "one bad entry among good ones": (camt(entry(), entry(amount="1.005")), "Amt"),
    "no details": (camt(entry().replace("TxDtls", "Else")), "NtryDtls/TxDtls"),
}


@pytest.mark.parametrize(("document", "where"), BAD.values(), ids=BAD.keys())
def test_a_bad_notification_is_refused_whole_with_its_place(document: bytes, where: str) -> None:
    with pytest.raises(BankFileRefused) as raised:
        read_entries(document)
    assert where in raised.value.where
    assert raised.value.where.startswith(("line", "file", "Document"))


def test_the_content_of_a_bad_file_is_not_in_the_error() -> None:
    with pytest.raises(BankFileRefused) as raised:
        read_entries(camt(entry(amount=national_id(1).digits + ".999")))
    assert national_id(1).digits not in str(raised.value) + repr(raised.value.fields)


def test_a_file_beyond_the_limit_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    document = camt(entry())
    monkeypatch.setattr(safe, "BYTES_MAX", len(document))
    assert len(read_entries(document)) == 1
    with pytest.raises(BankFileRefused, match="too large"):
        read_entries(document + b" ")
    monkeypatch.setattr(safe, "ELEMENTS_MAX", 5)
    with pytest.raises(BankFileRefused, match="too large"):
        read_entries(document)


@pytest.mark.parametrize("status", ["ACTC", "ACCP", "ACSP", "ACSC"])
def test_an_acceptance_rejects_nothing(status: str) -> None:
    answer = read_answer(pain(status, (FIRST, "ACSC")), MESSAGE)
    assert (answer.verdict, answer.rejected) == (Verdict.ACCEPTED, {})


def test_a_part_names_what_is_rejected() -> None:
    answer = read_answer(pain("PART", (FIRST, "RJCT"), (SECOND, "ACTC")), MESSAGE)
    assert (answer.verdict, set(answer.rejected)) == (Verdict.PARTLY, {FIRST})


@pytest.mark.parametrize(("reason", "verdict"), [("FF01", Verdict.REJECTED), ("AM05", Verdict.DUPLICATE)])
def test_a_file_known_to_the_bank_is_not_a_rejected_one(reason: str, verdict: Verdict) -> None:
    assert read_answer(pain("RJCT", reason=reason), MESSAGE).verdict is verdict


def test_of_a_file_known_to_the_bank_no_payment_is_rejected_since_the_first_copy_may_have_paid_it() -> None:
    assert read_answer(pain("RJCT", (FIRST, "RJCT"), reason="AM05"), MESSAGE).rejected == {}


BAD_ANSWERS = {
    "another message": (pain(message=new_id().hex), "OrgnlMsgId"),
    "an id that is not ours": (pain(message="NOTPROVIDED"), "OrgnlMsgId"),
    "a status nobody knows": (pain("WHAT"), "GrpSts"),
    "a part without a rejection": (pain("PART", (FIRST, "ACTC")), "GrpSts"),
    "an acceptance with a rejection": (pain("ACTC", (FIRST, "RJCT")), "GrpSts"),
    "a payment named twice": (pain("PART", (FIRST, "RJCT"), (FIRST, "ACTC")), "OrgnlEndToEndId"),
    "a transaction status nobody knows": (pain("ACTC", (FIRST, "MAYB")), "TxSts"),
    "another kind of message answered": (pain().replace(b"pain.001.001.09", b"pain.008.001.08"), "OrgnlMsgNmId"),
    "a notification": (camt(), "line 1"),
}


@pytest.mark.parametrize(("document", "where"), BAD_ANSWERS.values(), ids=BAD_ANSWERS.keys())
def test_a_bad_answer_is_refused_with_its_place(document: bytes, where: str) -> None:
    with pytest.raises(BankFileRefused) as raised:
        read_answer(document, MESSAGE)
    assert where in raised.value.where
