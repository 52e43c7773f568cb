"""docs/agencies.md: its examples run against a server, and what it says of scopes and errors is so."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import jwt
import pytest

from identity.provider.registration import AGENCY_SCOPES
from tests.support import node
from tests.support.server import Process, running

pytestmark = pytest.mark.in_turn

DOCS: Final = Path(__file__).parents[2] / "docs"
EXAMPLES: Final = DOCS / "examples" / "agency"
PAGE: Final = (DOCS / "agencies.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("agency") / "data", SITTHI_DEMO_CITIZENS="0") as process:
        yield process


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("key")
    run([sys.executable, str(EXAMPLES / "new_key.py"), str(folder / "private.json"), str(folder / "jwks.json")])
    return folder


@pytest.fixture(scope="module")
def client(server: Process, key: Path) -> str:
    told = server.command(
        "client", "new", "ระบบ CMIS", "--agency", "oic", "--scope", "agency.facts", "--jwks", str(key / "jwks.json")
    )
    found = re.search(r"\boic-[a-z0-9]{8}\b", told)
    assert found is not None, told
    return found[0]


def run(words: list[str], *, ok: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def program(language: str) -> list[str]:
    if language == "python":
        return [sys.executable, str(EXAMPLES / "get_token.py")]
    found = node.find()
    if found is None:
        pytest.skip("not on this machine: Node.js")
    return [found, str(EXAMPLES / "get_token.mjs")]


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token.strip(), options={"verify_signature": False})
    return claims


def test_the_private_half_is_its_owners_alone_and_the_public_half_is_public(key: Path) -> None:
    assert stat.S_IMODE((key / "private.json").stat().st_mode) == 0o600
    [public] = json.loads((key / "jwks.json").read_text())["keys"]
    assert "d" not in public


@pytest.mark.parametrize("language", ["python", "node"])
def test_an_agencys_system_gets_a_token(server: Process, key: Path, client: str, language: str) -> None:
    token = run([*program(language), server.url, client, str(key / "private.json"), "agency.facts"])
    claims = claims_of(token)
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (server.url, f"{server.url}/agency", client)
    assert (claims["scope"], claims["agency"], claims["exp"] - claims["iat"]) == ("agency.facts", "oic", 600)


@pytest.mark.parametrize("language", ["python", "node"])
def test_what_it_was_not_registered_for_it_does_not_get(server: Process, key: Path, client: str, language: str) -> None:
    words = [*program(language), server.url, client, str(key / "private.json")]
    assert "invalid_scope" in run([*words, "agency.services"], ok=False)
    words[-2] = "oic-22222222"
    assert "invalid_client" in run(words, ok=False)


def test_the_graph_takes_no_such_token(server: Process, key: Path, client: str) -> None:
    token = run([*program("python"), server.url, client, str(key / "private.json")]).strip()
    answer = httpx2.post(
        f"{server.url}/graphql",
        json={"query": "{ viewer { id } }"},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "TOKEN_INVALID")


def test_every_scope_is_explained() -> None:
    for scope in AGENCY_SCOPES:
        assert f"| `{scope}` |" in PAGE


def test_the_pages_name_examples_that_are_there() -> None:
    for name in ("new_key.py", "get_token.py", "get_token.mjs"):
        assert name in PAGE
        assert (EXAMPLES / name).exists()
