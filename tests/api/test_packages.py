"""A package that an operator installed, from its entry point to the graph."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from api.composer import compose
from api.packages import add_packages
from api.schema import base_schema, registry_of
from core.clock import SystemClock
from core.errors import ServiceUnavailable
from core.ids import NationalId
from services.exchange.catalogue import load_catalogue
from services.plugins.connections import Agency
from services.plugins.contract import Host, Manifest
from services.plugins.hosting.discovery import Package, Unusable, installed
from services.plugins.plugin import Origin
from services.plugins.registry import Registry
from services.plugins.runner import AgencyDeclined, Credentials, Runner
from services.plugins.runner.examples import RecordedAgency
from tests.support.packages import install
from tests.support.plugins import CATALOGUE, HOST

PERSON = NationalId("0000000000001")
BLOCKED = NationalId("0000000000027")


async def _loans(request: Request) -> JSONResponse:
    pid = (await request.json())["pid"]
    if request.headers["authorization"] != "Bearer good" or request.headers["agentid"] != "sitthi-graph":
        return JSONResponse({"code": "TOKEN_INVALID"}, 401)
    if pid == BLOCKED.digits:
        return JSONResponse({"code": "BLOCKED"}, 409)
    loan = {"id": "1", "title": "สี่แผ่นดิน", "due": "2026-11-20", "fine_satang": 500, "state": "OUT"}
    return JSONResponse({"pid": pid, "loans": [loan]})


async def _member(request: Request) -> JSONResponse:
    pid = (await request.json())["pid"]
    return JSONResponse({"pid": PERSON.digits, "member": pid == PERSON.digits})  # mixes everybody up with one


async def _token(request: Request) -> JSONResponse:
    asked = await request.json()
    good = asked == {"consumer_key": "sitthi", "consumer_secret": "handed over"}
    return JSONResponse({"access_token": "good"} if good else {}, 200 if good else 401)


@contextmanager
def library() -> Iterator[str]:
    """The agency's system."""
    routes = [Route(path, answer, methods=["POST"]) for path, answer in _PATHS.items()]
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


_PATHS = {"/loans": _loans, "/member": _member, "/oauth/token": _token}


def _nothing(_: Any) -> None:
    return None


def _host_of(_: Manifest) -> Host:
    return Host(SystemClock(), RecordedAgency(()))


@pytest.mark.parametrize("is_guarded", [False, True])
async def test_a_packages_operations_ask_its_agency_from_its_host_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    """A sandbox of ours, and an agency of the operator's file: by name, through the way out to strangers."""
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    registry, runner = Registry(HOST, CATALOGUE), Runner(_host_of)
    with library() as url:
        named = url.replace("127.0.0.1", "localhost") if is_guarded else url
        agency = Agency(named, Credentials("sitthi", "handed over"), is_guarded=is_guarded, loopback=True)
        hosts = add_packages(registry, lambda _: agency, _nothing, found=installed([str(tmp_path)]))
        plugin = registry.get("library")
        assert plugin is not None
        assert plugin.origin is Origin.PACKAGE
        async with hosts.running(wait_seconds=60):
            [loan] = await runner.run(plugin, "loans", asker="sitthi-graph", person=PERSON)
            assert (loan["title"], loan["fine"].satang) == ("สี่แผ่นดิน", 500)
            with pytest.raises(AgencyDeclined):
                await runner.run(plugin, "loans", asker="sitthi-graph", person=BLOCKED)
            known = await runner.run(plugin, "membership", asker="sitthi-exchange", person=PERSON)
            assert known["library_member"].value is True
            with pytest.raises(ServiceUnavailable):
                await runner.run(plugin, "membership", asker="sitthi-exchange", person=BLOCKED)


def _registry() -> Registry:
    """That of the server, whose catalogue knows what the library knows."""
    ours = registry_of(base_schema(), load_catalogue())
    registry = Registry(ours.host, {**ours.attributes, **CATALOGUE})
    registry.swap(ours.plugins)
    return registry


def _added(registry: Registry, *found: Package | Unusable) -> list[str]:
    """The slugs of those that were taken."""
    whole = lambda plugins: compose(base_schema(), plugins, Runner(_host_of))  # noqa: E731 - as the house does
    hosts = add_packages(registry, lambda _: Agency("http://agency.invalid"), whole, found=found)
    return [plugin.slug for plugin in hosts.plugins]


def test_a_package_is_in_the_graph_as_any_plugin(tmp_path: Path) -> None:
    install(tmp_path)
    registry = _registry()
    assert _added(registry, *installed([str(tmp_path)])) == ["library"]
    schema = compose(base_schema(), registry.plugins, Runner(_host_of))
    assert "loans(state: LibraryLoanState, dueBefore: Date): [LibraryLoan!]" in str(schema)


def test_a_package_that_breaks_a_rule_is_left_out_and_the_log_says_which(tmp_path: Path) -> None:
    folder = install(tmp_path)
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("library_member", "birth_date"), encoding="utf-8")
    (folder / "plugin.py").write_text("raise AssertionError('it ran')", encoding="utf-8")
    with capture_logs() as logs:
        assert _added(_registry(), *installed([str(tmp_path)])) == []
    [line] = [one for one in logs if one["event"] == "package_refused"]
    assert line["package"] == "sitthi_library 1.0"
    assert any("CODE" in fault for fault in line["faults"])
    assert any("PROVIDES" in fault for fault in line["faults"])


def test_an_entry_point_that_leads_nowhere_is_told_and_keeps_nothing_else_out(tmp_path: Path) -> None:
    with capture_logs() as logs:
        assert _added(_registry(), Unusable("library", "there is no package 'nowhere'")) == []
    assert [line["event"] for line in logs] == ["package_unusable"]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (('slug = "library"', 'slug = "museum"'), "MANIFEST_FIELD"),
        (('namespace = "library"', 'namespace = "insurance"'), "NAMESPACE"),
        (('prefix = "Library"', 'prefix = "Insurance"'), "PREFIX"),
    ],
)
def test_a_package_takes_no_others_name(tmp_path: Path, change: tuple[str, str], rule: str) -> None:
    folder = install(tmp_path)
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with capture_logs() as logs:
        assert _added(_registry(), *installed([str(tmp_path)])) == []
    [line] = logs
    assert [fault for fault in line["faults"] if rule in fault]
