"""The counter: a code for the slip, and the money to whoever brings both it and their identity card.

The code has ten characters and is kept as a keyed hash: a random one that an officer has printed, or one that the payee
has asked for, which is told again to whoever asks again for the same one. Whoever pays out is another than who had it
printed, and sees the payee: the national ID is read from the card and compared, and that look is in the payee's access
log. Each slip is paid out once however many counters try; what is wrong counts as a try, and after five it needs a new
code.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock, bangkok_day
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound, SitthiError
from core.ids import NationalId
from core.text import Text
from identity.counter.codes import ALPHABET, LENGTH, new_code, normalised
from services.exchange.facts import PAYMENT, Asker, AskerKind, Gate
from services.pay.destinations.service import COUNTER
from services.pay.needs import Officer, Role
from services.pay.rails.cash.day import take_counters
from services.pay.rails.cash.errors import (
    NoMoreCodes,
    NotACounterOfficer,
    NotThisOfficer,
    SlipLocked,
    SlipNotFound,
    SlipNotOpen,
    SlipRefused,
)
from services.pay.rails.cash.models import CODES_MAX, TRIES_MAX, CashSlip

_DOMAIN: Final = "cash_slip.code"
_OWN_DOMAIN: Final = "cash_slip.own-code"
_LABEL: Final = Text(th="เจ้าหน้าที่เคาน์เตอร์จ่ายเงินของ {agency}", en="Officer at the pay counter of {agency}")


class Counter:
    """Owns its transactions: a wrong try is kept although it is refused."""

    def __init__(self, db: Database, clock: Clock, keys: KeyRing, gate: Gate) -> None:
        self._db, self._clock, self._keys, self._gate = db, clock, keys, gate

    async def open_slips(self, officer: Officer) -> Sequence[CashSlip]:
        """Of the officer's agency, those that wait, the earliest to end first. Raises :class:`NotACounterOfficer`."""
        _must_be(officer, COUNTER, *Role)
        query = select(CashSlip).where(
            col(CashSlip.agency) == officer.agency, col(CashSlip.paid_at).is_(None), col(CashSlip.returned_at).is_(None)
        )
        async with self._db.read() as session:
            return (await session.scalars(query.order_by(col(CashSlip.expires_on), col(CashSlip.number)))).all()

    async def code_for(self, officer: Officer, number: str) -> tuple[CashSlip, str]:
        """A new code for a slip, to be printed on it and handed or sent to the payee; the last one is void.

        By an officer who plans or approves, not by one who pays out. Raises :class:`NotACounterOfficer`,
        :class:`SlipNotFound`, :class:`SlipNotOpen`, :class:`NoMoreCodes`.
        """
        _must_be(officer, *Role)
        async with self._db.write() as session:
            slip = await self._locked(session, officer.agency, number)
            return slip, await make_code(session, self._keys, self._clock, slip, by=officer.person)

    async def pay_out(self, officer: Officer, number: str, code: str, card: NationalId) -> CashSlip:
        """Hands the money over, once. `card` is what the officer reads on the payee's identity card.

        Raises :class:`NotACounterOfficer`, :class:`SlipNotFound`, :class:`NotThisOfficer`, :class:`SlipNotOpen`,
        :class:`SlipLocked`, :class:`SlipRefused`.
        """
        _must_be(officer, COUNTER)
        async with self._db.read() as session:
            found = await _slip(session, officer.agency, number)
        if officer.person in (found.person, found.code_by):
            raise NotThisOfficer
        is_payee = await self._is_payee(officer, found, card)
        refused: SitthiError | None = None
        async with self._db.write() as session:
            slip = await self._locked(session, officer.agency, number)
            await take_counters(session, officer.agency)
            now = self._clock.now()  # once, and while nobody counts the day that it is of
            _must_be_open(slip, bangkok_day(now))
            if slip.tries >= TRIES_MAX or slip.code_hash is None:
                raise SlipLocked
            if officer.person == slip.code_by:
                raise NotThisOfficer
            if is_payee and hmac.compare_digest(slip.code_hash, _hashed(self._keys, slip, code)):
                slip.paid_at, slip.paid_by = now, officer.person
            else:
                slip.tries += 1
                refused = SlipRefused(left=TRIES_MAX - slip.tries)
            await session.flush()
        if refused is not None:
            raise refused
        return slip

    async def _is_payee(self, officer: Officer, slip: CashSlip, card: NationalId) -> bool:
        """Compared inside the look, so that the number is nowhere in what the gate logs or caches."""
        same: list[bool] = []

        async def read(person: NationalId) -> None:
            same.append(hmac.compare_digest(person.digits.encode(), card.digits.encode()))

        asker = Asker(
            kind=AskerKind.OFFICER,
            id=officer.person.hex,
            agency=officer.agency,
            label=_LABEL.filled(agency=officer.agency),
            request=slip.id,
        )
        await self._gate.look(slip.person, f"{slip.agency}:payment", slip.agency, read, asker=asker, purpose=PAYMENT)
        return same[-1]

    @staticmethod
    async def _locked(session: AsyncSession, agency: str, number: str) -> CashSlip:
        """Held until the transaction ends: of any number of counters one at a time. Raises :class:`SlipNotFound`."""
        return await _slip(session, agency, number, lock=True)


