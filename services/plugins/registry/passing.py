"""What a version has to pass at the moment when it is put in force, whoever puts it there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock, bangkok_day
from core.text import Text
from services.plugins.contract import OperationKind
from services.plugins.contract.manifest import CONTRACT_VERSION
from services.plugins.registry.errors import CheckExpired, OperationOwed
from services.plugins.registry.examined import Examined
from services.plugins.registry.models import ServiceVersion
from services.plugins.registry.repository import Name, ServiceRepository

_NEVER: Final = Text(th="ไม่พบผลตรวจที่ผ่านของเอกสารชุดนี้", en="these documents have passed none")
_OLD: Final = Text(th="ตรวจเมื่อ {on} เกิน {days} วันแล้ว", en="of {on}, more than {days} days ago")
_RULES: Final = Text(th="กติกาการตรวจเปลี่ยนไปแล้ว", en="by rules that have changed since")


class Owing(Protocol):
    """What of a service citizens' applications still need. The room of applications knows."""

    async def owed(self, session: AsyncSession, slug: str) -> Mapping[OperationKind, int]:
        """How many applications wait for an operation of that kind. Until the transaction ends none more do."""
        ...


class Passage:
    """`suite` is the version of the conformance suite's rules, as its reports name it."""

    def __init__(self, clock: Clock, *, check_days: int, suite: str, owing: Owing | None) -> None:
        self._clock, self._days, self._suite, self._owing = clock, check_days, suite, owing

    async def trouble_of_check(self, repository: ServiceRepository, row: ServiceVersion) -> Text | None:
        """Why the newest check of these very documents is not good enough to publish them; None when it is."""
        report = await repository.report(Name(row.agency, row.slug), row.version, digest=row.digest)
        if report is None or not report.passed:
            return _NEVER
        told = report.report
        if told.get("suite", self._suite) != self._suite or told.get("contract", CONTRACT_VERSION) != CONTRACT_VERSION:
            return _RULES
        if self._clock.now() - report.at > timedelta(days=self._days):
            return _OLD.filled(on=bangkok_day(report.at).isoformat(), days=self._days)
        return None

    async def must_be_checked(self, repository: ServiceRepository, row: ServiceVersion) -> None:
        """Raises CheckExpired."""
        if (why := await self.trouble_of_check(repository, row)) is not None:
            raise CheckExpired(version=row.version, why=why)

    async def must_not_drop_what_is_owed(self, session: AsyncSession, examined: Examined) -> None:
        """Raises OperationOwed where the version lacks a kind of operation that the current one has and that
        applications wait for: they would wait for ever, and a citizen's withdrawal would never arrive."""
        former, manifest = examined.former, examined.plugin.manifest
        if self._owing is None or former is None:
            return
        dropped = {kind for kind in OperationKind if former.operations_of(kind) and not manifest.operations_of(kind)}
        if not dropped:
            return
        owed = await self._owing.owed(session, manifest.slug)
        for kind in sorted(dropped):
            if count := owed.get(kind, 0):
                raise OperationOwed(count=count, kind=kind.value, version=manifest.version)
