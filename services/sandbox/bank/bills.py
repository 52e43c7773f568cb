"""The sandbox bank's counter for bills: somebody scans a code and pays, and the bank tells whoever is paid.

| path | in | out |
|---|---|---|
| `POST /scan` | `{"qr": "…", "fault": "…"}`, fault one of :class:`ScanFault` | the payments that it made |
| `GET /credits/{biller}?reference1=…` | | the payments for one bill |
| `GET /credits/{biller}?day=2026-11-16` | | the bank's list of a Bangkok day |

It reads codes by itself, from EMVCo's rules, so that a mistake in ours is not mirrored here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.clock import Clock, bangkok_day
from core.money import Money

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS credit (
    transaction_id TEXT PRIMARY KEY, biller TEXT NOT NULL, reference1 TEXT NOT NULL, reference2 TEXT NOT NULL,
    satang INTEGER NOT NULL CHECK (satang > 0), paid_at TEXT NOT NULL, listed INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ix_credit_biller ON credit (biller, reference1);
"""
_AID: Final = "A000000677010112"


class ScanFault(StrEnum):
    NONE = ""
    NOT_TOLD = "NOT_TOLD"
    """The money is here; the notice is lost."""
    TOLD_TWICE = "TOLD_TWICE"
    PAID_TWICE = "PAID_TWICE"
    """Two payments of the same code, by two people."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    LATE = "LATE"
    """Paid a month later, by the bank's clock."""
    FORGED = "FORGED"
    """Nobody paid; somebody who is not the bank says so."""
    NOT_LISTED = "NOT_LISTED"
    """Told, and missing in the list of the day."""


class NotACode(ValueError):
    """What is wrong with the code."""


@dataclass(frozen=True, slots=True)
class Credit:
    transaction: str
    biller: str
    reference1: str
    reference2: str
    satang: int
    paid_at: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "transaction": self.transaction,
            "biller": self.biller,
            "reference1": self.reference1,
            "reference2": self.reference2,
            "amount": Money(self.satang).decimal(),
            "currency": "THB",
            "paidAt": self.paid_at.isoformat(),
        }


class BillBank:
    def __init__(self, path: Path, clock: Clock, client: httpx2.AsyncClient, notify: str, secret: bytes) -> None:
        """`notify` is where notices go, signed with `secret`."""
        self._path, self._clock, self._client, self._notify, self._secret = path, clock, client, notify, secret
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            connection.executescript(_SCHEMA)

    async def scan(self, qr: str, fault: ScanFault = ScanFault.NONE) -> list[dict[str, Any]]:
        """Pays what the code says, and tells. Each payment with the answers to its notices.

        Raises :class:`NotACode`.
        """
        credit = self._read(qr)
        if fault is ScanFault.WRONG_AMOUNT:
            credit = replace(credit, satang=credit.satang + 100)
        if fault is ScanFault.UNKNOWN_REFERENCE:
            credit = replace(credit, reference1="9" * 18)
        if fault is ScanFault.LATE:
            credit = replace(credit, paid_at=credit.paid_at - timedelta(seconds=1) + timedelta(days=30))
        if fault is ScanFault.FORGED:
            return [{"payment": credit.as_json(), "told": [await self._tell(credit, b"somebody else's secret")]}]
        made = [credit]
        if fault is ScanFault.PAID_TWICE:
            made.append(replace(credit, transaction=_transaction()))
        with self._writing() as connection:
            for one in made:
                values = (one.transaction, one.biller, one.reference1, one.reference2, one.satang)
                connection.execute(
                    "INSERT INTO credit VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*values, one.paid_at.astimezone(UTC).isoformat(), int(fault is not ScanFault.NOT_LISTED)),
                )
        times = {ScanFault.NOT_TOLD: 0, ScanFault.TOLD_TWICE: 2}.get(fault, 1)
        return [
            {"payment": one.as_json(), "told": [await self._tell(one, self._secret) for _ in range(times)]}
            for one in made
        ]

    def credits(self, biller: str, *, reference1: str | None = None, day: date | None = None) -> list[Credit]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            rows = connection.execute(
                "SELECT transaction_id, biller, reference1, reference2, satang, paid_at FROM credit"
                " WHERE biller = ?1 AND (?2 IS NULL OR reference1 = ?2) AND (?2 IS NOT NULL OR listed)"
                " ORDER BY transaction_id",
                (biller, reference1),
            ).fetchall()
        found = [Credit(row[0], row[1], row[2], row[3], row[4], datetime.fromisoformat(row[5])) for row in rows]
        return [one for one in found if day is None or bangkok_day(one.paid_at) == day]

    def moved(self, biller: str) -> list[tuple[str, int, datetime]]:
        """All that came in for a biller: reference, satang, instant; for statements of its account."""
        return [(one.transaction, one.satang, one.paid_at) for one in self.credits(biller)]

    def _read(self, qr: str) -> Credit:
        code = read_code(qr)
        merchant = code.get("30")
        if not isinstance(merchant, dict) or merchant.get("00") != _AID:
            raise NotACode("not a bill payment")
        whole, _, fraction = str(code.get("54", "")).partition(".")
        if code.get("53") != "764" or code.get("58") != "TH" or not (whole + fraction).isdigit() or len(fraction) != 2:
            raise NotACode("amount")
        return Credit(
            transaction=_transaction(),
            biller=merchant["01"],
            reference1=merchant["02"],
            reference2=merchant.get("03", ""),
            satang=int(whole) * 100 + int(fraction),
            paid_at=self._clock.now(),
        )

    async def _tell(self, credit: Credit, secret: bytes) -> Any:
        body = json.dumps(credit.as_json()).encode()
        headers = self._headers(body, secret)
        try:
            answer = await self._client.post(self._notify, content=body, headers=headers)
        except httpx2.HTTPError as error:
            return {"error": type(error).__name__}
        return {"status": answer.status_code, **answer.json()}

    def _headers(self, body: bytes, secret: bytes) -> dict[str, str]:
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        created = int(self._clock.now().timestamp())
        covered = f'("@method" "@path" "content-digest");created={created};keyid="bank";alg="hmac-sha256"'
        base = "\n".join(
            (
                '"@method": POST',
                f'"@path": {urlsplit(self._notify).path}',
                f'"content-digest": {digest}',
                f'"@signature-params": {covered}',
            )
        )
        signature = base64.b64encode(hmac.new(secret, base.encode(), hashlib.sha256).digest()).decode()
        return {
            "content-type": "application/json",
            "content-digest": digest,
            "signature-input": f"bank={covered}",
            "signature": f"bank=:{signature}:",
        }

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            yield connection


