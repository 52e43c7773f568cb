"""The edge of registered services: what has to happen outside a transaction, and the transaction. REST and the
commands of officers both use this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Demand
from core.clock import Clock
from core.database import Database
from core.errors import NotFound
from identity.officers.demands import AT_THE_DESK, TO_APPROVE
from identity.officers.reasons import checked_reason
from identity.officers.register import Officer, OfficerRegister
from identity.officers.roles import SERVICES_REVIEW
from identity.proposals.errors import MakerIsChecker
from services.plugins.contract import Fault, PluginRefused
from services.plugins.registry.documents import Documents, read_remote_manifest
from services.plugins.registry.errors import RemedyMissing
from services.plugins.registry.examined import Examined
from services.plugins.registry.examining import Examiner
from services.plugins.registry.lifecycle import Actor, Lifecycle
from services.plugins.registry.models import Service, ServiceEvent, ServiceReport, ServiceReview, ServiceVersion
from services.plugins.registry.repository import Name, ServiceRepository
from services.plugins.registry.sensitive import Sensitive
from services.plugins.registry.states import PUBLISHED_ONCE, Act, State, after

PLACE_LENGTH_MAX: Final = 200
REMEDY_LENGTH_MAX: Final = 1_000
EVENTS: Final = 100
"""Of a trail, where nobody says how many."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A version as its agency and the reviewers see it."""

    service: Service
    row: ServiceVersion
    report: ServiceReport | None
    review: ServiceReview | None
    """The newest."""
    faults: Sequence[Fault] = ()
    """What stands in the way by now, though it did not when it was sent."""
    warnings: Sequence[Fault] = ()
    parts: Sequence[Sensitive] = ()
    """What a reviewer would look at, were it submitted now."""


@dataclass(frozen=True, slots=True)
class Listed:
    service: Service
    versions: Sequence[ServiceVersion] = field(default_factory=tuple)


