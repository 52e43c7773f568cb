"""How often an agency may do what costs others something, and how much it may leave with us.

Every publication makes every worker compose the graph anew, every check takes a place of the suite, every draft is read
and kept. What was done is counted in the trail itself, in the transaction that does the next: it is right whatever
worker is asked, and holds while the cache is away. An act that is refused counts nothing.

Acts of officers at our own desk are never counted and never refused, nor is a service's suspension, whoever asks for
it: each follows an act that is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from core.clock import Clock
from services.plugins.registry.errors import DraftsFull, NamesFull, TooManyActs, VersionsFull
from services.plugins.registry.repository import Kept, Name, ServiceRepository
from services.plugins.registry.states import DISCARDABLE, PUBLISHED_ONCE, Act

WINDOW: Final = timedelta(hours=1)
NAMED_MAX: Final = 5
"""As many versions, or services, as a refusal names."""


class Budget(StrEnum):
    """What is counted together; stable, as errors name it."""

    CHANGES = "CHANGES"
    """What puts a version in force, so that every worker composes the graph anew."""
    CHECKS = "CHECKS"
    """Runs of the conformance suite."""
    SENDINGS = "SENDINGS"
    """What we read and keep: documents that are sent, and what reviewers are asked to look at."""


ACTS: Final = {
    Budget.CHANGES: frozenset({Act.PUBLISH, Act.ROLL_BACK, Act.RESUME}),
    Budget.CHECKS: frozenset({Act.CHECK}),
    Budget.SENDINGS: frozenset({Act.REGISTER, Act.REPLACE, Act.SUBMIT}),
}
_OF: Final = {act: budget for budget, acts in ACTS.items() for act in acts}


@dataclass(frozen=True, slots=True)
class Limits:
    """Per hour where nothing else is said; the settings of the same names (docs/settings.md)."""

    service_changes: int = 20
    agency_changes: int = 60
    service_checks: int = 30
    agency_checks: int = 120
    service_sendings: int = 120
    agency_sendings: int = 480
    service_drafts: int = 20
    """At once: versions that were never published."""
    agency_drafts: int = 200
    agency_names: int = 500
    """Of services, for ever: the trail of one that was discarded stays under its name."""
    service_versions: int = 1_000
    """Kept: drafts, and all that was published."""
    agency_versions: int = 5_000
    check_days: int = 30
    """How long a passed check is good for."""

    def of(self, budget: Budget) -> tuple[int, int]:
        """For a service, and for its agency."""
        return {
            Budget.CHANGES: (self.service_changes, self.agency_changes),
            Budget.CHECKS: (self.service_checks, self.agency_checks),
            Budget.SENDINGS: (self.service_sendings, self.agency_sendings),
        }[budget]


class Warden:
    """Asked under the lock that the act is done under: on the service, on the agency (`ServiceRepository.turn_of`),
    or, for what changes the graph, on the generation."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock, self.limits = clock, limits

    async def must_have_room(self, repository: ServiceRepository, name: Name, act: Act) -> None:
        """Raises :class:`TooManyActs`, which says when it may be tried again."""
        budget = _OF.get(act)
        if budget is None:
            return
        now, acts = self._clock.now(), ACTS[budget]
        for count, slug in zip(self.limits.of(budget), (name.slug, None), strict=True):
            done = await repository.latest_acts(name.agency, slug, acts, after=now - WINDOW, limit=count)
            if len(done) >= count:
                again = _whole_second(done[count - 1] + WINDOW)
                raise TooManyActs(
                    budget.value,
                    count=count,
                    of=slug or name.agency,
                    again=again.isoformat(timespec="seconds"),
                    seconds=_seconds(again - now),
                )

    async def must_keep_one_more(self, repository: ServiceRepository, name: Name) -> None:
        """Raises :class:`DraftsFull` and :class:`VersionsFull`, which name what may be discarded."""
        kept = await repository.versions_of_agency(name.agency)
        drafts = [one for one in kept if one.state not in PUBLISHED_ONCE]
        for most, slug in ((self.limits.service_drafts, name.slug), (self.limits.agency_drafts, None)):
            ours = [one for one in drafts if slug in (None, one.slug)]
            if len(ours) >= most:
                raise DraftsFull(count=most, of=slug or name.agency, which=_named(ours))
        for most, slug in ((self.limits.service_versions, name.slug), (self.limits.agency_versions, None)):
            ours = [one for one in kept if slug in (None, one.slug)]
            if len(ours) >= most:
                raise VersionsFull(count=most, of=slug or name.agency, which=_named(ours))

    async def must_be_one_name_more(self, repository: ServiceRepository, name: Name) -> None:
        """Raises :class:`NamesFull` for a name that is new, where the agency has used as many as it may."""
        if await repository.service(name) is not None:
            return
        names = [row.slug for row in await repository.of_agency(name.agency)]
        if len(names) >= self.limits.agency_names:
            kept = {one.slug for one in await repository.versions_of_agency(name.agency)}
            which = _listed([one for one in names if one not in kept])
            raise NamesFull(count=self.limits.agency_names, of=name.agency, which=which)


def _named(ours: Sequence[Kept]) -> str:
    """Those that were sent first, of all that may be discarded."""
    return _listed([f"{one.slug} {one.version}" for one in ours if one.state in DISCARDABLE])


def _listed(these: Sequence[str]) -> str:
    return (", ".join(these[:NAMED_MAX]) + (" …" if len(these) > NAMED_MAX else "")) or "–"


def _whole_second(at: datetime) -> datetime:
    """The first that is not before it: what is told is told without a fraction, and must hold at that second."""
    return at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)


def _seconds(span: timedelta) -> int:
    return max(1, math.ceil(span.total_seconds()))
