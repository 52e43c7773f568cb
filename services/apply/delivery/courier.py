"""Takes what is owed to agencies there, and comes back with what they say.

An attempt is three steps: a short transaction leases the row, the agency is asked outside any, another transaction
enters what came of it, if it is still this worker's turn. Whoever is killed in between is followed by another when the
lease is over, with the same call under the same key: the agency has the effect once, and here is one row.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from secrets import SystemRandom
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.errors import NotFound
from core.ids import NationalId
from core.sealed import bound_to
from services.apply import repository as applications
from services.apply.delivery import repository
from services.apply.delivery.agencies import Agencies, Declined, Numbers
from services.apply.delivery.attempts import Barred, Ended, state_of
from services.apply.delivery.desk import OF, hears, mark_of
from services.apply.delivery.figures import DeliveryFigures
from services.apply.delivery.hearing import Hearing
from services.apply.delivery.models import AgencyEvent, ServiceCase
from services.apply.delivery.needs import Needs
from services.apply.delivery.states import (
    CONFLICT,
    DECLINED,
    EVENTS_KEPT,
    FAILED,
    GONE,
    KINDS,
    LOOKED_AGAIN,
    MALFORMED,
    NOTIFY,
    RETRY_MAX,
    WELL,
    Hindrance,
    Step,
    retry_in,
)
from services.apply.models import Application
from services.exchange.errors import SourceSilent
from services.plugins.contract import EventKind, Manifest, OperationKind

GIVEN_UP_NOW: Final = "GIVEN_UP"
"""An outcome of the figures."""
PAGE: Final = 20
"""As many calls as an operation has places for that does not say how many."""
MAINTENANCE_SPREAD: Final = timedelta(seconds=30)
"""After announced maintenance, so that not all come back in one moment."""

_NOTHING_LEFT: Final[Mapping[str, Any]] = {
    "step": Step.DONE, "due_at": None, "attempts": 0, "sent_at": None, "trouble": None, "document_sealed": None,
}  # fmt: skip
"""Withdrawn while its first attempt was under way, which came to nothing: the agency never hears of it."""

log = structlog.get_logger(__name__)


class Courier:
    """The job. Every worker may run it, and all of them do."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        keys: KeyRing,
        *,
        agencies: Agencies,
        numbers: Numbers,
        needs: Needs,
        hearing: Hearing,
        chance: Callable[[], float] = SystemRandom().random,
    ) -> None:
        """`chance` spreads those who wait; 0 to 1."""
        self._db, self._clock, self._keys = database, clock, keys
        self._agencies, self._numbers, self._needs, self._hearing = agencies, numbers, needs, hearing
        self._chance, self._figures = chance, DeliveryFigures()
        self._under_way: dict[str, asyncio.Task[int]] = {}
        self._looking: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> int:
        """Carries out what is due now; how many attempts that were."""
        return sum(await asyncio.gather(*(self._serve(slug) for slug in sorted(await self._owing()))))

    async def tick(self) -> None:
        """:meth:`run` without waiting for its end, so that no agency waits for another."""
        for slug in await self._owing():
            if slug not in self._under_way:
                task = self._under_way[slug] = asyncio.create_task(self._serve(slug), name=f"deliveries to {slug}")
                task.add_done_callback(lambda done, slug=slug: self._ended(slug, done))  # type: ignore[misc]  # bound now

    async def close(self) -> None:
        """Gives up what is under way; another worker goes on with it when its lease is over."""
        for task in [*self._under_way.values(), *self._looking.values()]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def look(self, person: UUID, application: UUID) -> None:
        """Asks the agency now, if it is to be asked at all and what it said is old: the citizen has opened it.

        What goes wrong is noted, and the citizen sees what was said last. However often a citizen looks, an agency that
        does not answer is asked once in :data:`LOOKED_AGAIN`; who looks while it is asked waits for the same answer.
        """
        looking = self._looking.get(application)
        if looking is None:
            looking = self._looking[application] = asyncio.create_task(self._look(person, application))
            looking.add_done_callback(lambda done: self._looked(application, done))
        await asyncio.shield(looking)

    async def _look(self, person: UUID, application: UUID) -> None:
        now = self._clock.now()
        async with self._db.read() as session:
            case = await repository.case(session, person, application)
        manifest = self._to_call(case.plugin) if case is not None else None
        if case is None or manifest is None or case.step != Step.STATUS or self._is_fresh(manifest, case, now):
            return
        async with self._db.write() as session:
            claimed = await repository.claim_cases(session, now, limit=1, only=(person, application))
        for one in claimed:
            await self._carry(manifest, one)

    async def tidy(self) -> None:
        """Gives up what was not to be done within a month, drops events that no plugin took by then, and brings the
        figures to this moment."""
        now = self._clock.now()
        await self._give_up(now)
        async with self._db.write() as session:
            dropped = await repository.drop_events(session, now - EVENTS_KEPT)
        for plugin, count in dropped.items():
            log.warning("agency_events_dropped", plugin=plugin, count=count)
            self._figures.dropped(plugin, count)
        async with self._db.read() as session:
            self._figures.show(await repository.owed(session, now))

    async def _give_up(self, now: datetime) -> None:
        while True:
            async with self._db.write() as session:
                cases = await repository.overdue(session, now, limit=PAGE)
                for case in cases:
                    application = await applications.own(session, case.person, case.application)
                    if application is not None:
                        await self._hearing.failed(session, application, case, None)
                        self._figures.attempted(case.plugin, case.step, GIVEN_UP_NOW)
            if len(cases) < PAGE:
                return

    def _looked(self, application: UUID, done: asyncio.Task[None]) -> None:
        del self._looking[application]
        if not done.cancelled():
            done.exception()  # whoever looks is told; it may be that nobody waits any more

    def _to_call(self, slug: str) -> Manifest | None:
        return self._agencies.manifest(slug) if self._agencies.goes_on(slug) else None

    async def _owing(self) -> frozenset[str]:
        async with self._db.read() as session:
            return await repository.owing(session, self._clock.now())

    def _ended(self, slug: str, task: asyncio.Task[int]) -> None:
        del self._under_way[slug]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("deliveries_failed", plugin=slug, exc_info=error)

    async def _serve(self, slug: str) -> int:
        """All that is due to one plugin, page by page, until a page meets trouble."""
        manifest = self._to_call(slug)
        if manifest is None:
            now = self._clock.now()
            async with self._db.write() as session:
                await repository.put_off(session, slug, now, now + RETRY_MAX, GONE)
            return 0
        done = 0
        while True:
            now = self._clock.now()
            async with self._db.write() as session:
                cases = await repository.claim_cases(session, now, limit=_page(manifest, *KINDS.values()), plugin=slug)
                events = await repository.claim_events(
                    session, now, limit=_page(manifest, OperationKind.NOTIFY), plugin=slug
                )
            well = await asyncio.gather(
                *(self._carry(manifest, case) for case in cases), *(self._tell(manifest, event) for event in events)
            )
            done += len(well)
            if not well or not all(well):
                return done

    async def _carry(self, manifest: Manifest, case: ServiceCase) -> bool:
        """One attempt at what is owed for a case; whether the agency answered."""
        ended = await self._attempt(manifest, case)
        await self._hearing.ready()
        async with self._db.write() as session:
            application = await applications.own(session, case.person, case.application, lock=True)
            current = await repository.case(session, case.person, case.application, lock=True)
            if application is None or current is None or current.lease != case.lease:
                return False  # another's turn by now, which enters what it hears
            before = current.state
            current.lease = current.leased_until = None
            await session.flush()
            outcome = ended.outcome
            if ended.said is not None:
                late = await self._hearing.answered(
                    session, application, current, manifest, ended.said, chance=self._chance()
                )
                outcome = late or outcome
            elif ended.words is not None and current.step != Step.STATUS:
                await self._hearing.declined(session, application, current, manifest, ended.words)
            else:
                await self._unanswered(session, application, current, case, ended)
            quiet = case.step == Step.STATUS and outcome == WELL and ended.said and ended.said.state == before
            quiet = quiet or ended.until is not None or (ended.barred and case.trouble == outcome)
            if not quiet:
                self._note(session, case.application, manifest, case.step, outcome, ended.milliseconds)
        self._figures.attempted(manifest.slug, case.step, outcome)
        return ended.said is not None or ended.words is not None

    async def _unanswered(
        self, session: AsyncSession, application: Application, current: ServiceCase, case: ServiceCase, ended: Ended
    ) -> None:
        """Enters an attempt that brought no answer; `case` is as it was leased, `current` as it is now."""
        if ended.outcome == CONFLICT:
            await self._hearing.failed(session, application, current, CONFLICT)
            return
        if current.step == Step.STATUS and await self._is_asked_no_more(session, current.plugin):
            nothing = {"due_at": None, "trouble": None, "attempts": 0}
            await repository.store(session, case.person, case.application, nothing)
            return
        values = self._later(ended.outcome, current.attempts, ended)
        if not ended.asked and repository.is_first(case):
            values = _NOTHING_LEFT if current.cancel_wanted else {**values, "sent_at": None}
        if ended.barred and values is not _NOTHING_LEFT:
            await self._hearing.stopped(session, application, current, values)
        else:
            await repository.store(session, case.person, case.application, values)

    async def _is_asked_no_more(self, session: AsyncSession, slug: str) -> bool:
        """Whether the service has dropped `status`, as it may before the first answer to `submit` is here."""
        manifest = self._agencies.manifest(slug)
        if manifest is None or manifest.operations_of(OperationKind.STATUS):
            return False
        return await self._agencies.stands_still(session, slug)

    async def _attempt(self, manifest: Manifest, case: ServiceCase) -> Ended:
        operations = manifest.operations_of(KINDS[Step(case.step)])
        if not operations:
            return Ended(GONE, 0, asked=False)
        began = time.monotonic()

        def ended(outcome: str, **came: Any) -> Ended:
            return Ended(outcome, round((time.monotonic() - began) * 1000), **came)

        try:
            person, arguments, key = await self._call(manifest, case)
            told = await self._agencies.call(manifest.slug, next(iter(operations)), person, arguments, key=key)
        except Declined as error:
            return ended(DECLINED, words=error.words)
        except SourceSilent as error:
            asked = error.until is None and self._agencies.may_have(manifest.slug, error)
            return ended(error.reason, asked=asked, until=error.until)
        except Barred as stopped:
            return ended(stopped.reason, asked=False, barred=True)
        except NotFound:
            return ended(GONE)  # the person was erased meanwhile
        except Exception:  # one that nobody foresaw must not stand in the way of the others
            log.exception("delivery_failed", plugin=manifest.slug, step=case.step)
            return ended(FAILED)
        said = state_of(told, case.reference)
        return ended(WELL, said=said) if said is not None else ended(MALFORMED)

    async def _call(self, manifest: Manifest, case: ServiceCase) -> tuple[NationalId, Mapping[str, Any], str]:
        async with self._db.read() as session:
            person = await self._numbers.number_of(session, case.person)
        if case.step != Step.SUBMIT:
            # Of `cancel` the key differs from that of `submit`, by which the agency knows that; a look has none. With a
            # number that was corrected it is another call, so the key is another: else the agency would refuse it.
            whose = self._keys.blind_index(f"{case.application.hex}:{person.digits}", domain="delivery.cancel").hex()
            key = f"{case.application.hex}:cancel:{whose[:16]}" if case.step == Step.CANCEL else ""
            return person, {"reference": case.reference}, key
        assert case.document_sealed is not None, "it goes when the agency has it"
        bound = bound_to(ServiceCase.document_sealed, case.application)
        document = orjson.loads(self._keys.open(case.document_sealed, bound_to=bound))
        of = document.pop(OF)
        if of != mark_of(self._keys, person):  # the number was wrong, and is corrected: they may be somebody else's
            document["facts"] = {}
        now = await self._needs.still(manifest, case.person, document["facts"], case.rests_on)
        if now.barred is not None:
            raise Barred(now.barred)
        if now.gone:
            document["facts"] = {name: value for name, value in document["facts"].items() if name not in now.gone}
            await self._thin(case, {OF: of, **document})
        return person, {"application": document}, case.application.hex

    async def _thin(self, case: ServiceCase, document: Mapping[str, Any]) -> None:
        """Without what may not be sent any more, because a consent was withdrawn (PDPA s.19 para 5) or an agreement has
        ended: from now on in every attempt. An agency that has it already, with those facts, says so (`CONFLICT`); of
        a consent it hears by its own event.

        Raises :class:`NotFound` where it is another's turn.
        """
        bound = bound_to(ServiceCase.document_sealed, case.application)
        sealed = self._keys.seal(orjson.dumps(document), bound_to=bound)
        async with self._db.write() as session:
            application = await applications.own(session, case.person, case.application)
            if application is None or not await repository.store_leased(session, case, {"document_sealed": sealed}):
                raise NotFound
            if not repository.is_first(case):
                await self._hearing.hindered(session, application, Hindrance.WITHOUT_FACTS)

    async def _tell(self, manifest: Manifest, event: AgencyEvent) -> bool:
        """One attempt to tell an event to all operations that want to hear of it; whether the agency answered."""
        bound = bound_to(AgencyEvent.national_id_sealed, event.id)
        person = NationalId(self._keys.open(event.national_id_sealed, bound_to=bound).decode())
        told: dict[str, Any] = {
            "id": event.id.hex,
            "kind": event.kind,
            "at": event.at.isoformat(),
            "reference": event.reference,
        }
        if event.application is not None:
            told["application"] = event.application
        if event.satang is not None:
            told["satang"] = event.satang
        outcome, until, began = WELL, None, time.monotonic()
        for operation in hears(manifest, EventKind(event.kind)):
            try:
                key = f"{event.id.hex}:{operation}"
                await self._agencies.call(manifest.slug, operation, person, {"event": told}, key=key)
            except Declined:
                outcome = DECLINED  # it has heard
            except SourceSilent as error:
                outcome, until = error.reason, error.until
                break
            except Exception:  # as above
                log.exception("delivery_failed", plugin=manifest.slug, step=NOTIFY)
                outcome = FAILED
                break
        milliseconds = round((time.monotonic() - began) * 1000)
        heard = outcome in (WELL, DECLINED, CONFLICT)  # of the last: something under its key it has heard
        async with self._db.write() as session:
            if heard:
                ours = await repository.close_event(session, event.id, event.lease)
            else:
                values = {
                    "lease": None,
                    "leased_until": None,
                    **self._later(outcome, event.attempts, Ended(outcome, milliseconds, until=until)),
                }
                ours = await repository.put_off_event(session, event.id, event.lease, values)
            if ours and until is None:
                self._note(session, event.id, manifest, NOTIFY, outcome, milliseconds)
        self._figures.attempted(manifest.slug, NOTIFY, outcome)
        return heard

    def _later(self, trouble: str, attempts: int, ended: Ended) -> Mapping[str, Any]:
        """When to try again: after maintenance, spread; it is looked at within the hour, in case it ends before, and so
        is what the citizen has had stopped."""
        now, chance = self._clock.now(), self._chance()
        if ended.until is None and not ended.barred:
            return {"trouble": trouble, "due_at": now + retry_in(attempts, chance)}
        due = now + RETRY_MAX
        if ended.until is not None:
            due = min(ended.until + MAINTENANCE_SPREAD * chance, due)
        return {"trouble": trouble, "due_at": due, "attempts": attempts - 1}

    def _note(self, session: Any, owed: UUID, manifest: Manifest, step: str, outcome: str, milliseconds: int) -> None:
        repository.add_attempt(session, owed, manifest.slug, step, self._clock.now(), outcome, milliseconds)

    def _is_fresh(self, manifest: Manifest, case: ServiceCase, now: datetime) -> bool:
        if case.tried_at is not None and now - case.tried_at < LOOKED_AGAIN:
            return True
        if case.checked_at is None:
            return False
        specs = manifest.operations_of(KINDS[Step.STATUS]).values()
        seconds = max((spec.cache_seconds for spec in specs), default=0)
        return (now - case.checked_at).total_seconds() < max(seconds, LOOKED_AGAIN.total_seconds())


def _page(manifest: Manifest, *kinds: OperationKind) -> int:
    """How many are taken at once: no more than find a place, because the time limit runs while one waits."""
    specs = [spec for kind in kinds for spec in manifest.operations_of(kind).values()]
    return min([PAGE, *(spec.places for spec in specs if "places" in spec.model_fields_set)])
