"""What the message definitions ask of a document: which elements, in which order, how often, and of which form.

Written from the published message definitions' facts (names, order, occurrence, lengths), for those messages and those
parts of them that are used; what may stand there and is not used is known by name and not looked into. It tells a file
that only resembles the message from one that is it, and it is what our own files and the sandbox's are held to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.pay.iso20022.forms import MANY, Choice, Form, Holds, Part, Sequence, check
from services.pay.iso20022.xml import Element


def _text(most: int) -> Form:
    return Form(re.compile(rf"[^\x00-\x08\x0b\x0c\x0e-\x1f]{{1,{most}}}"), length_max=most)


_T4, _T5, _T34, _T35, _T105, _T140, _T2048 = (_text(most) for most in (4, 5, 34, 35, 105, 140, 2048))
_NUMBER: Final = Form(re.compile(r"[0-9]{1,15}", re.ASCII), length_max=15)
_SUM: Final = Form(re.compile(r"(?=(?:[-+]?)(?:[0-9]\.?){1,18}$)[-+]?[0-9]+(?:\.[0-9]{1,17})?", re.ASCII))
_AMOUNT: Final = Form(re.compile(r"(?=(?:[0-9]\.?){1,18}$)[0-9]+(?:\.[0-9]{1,5})?", re.ASCII), currency=True)
"""At most 18 digits, of which five after the point."""
_DATE: Final = Form(re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII))
_TIME: Final = Form(
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)
)
_BOOLEAN: Final = Form(re.compile(r"true|false|1|0", re.ASCII))
_CODE3: Final = Form(re.compile(r"[A-Z]{3}", re.ASCII))
_DIRECTION: Final = Form(re.compile(r"CRDT|DBIT", re.ASCII))


def _of(*parts: Part) -> Sequence:
    return Sequence(parts)


def _may(name: str, holds: Holds = None, most: int = 1) -> Part:
    return Part(name, holds, 0, most)


def _code_or_own(code: Form, own: Form = _T35) -> Choice:
    return Choice((Part("Cd", code), Part("Prtry", own)))


_PARTY: Final = _of(_may("Nm", _T140), _may("PstlAdr"), _may("Id"), _may("CtryOfRes"), _may("CtctDtls"))
_OTHER: Final = _of(Part("Id", _T34), _may("SchmeNm"), _may("Issr", _T35))
_ACCOUNT: Final = _of(
    _may("Id", Choice((Part("IBAN"), Part("Othr", _OTHER)))),
    _may("Tp"),
    _may("Ccy", _CODE3),
    _may("Nm", _text(70)),
    _may("Prxy", _of(_may("Tp", _code_or_own(_T4)), Part("Id", _T2048))),
)
_ACCOUNT_OF_STATEMENT: Final = _of(
    _may("Id", Choice((Part("IBAN"), Part("Othr", _OTHER)))),
    _may("Tp"),
    _may("Ccy", _CODE3),
    _may("Nm", _text(70)),
    _may("Prxy"),
    _may("Ownr"),
    _may("Svcr"),
)
_MEMBER: Final = _of(_may("ClrSysId", _code_or_own(_T5)), Part("MmbId", _T35))
_AGENT: Final = _of(
    Part(
        "FinInstnId",
        _of(
            _may("BICFI"),
            _may("ClrSysMmbId", _MEMBER),
            _may("LEI"),
            _may("Nm", _T140),
            _may("PstlAdr"),
            _may("Othr", _of(Part("Id", _T35), _may("SchmeNm"), _may("Issr", _T35))),
        ),
    ),
    _may("BrnchId"),
)
_PAYMENT_TYPE: Final = _of(
    _may("InstrPrty", Form(re.compile("HIGH|NORM"))),
    _may("SvcLvl", _code_or_own(_T4), MANY),
    _may("LclInstrm", _code_or_own(_T35)),
    _may("CtgyPurp", _code_or_own(_T4)),
)
_CREDIT_TRANSFER: Final = _of(
    Part("PmtId", _of(_may("InstrId", _T35), Part("EndToEndId", _T35), _may("UETR"))),
    _may("PmtTpInf", _PAYMENT_TYPE),
    Part("Amt", Choice((Part("InstdAmt", _AMOUNT), Part("EqvtAmt")))),
    *(_may(name) for name in ("XchgRateInf", "ChrgBr", "MndtRltdInf", "ChqInstr", "UltmtDbtr")),
    *(_may(name) for name in ("IntrmyAgt1", "IntrmyAgt1Acct", "IntrmyAgt2", "IntrmyAgt2Acct")),
    *(_may(name) for name in ("IntrmyAgt3", "IntrmyAgt3Acct")),
    _may("CdtrAgt", _AGENT),
    _may("CdtrAgtAcct"),
    _may("Cdtr", _PARTY),
    _may("CdtrAcct", _ACCOUNT),
    _may("UltmtCdtr"),
    _may("InstrForCdtrAgt", None, MANY),
    *(_may(name) for name in ("InstrForDbtrAgt", "Purp")),
    _may("RgltryRptg", None, 10),
    _may("Tax"),
    _may("RltdRmtInf", None, 10),
    _may("RmtInf", _of(_may("Ustrd", _T140, MANY), _may("Strd", None, MANY))),
    _may("SplmtryData", None, MANY),
)
_INSTRUCTION: Final = _of(
    Part("PmtInfId", _T35),
    Part("PmtMtd", Form(re.compile("CHK|TRF|TRA"))),
    _may("BtchBookg", _BOOLEAN),
    _may("NbOfTxs", _NUMBER),
    _may("CtrlSum", _SUM),
    _may("PmtTpInf", _PAYMENT_TYPE),
    Part("ReqdExctnDt", Choice((Part("Dt", _DATE), Part("DtTm", _TIME)))),
    _may("PoolgAdjstmntDt"),
    Part("Dbtr", _PARTY),
    Part("DbtrAcct", _ACCOUNT),
    Part("DbtrAgt", _AGENT),
    *(_may(name) for name in ("DbtrAgtAcct", "InstrForDbtrAgt", "UltmtDbtr", "ChrgBr", "ChrgsAcct", "ChrgsAcctAgt")),
    Part("CdtTrfTxInf", _CREDIT_TRANSFER, 1, MANY),
)
PAIN001: Final = _of(
    Part(
        "GrpHdr",
        _of(
            Part("MsgId", _T35),
            Part("CreDtTm", _TIME),
            _may("Authstn", None, 2),
            Part("NbOfTxs", _NUMBER),
            _may("CtrlSum", _SUM),
            Part("InitgPty", _PARTY),
            _may("FwdgAgt"),
            _may("InitnSrc"),
        ),
    ),
    Part("PmtInf", _INSTRUCTION, 1, MANY),
    _may("SplmtryData", None, MANY),
)

_REASON: Final = _of(_may("Orgtr"), _may("Rsn", _code_or_own(_T4)), _may("AddtlInf", _T105, MANY))
_STATUS_OF_ONE: Final = _of(
    *(_may(name, _T35) for name in ("StsId", "OrgnlInstrId", "OrgnlEndToEndId")),
    _may("OrgnlUETR"),
    _may("TxSts", _T4),
    _may("StsRsnInf", _REASON, MANY),
    _may("ChrgsInf", None, MANY),
    *(_may(name) for name in ("AccptncDtTm", "AcctSvcrRef", "ClrSysRef", "OrgnlTxRef")),
    _may("SplmtryData", None, MANY),
)
PAIN002: Final = _of(
    Part(
        "GrpHdr",
        _of(
            Part("MsgId", _T35),
            Part("CreDtTm", _TIME),
            *(_may(name) for name in ("InitgPty", "FwdgAgt", "DbtrAgt", "CdtrAgt")),
        ),
    ),
    Part(
        "OrgnlGrpInfAndSts",
        _of(
            Part("OrgnlMsgId", _T35),
            Part("OrgnlMsgNmId", _T35),
            _may("OrgnlCreDtTm", _TIME),
            _may("OrgnlNbOfTxs", _NUMBER),
            _may("OrgnlCtrlSum", _SUM),
            _may("GrpSts", _T4),
            _may("StsRsnInf", _REASON, MANY),
            _may("NbOfTxsPerSts", None, MANY),
        ),
    ),
    _may(
        "OrgnlPmtInfAndSts",
        _of(
            Part("OrgnlPmtInfId", _T35),
            _may("OrgnlNbOfTxs", _NUMBER),
            _may("OrgnlCtrlSum", _SUM),
            _may("PmtInfSts", _T4),
            _may("StsRsnInf", _REASON, MANY),
            _may("NbOfTxsPerSts", None, MANY),
            _may("TxInfAndSts", _STATUS_OF_ONE, MANY),
        ),
        MANY,
    ),
    _may("SplmtryData", None, MANY),
)

_TRANSACTION: Final = _of(
    _may(
        "Refs",
        _of(
            *(
                _may(name, _T35)
                for name in ("MsgId", "AcctSvcrRef", "PmtInfId", "InstrId", "EndToEndId", "UETR", "TxId", "MndtId")
            ),
            *(_may(name, _T35) for name in ("ChqNb", "ClrSysRef", "AcctOwnrTxId", "AcctSvcrTxId")),
            *(_may(name, _T35) for name in ("MktInfrstrctrTxId", "PrcgId")),
            _may("Prtry", None, MANY),
        ),
    ),
    Part("Amt", _AMOUNT),
    Part("CdtDbtInd", _DIRECTION),
    _may("AmtDtls"),
    _may("Avlbty", None, MANY),
    *(_may(name) for name in ("BkTxCd", "Chrgs", "Intrst", "RltdPties", "RltdAgts", "LclInstrm", "Purp")),
    _may("RltdRmtInf", None, 10),
    *(_may(name) for name in ("RmtInf", "RltdDts", "RltdPric")),
    _may("RltdQties", None, MANY),
    *(_may(name) for name in ("FinInstrmId", "Tax")),
    _may(
        "RtrInf",
        _of(_may("OrgnlBkTxCd"), _may("Orgtr"), _may("Rsn", _code_or_own(_T4)), _may("AddtlInf", _T105, MANY)),
    ),
    *(_may(name) for name in ("CorpActn", "SfkpgAcct")),
    _may("CshDpst", None, MANY),
    *(_may(name) for name in ("CardTx", "AddtlTxInf")),
    _may("SplmtryData", None, MANY),
)
_WHEN: Final = Choice((Part("Dt", _DATE), Part("DtTm", _TIME)))
_ENTRY: Final = _of(
    _may("NtryRef", _T35),
    Part("Amt", _AMOUNT),
    Part("CdtDbtInd", _DIRECTION),
    _may("RvslInd", _BOOLEAN),
    Part("Sts", _code_or_own(_T4)),
    _may("BookgDt", _WHEN),
    _may("ValDt", _WHEN),
    _may("AcctSvcrRef", _T35),
    _may("Avlbty", None, MANY),
    Part("BkTxCd"),
    *(_may(name) for name in ("ComssnWvrInd", "AddtlInfInd", "AmtDtls", "Chrgs", "TechInptChanl", "Intrst", "CardTx")),
    _may("NtryDtls", _of(_may("Btch"), _may("TxDtls", _TRANSACTION, MANY)), MANY),
    _may("AddtlNtryInf"),
)
_TOTALS: Final = _of(_may("NbOfNtries", _NUMBER), _may("Sum", _SUM), _may("TtlNetNtry"))
_SUMMARY: Final = _of(
    _may("TtlNtries", _TOTALS), _may("TtlCdtNtries"), _may("TtlDbtNtries"), _may("TtlNtriesPerBkTxCd", None, MANY)
)
CAMT054: Final = _of(
    Part(
        "GrpHdr",
        _of(
            Part("MsgId", _T35),
            Part("CreDtTm", _TIME),
            *(_may(name) for name in ("MsgRcpt", "MsgPgntn", "OrgnlBizQry", "AddtlInf")),
        ),
    ),
    Part(
        "Ntfctn",
        _of(
            Part("Id", _T35),
            *(_may(name) for name in ("NtfctnPgntn", "ElctrncSeqNb", "RptgSeq", "LglSeqNb")),
            _may("CreDtTm", _TIME),
            *(_may(name) for name in ("FrToDt", "CpyDplctInd", "RptgSrc")),
            Part("Acct"),
            _may("RltdAcct"),
            _may("Intrst", None, MANY),
            _may("TxsSummry", _SUMMARY),
            _may("Ntry", _ENTRY, MANY),
            _may("AddtlNtfctnInf"),
        ),
        1,
        MANY,
    ),
    _may("SplmtryData", None, MANY),
)
_BALANCE: Final = _of(
    Part("Tp", _of(Part("CdOrPrtry", _code_or_own(_T4)), _may("SubTp"))),
    _may("CdtLine", None, MANY),
    Part("Amt", _AMOUNT),
    Part("CdtDbtInd", _DIRECTION),
    Part("Dt", _WHEN),
    _may("Avlbty", None, MANY),
)
_PERIOD: Final = _of(Part("FrDtTm", _TIME), Part("ToDtTm", _TIME))
CAMT053: Final = _of(
    Part(
        "GrpHdr",
        _of(
            Part("MsgId", _T35),
            Part("CreDtTm", _TIME),
            *(_may(name) for name in ("MsgRcpt", "MsgPgntn", "OrgnlBizQry", "AddtlInf")),
        ),
    ),
    Part(
        "Stmt",
        _of(
            Part("Id", _T35),
            *(_may(name) for name in ("StmtPgntn", "ElctrncSeqNb", "RptgSeq", "LglSeqNb")),
            _may("CreDtTm", _TIME),
            _may("FrToDt", _PERIOD),
            *(_may(name) for name in ("CpyDplctInd", "RptgSrc")),
            Part("Acct", _ACCOUNT_OF_STATEMENT),
            _may("RltdAcct"),
            _may("Intrst", None, MANY),
            Part("Bal", _BALANCE, 1, MANY),
            _may("TxsSummry", _SUMMARY),
            _may("Ntry", _ENTRY, MANY),
            _may("AddtlStmtInf"),
        ),
        1,
        MANY,
    ),
    _may("SplmtryData", None, MANY),
)
ROOTS: Final[Mapping[str, tuple[str, Sequence]]] = MappingProxyType(
    {
        "pain.001.001.09": ("CstmrCdtTrfInitn", PAIN001),
        "pain.002.001.10": ("CstmrPmtStsRpt", PAIN002),
        "camt.053.001.08": ("BkToCstmrStmt", CAMT053),
        "camt.054.001.08": ("BkToCstmrDbtCdtNtfctn", CAMT054),
    }
)


def check_message(root: Element, message: str) -> None:
    """`root` is the element of the message, below `Document`. Raises `BankFileRefused`."""
    check(root, ROOTS[message][1])
