"""The bank's statements: camt.053 of an account's Bangkok day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from random import Random
from xml.sax.saxutils import escape

from core.clock import start_of_bangkok_day
from core.money import Money
from services.sandbox.bank.faults import Faults

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">\n'


def write(
    account: str, day: date, opening: int, entries: Sequence[tuple[str, int]], at: datetime, faults: Faults
) -> bytes:
    """`entries` are references and satang, negative of what left the account."""
    closing = opening + sum(satang for _, satang in entries) + faults.statement_opens
    told = [one for entry in entries for one in _said(*entry, faults)]
    if faults.statement_adds is not None:
        told.append((f"SF{day:%Y%m%d}", faults.statement_adds))
    if faults.reorder is not None:
        Random(faults.reorder).shuffle(told)
    return "".join(_document(account, day, opening + faults.statement_opens, closing, told, at)).encode()


def _said(reference: str, satang: int, faults: Faults) -> list[tuple[str, int]]:
    if Faults.hits(faults.statement_omits, reference):
        return []
    if Faults.hits(faults.statement_alters, reference):
        satang += 1 if satang > 0 else -1
    return [(reference, satang)] * (2 if Faults.hits(faults.statement_repeats, reference) else 1)


def _document(
    account: str, day: date, opening: int, closing: int, told: Sequence[tuple[str, int]], at: datetime
) -> Iterator[str]:
    start = start_of_bangkok_day(day)
    end = start + timedelta(days=1) - timedelta(seconds=1)
    created = f"<CreDtTm>{at.isoformat(timespec='seconds')}</CreDtTm>"
    name = f"ST{day:%Y%m%d}"
    yield _HEAD + f"<BkToCstmrStmt>\n<GrpHdr><MsgId>{name}</MsgId>{created}</GrpHdr>\n<Stmt><Id>{name}</Id>{created}"
    yield f"<FrToDt><FrDtTm>{start.isoformat()}</FrDtTm><ToDtTm>{end.isoformat()}</ToDtTm></FrToDt>"
    yield f"<Acct><Id><Othr><Id>{escape(account)}</Id></Othr></Id><Ccy>THB</Ccy></Acct>\n"
    for kind, satang in (("OPBD", opening), ("CLBD", closing)):
        yield f"<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp>{_money(satang)}<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    total = Money(sum(abs(satang) for _, satang in told)).decimal()
    yield f"<TxsSummry><TtlNtries><NbOfNtries>{len(told)}</NbOfNtries><Sum>{total}</Sum></TtlNtries></TxsSummry>\n"
    for reference, satang in told:
        yield f"<Ntry>{_money(satang)}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
        yield "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        yield f"<NtryDtls><TxDtls><Refs><AcctSvcrRef>{escape(reference)}</AcctSvcrRef></Refs>{_money(satang)}</TxDtls>"
        yield "</NtryDtls></Ntry>\n"
    yield "</Stmt>\n</BkToCstmrStmt>\n</Document>\n"


def _money(satang: int) -> str:
    direction = "CRDT" if satang >= 0 else "DBIT"
    return f'<Amt Ccy="THB">{Money(abs(satang)).decimal()}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