class ServiceDesk:
    """For systems of agencies: whoever calls has seen to it that `actor` may act in that agency's name."""

    def __init__(self, db: Database, examiner: Examiner, lifecycle: Lifecycle) -> None:
        self._db, self._examiner, self._lifecycle = db, examiner, lifecycle

    async def register(self, actor: Actor, documents: Documents) -> tuple[ServiceVersion, bool]:
        """The version that these documents are now, and whether that is new. Raises as `Lifecycle.register`, and
        PluginRefused with every fault of the documents."""
        manifest = read_remote_manifest(documents)
        name = Name(actor.agency, manifest.slug)
        async with self._db.read() as session:  # before they are read, which takes a while
            row = await ServiceRepository(session).version(name, manifest.version)
            if row is None or row.digest != documents.digest:
                await self._lifecycle.must_have_room(session, actor, name, Act.REGISTER)
        examined = await self._examiner.examine(name, documents)
        async with self._db.write() as session:
            await ServiceRepository(session).turn_of(actor.agency)
            return await self._lifecycle.register(session, actor, examined)

    async def check(self, actor: Actor, name: Name, version: str) -> ServiceVersion:
        async with self._db.write() as session:
            await ServiceRepository(session).turn_of(actor.agency)
            return await self._lifecycle.check(session, actor, name, version)

    async def discard(self, actor: Actor, name: Name, version: str) -> ServiceVersion:
        """The version as it was."""
        async with self._db.write() as session:
            return await self._lifecycle.discard(session, actor, name, version)

    async def submit(self, actor: Actor, name: Name, version: str) -> ServiceVersion:
        row = await self._row(name, version)
        examined = await self._examiner.examine(name, Documents(row.files))
        if row.state == State.CHECKED:  # a draft is checked first, and composed then
            async with self._db.read() as session:
                act = Act.SUBMIT if await self._needs_review(session, name, examined) else Act.PUBLISH
                await self._lifecycle.must_have_room(session, actor, name, act)
            examined = await self._examiner.examine(name, examined.documents, composing=True)
        async with self._db.write() as session:
            await ServiceRepository(session).turn_of(actor.agency)
            return await self._lifecycle.submit(session, actor, name, version, examined)

    async def publish(self, actor: Actor, name: Name, version: str) -> ServiceVersion:
        row = await self._row(name, version)
        after(row.state, Act.PUBLISH)
        examined = await self._examiner.examine(name, Documents(row.files))
        async with self._db.read() as session:
            needs_review = await self._needs_review(session, name, examined)
        if not needs_review:  # else it is refused, and nothing is composed for that
            examined = await self._examined(actor, name, version, Act.PUBLISH)
        async with self._db.write() as session:
            return await self._lifecycle.publish(session, actor, name, version, examined)

    async def roll_back(self, actor: Actor, name: Name, version: str | None, reason: str) -> ServiceVersion:
        """To that version, or to the one before the current."""
        said = checked_reason(reason)
        if version is None:
            async with self._db.read() as session:
                version = await self._lifecycle.to_roll_back_to(session, name)
        examined = await self._examined(actor, name, version, Act.ROLL_BACK)
        async with self._db.write() as session:
            return await self._lifecycle.roll_back(session, actor, name, version, examined, said)

    async def withdraw(self, actor: Actor, name: Name, version: str) -> ServiceVersion:
        async with self._db.write() as session:
            return await self._lifecycle.withdraw(session, actor, name, version)

    async def suspend(self, actor: Actor, name: Name, reason: str) -> ServiceVersion:
        async with self._db.write() as session:
            return await self._lifecycle.suspend(session, actor, name, checked_reason(reason))

    async def resume(self, actor: Actor, name: Name, reason: str) -> ServiceVersion:
        async with self._db.write() as session:
            return await self._lifecycle.resume(session, actor, name, checked_reason(reason))

    async def retire(self, actor: Actor, name: Name, reason: str) -> ServiceVersion:
        async with self._db.write() as session:
            return await self._lifecycle.retire(session, actor, name, checked_reason(reason))

    async def listed(self, agency: str) -> Sequence[Listed]:
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            services, versions = await repository.of_agency(agency), await repository.versions_by_service(agency)
            return [Listed(one, versions.get(one.slug, ())) for one in services]

    async def one(self, name: Name) -> Listed:
        """Raises NotFound."""
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            service = await repository.service(name)
            if service is None:
                raise NotFound
            return Listed(service, await repository.versions(name))

    async def shown(self, name: Name, version: str) -> Shown:
        """Raises NotFound."""
        async with self._db.read() as session:
            shown = await _shown(session, name, version)
        return await _judged(self._examiner, shown)

    async def events(self, name: Name, *, before: UUID | None = None, limit: int = EVENTS) -> Sequence[ServiceEvent]:
        """The latest, or those before that one, in the order in which they happened. Raises NotFound."""
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            if await repository.service(name) is None:
                raise NotFound
            return await repository.events(name, before=before, limit=limit)

    async def report(self, name: Name, version: str) -> ServiceReport:
        """Raises NotFound, also for a version that was never checked."""
        async with self._db.read() as session:
            found = await ServiceRepository(session).report(name, version)
        if found is None:
            raise NotFound
        return found

    async def public_report(self, slug: str, version: str) -> ServiceReport:
        """Of a version that is or was published, for everybody; also when it was discarded since. Raises NotFound."""
        async with self._db.read() as session:
            repository = ServiceRepository(session)
            name = await repository.published_name(slug)
            if name is None or not await repository.was_published(name, version):
                raise NotFound
            found = await repository.report(name, version)
        if found is None:
            raise NotFound
        return found

    async def _needs_review(self, session: AsyncSession, name: Name, examined: Examined) -> bool:
        service = await ServiceRepository(session).service(name)
        return service is not None and bool(examined.parts(held=await self._lifecycle.is_held(session, service)))

    async def _row(self, name: Name, version: str) -> ServiceVersion:
        """Raises NotFound."""
        async with self._db.read() as session:
            row = await ServiceRepository(session).version(name, version)
        if row is None:
            raise NotFound
        return row

    async def _examined(self, actor: Actor, name: Name, version: str, act: Act) -> Examined:
        row = await self._row(name, version)
        after(row.state, act)  # refused before anything is composed for it; looked at again under the lock
        async with self._db.read() as session:
            await self._lifecycle.must_have_room(session, actor, name, act)
        return await self._examiner.examine(name, Documents(row.files), composing=True)


