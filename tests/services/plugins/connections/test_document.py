"""The operator's file: all that is wrong with it is told by line, and no secret ever stands in it or in a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from services.plugins.connections import Agency, ConnectionsUnusable, Named, Rules, SecretUnusable
from services.plugins.runner import ClientKey, Credentials

OPEN = Rules(loopback=True, is_production=False)
CLOSED = Rules(loopback=False, is_production=True, known_to_all=frozenset({"a secret of the sandbox"}))
GOOD = """
[waterworks]
base_url = "https://api.waterworks.example/gdx"
sign_in = { way = "consumer-secret", consumer_key = "sitthi", secret = { env = "WATERWORKS_SECRET" } }

[library]
base_url = "https://library.example"
limits = { connect_seconds = 1, answer_seconds = 2.5 }

[library.sign_in]
way = "private-key-jwt"
client_id = "sitthi"
secret = { file = "keys/library.json" }
token_url = "https://login.example/token"
scope = "read send"

[harbour]
base_url = "https://harbour.example"
sign_in = { way = "none" }
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "agencies.toml"
    file.write_text(text, encoding="utf-8")
    return file


def private_jwk() -> str:
    jwk = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    return json.dumps(jwk | {"kid": "one", "alg": "ES256"})


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All secrets of the good file, and the folder that it lies in."""
    monkeypatch.setenv("WATERWORKS_SECRET", "the waterworks' own")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "library.json").write_text(private_jwk() + "\n", encoding="utf-8")
    return tmp_path


def test_each_way_to_sign_in_is_read_with_its_secret(secrets: Path) -> None:
    named = Named(written(secrets, GOOD), CLOSED)
    named.must_hold()
    assert named.way_of("waterworks") == Credentials("sitthi", "the waterworks' own")
    key = named.way_of("library")
    assert isinstance(key, ClientKey)
    assert (key.token_url, key.scope) == ("https://login.example/token", "read send")
    assert named.way_of("harbour") is None
    assert named.connections["library"].limits.answer_seconds == 2.5
    assert named.connections["harbour"].limits.connect_seconds == 3


def test_a_secret_that_was_replaced_is_the_next_one(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Named(written(secrets, GOOD), CLOSED)
    monkeypatch.setenv("WATERWORKS_SECRET", "another by now")
    assert named.way_of("waterworks") == Credentials("sitthi", "another by now")


@pytest.mark.parametrize(
    ("wrong", "right", "line", "why"),
    [
        ("base_url = ", "bass_url = ", 2, "`waterworks.base_url`: Field required"),
        ('way = "consumer-secret"', 'way = "password"', 4, "`waterworks.sign_in`"),
        ('secret = { env = "WATERWORKS_SECRET" }', 'secret = "hunter-two"', 4, "`waterworks.sign_in.secret`"),
        ('{ env = "WATERWORKS_SECRET" }', '{ env = "A", file = "b" }', 4, "name either `env`"),
        ("connect_seconds = 1", "connect_seconds = 11", 8, "less than or equal to 10"),
        ("https://api.waterworks.example/gdx", "http://api.waterworks.example", 3, "it is asked without TLS"),
        ("https://api.waterworks.example/gdx", "https://169.254.169.254", 3, "its address is link-local"),
        ("https://login.example/token", "https://10.0.0.1/token", 14, "its address is private"),
        ("[harbour]", "[Harbour]", 17, "`Harbour`"),
        ('way = "none"', 'way = "none", consumer_key = "x"', 19, "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, wrong: str, right: str, line: int, why: str) -> None:
    assert wrong in GOOD
    with pytest.raises(ConnectionsUnusable) as caught:
        Named(written(tmp_path, GOOD.replace(wrong, right, 1)), CLOSED)
    assert f"agencies.toml:{line}: " in str(caught.value)
    assert why in str(caught.value)
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(("content", "why"), [(b"\xff", "it is no UTF-8"), (b"[a\n", "it is no TOML"), (None, "read")])
def test_a_file_that_is_none_is_a_sentence(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "agencies.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConnectionsUnusable, match=why):
        Named(file, OPEN)


def test_an_agency_on_this_machine_is_for_development_alone(tmp_path: Path) -> None:
    here = written(tmp_path, '[a-b]\nbase_url = "http://127.0.0.1:8400"\nsign_in = { way = "none" }\n')
    assert Named(here, OPEN).connections["a-b"].base_url == "http://127.0.0.1:8400"
    with pytest.raises(ConnectionsUnusable, match="its address is loopback"):
        Named(here, CLOSED)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "there is none"),
        ("a secret of the sandbox", "which everybody knows"),
        ("7 chars", "shorter than 8"),
    ],
)
def test_nothing_starts_in_production_with_a_secret_that_is_none(
    secrets: Path, monkeypatch: pytest.MonkeyPatch, secret: str, why: str
) -> None:
    monkeypatch.setenv("WATERWORKS_SECRET", secret)
    with pytest.raises(SecretUnusable) as caught:
        Named(written(secrets, GOOD), CLOSED).must_hold()
    assert why in str(caught.value)
    assert "environment variable WATERWORKS_SECRET" in str(caught.value)
    assert not secret or secret not in str(caught.value)


def test_the_sandboxes_secret_is_good_while_developing(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERWORKS_SECRET", "a secret of the sandbox")
    Named(
        written(secrets, GOOD), Rules(loopback=True, is_production=False, known_to_all=CLOSED.known_to_all)
    ).must_hold()


@pytest.mark.parametrize(
    "held", ["", "no JSON", "{}", '{"kty": "oct", "k": "c2VjcmV0LXNlY3JldA", "d": "x"}', "public", "deep"]
)
def test_a_key_that_proves_nothing_is_refused_and_not_shown(secrets: Path, held: str) -> None:
    if held == "public":
        held = json.dumps({name: value for name, value in json.loads(private_jwk()).items() if name != "d"})
    if held == "deep":
        held = "[" * 10_000
    (secrets / "keys" / "library.json").write_text(held, encoding="utf-8")
    with pytest.raises(SecretUnusable) as caught:
        Named(written(secrets, GOOD), CLOSED).must_hold()
    assert "c2VjcmV0" not in str(caught.value)


def test_no_secret_is_in_what_is_printed_of_a_way(secrets: Path) -> None:
    named = Named(written(secrets, GOOD), CLOSED)
    for slug in named.connections:
        way = named.way_of(slug)
        assert "own" not in repr(way)
        assert "kty" not in repr(way)
        assert "own" not in repr(Agency("https://agency.example", way))


def test_what_is_handed_to_another_process_arrives_whole(secrets: Path) -> None:
    named = Named(written(secrets, GOOD), CLOSED)
    for slug in named.connections:
        agency = Agency("https://agency.example/base", named.way_of(slug), is_guarded=True, answer_seconds=2.0)
        assert Agency.of_json(json.loads(json.dumps(agency.as_json()))) == agency


def test_all_that_a_way_connects_to_is_known_beforehand() -> None:
    """A package's host process can reach the ports of these alone."""
    elsewhere = Credentials("key", "secret", "https://login.example:8443/token")
    assert Agency("https://agency.example", elsewhere).urls == ("https://agency.example", elsewhere.token_url)
    assert Agency("https://agency.example", Credentials("key", "secret")).urls == ("https://agency.example",)
    assert Agency("https://agency.example").urls == ("https://agency.example",)
