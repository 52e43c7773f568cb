"""What is done to a service and its versions: each act one transaction of the caller's, each in the trail.

Documents are read and compared before (:class:`Examined`), because that takes long; whether they still are what is
there is looked at again under the lock. Who acts on one service waits for whoever acts on it already, and who publishes
waits for whoever publishes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import Conflict, NotFound
from core.ids import new_id
from services.plugins.registry.diff import number_of
from services.plugins.registry.errors import (
    ReviewNeeded,
    ServiceHeld,
    ServiceStateConflict,
    VersionNotHigher,
    VersionTaken,
)
from services.plugins.registry.examined import Examined
from services.plugins.registry.limits import Limits, Warden
from services.plugins.registry.models import Service, ServiceEvent, ServiceReview, ServiceVersion
from services.plugins.registry.passing import Owing, Passage
from services.plugins.registry.registry import Claims
from services.plugins.registry.repository import Name, ServiceRepository
from services.plugins.registry.states import DISCARDABLE, PUBLISHED_ONCE, REPLACEABLE, Act, State, after
from services.plugins.registry.told import must_be_told_still, tell_end, tell_publication
from services.plugins.registry.ways_back import highest_below, must_be_open


@dataclass(frozen=True, slots=True)
class Actor:
    """In whose name something is done."""

    agency: str
    by: str
    """An officer's key (32 hex digits), or the agency's own name for a system of its."""
    client: str = ""
    """Of a system; empty for an officer at our own desk."""


HOUSE: Final = Actor("", "")
"""What is done by itself."""


class Lifecycle:
    """Every method that names a version raises NotFound, and ServiceStateConflict where there is no such move; what an
    agency's system does may raise TooManyActs (limits.py). `suite` is the version of the rules of conformance."""

    def __init__(
        self, clock: Clock, limits: Limits | None = None, *, suite: str = "", owing: Owing | None = None
    ) -> None:
        self._clock, limits = clock, limits or Limits()
        self._warden = Warden(clock, limits)
        self._passage = Passage(clock, check_days=limits.check_days, suite=suite, owing=owing)

    async def register(self, session: AsyncSession, actor: Actor, examined: Examined) -> tuple[ServiceVersion, bool]:
        """A draft of these documents; the same documents again are the same version, and False.

        Raises VersionTaken, VersionNotHigher, NamesFull, DraftsFull, VersionsFull; PluginRefused for what would break.
        """
        name = Name(actor.agency, examined.plugin.slug)
        repository = ServiceRepository(session)
        await self._warden.must_be_one_name_more(repository, name)
        service = await repository.locked_or_made(name, self._clock.now())
        row = await repository.version(name, examined.version)
        digest, files = examined.documents.digest, dict(examined.documents.files)
        if row is not None and row.digest == digest:
            return row, False
        if row is not None and State(row.state) not in REPLACEABLE:
            raise VersionTaken(version=row.version, state=row.state)
        examined.must_not_break()
        await self.must_have_room(session, actor, name, Act.REGISTER if row is None else Act.REPLACE)
        if row is None:
            await self._must_be_higher(repository, name, examined.version)
            await self._warden.must_keep_one_more(repository, name)
            row = ServiceVersion(
                agency=name.agency, slug=name.slug, version=examined.version, state=State.DRAFT, files=files,
                digest=digest, sent_by=actor.by, sent_client=actor.client, sent_at=self._clock.now(),
                submitted_by=None, submitted_client=None, lease=None, lease_until=None, attempts=0,
                published_at=None, retired_at=None,
            )  # fmt: skip
            session.add(row)
            await self._note(session, service, row, actor, Act.REGISTER)
            return row, True
        row.state, row.files, row.digest = after(row.state, Act.REPLACE), files, digest
        row.sent_by, row.sent_client, row.sent_at = actor.by, actor.client, self._clock.now()
        row.submitted_by = row.submitted_client = None
        await self._note(session, service, row, actor, Act.REPLACE)
        return row, True

    async def check(self, session: AsyncSession, actor: Actor, name: Name, version: str) -> ServiceVersion:
        """The conformance suite is to run."""
        service, row = await self._locked(session, name, version)
        return await self._begin_check(session, service, row, actor)

    async def _begin_check(
        self, session: AsyncSession, service: Service, row: ServiceVersion, actor: Actor
    ) -> ServiceVersion:
        state = after(row.state, Act.CHECK)
        await self.must_have_room(session, actor, Name(row.agency, row.slug), Act.CHECK)
        row.state, row.lease, row.lease_until, row.attempts = state, None, None, 0
        await self._note(session, service, row, actor, Act.CHECK)
        return row

    async def discard(self, session: AsyncSession, actor: Actor, name: Name, version: str) -> ServiceVersion:
        """The version is no more: one that was never published, or one below the current that was. What was done to it
        stays in the trail, and its reports stay."""
        service, row = await self._locked(session, name, version)
        is_above = service.current is not None and number_of(version) > number_of(service.current)
        # A number that was published is never another's documents: below the current one it cannot come again.
        if row.state not in DISCARDABLE or (row.state == State.SUPERSEDED and is_above):
            raise ServiceStateConflict(state=row.state, act=Act.DISCARD)
        await self._note(session, service, row, actor, Act.DISCARD)
        await session.delete(row)
        await session.flush()
        return row

    async def checked(
        self, session: AsyncSession, name: Name, version: str, *, digest: bytes, passed: bool, reason: str = ""
    ) -> ServiceVersion:
        """What came of it. Raises Conflict where other documents stand there meanwhile."""
        service, row = await self._locked(session, name, version)
        if row.digest != digest:
            raise Conflict
        act = Act.PASS if passed else Act.FAIL
        row.state, row.lease, row.lease_until = after(row.state, act), None, None
        if not passed:  # whoever mends it says anew that it is to be published
            row.submitted_by = row.submitted_client = None
        await self._note(session, service, row, HOUSE, act, reason)
        return row

    async def submit(
        self, session: AsyncSession, actor: Actor, name: Name, version: str, examined: Examined
    ) -> ServiceVersion:
        """Towards publication: a draft is checked first, and so is what was checked too long ago; what is checked goes
        to the reviewers, or publishes itself.

        Raises what :meth:`publish` raises, but neither ReviewNeeded nor CheckExpired.
        """
        service, row = await self._locked(session, name, version)
        self._must_be(row, examined)
        row.submitted_by, row.submitted_client = actor.by, actor.client
        is_old = row.state == State.CHECKED and await self._passage.trouble_of_check(ServiceRepository(session), row)
        if row.state == State.DRAFT or is_old:
            return await self._begin_check(session, service, row, actor)
        return await self._go_on(session, service, row, actor, examined)

    async def publish(
        self, session: AsyncSession, actor: Actor, name: Name, version: str, examined: Examined
    ) -> ServiceVersion:
        """Puts a checked version in force that touches nothing sensitive.

        Raises ReviewNeeded; PluginRefused for names that are another's by now, and for what would break somebody;
        CheckExpired; OperationOwed; VersionNotHigher; Conflict where another version became current meanwhile.
        """
        service, row = await self._locked(session, name, version)
        self._must_be(row, examined)
        after(row.state, Act.PUBLISH)
        examined.must_not_break()
        if parts := examined.parts(held=await self.is_held(session, service)):
            raise ReviewNeeded(parts=", ".join(sorted({one.part.value for one in parts})))
        return await self._put_in_force(session, service, row, actor, examined, Act.PUBLISH)

    async def roll_back(
        self, session: AsyncSession, actor: Actor, name: Name, version: str, examined: Examined, reason: str
    ) -> ServiceVersion:
        """Puts a version in force again that was published before, whenever it was checked (ADR 28).

        Raises ServiceHeld, KeysDropped, OperationOwed, Conflict, PluginRefused."""
        service, row = await self._locked(session, name, version)
        self._must_be(row, examined)
        if service.held:
            raise ServiceHeld
        current = await ServiceRepository(session).current(name)
        if current is not None and current.state == State.RETIRED:
            after(current.state, Act.ROLL_BACK)  # refuses
        after(row.state, Act.ROLL_BACK)
        await must_be_open(ServiceRepository(session), name, examined.plugin.manifest, examined.former)
        return await self._put_in_force(session, service, row, actor, examined, Act.ROLL_BACK, reason)

    async def to_roll_back_to(self, session: AsyncSession, name: Name) -> str:
        """Where it goes back to where no version is named. Raises NothingToRollBackTo."""
        return await highest_below(ServiceRepository(session), name)

    async def withdraw(self, session: AsyncSession, actor: Actor, name: Name, version: str) -> ServiceVersion:
        """Takes it back from the reviewers."""
        service, row = await self._locked(session, name, version)
        row.state, row.submitted_by, row.submitted_client = after(row.state, Act.WITHDRAW), None, None
        review = await ServiceRepository(session).open_review(name, version)
        assert review is not None, "what is in review has one"
        review.outcome, review.decided_by, review.decided_at = "WITHDRAWN", actor.by, self._clock.now()
        await self._note(session, service, row, actor, Act.WITHDRAW)
        return row

    async def approve(
        self, session: AsyncSession, actor: Actor, review: ServiceReview, examined: Examined, reason: str
    ) -> ServiceVersion:
        """Puts in force what the reviewers were asked about. Whether the actor may is the caller's business.

        Raises what :meth:`publish` raises, but not ReviewNeeded; Conflict also where there is more to look at by now
        than they were asked about.
        """
        service, row = await self._locked(session, Name(review.agency, review.slug), review.version)
        self._must_be(row, examined)
        after(row.state, Act.APPROVE)
        parts = examined.parts(held=await self.is_held(session, service))
        if any(one.as_json() not in review.parts for one in parts):
            raise Conflict
        review.outcome, review.decided_by, review.decided_at = "APPROVED", actor.by, self._clock.now()
        review.reason = reason
        return await self._put_in_force(session, service, row, actor, examined, Act.APPROVE, reason)

    async def refuse(
        self, session: AsyncSession, actor: Actor, review: ServiceReview, reason: str, place: str, remedy: str
    ) -> ServiceVersion:
        """Back to its agency, which is told why, where, and what would mend it."""
        service, row = await self._locked(session, Name(review.agency, review.slug), review.version)
        row.state, row.submitted_by, row.submitted_client = after(row.state, Act.REFUSE), None, None
        review.outcome, review.decided_by, review.decided_at = "REFUSED", actor.by, self._clock.now()
        review.reason, review.place, review.remedy = reason, place, remedy
        await self._note(session, service, row, actor, Act.REFUSE, reason)
        return row

    async def suspend(
        self, session: AsyncSession, actor: Actor, name: Name, reason: str, *, held: bool = False
    ) -> ServiceVersion:
        """Stops the service for the time being, at once. `held`: by the reviewers, who alone resume it then."""
        return await self._stand(session, actor, name, Act.SUSPEND, reason, held=held)

    async def resume(
        self, session: AsyncSession, actor: Actor, name: Name, reason: str, *, reviewing: bool = False
    ) -> ServiceVersion:
        """Raises ServiceHeld for what the reviewers suspended, unless one of them resumes it."""
        return await self._stand(session, actor, name, Act.RESUME, reason, reviewing=reviewing)

    async def retire(self, session: AsyncSession, actor: Actor, name: Name, reason: str) -> ServiceVersion:
        """The service is over. Raises ServiceHeld."""
        return await self._stand(session, actor, name, Act.RETIRE, reason)

    async def _stand(
        self,
        session: AsyncSession,
        actor: Actor,
        name: Name,
        act: Act,
        reason: str,
        *,
        held: bool = False,
        reviewing: bool = False,
    ) -> ServiceVersion:
        repository = ServiceRepository(session)
        service = await repository.service(name, lock=True)
        row = await repository.current(name)
        if service is None or row is None:
            raise NotFound
        # What its agency has suspended the reviewers may hold: else it would be out of their reach, and soon open.
        is_held_too = held and not service.held and row.state == State.SUSPENDED
        state = State.SUSPENDED if is_held_too else after(row.state, act)
        if service.held and not held and not reviewing:
            raise ServiceHeld
        await repository.bump()
        await self.must_have_room(session, actor, name, act)
        row.state, service.held = state, held
        if act is Act.RETIRE:
            row.retired_at = self._clock.now()
            await tell_end(session, row.retired_at, row)
        await self._note(session, service, row, actor, act, reason)
        return row

    async def _go_on(
        self, session: AsyncSession, service: Service, row: ServiceVersion, actor: Actor, examined: Examined
    ) -> ServiceVersion:
        after(row.state, Act.SUBMIT)
        examined.must_not_break()
        parts = examined.parts(held=await self.is_held(session, service))
        if not parts:
            return await self._put_in_force(session, service, row, actor, examined, Act.PUBLISH)
        repository = ServiceRepository(session)
        await self.must_have_room(session, actor, Name(row.agency, row.slug), Act.SUBMIT)
        await self._passage.must_not_drop_what_is_owed(session, examined)
        examined.must_not_clash(await repository.claims())
        await self._must_be_higher(repository, Name(row.agency, row.slug), row.version)
        row.state = after(row.state, Act.SUBMIT)
        session.add(
            ServiceReview(
                agency=row.agency,
                slug=row.slug,
                id=new_id(),
                version=row.version,
                digest=row.digest,
                parts=[one.as_json() for one in parts],
                asked_by=actor.by,
                asked_client=actor.client,
                asked_at=self._clock.now(),
                outcome=None,
                decided_by=None,
                decided_at=None,
                reason="",
                place="",
                remedy="",
            )
        )
        await self._note(session, service, row, actor, Act.SUBMIT)
        return row

    async def _put_in_force(
        self,
        session: AsyncSession,
        service: Service,
        row: ServiceVersion,
        actor: Actor,
        examined: Examined,
        act: Act,
        reason: str = "",
    ) -> ServiceVersion:
        name, repository = Name(row.agency, row.slug), ServiceRepository(session)
        await repository.bump()  # from here on nobody else publishes
        await self.must_have_room(session, actor, name, act)
        former = await repository.current(name)
        if (former.digest if former is not None else None) != examined.against:
            raise Conflict
        examined.must_not_clash(await repository.claims())
        if act is not Act.ROLL_BACK:
            await self._must_be_higher(repository, name, row.version)
            examined.must_not_break()
            await must_be_told_still(session, examined)
            await self._passage.must_be_checked(repository, row)
        await self._passage.must_not_drop_what_is_owed(session, examined)
        state = after(row.state, act)
        if former is not None:
            former.state = after(former.state, Act.SUPERSEDE)
            await self._note(session, service, former, HOUSE, Act.SUPERSEDE, f"version {row.version}")
        row.state, row.published_at = state, row.published_at or self._clock.now()
        claims = Claims.of(examined.plugin.manifest)
        service.current, service.held = row.version, False
        service.prefix, service.namespace, service.provides = claims.prefix, claims.namespace, sorted(claims.provides)
        service.skipped = service.skipped_at = None
        await self._note(session, service, row, actor, act, reason)
        await tell_publication(session, self._clock.now(), examined)
        return row

    async def must_have_room(self, session: AsyncSession, actor: Actor, name: Name, act: Act) -> None:
        """Raises TooManyActs; never of an officer at our own desk."""
        if actor.client:
            await self._warden.must_have_room(ServiceRepository(session), name, act)

    async def _must_be_higher(self, repository: ServiceRepository, name: Name, version: str) -> None:
        """Than all that were ever published. Raises VersionNotHigher."""
        once = [row.version for row in await repository.versions(name) if State(row.state) in PUBLISHED_ONCE]
        if once and number_of(version) <= number_of(highest := max(once, key=number_of)):
            raise VersionNotHigher(version=version, highest=highest)

    async def is_held(self, session: AsyncSession, service: Service) -> bool:
        """Whether nothing may publish itself: the reviewers stopped the service, or it was over."""
        current = await ServiceRepository(session).current(Name(service.agency, service.slug))
        return service.held or (current is not None and current.state == State.RETIRED)

    async def _locked(self, session: AsyncSession, name: Name, version: str) -> tuple[Service, ServiceVersion]:
        """Raises NotFound."""
        repository = ServiceRepository(session)
        service = await repository.service(name, lock=True)
        row = await repository.version(name, version) if service is not None else None
        if service is None or row is None:
            raise NotFound
        return service, row

    @staticmethod
    def _must_be(row: ServiceVersion, examined: Examined) -> None:
        if row.digest != examined.documents.digest:
            raise Conflict

    async def _note(
        self, session: AsyncSession, service: Service, row: ServiceVersion, actor: Actor, act: Act, reason: str = ""
    ) -> None:
        service.row_version += 1
        session.add(
            ServiceEvent(
                agency=row.agency,
                slug=row.slug,
                id=new_id(),
                version=row.version,
                kind=act,
                state=row.state,
                at=self._clock.now(),
                acting=actor.agency,
                by=actor.by,
                client=actor.client,
                reason=reason,
                digest=row.digest,
            )
        )
        await session.flush()