class ReviewDesk:
    """For officers who review services. Every method raises StepUpRequired, NotAnOfficer, RoleMissing, NotFound."""

    def __init__(
        self, db: Database, clock: Clock, officers: OfficerRegister, examiner: Examiner, lifecycle: Lifecycle
    ) -> None:
        self._db, self._clock, self._officers = db, clock, officers
        self._examiner, self._lifecycle = examiner, lifecycle

    async def waiting(self, officer: Officer) -> Sequence[ServiceReview]:
        async with self._db.read() as session:
            await self._must(session, officer, AT_THE_DESK)
            return await ServiceRepository(session).open_reviews()

    async def shown(self, officer: Officer, review: UUID) -> Shown:
        async with self._db.read() as session:
            await self._must(session, officer, AT_THE_DESK)
            row = await self._review(session, review)
            shown = await _shown(session, Name(row.agency, row.slug), row.version)
        return await _judged(self._examiner, shown)

    async def approve(self, officer: Officer, review: UUID, reason: str = "") -> ServiceVersion:
        """Publishes the version. Raises MakerIsChecker, and what `Lifecycle.approve` raises."""
        async with self._db.read() as session:
            await self._must(session, officer, TO_APPROVE)
            asked = await self._review(session, review)
            row = await ServiceRepository(session).version(Name(asked.agency, asked.slug), asked.version)
            assert row is not None
        examined = await self._examiner.examine(Name(row.agency, row.slug), Documents(row.files), composing=True)
        said = checked_reason(reason) if reason else ""
        async with self._db.write() as session:
            asked = await self._to_decide(session, officer, review)
            return await self._lifecycle.approve(session, _actor(officer), asked, examined, said)

    async def refuse(self, officer: Officer, review: UUID, reason: str, place: str, remedy: str) -> ServiceVersion:
        """Raises MakerIsChecker, RemedyMissing, BadInput, and what `Lifecycle.refuse` raises."""
        where, better = " ".join(place.split()), " ".join(remedy.split())
        if not 0 < len(where) <= PLACE_LENGTH_MAX or not 0 < len(better) <= REMEDY_LENGTH_MAX:
            raise RemedyMissing
        checked_reason(better)  # it is as public as the reason, and holds no national ID either
        async with self._db.write() as session:
            asked = await self._to_decide(session, officer, review)
            return await self._lifecycle.refuse(session, _actor(officer), asked, checked_reason(reason), where, better)

    async def suspend(self, officer: Officer, slug: str, reason: str) -> ServiceVersion:
        """Stops any published service at once. One officer is enough: something may be leaking."""
        async with self._db.write() as session:
            await self._must(session, officer, AT_THE_DESK)
            name, said = await self._published(session, slug), checked_reason(reason)
            return await self._lifecycle.suspend(session, _actor(officer), name, said, held=True)

    async def resume(self, officer: Officer, slug: str, reason: str) -> ServiceVersion:
        async with self._db.write() as session:
            await self._must(session, officer, TO_APPROVE)
            name, said = await self._published(session, slug), checked_reason(reason)
            return await self._lifecycle.resume(session, _actor(officer), name, said, reviewing=True)

    async def _published(self, session: AsyncSession, slug: str) -> Name:
        name = await ServiceRepository(session).published_name(slug)
        if name is None:
            raise NotFound
        return name

    async def _to_decide(self, session: AsyncSession, officer: Officer, review: UUID) -> ServiceReview:
        """The review, held from others; nobody decides on what they sent or submitted."""
        await self._must(session, officer, TO_APPROVE)
        repository = ServiceRepository(session)
        asked = await self._review(session, review)
        await repository.service(Name(asked.agency, asked.slug), lock=True)
        asked = await self._review(session, review)
        row = await repository.version(Name(asked.agency, asked.slug), asked.version)
        assert row is not None
        if officer.person.hex in (asked.asked_by, row.sent_by, row.submitted_by):
            raise MakerIsChecker
        return asked

    async def _review(self, session: AsyncSession, review: UUID) -> ServiceReview:
        found = await ServiceRepository(session).review(review)
        if found is None:
            raise NotFound
        return found

    async def _must(self, session: AsyncSession, officer: Officer, demand: Demand) -> None:
        officer.must_meet(demand, self._clock.now())
        await self._officers.must_serve(session, officer, SERVICES_REVIEW)


async def _shown(session: AsyncSession, name: Name, version: str) -> Shown:
    repository = ServiceRepository(session)
    service, row = await repository.service(name), await repository.version(name, version)
    if service is None or row is None:
        raise NotFound
    reviews = await repository.reviews(name, version)
    return Shown(service, row, await repository.report(name, version), reviews[0] if reviews else None)


async def _judged(examiner: Examiner, shown: Shown) -> Shown:
    """With what its documents are by now; of what is or was published that is history."""
    service, row = shown.service, shown.row
    if State(row.state) in PUBLISHED_ONCE:
        return shown
    try:
        examined = await examiner.examine(Name(row.agency, row.slug), Documents(row.files))
        examined.must_not_break()
    except PluginRefused as refused:
        return Shown(service, row, shown.report, shown.review, faults=refused.faults)
    warnings = await examiner.warnings(examined)
    parts = examined.parts(held=service.held)
    return Shown(service, row, shown.report, shown.review, warnings=warnings, parts=parts)


def _actor(officer: Officer) -> Actor:
    return Actor(officer.agency, officer.person.hex)
