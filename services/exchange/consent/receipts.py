"""Signed receipts of consents: what was agreed to, in which words, and what became of it, provable without us.

A receipt is a compact JWS of :class:`core.attestation.service.Attestor` with the fields that ISO/IEC TS 27560 and the
Kantara consent receipt ask for. Who the person is, it says by a reference that only this requester's receipts share.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.attestation.errors import AttestationInvalid
from core.attestation.service import Attestor
from core.crypto import KeyRing
from core.envelope import SubjectKeys
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from services.exchange.catalogue import Catalogue
from services.exchange.consent.models import Consent, ConsentReceipt
from services.exchange.consent.terms import ConsentEvent
from services.exchange.consent.texts import ConsentTexts

RECEIPT_TYPE: Final = "sitthi-consent-receipt+jwt"
SCHEMA: Final = "sitthi-consent-receipt/1"
"""Version of the fields below; they may grow, and never change their meaning."""
JURISDICTION: Final = "TH"
LAW: Final = "PDPA 2562 s.19"
HOW_TO_WITHDRAW: Final = Text(
    th="ถอนความยินยอมได้ทุกเมื่อในแอป ที่เมนูความยินยอม มีผลทันที โดยไม่กระทบสิ่งที่ทำไปแล้วโดยชอบก่อนถอน",
    en="Withdraw at any time in the app, under Consents. It works at once; what was lawfully done before stays done.",
)


@dataclass(frozen=True, slots=True, repr=False)
class SignedReceipt:
    """A receipt ready to be written."""

    id: UUID
    person: UUID
    consent: UUID
    event: ConsentEvent
    at: datetime
    token: str
    """Compact JWS."""


class ConsentReceipts:
    """`sign` and `verify` may read the keys and so belong outside any transaction; what takes a session is inside."""

    def __init__(self, catalogue: Catalogue, texts: ConsentTexts, keys: KeyRing, attestor: Attestor) -> None:
        self._catalogue, self._texts, self._keys, self._attestor = catalogue, texts, keys, attestor
        self._data_keys = SubjectKeys(keys)

    async def sign(
        self, consent: Consent, event: ConsentEvent, at: datetime, *, replaced_by: UUID | None = None
    ) -> SignedReceipt:
        key = new_id()
        claims = self._claims(consent, event, at, key)
        if replaced_by is not None:
            claims["replaced_by"] = replaced_by.hex
        token = await self._attestor.sign(claims, typ=RECEIPT_TYPE)
        return SignedReceipt(key, consent.person, consent.id, event, at, token)

    async def keep(self, session: AsyncSession, receipts: Collection[SignedReceipt]) -> None:
        """Writes them, sealed. `session` is that of the transaction in which their events happen."""
        for one in receipts:
            key = await self._data_keys.for_sealing(session, one.person)
            place = bound_to(ConsentReceipt.token_sealed, one.person, one.id)
            session.add(
                ConsentReceipt(
                    person=one.person,
                    id=one.id,
                    consent=one.consent,
                    event=one.event,
                    at=one.at,
                    token_sealed=key.seal(one.token.encode(), bound_to=place),
                )
            )
        await session.flush()

    async def of(
        self, session: AsyncSession, person: UUID, consents: Collection[UUID]
    ) -> Mapping[UUID, Sequence[SignedReceipt]]:
        """The receipts of these consents of the person, oldest first.

        Raises `core.crypto.SealBroken` when the person's data key was destroyed.
        """
        query = select(ConsentReceipt).where(
            col(ConsentReceipt.person) == person, col(ConsentReceipt.consent).in_(consents)
        )
        found: dict[UUID, list[SignedReceipt]] = defaultdict(list)
        for row in (await session.scalars(query.order_by(col(ConsentReceipt.id)))).all():
            place = bound_to(ConsentReceipt.token_sealed, person, row.id)
            token = await self._data_keys.open(session, person, row.token_sealed, bound_to=place)
            signed = SignedReceipt(row.id, person, row.consent, ConsentEvent(row.event), row.at, token.decode())
            found[row.consent].append(signed)
        return found

    async def verify(self, token: str) -> dict[str, Any]:
        """What a receipt says. Raises :class:`AttestationInvalid` for one that we did not sign, or that was changed."""
        claims = await self._attestor.verify(token.strip(), typ=RECEIPT_TYPE)
        if claims.get("schema") != SCHEMA:
            raise AttestationInvalid
        return claims

    def _claims(self, consent: Consent, event: ConsentEvent, at: datetime, key: UUID) -> dict[str, Any]:
        words = self._texts.find(consent.purpose, consent.text_version)
        purpose = self._catalogue.purposes.get(consent.purpose)
        title = purpose.purpose.text if purpose is not None else Text(th=consent.purpose, en=consent.purpose)
        return {
            "schema": SCHEMA,
            "jti": key.hex,
            "jurisdiction": JURISDICTION,
            "event": event.value,
            "event_at": at.isoformat(),
            "sub": self._subject(consent),
            "consent": consent.id.hex,
            "given_as": consent.given_as,
            "collection": "sitthi-graph",
            "controller": {"id": consent.requester, "name": _plain(self._catalogue.agency_title(consent.requester))},
            "purpose": {"id": consent.purpose, "title": _plain(title)},
            "legal_basis": {"kind": "CONSENT", "law": LAW},
            "attributes": [self._attribute(name) for name in consent.attributes],
            "words": {"version": consent.text_version, "sha256": words.sha256 if words is not None else None},
            "granted_at": consent.granted_at.isoformat(),
            "expires_at": consent.expires_at.isoformat(),
            "withdrawal": _plain(HOW_TO_WITHDRAW),
        }

    def _attribute(self, name: str) -> dict[str, Any]:
        known = self._catalogue.attributes.get(name)
        title = known.title if known is not None else Text(th=name, en=name)
        return {"id": name, "title": _plain(title), "sensitive": known.sensitive if known is not None else False}

    def _subject(self, consent: Consent) -> str:
        """The same in all receipts of one person for one requester, and in no other's; it leads back to nobody."""
        domain = f"consent-receipt:{consent.requester}"
        index = self._keys.blind_index(consent.person.hex, domain=domain)
        return base64.urlsafe_b64encode(index).decode().rstrip("=")


def _plain(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
