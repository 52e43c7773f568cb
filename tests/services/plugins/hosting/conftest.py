"""The stranger's plugin of the tests as an installed package, and host processes for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.clock import SystemClock
from core.ids import NationalId
from services.plugins.connections import Agency
from services.plugins.contract import Host, Manifest, OperationKind
from services.plugins.hosting.discovery import Package, installed
from services.plugins.hosting.pace import Pace
from services.plugins.hosting.supervisor import Hosted, Hosts
from services.plugins.plugin import Origin, Plugin
from services.plugins.registry import load_folder
from services.plugins.runner import Credentials, LaneLimits, Runner
from services.plugins.runner.examples import RecordedAgency
from tests.support.packages import install
from tests.support.plugins import CATALOGUE, HOST

PERSON = NationalId("0000000000001")
PACE = Pace(watch_seconds=0.1, hang_seconds=20.0, again_seconds=0.05, start_seconds=60.0)
PROBE = """
import asyncio, ctypes, os, resource, signal, socket, subprocess, sys, threading, time
from pathlib import Path

from services.plugins.contract import Call, Host

held = []


async def search_shelves(host: Host, call: Call):
    return [{"title": repr(eval(call.arguments["query"]["words"]))}]


async def loans(host: Host, call: Call):
    await asyncio.sleep(float(call.asker))
    return []


async def membership(host: Host, call: Call):
    return {}
"""
"""Does what it is asked to: what the code of a package could do if it meant harm."""


class Installed:
    """One package, with hosts for it whose limits and pace are the test's."""

    def __init__(self, folder: Path, package: Package) -> None:
        self.folder, self.package = folder, package

    def plugin(self, *, time_limit_seconds: int = 10, kinds: Mapping[str, OperationKind] | None = None) -> Plugin:
        plugin = load_folder(self.folder, HOST, CATALOGUE, origin=Origin.PACKAGE)
        operations = {
            name: spec.model_copy(
                update={"time_limit_seconds": time_limit_seconds, "kind": (kinds or {}).get(name, spec.kind)}
            )
            for name, spec in plugin.manifest.operations.items()
        }
        return replace(plugin, manifest=plugin.manifest.model_copy(update={"operations": operations}))

    def hosted(self, pace: Pace = PACE, base_url: str = "http://127.0.0.1:9", **plugin: Any) -> Hosted:
        return Hosted(self.package, self.plugin(**plugin), Agency(base_url, Credentials("sitthi", "a secret")), pace)


class Asking:
    """Asks a package's operations as the server does."""

    def __init__(self, hosted: Hosted) -> None:
        self.hosted = hosted
        self._runner = Runner(_host_of, LaneLimits(failures_max=1_000))

    async def probe(self, expression: str) -> str:
        """What the expression comes to inside the host process."""
        asked = {"query": {"words": expression}}
        [told] = await self._runner.run(self.hosted.plugin, "searchShelves", asker="test", arguments=asked)
        return str(told["title"])

    async def loans(self, asker: str = "0", *, key: str = "") -> Any:
        """After so many seconds."""
        return await self._runner.run(self.hosted.plugin, "loans", asker=asker, person=PERSON, key=key)


def _host_of(_: Manifest) -> Host:
    return Host(SystemClock(), RecordedAgency(()))  # which the package's code never sees: it runs elsewhere


@asynccontextmanager
async def running(hosted: Hosted) -> AsyncIterator[Asking]:
    async with Hosts([hosted]).running(wait_seconds=60):
        yield Asking(hosted)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Installed]:
    """Installs the package, with another code than the probe's where one is given."""
    return lambda code=PROBE: installed_in(tmp_path, monkeypatch, code)


def installed_in(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Installed:
    """The package with this code, on the path."""
    site = folder / "site"
    package = install(site)
    (package / "plugin.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    (found,) = [one for one in installed([str(site)]) if isinstance(one, Package)]
    return Installed(package, found)
