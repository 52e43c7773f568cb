"""The Office of Insurance Commission with its own tables, and policies as insurers report them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from core.clock import FixedClock
from core.ids import NationalId
from services.exchange.catalogue import load_catalogue
from services.plugins.contract import Host, Reporter, Store
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.runner import Runner
from tests.support.plugins import AGENCIES, HOST
from tests.support.plugins.far_side import NoAgency

OWNED: Final = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
HOLDER: Final = "0000000000001"
OTHER: Final = "0000000000019"
POLICY: Final[dict[str, Any]] = {
    "number": "SKP2500000000012",
    "insurer": "SKP",
    "class": "compulsory",
    "vehicleClass": "1.10",
    "holder": HOLDER,
    "chassis": "MXC00000000000001",
    "plate": "1กข 1234",
    "province": "10",
    "start": "2025-11-16",
    "end": "2026-11-16",
    "status": "active",
    "reportedAt": "2025-11-18T00:00:00+07:00",
}
INSURER: Final = {
    "code": "SKP",
    "nameTh": "ศุภกรประกันภัย",
    "nameEn": "Suphakon Insurance",
    "reportedAt": "2000-01-01T00:00:00+07:00",
}


def plugin_of_the_office() -> Plugin:
    return Registry(HOST, OWNED).load(AGENCIES / "oic")


class Office:
    def __init__(self, clock: FixedClock, store: Store) -> None:
        self.clock, self.store = clock, store
        self.plugin = plugin_of_the_office()
        self._runner = Runner(lambda _: Host(clock, NoAgency(), store=store))
        self._keys = itertools.count()

    async def takes(
        self, operation: str, *records: dict[str, Any], key: str = "", reporter: Reporter | None = None
    ) -> list[tuple[int, str]]:
        """Which records are rejected, and why."""
        told = await self.told(operation, *records, key=key, reporter=reporter)
        return [(one.record, one.code) for one in told.rejected]

    async def told(
        self, operation: str, *records: dict[str, Any], key: str = "", reporter: Reporter | None = None
    ) -> Any:
        """All that is answered, a :class:`Taken`."""
        return await self._runner.run(
            self.plugin,
            operation,
            asker="insurer",
            arguments={"records": list(records)},
            key=key or f"sending-{next(self._keys):04}",
            reporter=reporter,
        )

    async def shows(self, operation: str, who: str = HOLDER, **arguments: Any) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._runner.run(
            self.plugin, operation, asker="graph", person=NationalId(who), arguments=arguments
        )
        return found

    async def says(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """What anybody is told."""
        told: dict[str, Any] = await self._runner.run(self.plugin, operation, asker="graph", arguments=arguments)
        return told

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        async with self.store.transaction() as tx:
            return await tx.fetch(sql)
