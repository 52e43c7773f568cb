"""Which applications are accepted before they are decided, and the way in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from prometheus_client import Counter

from core.clock import Clock
from core.database import Database
from core.group_commit import GroupCommit
from core.idempotency import Claim
from core.ids import new_id
from core.text import Text
from services.apply.acceptance.kind import Acceptances, Accepted
from services.apply.forms import Form
from services.apply.service import ApplyService

DECIDING_MAX: Final = 32
"""Applications that one process decides at a time, for those who wait for the decision. A decision takes some 20 ms of
a processor, so that a further one would wait for more than half a second."""

_HOUR: Final = 3_600
_accepted = Counter("sitthi_applications_accepted_total", "Applications accepted before they were decided", ["asked"])
_BY_CLIENT, _BY_SERVER = _accepted.labels("client"), _accepted.labels("server")


class Decide(StrEnum):
    """When an application is to be decided."""

    NOW = "NOW"
    SOON = "SOON"


class Undecided(Protocol):
    """The room that decides, as far as it knows without asking for a fact."""

    def ready_for(self, subject: str) -> Text | None:
        """The title, if one may apply for it for oneself and nothing that is not known here decides whether the
        application is taken: no register, no household, nothing that the law lets nobody have beside it."""
        ...

    def reads(self, subject: str, answers: Mapping[str, Any]) -> bool:
        """Whether each answer is to a question of it, of its type. Asked of what is :meth:`ready_for`."""
        ...


@dataclass(frozen=True, slots=True)
class _Offer:
    """What is the same for all who apply for it within an hour."""

    title: Text
    due_on: date | None
    form: Form | None


class Acceptance:
    def __init__(
        self,
        database: Database,
        clock: Clock,
        service: ApplyService,
        undecided: Undecided,
        *,
        deciding_max: int = DECIDING_MAX,
    ) -> None:
        self._clock, self._service, self._undecided, self._deciding_max = clock, service, undecided, deciding_max
        self._group: GroupCommit[Accepted, bool] = GroupCommit(Acceptances(database))
        self._deciding = 0
        self._hour = -1
        self._offers: dict[str, _Offer] = {}
        self.taken = 0
        """So many were accepted by this process."""

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """Around an application that is decided while its applicant waits."""
        self._deciding += 1
        try:
            yield
        finally:
            self._deciding -= 1

    @property
    def is_pressed(self) -> bool:
        """Whether as many are being decided as this process can, so that a further one would wait for them."""
        return self._deciding >= self._deciding_max

    def is_soon(self, decide: Decide | None) -> bool:
        """Whether one that says so is accepted first; who says nothing is, while it presses."""
        return decide is Decide.SOON or (decide is None and self.is_pressed)

    async def accept(self, claim: Claim, subject: str, answers: object, *, asked: bool) -> Accepted | None:
        """The application of the claim's citizen for themself, durable, once it is. None, with nothing stored, where
        the ordinary path has to say what is the case.

        Raises what :meth:`ApplyService.own_words` does, and what :meth:`GroupCommit.submit` does: where that is
        `DatabaseUnavailable` it may be stored.
        """
        entered = self.enter(claim, subject, answers)
        if entered is None:
            return None
        made, outcome = entered
        if not await outcome:
            return None
        self.count(asked=asked)
        return made

    def enter(self, claim: Claim, subject: str, answers: object) -> tuple[Accepted, asyncio.Future[bool]] | None:
        """The same without waiting: what will be accepted, and whether it was. Who hears that it was says so by
        :meth:`count`."""
        now = self._clock.now()
        offer = self._offer(subject, now)
        if offer is None:
            return None
        nothing = answers is None or answers == {}
        words = {} if nothing else self._service.own_words(subject, answers)
        if words and not self._undecided.reads(subject, words):
            return None
        key = new_id()
        sealed = self._service.seal_answers(key, words)
        made = Accepted(claim, key, subject, offer.title, sealed, now.astimezone(UTC), offer.due_on)
        return made, self._group.enter(made)

    def count(self, *, asked: bool) -> None:
        """One was accepted; `asked`: as its client wanted."""
        self.taken += 1
        (_BY_CLIENT if asked else _BY_SERVER).inc()

    def form(self, subject: str) -> Form | None:
        """Of what was accepted."""
        offer = self._offer(subject, self._clock.now())
        return None if offer is None else offer.form

    async def close(self) -> None:
        """Takes no more, and returns when all have their outcome."""
        await self._group.close()

    def _offer(self, subject: str, now: datetime) -> _Offer | None:
        hour = int(now.timestamp()) // _HOUR  # days begin with an hour, in Bangkok too
        if hour != self._hour:
            self._hour, self._offers = hour, {}
        found = self._offers.get(subject)
        if found is None:
            title = self._undecided.ready_for(subject)
            if title is None:
                return None  # not remembered: there is no end to what nobody offers
            due_on = self._service.steps.turns.begun(subject, now)["due_on"]
            found = self._offers[subject] = _Offer(title, due_on, self._service.form(subject))
        return found


__all__ = ["Acceptance", "Accepted", "Decide", "Undecided"]
