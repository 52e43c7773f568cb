"""The conformance report on an installed package: public, signed, and made without its agency."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import api.conformance
from api.conformance import AGAIN_SECONDS, AGAIN_SECONDS_MAX, PublicReports
from api.packages import add_packages
from core.attestation.service import Attestor
from core.clock import FixedClock
from core.database import Database
from core.errors import NotFound, ServiceUnavailable
from services.plugins.conformance import REPORT_TYPE
from services.plugins.connections import Agency
from services.plugins.hosting.discovery import installed
from services.plugins.hosting.process import HostFailed
from services.plugins.registry import Registry
from tests.services.exchange.fakes import KEYS
from tests.support.packages import install
from tests.support.plugins import CATALOGUE, HOST

pytestmark = pytest.mark.sqlite_only


def _never(*_: Any) -> Any:
    raise AssertionError("nobody registered it")


async def test_it_is_made_in_a_host_process_of_its_own_signed_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database, clock: FixedClock
) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    registry, attestor = Registry(HOST, CATALOGUE), Attestor(database, KEYS, clock, "https://sitthi.test")
    nowhere = Agency("http://127.0.0.1:9")  # where its real agency would be: nobody is there
    hosts = add_packages(registry, lambda _: nowhere, lambda _: None, found=installed([str(tmp_path)]))
    reports = PublicReports(lambda: registry, _never, attestor, clock, _never, lambda: hosts)
    monkeypatch.setattr(api.conformance, "WAIT_SECONDS", 0.01)
    with pytest.raises(ServiceUnavailable):  # it is being made
        await reports.newest("library")
    monkeypatch.setattr(api.conformance, "WAIT_SECONDS", 300.0)
    kept, again = await asyncio.gather(reports.newest("library"), reports.of_version("library", "1.0.0"))
    assert kept is again
    assert (kept.report["origin"], kept.report["version"]) == ("package", "1.0.0")
    assert kept.report["passed"], [f for f in kept.report["rules"] if f["outcome"] == "failed"]
    claims = await attestor.verify(kept.attestation, typ=REPORT_TYPE)
    assert {**claims, **kept.report} == claims
    with pytest.raises(NotFound):
        await reports.of_version("library", "9.9.9")
    await reports.close()


class Breaking:
    """A package whose host process of the check's own does not come up."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.started, self.fails = folder, 0, True

    def __getitem__(self, _: str) -> Breaking:
        return self

    @asynccontextmanager
    async def apart(self, _: Agency) -> AsyncIterator[Any]:
        self.started += 1
        if self.fails:
            raise HostFailed("it does not come up")
        yield None


async def test_a_check_that_broke_starts_no_process_for_whoever_asks_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database, clock: FixedClock
) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    registry, attestor = Registry(HOST, CATALOGUE), Attestor(database, KEYS, clock, "https://sitthi.test")
    add_packages(registry, lambda _: Agency("http://127.0.0.1:9"), lambda _: None, found=installed([str(tmp_path)]))
    breaking, now = Breaking(tmp_path), [0.0]
    hosts: Any = breaking
    reports = PublicReports(lambda: registry, _never, attestor, clock, _never, lambda: hosts, lambda: now[0])

    async def crowd() -> int:
        for _ in range(3):
            told = await asyncio.gather(*(reports.newest("library") for _ in range(5)), return_exceptions=True)
            assert {type(one) for one in told} == {ServiceUnavailable}
        return breaking.started

    assert await crowd() == 1
    now[0] += AGAIN_SECONDS - 1
    assert await crowd() == 1
    now[0] += 1
    assert await crowd() == 2
    now[0] += 2 * AGAIN_SECONDS - 1
    assert await crowd() == 2, "longer each time"
    now[0] += 1
    assert await crowd() == 3
    for number in range(4, 12):
        now[0] += AGAIN_SECONDS_MAX
        assert await crowd() == number, "and never longer than that"
    await reports.close()
