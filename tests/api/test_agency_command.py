"""`sitthi agency …`: where agencies' systems are, whether they answer, and what a server does not start with."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app
from api.commands.agency import front_of
from api.desk import plugin_of
from core.settings import Settings
from services.sandbox.agencies.access import SANDBOX_CREDENTIALS
from tests.support.front import address_of, listening, served

FILE = """
[library]
base_url = "{url}"
sign_in = {{ way = "consumer-secret", consumer_key = "sitthi", secret = {{ env = "LIBRARY_SECRET" }} }}
"""


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {"LANG": "C.UTF-8", "SITTHI_DATA": str(tmp_path / "data"), "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def named(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str, secret: str) -> None:
    file = folder / "agencies.toml"
    file.write_text(FILE.format(url=url), encoding="utf-8")
    monkeypatch.setenv("SITTHI_AGENCIES_FILE", str(file))
    monkeypatch.setenv("LIBRARY_SECRET", secret)


def test_without_a_file_the_sandbox_stands_in_for_all() -> None:
    assert "SITTHI_AGENCIES_FILE is not set" in run("agency", "show").output
    assert run("agency", "show", "rd").output == "rd\tthe sandbox stands in for it\n"


def test_without_a_sandbox_an_agency_that_nobody_named_is_not_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITTHI_SANDBOX", "false")
    for words in (("show", "rd"), ("check", "rd")):
        told = run("agency", *words)
        assert told.exit_code == 1
        assert "(AGENCY_NOT_CONNECTED)" in told.output


def test_a_check_signs_in_at_the_agency_and_says_so(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secret,) = SANDBOX_CREDENTIALS.values()
    assert run("plugin", "new", "library", "--path", str(desk / "library")).exit_code == 0
    plugin, listener = plugin_of(desk / "library").plugin, listening()
    front = front_of(plugin, "", address_of(listener))
    with served(front, listener) as url:
        named(desk, monkeypatch, url, secret)
        told = run("agency", "check", "library")
        assert told.exit_code == 0, told.output
        assert told.output.startswith(f"library\t{url}\n  ✓ it gave a token, after ")
        named(desk, monkeypatch, url, "another secret")
        told = run("agency", "check", "library")
        assert told.exit_code == 1
        assert "✗ it gave no token, and answered with status 401" in told.output
        assert secret not in told.output
        assert "another secret" not in told.output


def test_nobody_there_is_status_1(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = address_of(listener)
    named(desk, monkeypatch, url, "some secret")
    told = run("agency", "check", "library")
    assert told.exit_code == 1
    assert "✗ no answer came (SOURCE_UNREACHABLE)" in told.output


def test_no_server_starts_without_a_secret_that_it_was_told_of(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(desk, monkeypatch, "http://127.0.0.1:9", "")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("PORT", str(port))
    told = run("serve")
    assert told.exit_code == 1
    assert "The secret of the agency library cannot be used (environment variable LIBRARY_SECRET)" in told.output
    assert "(AGENCY_SECRET_UNUSABLE)" in told.output
    assert Settings().agencies_file == desk / "agencies.toml"


def test_a_stand_in_never_starts_in_production(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    production = {
        "ENVIRONMENT": "production",
        "PUBLIC_URL": "https://sitthi.example",
        "DATABASE_URL": "postgresql://db/sitthi",
        "REDIS_URL": "redis://cache/0",
        "SECRET_KEYS": "{}",
        "THAID_ISSUER": "https://thaid.example",
        "THAID_CLIENT_SECRET": "some secret",
        "SANDBOX": "false",
    }
    for name, value in production.items():
        monkeypatch.setenv(f"SITTHI_{name}", value)
    told = run("agency", "stand-in", str(desk))
    assert told.exit_code == 1
    assert "never start in production" in told.output
