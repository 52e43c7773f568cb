"""An agency in TypeScript, on Node.js alone, keeps the contract: the language does not matter."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from core.clock import SystemClock
from core.ids import NationalId
from services.plugins.conformance import Outcome, Suite
from services.plugins.contract import AgencyError, Call
from services.plugins.contract.keys import verifying_keys
from services.plugins.runner.egress import agency_client
from services.plugins.runner.remote import Wire
from tests.support import node
from tests.support.agency_program import HostKeys, loaded, program
from tests.support.server import free_port

AGENCY: Final = Path(__file__).parents[4] / "docs" / "examples" / "plugins" / "saimok-water"
SOMEBODY, ANOTHER = NationalId("0000000000001"), NationalId("0000000000043")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agency's folder, compiled as its developer would, with a key and an address of its own."""
    folder = tmp_path_factory.mktemp("agency") / "saimok-water"
    shutil.copytree(AGENCY, folder)
    packages = node.FOLDER / "node_modules"
    compiler = [node.require(), str(packages / "typescript" / "bin" / "tsc")]
    done = subprocess.run(
        [*compiler, "--typeRoots", str(packages / "@types")], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    made = [node.require(), "out/new-key.mjs", "private-key.json", f"http://127.0.0.1:{free_port()}"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def host(compiled: Path) -> Iterator[HostKeys]:
    """Whom the running agency believes."""
    keys = HostKeys()
    with (
        keys.published(),
        program([node.require(), "out/server.mjs"], compiled, "the waterworks answer", SITTHI=keys.url),
    ):
        yield keys


@pytest.fixture
async def ask(compiled: Path, host: HostKeys) -> AsyncIterator[Any]:
    manifest = loaded(compiled).manifest
    assert manifest.endpoint is not None
    keys = verifying_keys(manifest.endpoint.keys)
    async with agency_client(loopback=True) as http:
        yield partial(Wire(http, manifest.endpoint.url, keys, host, SystemClock()).ask, manifest)


async def test_it_passes_the_conformance_suite(compiled: Path, host: HostKeys) -> None:
    report = await Suite(SystemClock(), host.line_of).check(loaded(compiled), documents_hash="")
    assert [(finding.rule.id, finding.what) for finding in report.failed] == []
    assert report.calls > 50
    exempt = {finding.rule.id for finding in report.findings if finding.outcome is Outcome.EXEMPT}
    assert exempt == set(), "it asks for no exception"


async def test_it_answers_a_citizens_question_and_one_that_is_about_nobody(ask: Any) -> None:
    [meter] = await ask(Call("meters", SOMEBODY, {"unpaidOnly": True}, "test"))
    assert [bill["amount"] for bill in meter["bills"]] == [{"satang": 16650, "currency": "THB"}]
    assert [step["fromCubicMetre"] for step in await ask(Call("tariff", None, {}, "test"))] == [1, 11, 31]
    with pytest.raises(AgencyError, match="METER_SEALED"):
        await ask(Call("meters", NationalId("0000000000027"), {}, "test"))


async def test_an_application_is_taken_once_and_taken_back(ask: Any) -> None:
    application = {"id": "a-1", "submittedAt": "2026-11-16T03:00:00Z", "answers": {"pipe": "HALF_INCH"}, "facts": {}}
    submit = Call("connect", ANOTHER, {"application": application}, "test", key="the-key-of-a-1")
    taken = await ask(submit)
    assert (taken["state"], taken["payment"]["satang"]) == ("RECEIVED", 107000)
    assert await ask(submit) == taken
    reference = {"reference": taken["reference"]}
    assert await ask(Call("connection", ANOTHER, reference, "test")) == taken
    with pytest.raises(AgencyError, match="NO_SUCH_REQUEST"):
        await ask(Call("connection", SOMEBODY, reference, "test"))
    assert (await ask(Call("cancelConnection", ANOTHER, reference, "test", key="back-again")))["state"] == "CANCELLED"


def test_the_tree_holds_no_key_and_everything_it_needs_is_in_node() -> None:
    texts = {path.name: path.read_text() for path in AGENCY.rglob("*") if path.is_file()}
    assert [name for name, text in texts.items() if '"d":' in text or "PRIVATE KEY" in text] == []
    assert "endpoint" not in json.loads(texts["manifest.json"])
    imports = {
        line.rpartition(" from ")[2] for text in texts.values() for line in text.splitlines() if " from '" in line
    }
    assert imports == {"'node:crypto'", "'node:fs'", "'node:http'", "'./wire.mjs'", "'./waterworks.mjs'"}
