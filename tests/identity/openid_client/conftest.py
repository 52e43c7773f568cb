"""`openid-client` against a server as people run it, on both databases; one server for all of these tests on each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from core.text import Text
from identity.provider.registration import ClientSpec, app_client, machine_client, register_client
from tests.identity.openid_client.party import (
    DEMO,
    SIGNED_OUT,
    WEB,
    Client,
    Party,
    Sitthi,
    private_key,
    public_keys,
)
from tests.support import node
from tests.support.databases import Databases, Kind
from tests.support.server import running

NAME = Text(th="แอปของเมือง", en="The town's app")
DAY_SECONDS = 86_400


@pytest.fixture(scope="package", params=[Kind.SQLITE, Kind.POSTGRESQL])
def sitthi(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sitthi]:
    node.require()
    folder = tmp_path_factory.mktemp("openid-client")
    with (
        databases.clone(Kind(request.param), folder) as url,
        running(folder / "data", SITTHI_DATABASE_URL=url, SITTHI_DEMO_CITIZENS="0") as process,
    ):
        yield Sitthi(process, url, asyncio.run(_registered(url)))


@pytest.fixture
async def party(sitthi: Sitthi) -> AsyncIterator[Party]:
    async with node.program("relying_party.mjs") as program, httpx2.AsyncClient(trust_env=False) as browser:
        yield Party(program, sitthi, browser, DEMO)


async def _registered(database_url: str) -> dict[str, Client]:
    """The clients of these tests by what is special about them, entered as the command would."""
    bank, machine = private_key("bank"), private_key("machine")
    web = app_client(NAME, [WEB], fapi_keys=public_keys(bank), refresh_seconds=DAY_SECONDS)
    device = app_client(NAME, [], loopback=True, dpop_bound=True, refresh_seconds=DAY_SECONDS)
    page = app_client(NAME, [WEB], post_logout_redirect_uris=[SIGNED_OUT], refresh_seconds=DAY_SECONDS)
    system = machine_client("dlt", NAME, public_keys(machine), ["agency.facts"])
    database = Database(Settings(database_url=database_url).sqlalchemy_url)

    async def entered(spec: ClientSpec) -> str:
        async with database.write() as session:
            return await register_client(session, spec, created_by="test", clock=SystemClock(), development=True)

    clients = {
        "fapi": Client(await entered(web), WEB, bank),
        "device": Client(await entered(device)),
        "page": Client(await entered(page), WEB),
        "machine": Client(await entered(system), key=machine, scope="agency.facts"),
    }
    await database.close()
    return clients
