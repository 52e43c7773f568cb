"""An agency brings its stand-in with its folder: nothing else knows of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import httpx2
import pytest

from core.clock import BANGKOK, FixedClock
from core.ids import NationalId
from services.exchange.catalogue import load_catalogue
from services.exchange.errors import SourceSilent
from services.plugins.contract import Host, Manifest
from services.plugins.registry import Registry
from services.plugins.runner import Credentials, HttpAgencyClient, Runner, run_example
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from services.sandbox.agencies.app import agencies_app
from services.sandbox.folders import stand_ins
from services.sandbox.population.personas import persona
from services.sandbox.population.store import agency_file, ensure, stored
from tests.support.plugins import AGENCIES, HOST

DAY = date(2026, 11, 16)
MANIFEST = """
contract = 1
slug = "aquarium"
namespace = "aquarium"
prefix = "Aquarium"
category = "tourism"
title = { th = "บัตรชมพิพิธภัณฑ์สัตว์น้ำ", en = "Aquarium passes" }
description = { th = "ดูบัตรชมของคุณ", en = "See your passes." }
keywords = { th = ["ปลา"], en = ["fish"] }
hours = { th = "ทุกวัน", en = "Every day" }
contact = { email = "desk@aquarium.example" }

[agency]
slug = "aquarium"
title = { th = "พิพิธภัณฑ์สัตว์น้ำตัวอย่าง", en = "Example Aquarium" }

[operations.passes]
kind = "query"
time_limit_seconds = 2
"""
GRAPH = """
extend type Citizen {
  aquarium: Aquarium
}

type Aquarium {
  passes: [AquariumPass!]
}

type AquariumPass {
  number: String!
  name: String!
}
"""
CODE = """
from services.plugins.contract import Call, Host


async def passes(host: Host, call: Call):
    told = await host.agency.ask("/passes", {"pid": call.citizen.digits}, on_behalf_of=call.asker)
    return told["passes"]
"""
SANDBOX = '''
from services.plugins.contract.sandbox import Desk, Sandbox, Table, drawn


def _rows(home, person, as_of):
    if drawn(person, "pass", 2) or person.relation == "head":
        yield (f"{as_of.year}-{person.national_id[-3:]}", person.national_id, person.name.given_en)


def passes(desk: Desk, pid, body):
    """Passes."""
    return {"passes": desk.all("SELECT number, name FROM pass WHERE pid = ?", pid)}


SANDBOX = Sandbox((Table("pass", "number, pid, name", ("pid",), _rows),), {"passes": passes})
'''
EXAMPLE = """{"operation": "passes", "person": "0000000000001", "now": "2026-11-16T10:00:00+07:00",
"agency": [{"path": "/passes", "request": {"pid": "0000000000001"}, "answer": {"pid": "0000000000001", "passes": []}}],
"answer": []}"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Our agencies' folders, and a new one beside them."""
    tree = tmp_path / "agencies"
    shutil.copytree(AGENCIES, tree, ignore=shutil.ignore_patterns("__pycache__"))
    new = tree / "aquarium"
    (new / "examples").mkdir(parents=True)
    for name, text in {
        "manifest.toml": MANIFEST,
        "graph.graphql": GRAPH,
        "plugin.py": CODE,
        "sandbox.py": SANDBOX,
        "examples/passes.json": EXAMPLE,
    }.items():
        (new / name).write_text(text, encoding="utf-8")
    return tree


class Asked:
    """The plugins of the tree over its sandbox, as the server joins them."""

    def __init__(self, tree: Path, data: Path) -> None:
        owned = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
        self.registry = Registry(HOST, owned)
        self.registry.load_all(tree)
        transport = httpx2.ASGITransport(agencies_app(data, agencies=tree))
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://agencies.test")
        self._runner = Runner(self._host)

    def _host(self, manifest: Manifest) -> Host:
        credentials = Credentials(*next(iter(SANDBOX_CREDENTIALS.items())))
        client = HttpAgencyClient(self.http, f"http://agencies.test/{manifest.agency.slug}", credentials)
        return Host(clock=FixedClock(datetime(2026, 11, 16, 10, 0, tzinfo=BANGKOK)), agency=client)

    async def ask(self, slug: str, operation: str, who: str) -> object:
        plugin = self.registry.get(slug)
        assert plugin is not None
        person = NationalId(persona(who).national_id)
        return await self._runner.run(plugin, operation, asker="test", person=person)


@pytest.fixture
async def asked(tree: Path, tmp_path: Path) -> AsyncIterator[Asked]:
    ensure(tmp_path, 50, 1, DAY, agencies=tree)
    asked = Asked(tree, tmp_path)
    async with asked.http:
        yield asked


async def test_a_new_folder_is_an_agency_with_a_sandbox_and_nothing_else_changed(asked: Asked) -> None:
    plugin = asked.registry.get("aquarium")
    assert plugin is not None
    await run_example(plugin, *plugin.examples)
    assert await asked.ask("aquarium", "passes", "elder") == [
        {"number": f"2026-{persona('elder').national_id[-3:]}", "name": "Bunruean"}
    ]


async def test_the_faults_of_all_agencies_are_those_of_a_new_one(asked: Asked) -> None:
    for mode in ("down", "stranger", "garbage"):
        assert (await asked.http.post("/aquarium/_faults", json={"mode": mode})).status_code == 200
        with pytest.raises(SourceSilent):
            await asked.ask("aquarium", "passes", "elder")
    assert await asked.ask("thepnimit", "wasteFees", "elder")


def test_a_population_is_made_again_for_a_new_folder_and_for_one_that_changed(tree: Path, tmp_path: Path) -> None:
    ensure(tmp_path, 50, 1, DAY)
    assert ensure(tmp_path, 50, 1, DAY, agencies=tree) is True
    assert agency_file(tmp_path, "aquarium").is_file()
    assert ensure(tmp_path, 50, 1, DAY, agencies=tree) is False
    with (tree / "aquarium" / "sandbox.py").open("a", encoding="utf-8") as code:
        code.write("# changed\n")
    stand_ins.cache_clear()
    assert stored(tmp_path, tree) is None
    assert ensure(tmp_path, 50, 1, DAY, agencies=tree) is True


def test_two_folders_that_stand_in_for_one_agency_are_refused(tree: Path) -> None:
    shutil.copytree(tree / "aquarium", tree / "another")
    with pytest.raises(ValueError, match="aquarium"):
        stand_ins(tree)


def test_a_sandbox_of_our_own_sees_the_contract_alone() -> None:
    allowed = ("__future__", "collections", "datetime", "typing", "services.plugins.contract")
    imports = [
        (path.parent.name, line.split()[1])
        for path in AGENCIES.glob("*/sandbox.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith(("import ", "from "))
    ]
    assert [(slug, name) for slug, name in imports if not name.startswith(allowed)] == []
