"""A corrected national ID, with all that hangs on the number of a person.

Sessions, tokens, passkeys and codes of a counter end: whoever the wrong number belongs to may have come in by it,
through ThaID and in good faith, and must not stay in somebody else's account. The citizen signs in anew with the right
number and finds everything as it was, but for delegations, which rested on the number (`identity.proposals` ends them).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.clock import Clock
from core.ids import NationalId
from core.text import Text
from identity.counter.models import CounterCode
from identity.inbox.service import Inbox
from identity.messages import MESSAGES
from identity.passkeys.models import Passkey
from identity.people.register import PeopleRegister
from identity.provider.endings import Endings, EndReason

END_REASON: Final = "ID_CORRECTED"
CORRECTED: Final = MESSAGES["identity.id_corrected"]


class KnownFacts(Protocol):
    """What is remembered of a person outside the database: the exchange's cache."""

    async def forget(self, person: UUID) -> None:
        """What was read of the person until a few seconds from now is not told again. Raises `ServiceUnavailable`."""
        ...


class HearsOfNumbers(Protocol):
    """Whoever told others about a person under their number."""

    async def number_corrected(self, session: AsyncSession, person: UUID) -> None:
        """It was wrong, and is right now. Called inside the transaction that corrects it."""
        ...


class Correction:
    """`hears` is asked at each correction who wants to hear of it."""

    def __init__(
        self,
        people: PeopleRegister,
        inbox: Inbox,
        clock: Clock,
        hears: Callable[[], HearsOfNumbers | None] = lambda: None,
    ) -> None:
        self._people, self._inbox, self._clock, self._hears = people, inbox, clock, hears

    async def apply(self, session: AsyncSession, person: UUID, new: NationalId, *, agency: Text, by: str) -> None:
        """Corrects, ends every sign-in of the person, and tells them. Raises what :meth:`PeopleRegister.correct` does.

        Facts that were read under the former number are for the edge to forget (:class:`KnownFacts`).
        """
        await self._people.correct(session, person, new, by=by)
        if (hears := self._hears()) is not None:
            await hears.number_corrected(session, person)
        endings = Endings(self._clock)
        await endings.end_sessions(session, person, EndReason.SESSION_ENDED)
        await endings.part_from_number(session, person)
        await end_passkeys(session, person, self._clock.now())
        await end_counter_codes(session, person, self._clock.now())
        await self._inbox.send(session, person, CORRECTED, agency=agency)


async def end_counter_codes(session: AsyncSession, person: UUID, at: datetime) -> None:
    await session.execute(
        update(CounterCode)
        .where(col(CounterCode.person) == person, col(CounterCode.used_at).is_(None), col(CounterCode.expires_at) > at)
        .values(expires_at=at)
    )


async def end_passkeys(session: AsyncSession, person: UUID, at: datetime) -> None:
    await session.execute(
        update(Passkey)
        .where(col(Passkey.person) == person, col(Passkey.ended_at).is_(None))
        .values(ended_at=at, end_reason=END_REASON)
    )
