"""Receipts of what a citizen agreed to have handed to a juristic person: of the one form that receipts of consents have
(`services/exchange/consent/receipts.py`), so that whoever verifies those verifies these."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from core.attestation.service import Attestor
from core.crypto import KeyRing
from core.ids import new_id
from core.text import Text
from services.exchange.consent.receipts import JURISDICTION, LAW, RECEIPT_TYPE, SCHEMA
from services.exchange.consent.terms import ConsentEvent, GivenAs


class Event(StrEnum):
    """What a receipt is about, as receipts of consents say it."""

    GRANTED = ConsentEvent.GRANTED.value
    WITHDRAWN = ConsentEvent.WITHDRAWN.value


WITHDRAWAL: Final = Text(
    th="ถอนได้ทุกเมื่อในแอป ที่คำขอตรวจสอบ มีผลทันที สิ่งที่ผู้ขอได้รับคำตอบไปแล้วไม่ถูกลบ",
    en="Withdraw at any time in the app, at the check. It works at once; what they were told already stays with them.",
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a citizen agreed to, to whom."""

    id: UUID
    person: UUID
    number: str
    """Of the juristic person."""
    controller: Text
    """Its title."""
    purpose_id: str
    purpose: Text
    what: str
    """`<agency>:<operation>`: whose records are spoken of."""
    told: Text
    """What of them is told."""
    words_version: str
    words_sha256: str
    agreed_at: datetime
    expires_at: datetime


class HandingReceipts:
    """One per process."""

    def __init__(self, keys: KeyRing, attestor: Attestor) -> None:
        self._keys, self._attestor = keys, attestor

    async def ready(self) -> None:
        """Comes before a transaction in which something is signed."""
        await self._attestor.ready()

    def sign_now(self, agreement: Agreement, event: Event, at: datetime) -> str:
        """A compact JWS; soon after :meth:`ready`."""
        return self._attestor.sign_now(self._claims(agreement, event, at), typ=RECEIPT_TYPE)

    def _claims(self, agreement: Agreement, event: Event, at: datetime) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "jti": new_id().hex,
            "jurisdiction": JURISDICTION,
            "event": event.value,
            "event_at": at.isoformat(),
            "sub": self._subject(agreement),
            "consent": agreement.id.hex,
            "given_as": GivenAs.SELF.value,
            "collection": "sitthi-graph",
            "controller": {"id": f"juristic:{agreement.number}", "name": _plain(agreement.controller)},
            "purpose": {"id": agreement.purpose_id, "title": _plain(agreement.purpose)},
            "legal_basis": {"kind": "CONSENT", "law": LAW},
            "attributes": [{"id": agreement.what, "title": _plain(agreement.told), "sensitive": False}],
            "words": {"version": agreement.words_version, "sha256": agreement.words_sha256},
            "granted_at": agreement.agreed_at.isoformat(),
            "expires_at": agreement.expires_at.isoformat(),
            "withdrawal": _plain(WITHDRAWAL),
        }

    def _subject(self, agreement: Agreement) -> str:
        """The same in all receipts of one person for one juristic person, and in no other's."""
        domain = f"consent-receipt:juristic:{agreement.number}"
        index = self._keys.blind_index(agreement.person.hex, domain=domain)
        return base64.urlsafe_b64encode(index).decode().rstrip("=")


def _plain(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
