"""Runs the conformance suite over versions that wait for it. A job of every worker; what it does survives it.

A check is taken under a lease that its process prolongs while it runs. When the process dies, the lease ends and
another takes the check up again: the suite asks with test personas, and a check that was half run has changed nothing.
That is done so often and no more: what breaks the suite itself would break it for ever, and the agency would wait.

Of one agency one check is under way at a time, so that one whose endpoint dawdles through all its drafts keeps nobody
else waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import structlog

from core.clock import Clock
from core.database import Database
from core.errors import SitthiError
from core.ids import new_id
from core.text import Language
from services.plugins.contract import PluginRefused
from services.plugins.plugin import Plugin
from services.plugins.registry.documents import Documents
from services.plugins.registry.errors import CheckBroken
from services.plugins.registry.examined import Examined
from services.plugins.registry.examining import Examiner
from services.plugins.registry.lifecycle import Actor, Lifecycle
from services.plugins.registry.models import ServiceReport, ServiceVersion
from services.plugins.registry.repository import Name, ServiceRepository

CHECK_EVERY: Final = timedelta(seconds=1)
LEASE: Final = timedelta(seconds=60)
PROLONG_SECONDS: Final = 15.0
AT_ONCE: Final = 4
"""Checks that one worker has under way: so many jobs run :meth:`Checks.run`."""
ATTEMPTS_MAX: Final = 3
"""How often a check is begun that does not come to an end."""
REASON_LENGTH_MAX: Final = 2_000

log = structlog.get_logger(__name__)


class CheckReport(Protocol):
    """`services.plugins.conformance.Report`."""

    @property
    def passed(self) -> bool: ...

    @property
    def document(self) -> dict[str, Any]:
        """As it is published: JSON."""
        ...


class Conformance(Protocol):
    """`services.plugins.conformance.Suite`, handed in by the house."""

    async def check(self, plugin: Plugin, *, documents_hash: str) -> CheckReport: ...


class Checks:
    """`sign` makes a JWS over a report."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        lifecycle: Lifecycle,
        examiner: Examiner,
        conformance: Conformance,
        sign: Callable[[Mapping[str, Any]], Awaitable[str]],
        *,
        prolong_seconds: float = PROLONG_SECONDS,
    ) -> None:
        self._db, self._clock, self._lifecycle, self._examiner = db, clock, lifecycle, examiner
        self._conformance, self._sign, self._prolong_seconds = conformance, sign, prolong_seconds

    async def run(self) -> int:
        """The job: takes one of those that wait and checks it; answers how many it checked to the end."""
        async with self._db.read() as session:
            waiting = await ServiceRepository(session).waiting_for_a_check(self._clock.now(), limit=AT_ONCE)
        for name, version in waiting:
            lease = new_id()
            taken = await self._taken(name, version, lease)
            if taken is None:
                continue
            # A task of its own: whoever loses the lease is cancelled, and the job goes on.
            [outcome] = await asyncio.gather(self._one(name, taken, lease), return_exceptions=True)
            if outcome is None:
                return 1
            log.error("service_check_failed", service=name.slug, version=version, exc_info=outcome)
            if isinstance(outcome, Exception) and taken.attempts >= ATTEMPTS_MAX:
                await self._give_up(name, taken)
            return 0
        return 0

    async def _taken(self, name: Name, version: str, lease: UUID) -> ServiceVersion | None:
        """The version, whose check is this process's now; None where it is another's, or was begun too often."""
        now = self._clock.now()
        async with self._db.write() as session:
            repository = ServiceRepository(session)
            if not await repository.take(name, version, lease, now, now + LEASE):
                return None
            row = await repository.version(name, version)
        assert row is not None
        if row.attempts > ATTEMPTS_MAX:  # the processes that began it all ended
            await self._give_up(name, row)
            return None
        return row

    async def _give_up(self, name: Name, row: ServiceVersion) -> None:
        log.error("service_check_given_up", service=name.slug, version=row.version, attempts=ATTEMPTS_MAX)
        await self._failed(name, row, CheckBroken(attempts=ATTEMPTS_MAX))

    async def _one(self, name: Name, row: ServiceVersion, lease: UUID) -> None:
        documents, version = Documents(row.files), row.version
        submitter = (
            None if row.submitted_by is None else Actor(name.agency, row.submitted_by, row.submitted_client or "")
        )
        async with self._prolonging(name, version, lease):
            try:
                examined = await self._examiner.examine(name, documents, composing=True)
            except PluginRefused as refused:  # another's names by now, or a rule that is stricter since
                return await self._failed(name, row, refused)
            report = await self._conformance.check(examined.plugin, documents_hash=row.digest.hex())
            kept = self._kept(name, version, row.digest, report, await self._sign(report.document))
        return await self._conclude(kept, submitter, examined)

    async def _failed(self, name: Name, row: ServiceVersion, why: SitthiError) -> None:
        """Without a report: the suite did not come to one."""
        async with self._db.write() as session:
            await self._lifecycle.checked(
                session, name, row.version, digest=row.digest, passed=False, reason=_reason(why)
            )

    def _kept(self, name: Name, version: str, digest: bytes, report: CheckReport, attestation: str) -> ServiceReport:
        return ServiceReport(
            agency=name.agency,
            slug=name.slug,
            id=new_id(),
            version=version,
            digest=digest,
            passed=report.passed,
            report=report.document,
            attestation=attestation,
            at=self._clock.now(),
        )

    async def _conclude(self, kept: ServiceReport, submitter: Actor | None, examined: Examined) -> None:
        """Keeps the report, and goes on where somebody wants the version published; what stands in the way of that is
        said in the trail, and the version stays checked."""
        why = ""
        if kept.passed and submitter is not None:
            try:
                await self._write(kept, "", submitter, examined)
            except SitthiError as error:
                why = _reason(error)
            else:
                return
        await self._write(kept, why)

    async def _write(
        self, kept: ServiceReport, why: str, submitter: Actor | None = None, examined: Examined | None = None
    ) -> None:
        name = Name(kept.agency, kept.slug)
        async with self._db.write() as session:
            session.add(ServiceReport(**kept.model_dump()))
            await self._lifecycle.checked(
                session, name, kept.version, digest=kept.digest, passed=kept.passed, reason=why
            )
            if submitter is not None and examined is not None:
                await self._lifecycle.submit(session, submitter, name, kept.version, examined)

    @asynccontextmanager
    async def _prolonging(self, name: Name, version: str, lease: UUID) -> AsyncIterator[None]:
        """Keeps the lease while the block runs; once it is another's, the block is cancelled."""
        block = asyncio.current_task()
        assert block is not None

        async def prolong() -> None:
            while True:
                await asyncio.sleep(self._prolong_seconds)
                async with self._db.write() as session:
                    until = self._clock.now() + LEASE
                    if not await ServiceRepository(session).prolong(name, version, lease, until):
                        block.cancel()
                        return

        task = asyncio.create_task(prolong())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def _reason(error: SitthiError) -> str:
    return f"{error.code}: {error.message(Language.EN)}"[:REASON_LENGTH_MAX]
