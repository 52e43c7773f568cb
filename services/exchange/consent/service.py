"""Granting and withdrawing consent.

What is far away comes first: each `prepare…` reads what there is and signs the receipts, outside any transaction. What
writes takes the session of the edge's transaction, and looks there whether something moved in between (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.database import Database
from core.errors import BadInput, Conflict, NotFound
from core.ids import new_id
from core.text import Text
from services.exchange.catalogue import Catalogue, RegisteredPurpose
from services.exchange.consent.errors import ConsentNotNeeded, ConsentTextChanged
from services.exchange.consent.models import Consent
from services.exchange.consent.receipts import ConsentReceipts, SignedReceipt
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.terms import (
    ConsentEnds,
    ConsentEvent,
    ConsentStatus,
    Giver,
    covered,
    renewable,
    status_of,
    wanted_of,
)
from services.exchange.consent.texts import ConsentTexts, Words, load_texts
from services.exchange.errors import UnknownPurpose
from services.exchange.policy import Consented

__all__ = ["ConsentService", "ConsentStatus", "Grant", "Withdrawal"]

_NOT_AGREED: Final = Text(th="ความยินยอมนี้ไม่มีรายการข้อมูลดังกล่าว", en="this consent does not name them")


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """A consent ready to be written, or none where nothing has to be agreed to."""

    person: UUID
    entry: RegisteredPurpose
    wanted: frozenset[str]
    seen: UUID | None
    """The open consent that it was prepared beside."""
    made: Mapping[str, Any] | None
    """The new row; None where what is there is enough."""
    receipts: tuple[SignedReceipt, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Withdrawal:
    """An end ready to be written."""

    person: UUID
    consent: UUID
    target: UUID
    """The consent that ends: the one named, or what has taken its place."""
    at: datetime
    giver: Giver
    remains: Mapping[str, Any] | None = None
    """The row that stays when only some attributes are withdrawn."""
    receipts: tuple[SignedReceipt, ...] = ()


class ConsentService:
    """`receipts` may be left out by who only reads."""

    ended: ConsentEnds | None = None

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        receipts: ConsentReceipts | None = None,
        *,
        texts: ConsentTexts | None = None,
    ) -> None:
        self._catalogue, self._clock, self._receipts = catalogue, clock, receipts
        self.texts = texts or load_texts()

    # What may be agreed to.

    def purpose(self, purpose: str) -> RegisteredPurpose:
        """Raises UnknownPurpose, ConsentNotNeeded."""
        entry = self._catalogue.purposes.get(purpose)
        if entry is None:
            raise UnknownPurpose(path=("purpose",))
        if entry.consent is None:
            raise ConsentNotNeeded(path=("purpose",))
        return entry

    def checked(
        self, purpose: str, text_version: str, attributes: Collection[str] | None
    ) -> tuple[RegisteredPurpose, frozenset[str]]:
        """What would be consented to. The words may be any that mean what those in force mean.

        Raises UnknownPurpose, ConsentNotNeeded, ConsentTextChanged, BadInput.
        """
        entry = self.purpose(purpose)
        today = self._clock.today()
        in_force, shown = self.words(purpose), self.texts.find(purpose, text_version)
        if in_force is None or shown is None or shown.since > today or shown.meaning != in_force.meaning:
            raise ConsentTextChanged(path=("textVersion",))
        return entry, wanted_of(entry, attributes)

    def words(self, purpose: str) -> Words | None:
        """Those in force today."""
        return self.texts.in_force(purpose, self._clock.today())

    def missing(
        self, entry: RegisteredPurpose, consent: Consent | None, attributes: Collection[str] | None = None
    ) -> frozenset[str]:
        """What would still have to be agreed to for these attributes (all of the purpose); empty: nobody need ask."""
        wanted = wanted_of(entry, attributes)
        return wanted - (self.covered(consent) if consent is not None else frozenset())

    def covered(self, consent: Consent) -> frozenset[str]:
        """The attributes that it opens at this moment."""
        entry = self._catalogue.purposes.get(consent.purpose)
        if entry is None or entry.attributes is None or self.status(consent) is not ConsentStatus.ACTIVE:
            return frozenset()
        return covered(self.texts, consent, entry.attributes, self._clock.today())

    def is_renewable(self, consent: Consent) -> bool:
        """Whether its end is so near that the citizen may be asked again."""
        if self.status(consent) is not ConsentStatus.ACTIVE:
            return False
        return renewable(self.purpose(consent.purpose), consent, self._clock.now())

    def status(self, consent: Consent) -> ConsentStatus:
        return status_of(consent, self._clock.now())

    # What the gate may rely on.

    async def active(self, session: AsyncSession, person: UUID, entry: RegisteredPurpose) -> Consented | None:
        """At this moment, for one person."""
        return (await self.active_of(session, [person], entry)).get(person)

    async def active_of(
        self, session: AsyncSession, people: Collection[UUID], entry: RegisteredPurpose
    ) -> Mapping[UUID, Consented]:
        """At this moment, of those people who have one that still opens something."""
        assert entry.requester is not None
        found = await ConsentRepository(session).active(people, entry.requester, entry.purpose.id, self._clock.now())
        opened = {person: Consented(row.id, self.covered(row)) for person, row in found.items()}
        return {person: one for person, one in opened.items() if one.attributes}

    # Granting.

    async def prepare_grant(
        self,
        db: Database,
        person: UUID,
        *,
        purpose: str,
        text_version: str,
        attributes: Collection[str] | None,
        giver: Giver | None = None,
    ) -> Grant:
        """The citizen's consent to a purpose, for all that it asks for or only some attributes.

        Nobody agrees to the same thing twice. What is agreed to already and asked for again needs nothing; what is new
        is added to it, under the words that were shown. That the giver may consent is for the caller to know.

        Raises UnknownPurpose, ConsentNotNeeded, ConsentTextChanged, BadInput.
        """
        entry, wanted = self.checked(purpose, text_version, attributes)
        assert entry.requester is not None
        async with db.read() as session:
            current = await ConsentRepository(session).open(person, entry.requester, purpose)
        seen = current.id if current is not None else None
        expires = self._expires(entry, current, wanted, giver or Giver())
        if self._is_enough(current, wanted, expires):
            return Grant(person, entry, wanted, seen, None)
        row = self._row(person, entry, wanted | self._kept(current), text_version, expires, giver or Giver())
        receipts = [await self._signer.sign(Consent(**row), ConsentEvent.GRANTED, row["granted_at"])]
        if current is not None:
            receipts.append(await self._end_receipt(current, row["granted_at"], row["id"]))
        return Grant(person, entry, wanted, seen, row, tuple(receipts))

    async def grant(self, session: AsyncSession, prepared: Grant) -> Consent:
        """Writes it. Raises Conflict when another grant for other attributes, or a withdrawal, came in between."""
        assert prepared.entry.requester is not None
        repository = ConsentRepository(session)
        place = (prepared.person, prepared.entry.requester, prepared.entry.purpose.id)
        current = await repository.open(*place, lock=True)
        if current is None and prepared.seen is not None:  # it ended while we waited for it: what is there now?
            current = await repository.open(*place, lock=True)
        moved = (current.id if current is not None else None) != prepared.seen
        if prepared.made is None or moved:
            return self._already(current, prepared)
        if current is not None:
            current.ended_at = min(prepared.made["granted_at"], current.expires_at)
            await session.flush()
        if not await repository.insert_first(prepared.made):
            return self._already(await repository.open(*place), prepared)
        await self._signer.keep(session, prepared.receipts)
        granted = await repository.open(*place)
        assert granted is not None, "it was written just now"
        return granted

    def _already(self, current: Consent | None, prepared: Grant) -> Consent:
        """The consent of somebody who was faster, if it is as good."""
        if current is None or not prepared.wanted <= self.covered(current):
            raise Conflict
        return current

    # Withdrawing.

    async def prepare_withdrawal(
        self,
        db: Database,
        person: UUID,
        consent: UUID,
        attributes: Collection[str] | None = None,
        giver: Giver | None = None,
    ) -> Withdrawal:
        """Withdraws a consent, or some of its attributes; of one that was replaced, what took its place.

        Raises NotFound, for a foreign one too; BadInput for attributes that it does not name.
        """
        async with db.read() as session:
            found = await self._followed(session, person, consent, lock=False)
        now, giver = self._clock.now(), giver or Giver()
        bare = Withdrawal(person, consent, found.id, now, giver)
        gone = frozenset(attributes) if attributes is not None else frozenset(found.attributes)
        if not gone or not gone <= frozenset(found.attributes):
            raise BadInput(_NOT_AGREED, path=("attributes",))
        if self._is_over(found):
            return bare
        left = frozenset(found.attributes) - gone
        if not left:
            receipt = await self._signer.sign(found, ConsentEvent.WITHDRAWN, now)
            return Withdrawal(person, consent, found.id, now, giver, None, (receipt,))
        kept = {"given_as": found.given_as, "given_by": found.given_by, "granted_at": now, "id": new_id()}
        remains = {**found.model_dump(), **kept, "attributes": sorted(left)}
        receipts = (
            await self._signer.sign(Consent(**remains), ConsentEvent.GRANTED, now),
            await self._signer.sign(found, ConsentEvent.REPLACED, now, replaced_by=remains["id"]),
        )
        return Withdrawal(person, consent, found.id, now, giver, remains, receipts)

    async def withdraw(self, session: AsyncSession, prepared: Withdrawal) -> Consent:
        """Ends it at once; answers it, or what remains of it. Withdrawing again changes nothing.

        A whole withdrawal always takes effect, whatever came in between: its receipt is then signed a little later.
        Raises NotFound; Conflict for a part of a consent that has changed meanwhile.
        """
        found = await self._followed(session, prepared.person, prepared.consent, lock=True)
        if self._is_over(found):
            return found
        moved = found.id != prepared.target
        if prepared.remains is not None:
            if moved:
                raise Conflict
            found.ended_at = prepared.at
            await session.flush()
            await ConsentRepository(session).insert_first(prepared.remains)
            await self._signer.keep(session, prepared.receipts)
            remaining = await ConsentRepository(session).get(prepared.person, prepared.remains["id"])
            assert remaining is not None, "the open one has just ended"
            return await self._told(session, remaining)
        found.withdrawn_at = found.ended_at = self._clock.now() if moved else prepared.at
        found.withdrawn_by = prepared.giver.by
        found.receipt_due = moved or not prepared.receipts
        await session.flush()
        if not found.receipt_due:
            await self._signer.keep(session, prepared.receipts)
        return await self._told(session, found)

    async def _told(self, session: AsyncSession, consent: Consent) -> Consent:
        if self.ended is not None:
            await self.ended.consent_withdrawn(session, consent)
        return consent

    async def _followed(self, session: AsyncSession, person: UUID, consent: UUID, *, lock: bool) -> Consent:
        """The consent, or the open one that took its place: who withdraws by an old name means what is there now."""
        repository = ConsentRepository(session)
        found = await repository.get(person, consent, lock=lock)
        if found is None:
            raise NotFound
        if found.ended_at is not None and status_of(found, found.ended_at) is ConsentStatus.REPLACED:
            return await repository.open(person, found.requester, found.purpose, lock=lock) or found
        return found

    # Ends that come by themselves, and receipts that are due (tasks.py).

    async def prepare_end(self, consent: Consent) -> SignedReceipt:
        """The receipt of a consent that expired, or whose end has none yet."""
        if consent.withdrawn_at is not None:
            return await self._signer.sign(consent, ConsentEvent.WITHDRAWN, consent.withdrawn_at)
        return await self._signer.sign(consent, ConsentEvent.EXPIRED, consent.expires_at)

    async def end(self, session: AsyncSession, receipt: SignedReceipt) -> bool:
        """Writes it, and the end of what expired. Answers false when another process did, or it ended otherwise."""
        found = await ConsentRepository(session).get(receipt.person, receipt.consent, lock=True)
        if found is None:
            return False
        expired = found.ended_at is None and found.expires_at <= self._clock.now()
        if not (found.receipt_due if receipt.event is ConsentEvent.WITHDRAWN else expired):
            return False
        found.receipt_due = False
        if expired:
            found.ended_at = found.expires_at
        await self._signer.keep(session, (receipt,))
        return True

    # Receipts.

    async def receipts_of(
        self, session: AsyncSession, person: UUID, consents: Collection[UUID]
    ) -> Mapping[UUID, Sequence[SignedReceipt]]:
        """Oldest first, by consent. Raises `SealBroken` where the person's data key was destroyed."""
        return await self._signer.of(session, person, consents)

    async def receipt_for(self, session: AsyncSession, person: UUID, requester: str, purpose: str) -> str | None:
        """The signed receipt (compact JWS) of the consent that the requester may rely on now; None without one."""
        found = await ConsentRepository(session).active([person], requester, purpose, self._clock.now())
        if person not in found:
            return None
        consent = found[person].id
        receipts = (await self._signer.of(session, person, [consent])).get(consent, ())
        return next((one.token for one in receipts if one.event is ConsentEvent.GRANTED), None)

    @property
    def _signer(self) -> ConsentReceipts:
        assert self._receipts is not None, "whoever grants or withdraws signs for it"
        return self._receipts

    # Inside.

    def _is_over(self, consent: Consent) -> bool:
        return consent.ended_at is not None or consent.expires_at <= self._clock.now()

    def _expires(
        self, entry: RegisteredPurpose, current: Consent | None, wanted: frozenset[str], giver: Giver
    ) -> datetime:
        """Nothing lasts longer than it was asked for: what is only carried along keeps its end."""
        assert entry.consent is not None
        ends = [self._clock.now() + entry.consent.valid]
        if giver.minor_until is not None:
            ends.append(giver.minor_until)
        kept = self._kept(current)
        if current is not None and kept and not kept <= wanted:
            ends.append(current.expires_at)
        return min(ends)

    def _kept(self, current: Consent | None) -> frozenset[str]:
        return self.covered(current) if current is not None else frozenset()

    def _is_enough(self, current: Consent | None, wanted: frozenset[str], expires: datetime) -> bool:
        """Whether all of it is agreed to, and its end is not so near that agreeing again prolongs it."""
        if current is None or not wanted <= self._kept(current):
            return False
        return expires <= current.expires_at or not self.is_renewable(current)

    def _row(
        self,
        person: UUID,
        entry: RegisteredPurpose,
        attributes: frozenset[str],
        text_version: str,
        expires: datetime,
        giver: Giver,
    ) -> dict[str, Any]:
        return {
            "person": person,
            "id": new_id(),
            "requester": entry.requester,
            "purpose": entry.purpose.id,
            "attributes": sorted(attributes),
            "text_version": text_version,
            "granted_at": self._clock.now(),
            "expires_at": max(expires, self._clock.now() + timedelta(microseconds=1)),
            "given_as": giver.given_as.value,
            "given_by": giver.by,
            "receipt_due": False,
        }

    async def _end_receipt(self, current: Consent, at: datetime, by: UUID) -> SignedReceipt:
        """Of a consent that another takes the place of; one that had expired says so."""
        if current.expires_at <= at:
            return await self._signer.sign(current, ConsentEvent.EXPIRED, current.expires_at)
        return await self._signer.sign(current, ConsentEvent.REPLACED, at, replaced_by=by)
