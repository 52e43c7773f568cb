"""`sitthi plugin check`: what it prints, how it ends, and what it asks."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.plugin_check import over_the_wire
from api.desk import DeskPlugin
from core.clock import SystemClock
from core.settings import Settings
from services.plugins.conformance.desk import KeysElsewhere, keys_published
from services.plugins.contract.wire import KEYS_PATH
from services.plugins.kit import FollowedKeys
from services.plugins.plugin import Origin
from tests.services.plugins.conformance.stand import HASH, Stand, shown
from tests.services.plugins.conformance.test_outages import served
from tests.support.plugins import AGENCIES


def copy_of(agency: str, folder: Path) -> Path:
    return shutil.copytree(AGENCIES / agency, folder / agency, ignore=shutil.ignore_patterns("__pycache__"))


def test_a_plugin_that_keeps_every_rule_passes() -> None:
    told = CliRunner().invoke(app, ["plugin", "check", str(AGENCIES / "rd")])
    assert told.exit_code == 0, told.output
    assert "✓ examples.operations" in told.output
    assert "– signature.missing" in told.output
    assert told.output.splitlines()[-1].startswith("12 done, 0 failed")


def test_a_plugin_that_breaks_a_rule_fails_with_what_was_seen_and_the_remedy(tmp_path: Path) -> None:
    folder = copy_of("rd", tmp_path)
    code = folder / "plugin.py"
    code.write_text(code.read_text("utf-8").replace('["income_satang"])', '["income_satang"] + 1)'), "utf-8")
    # null + 1 is no income either
    told = CliRunner().invoke(app, ["plugin", "check", str(folder)])
    assert told.exit_code == 1
    assert "✗ examples.operations" in told.output
    assert "    Remedy: Correct the operation or the example" in told.output


def test_the_report_is_told_as_json(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["plugin", "check", str(AGENCIES / "rd"), "--json"])
    report = json.loads(told.output)
    assert (report["plugin"], report["origin"], report["passed"]) == ("rd", "tree", True)
    other = copy_of("rd", tmp_path)
    again = json.loads(CliRunner().invoke(app, ["plugin", "check", str(other), "--json"]).output)
    assert again["documents"] == report["documents"], "the same documents have the same hash, wherever they lie"


def test_documents_that_break_rules_are_told_by_line_and_nothing_else_is_looked_at(tmp_path: Path) -> None:
    folder = copy_of("oic", tmp_path)
    manifest = folder / "manifest.toml"
    manifest.write_text(manifest.read_text("utf-8").replace('namespace = "insurance"', 'namespace = "viewer"'), "utf-8")
    told = CliRunner().invoke(app, ["plugin", "check", str(folder)])
    assert told.exit_code == 1
    assert "NAMESPACE" in told.output
    as_json = CliRunner().invoke(app, ["plugin", "check", str(folder), "--json"])
    assert as_json.exit_code == 1
    assert "NAMESPACE" in {fault["rule"] for fault in json.loads(as_json.output)["faults"]}


def test_a_folder_has_no_server_to_ask() -> None:
    told = CliRunner().invoke(app, ["plugin", "check", str(AGENCIES / "rd"), "--url", "http://127.0.0.1:9"])
    assert told.exit_code == 1
    assert "manifest.json" in told.stderr


def test_a_folder_is_checked_without_the_graph_a_database_or_a_network() -> None:
    program = (
        "import socket, sys\n"
        "def closed(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = closed\n"
        "from api.cli import app\n"
        f"app(['plugin', 'check', {str(AGENCIES / 'rd')!r}], standalone_mode=False)\n"
        "assert not {'strawberry', 'sqlalchemy.ext.asyncio', 'fastapi', 'uvicorn'} & sys.modules.keys(), "
        "sorted({'strawberry', 'sqlalchemy.ext.asyncio', 'fastapi', 'uvicorn'} & sys.modules.keys())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_remote_plugins_server_is_asked_and_finds_our_keys_where_it_looks(settings: Settings) -> None:
    keys_at = f"http://127.0.0.1:{free_port()}"
    async with httpx2.AsyncClient(trust_env=False) as http:
        keys, stands = FollowedKeys(http, f"{keys_at}{KEYS_PATH}"), list[Stand]()

        def app_of(_: str) -> Any:
            stands.append(Stand(SystemClock(), trusts=keys, kit_options={"look_for_keys": keys.look}))
            return stands[0].app

        async with served(app_of) as listens_at:
            desk = DeskPlugin(stands[0].plugin, Origin.REMOTE, HASH)
            report = await over_the_wire(desk, listens_at, keys_at, settings)
    assert report.passed, shown(report)
    assert report.document["origin"] == "remote"


async def test_keys_are_published_by_whoever_listens_there_already() -> None:
    at, jwks = f"http://127.0.0.1:{free_port()}", {"keys": [{"kid": "one"}]}
    async with keys_published(at, jwks):
        async with keys_published(at, jwks), httpx2.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{at}{KEYS_PATH}")).json() == jwks
            assert (await http.get(f"{at}/else")).status_code == 404
        with pytest.raises(KeysElsewhere):
            async with keys_published(at, {"keys": [{"kid": "two"}]}):
                pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
