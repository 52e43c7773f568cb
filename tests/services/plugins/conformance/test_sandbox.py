"""Our own agencies and the people of their sandboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx2
import pytest

from core.clock import FixedClock
from core.ids import NationalId
from services.exchange.catalogue import load_catalogue
from services.plugins.conformance import Sandbox, Suite
from services.plugins.contract import Manifest
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import HttpAgencyClient
from services.sandbox.agencies.app import agencies_app
from services.sandbox.population.personas import PERSONAS
from services.sandbox.population.store import ensure
from tests.services.plugins.conformance.stand import HASH, shown
from tests.services.plugins.conformance.test_inside import plugin_with
from tests.support.agencies import CREDENTIALS
from tests.support.plugins import AGENCIES, HOST

OWNED = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
OURS = sorted(path.parent for path in AGENCIES.glob("*/manifest.toml"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("sandbox")
    ensure(data, 0, 1, date(2026, 11, 16))
    return data


@pytest.fixture
async def sandbox(data: Path) -> AsyncIterator[Sandbox]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=agencies_app(data))) as http:

        def client_of(manifest: Manifest) -> HttpAgencyClient:
            return HttpAgencyClient(http, f"http://sandbox.invalid/{manifest.agency.slug}", CREDENTIALS)

        yield Sandbox(client_of, [NationalId(one.national_id) for one in PERSONAS])


@pytest.mark.parametrize("folder", OURS, ids=[path.name for path in OURS])
async def test_every_agency_of_ours_keeps_every_rule_and_answers_of_every_persona(
    folder: Path, sandbox: Sandbox, clock: FixedClock
) -> None:
    report = await Suite(clock, sandbox=sandbox).check(load_folder(folder, HOST, OWNED), documents_hash=HASH)
    assert report.passed, shown(report)


async def test_a_plugin_that_cannot_read_what_its_sandbox_says_of_somebody_fails_that_rule_alone(
    clock: FixedClock,
) -> None:
    class Strange:
        """Its rows have no due day."""

        async def ask(self, path: str, body: object, *, on_behalf_of: str) -> object:
            return {"bills": [{"meter": "M-1", "satang": 1}]} if path == "/bills" else {"people": []}

        async def send(self, path: str, body: object, *, on_behalf_of: str, key: str) -> object:
            raise AssertionError(path)

    plugin: Plugin = plugin_with(clock)
    one = Sandbox(lambda _: Strange(), [NationalId("0000000000001")])
    report = await Suite(clock, sandbox=one).check(plugin, documents_hash=HASH)
    assert list(shown(report)) == ["examples.sandbox"], shown(report)
