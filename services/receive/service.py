"""Receipts: made when the bank has booked, confirmed and rated by the citizen."""

from __future__ import annotations

import asyncio
import io
import secrets
from typing import Final
from uuid import UUID

import segno
from sqlalchemy.ext.asyncio import AsyncSession

from core.attestation.service import Attestor
from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.errors import BadInput
from core.ids import new_id
from core.text import Text
from core.thai_dates import be_year
from services.pay.needs import SettledPayment
from services.receive.errors import AlreadyConfirmed, AlreadyRated, MoneyCameBack, ReceiptNotFound
from services.receive.models import COMMENT_LENGTH_MAX, Rating, Receipt
from services.receive.proof import RECEIPT_TYPE, receipt_claims
from services.receive.repository import ReceiptRepository
from services.receive.satisfaction.figures import count
from services.receive.satisfaction.provinces import checked

VERIFY_PATH: Final = "/verify/r/"
_CODE_BYTES: Final = 24
_NUMBER_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O, U, which people misread."""
_SCORE_MIN, _SCORE_MAX = 1, 5


class Receipts:
    """Fulfils `services.pay.needs.OnSettled`. Each method works in the caller's transaction."""

    def __init__(self, clock: Clock, keys: KeyRing, issuer: str, attestor: Attestor) -> None:
        """`issuer`: the base of public addresses, without a trailing slash."""
        self._clock, self._keys, self._issuer, self._attestor = clock, keys, issuer, attestor

    async def settled(self, session: AsyncSession, payment: SettledPayment) -> None:
        """Makes the receipt; an instalment has one at most, by a unique key.

        What came back and was paid after all keeps its receipt, of the day on which it was booked at last; that the
        citizen confirmed the first time says nothing of the second.
        """
        former = await ReceiptRepository(session).of_instalment(payment.person, payment.instalment)
        if former is not None:
            former.settled_at, former.confirmed_at = payment.settled_at, None
            await session.flush()
            return
        session.add(
            Receipt(
                person=payment.person,
                id=new_id(),
                instalment=payment.instalment,
                number=_number(be_year(bangkok_day(payment.settled_at))),
                code=secrets.token_urlsafe(_CODE_BYTES),
                subject=payment.subject,
                title={"th": payment.title.th, "en": payment.title.en},
                agency=payment.agency,
                period=payment.period,
                satang=payment.money.satang,
                settled_at=payment.settled_at,
                created_at=self._clock.now(),
            )
        )
        await session.flush()

    async def confirm(self, session: AsyncSession, person: UUID, receipt_id: UUID) -> Receipt:
        """The citizen says that the money came; once.

        Raises :class:`ReceiptNotFound`, :class:`AlreadyConfirmed`, :class:`MoneyCameBack`.
        """
        repository = ReceiptRepository(session)
        named = await repository.own(person, receipt_id)  # the payment is held before the receipt, as where it settles
        came_back = named is not None and await repository.came_back(named)
        receipt = await self._own(session, person, receipt_id)
        if came_back:
            raise MoneyCameBack(path=("receipt",))
        if receipt.confirmed_at is not None:
            raise AlreadyConfirmed
        receipt.confirmed_at = self._clock.now()
        await session.flush()
        return receipt

    async def rate(
        self,
        session: AsyncSession,
        person: UUID,
        receipt_id: UUID,
        score: int,
        comment: str | None,
        province: str | None = None,
    ) -> Rating:
        """1 (poor) to 5 (good), once a receipt, with up to 1,000 characters; once for good, also if it is erased.

        `province` is where the citizen says that they live; it is counted, and not kept with the rating.

        Raises :class:`ReceiptNotFound`, :class:`AlreadyRated`, :class:`BadInput`.
        """
        comment, counted_in = _checked(score, comment), checked(province)
        receipt = await self._own(session, person, receipt_id)
        if receipt.rated_at is not None:
            raise AlreadyRated
        sealed = None if comment is None else self._keys.seal(comment.encode(), bound_to=_binding(receipt.id))
        now = self._clock.now()
        rating = Rating(person=person, receipt=receipt.id, score=score, comment_sealed=sealed, rated_at=now)
        session.add(rating)
        receipt.rated_at = now
        await session.flush()
        await count(session, receipt.subject, counted_in, score, now)
        return rating

    def comment_of(self, rating: Rating) -> str | None:
        """What the citizen wrote. Raises `SealBroken`."""
        sealed = rating.comment_sealed
        return None if sealed is None else self._keys.open(sealed, bound_to=_binding(rating.receipt)).decode()

    def verify_url(self, receipt: Receipt) -> str:
        """Where anyone who is shown the receipt can check it."""
        return f"{self._issuer}{VERIFY_PATH}{receipt.code}"

    async def proof(self, receipt: Receipt) -> str:
        """What the receipt says under our signature, to be verified offline (proof.py). Call it in no transaction."""
        return await self._attestor.sign(receipt_claims(receipt, self._keys), typ=RECEIPT_TYPE)

    async def qr_text(self, receipt: Receipt) -> str:
        """What the QR code holds: the address of the public page, with the proof as its fragment."""
        return f"{self.verify_url(receipt)}#{await self.proof(receipt)}"

    async def qr_svg(self, receipt: Receipt) -> str:
        """:meth:`qr_text` as a QR code (ISO/IEC 18004), an SVG element to be put into a page."""
        return await asyncio.to_thread(svg_of, await self.qr_text(receipt))

    @staticmethod
    async def _own(session: AsyncSession, person: UUID, receipt_id: UUID) -> Receipt:
        """Locked, so that two confirmations or ratings at once are one after the other."""
        receipt = await ReceiptRepository(session).own(person, receipt_id, lock=True)
        if receipt is None:
            raise ReceiptNotFound(path=("receipt",))
        return receipt


def svg_of(text: str) -> str:
    """A QR code as an SVG element, in tens of milliseconds. It bears 15 % of damage: it is printed and photographed."""
    image = io.BytesIO()
    segno.make(text, error="m", boost_error=False, micro=False).save(
        image, kind="svg", xmldecl=False, scale=4, border=4, title="QR", omitsize=True
    )
    return image.getvalue().decode().strip()


def _binding(receipt: UUID) -> str:
    return f"rating.comment:{receipt.hex}"


def _checked(score: int, comment: str | None) -> str | None:
    if not _SCORE_MIN <= score <= _SCORE_MAX:
        raise BadInput(Text(th="คะแนนต้องอยู่ระหว่าง 1 ถึง 5", en="the score must be from 1 to 5"), path=("score",))
    if comment is None or not comment.strip():
        return None
    if len(comment) > COMMENT_LENGTH_MAX or "\x00" in comment or any("\ud800" <= c <= "\udfff" for c in comment):
        raise BadInput(
            Text(th="ความคิดเห็นยาวเกิน 1,000 ตัวอักษร", en="the comment may have up to 1,000 characters"),
            path=("comment",),
        )
    return comment.strip()


def _number(year: int) -> str:
    return f"{year}-{''.join(secrets.choice(_NUMBER_ALPHABET) for _ in range(10))}"