def read_code(text: str) -> dict[str, Any]:
    """Tag → value; 29, 30 and 62 hold tags themselves. Raises :class:`NotACode`."""
    if len(text) < 8 or text[-8:-4] != "6304" or not text.isascii():
        raise NotACode("no checksum at the end")
    register = 0xFFFF
    for bit in (byte >> shift & 1 for byte in text[:-4].encode() for shift in range(7, -1, -1)):
        carry = register >> 15 ^ bit
        register = register << 1 & 0xFFFF ^ (0x1021 if carry else 0)
    if text[-4:] != f"{register:04X}":
        raise NotACode("the checksum is wrong")
    code: dict[str, Any] = dict(_tags(text))
    for nested in ("29", "30", "62"):
        if nested in code:
            code[nested] = dict(_tags(code[nested]))
    return code


def bills_app(bank: BillBank) -> Starlette:
    """The bank over HTTP."""

    async def scan(request: Request) -> Response:
        try:
            given = json.loads(await request.body())
            fault = ScanFault(given.get("fault", ""))
            made = await bank.scan(str(given["qr"]), fault)
        except (KeyError, AttributeError, ValueError) as error:
            return PlainTextResponse(f"not scanned: {error}", 400)
        return JSONResponse({"payments": made})

    async def listed(request: Request) -> Response:
        try:
            day = request.query_params.get("day")
            wanted = None if day is None else date.fromisoformat(day)
        except ValueError:
            return PlainTextResponse("`day` is year-month-day", 400)
        found = bank.credits(
            request.path_params["biller"], reference1=request.query_params.get("reference1"), day=wanted
        )
        return JSONResponse(_list(found))

    return Starlette(
        routes=[
            Route("/scan", scan, methods=["POST"]),
            Route("/credits/{biller}", listed, methods=["GET"]),
        ]
    )


def _list(found: Sequence[Credit]) -> dict[str, Any]:
    total = Money(sum(one.satang for one in found)).decimal()
    return {"count": len(found), "total": total, "payments": [one.as_json() for one in found]}


def _tags(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        tag, length = text[at : at + 2], text[at + 2 : at + 4]
        if not (tag.isdigit() and length.isdigit() and len(tag + length) == 4):
            raise NotACode(f"at {at}")
        value = text[at + 4 : at + 4 + int(length)]
        if len(value) != int(length) or not value:
            raise NotACode(f"tag {tag}")
        yield tag, value
        at += 4 + int(length)


def _transaction() -> str:
    return f"B{uuid4().hex[:24].upper()}"