def _must_be_open(slip: CashSlip, day: date) -> None:
    if slip.paid_at is not None or slip.returned_at is not None:
        raise SlipNotOpen
    if not slip.payable_from <= day <= slip.expires_on:
        raise SlipNotOpen


async def make_code(session: AsyncSession, keys: KeyRing, clock: Clock, slip: CashSlip, *, by: UUID) -> str:
    """The code, in plain for this once; `slip` is locked, `by` the officer who has it printed.

    Raises :class:`SlipNotOpen`, :class:`NoMoreCodes`.
    """
    _must_wait(slip, clock.today())
    return await _replace(session, keys, slip, new_code(), by=by)


class OwnCodes:
    """Codes that payees ask for themselves. Each method works in the caller's transaction."""

    def __init__(self, clock: Clock, keys: KeyRing) -> None:
        self._clock, self._keys = clock, keys

    async def make(self, session: AsyncSession, person: UUID, payment: UUID) -> tuple[CashSlip, str]:
        """The slip of that payment, and a new code for it, in plain; the last one is void.

        Raises NotFound where the person has no such slip, :class:`SlipNotOpen`, :class:`NoMoreCodes`.
        """
        query = select(CashSlip).where(col(CashSlip.person) == person, col(CashSlip.id) == payment)
        slip = await session.scalar(query.with_for_update().execution_options(populate_existing=True))
        if slip is None:
            raise NotFound
        _must_wait(slip, self._clock.today())
        code = self._code(slip, slip.codes + 1)
        await _replace(session, self._keys, slip, code, by=None)
        await session.refresh(slip)
        return slip, code

    def again(self, slip: CashSlip, number: int) -> str | None:
        """The `number`-th code of the slip, for whoever lost the answer; None once it does not count any more."""
        code = self._code(slip, number)
        counts = slip.code_hash is not None and hmac.compare_digest(slip.code_hash, _hashed(self._keys, slip, code))
        return code if counts else None

    def _code(self, slip: CashSlip, number: int) -> str:
        """Who has not the key cannot tell it from a random one."""
        drawn = int.from_bytes(self._keys.blind_index(f"{slip.id.hex}\x00{number}", domain=_OWN_DOMAIN))
        code = "".join(ALPHABET[drawn >> 5 * place & 31] for place in range(LENGTH))
        return f"{code[:5]}-{code[5:]}"


def _must_wait(slip: CashSlip, day: date) -> None:
    if slip.paid_at is not None or slip.returned_at is not None or slip.expires_on < day:
        raise SlipNotOpen


async def _replace(session: AsyncSession, keys: KeyRing, slip: CashSlip, code: str, *, by: UUID | None) -> str:
    """Raises :class:`NoMoreCodes`."""
    values = {"code_hash": _hashed(keys, slip, code), "code_by": by, "codes": slip.codes + 1, "tries": 0}
    if slip.codes >= CODES_MAX:
        raise NoMoreCodes
    await session.execute(
        update(CashSlip).where(col(CashSlip.person) == slip.person, col(CashSlip.id) == slip.id).values(**values)
    )
    return code


async def _slip(session: AsyncSession, agency: str, number: str, *, lock: bool = False) -> CashSlip:
    wanted = normalised(number)
    query = select(CashSlip).where(col(CashSlip.number) == (wanted or ""), col(CashSlip.agency) == agency)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = (await session.scalars(query)).first()
    if found is None:
        raise SlipNotFound
    return found


def _hashed(keys: KeyRing, slip: CashSlip, code: str) -> bytes:
    """Keyed, and bound to its slip, so that a code of another is none of this one."""
    return keys.blind_index(f"{slip.id.hex}\x00{normalised(code) or ''}", domain=_DOMAIN)


def _must_be(officer: Officer, *roles: str) -> None:
    if not any(role in officer.roles for role in roles):
        raise NotACounterOfficer
