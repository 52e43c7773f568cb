"""A new remote service: its documents pass, its own tests pass, and it is understood by the host's side of the wire."""

from __future__ import annotations

import importlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import SystemClock
from core.ids import NationalId
from services.exchange.catalogue import load_catalogue
from services.plugins.conformance import Outcome, Suite
from services.plugins.contract import AgencyError, AgencyRefusal, Call, PluginRefused, Rule
from services.plugins.contract.keys import SigningKey, verifying_keys
from services.plugins.plugin import Plugin
from services.plugins.registry.documents import Documents, Ground, load_documents
from services.plugins.runner.egress import endpoint_faults
from services.plugins.runner.remote import Wire
from services.plugins.scaffold import PRIVATE_KEY, Layout, Start, tree
from tests.services.plugins.scaffold.test_tree import LINES, NOBODY, SLUGS
from tests.support.agency_program import HostKeys, program
from tests.support.agency_program import loaded as read
from tests.support.server import free_port

ATTRIBUTES = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}
SOMEBODY, NOBODY_KNOWN = NationalId("0000000000001"), NationalId("0000000000043")


def loaded(files: dict[str, str], *, loopback: bool = True) -> Plugin:
    ground = Ground(NOBODY, ATTRIBUTES, partial(endpoint_faults, loopback=loopback), lambda _: {})
    sent = {n: t for n, t in files.items() if n in ("manifest.json", "graph.graphql", "form.json") or "examples/" in n}
    return load_documents(Documents(sent), ground)


@given(
    slug=SLUGS, title=LINES.map(lambda line: f"{line}บริการ"), title_en=LINES.filter(bool), agency=st.just("") | SLUGS
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_it_is_called_its_documents_pass(slug: str, title: str, title_en: str, agency: str) -> None:
    plugin = loaded(tree(Start(slug, Layout.REMOTE, title, title_en, agency)))
    assert (plugin.slug, plugin.manifest.agency.slug) == (slug, agency or slug)
    assert (plugin.manifest.title.th, plugin.manifest.title.en) == (title, title_en)
    shown = {example.error or example.operation for example in plugin.examples}
    assert shown == {*plugin.manifest.operations, *plugin.manifest.errors}


def test_on_the_developers_machine_alone_it_answers_at_loopback() -> None:
    files = tree(Start("water", Layout.REMOTE))
    with pytest.raises(PluginRefused) as refused:
        loaded(files, loopback=False)
    assert refused.value.rules == {Rule.ENDPOINT}
    loaded(tree(Start("water", Layout.REMOTE, endpoint="https://water.example/sitthi")), loopback=False)


def test_each_has_a_key_of_its_own_whose_private_half_is_in_one_file_that_git_does_not_see() -> None:
    one, other = (tree(Start("water", Layout.REMOTE)) for _ in range(2))
    private = json.loads(one[PRIVATE_KEY])
    assert private["d"] != json.loads(other[PRIVATE_KEY])["d"]
    assert [name for name, text in one.items() if private["d"] in text] == [PRIVATE_KEY]
    [published] = json.loads(one["manifest.json"])["endpoint"]["keys"]
    assert published == {name: value for name, value in private.items() if name != "d"}
    assert "*-key.json" in one[".gitignore"].splitlines()
    assert Path(PRIVATE_KEY).match("*-key.json")


def texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in tree(Start("water-bills", Layout.REMOTE)).items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return tmp_path


def test_its_own_tests_pass_and_need_no_package_of_ours(folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "unittest"]
    bare = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ran 5 tests" in done.stderr
    wanted = {line.partition(">=")[0] for line in (folder / "requirements.txt").read_text().split()}
    assert wanted == {"cryptography", "starlette", "uvicorn"}


def test_a_further_key_is_published_beside_the_first_and_overwrites_nothing(folder: Path) -> None:
    command = [sys.executable, "new_key.py", "next-key.json"]
    assert subprocess.run(command, cwd=folder, check=False).returncode == 0
    assert stat.S_IMODE((folder / "next-key.json").stat().st_mode) == 0o600
    files = texts(folder)
    keys = verifying_keys(loaded(files).manifest.endpoint.keys)  # type: ignore[union-attr]  # a remote one has it
    assert set(keys) == {json.loads(files[name])["kid"] for name in (PRIVATE_KEY, "next-key.json")}
    again = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert (folder / "next-key.json").read_text() == files["next-key.json"]


@pytest.fixture
def code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Its app.py, as Python finds it in that folder."""
    names = ("app", "service", "wire")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield importlib.import_module("app")
    for name in names:
        del sys.modules[name]


@pytest.fixture
async def wire(folder: Path, code: ModuleType) -> Any:
    """The host's side, talking to it; and its manifest."""
    host = Ed25519PrivateKey.generate()
    signer = SimpleNamespace(current=SigningKey.of(host))

    class Keys:
        async def get(self, keyid: str) -> Ed25519PublicKey | None:
            return host.public_key() if keyid == signer.current.keyid else None

    files = texts(folder)
    manifest = loaded(files).manifest
    assert manifest.endpoint is not None
    service = code.app(code.Service(Keys(), json.loads(files[PRIVATE_KEY])))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=service)) as http:
        keys = verifying_keys(manifest.endpoint.keys)
        way = Wire(http, manifest.endpoint.url, keys, signer, SystemClock())
        yield SimpleNamespace(manifest=manifest, ask=partial(way.ask, manifest))


async def test_the_host_understands_its_signed_answers(wire: Any) -> None:
    told = await wire.ask(Call("cases", SOMEBODY, {"openOnly": True}, "test"))
    assert [case["number"] for case in told] == ["2569-15"]
    with pytest.raises(AgencyError, match="NO_SUCH_CASE"):
        await wire.ask(Call("caseState", NOBODY_KNOWN, {"reference": "2569-15"}, "test"))


async def test_an_application_goes_its_way_and_is_somebodys_own(wire: Any) -> None:
    application = {"id": "a-1", "submittedAt": "2026-11-16T03:00:00Z", "answers": {"subject": "ขอแผนผัง"}, "facts": {}}
    submit = Call("openCase", NOBODY_KNOWN, {"application": application}, "test", key="the-key-of-a-1")
    taken = await wire.ask(submit)
    assert await wire.ask(submit) == taken
    reference = {"reference": taken["reference"]}
    assert len(await wire.ask(Call("cases", NOBODY_KNOWN, {}, "test"))) == 1
    assert (await wire.ask(Call("caseState", NOBODY_KNOWN, reference, "test")))["state"] == "IN_PROGRESS"
    with pytest.raises(AgencyError, match="NO_SUCH_CASE"):
        await wire.ask(Call("closeCase", SOMEBODY, reference, "test", key="not-their-own-case"))
    closed = await wire.ask(Call("closeCase", NOBODY_KNOWN, reference, "test", key="its-own-key"))
    assert (
        closed["state"] == (await wire.ask(Call("caseState", NOBODY_KNOWN, reference, "test")))["state"] == "CANCELLED"
    )
    other = {"application": {**application, "id": "a-2"}}
    with pytest.raises(AgencyRefusal) as refused:
        await wire.ask(Call("openCase", NOBODY_KNOWN, other, "test", key="the-key-of-a-1"))
    assert refused.value.status == 409


async def test_what_the_check_does_has_no_effect(wire: Any) -> None:
    application = {"id": "a-3", "submittedAt": "2026-11-16T03:00:00Z", "answers": {"subject": "ขอแผนผัง"}, "facts": {}}
    submit = Call("openCase", NOBODY_KNOWN, {"application": application}, "test", key="the-key-of-a-3", is_test=True)
    assert (await wire.ask(submit))["state"] == "RECEIVED"
    assert await wire.ask(Call("cases", NOBODY_KNOWN, {}, "test")) == []


async def test_it_passes_the_conformance_suite_unedited(tmp_path: Path) -> None:
    start = Start("water-bills", Layout.REMOTE, endpoint=f"http://127.0.0.1:{free_port()}")
    for name, text in tree(start).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    host = HostKeys()
    with (
        host.published(),
        program([sys.executable, "app.py"], tmp_path, "Uvicorn running", SITTHI=host.url),
    ):
        report = await Suite(SystemClock(), host.line_of).check(read(tmp_path), documents_hash="")
    assert [(finding.rule.id, finding.what) for finding in report.failed] == []
    assert Outcome.EXEMPT not in {finding.outcome for finding in report.findings}, "it asks for no exception"
    assert report.calls > 50
