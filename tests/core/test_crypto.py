import hmac
import os
import stat
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.crypto import KeyRing, SealBroken, load_keys, seal_prefix
from core.settings import Environment, Settings

RING = KeyRing("k2", {"k1": os.urandom(32), "k2": os.urandom(32)}, os.urandom(32))


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_was_sealed_opens_for_the_same_row_alone(plain: bytes, row: str) -> None:
    sealed = RING.seal(plain, bound_to=row)
    assert RING.open(sealed, bound_to=row) == plain
    with pytest.raises(SealBroken):
        RING.open(sealed, bound_to=row + "'")


@given(st.data())
def test_a_seal_with_any_byte_changed_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(RING.seal(b"1234567890123", bound_to="row"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        RING.open(bytes(sealed), bound_to="row")


@given(st.binary(max_size=40))
def test_anything_else_does_not_open(garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        RING.open(garbage, bound_to="row")


@pytest.mark.parametrize("form", [b"\x01", b"\x02"])
@given(rest=st.binary(max_size=60))
def test_a_seal_that_was_cut_short_does_not_open(form: bytes, rest: bytes) -> None:
    with pytest.raises(SealBroken):
        RING.open(form + b"\x02k2" + rest, bound_to="row")


@given(st.data())
def test_no_beginning_of_a_seal_opens(data: st.DataObject) -> None:
    sealed = RING.seal(b"1234567890123", bound_to="row")
    with pytest.raises(SealBroken):
        RING.open(sealed[: data.draw(st.integers(0, len(sealed) - 1))], bound_to="row")


def first_format(key_id: str, plain: bytes, bound_to: str) -> bytes:
    """A seal as the first release made it: the key of the ring encrypts by itself."""
    nonce = os.urandom(12)
    sealed = AESGCM(RING.keys[key_id]).encrypt(nonce, plain, bound_to.encode())
    return b"\x01" + bytes([len(key_id)]) + key_id.encode() + nonce + sealed


@given(st.binary(max_size=200), st.text(max_size=30))
def test_a_seal_of_the_first_format_opens_for_its_row_alone(plain: bytes, row: str) -> None:
    sealed = first_format("k1", plain, row)
    assert RING.open(sealed, bound_to=row) == plain
    with pytest.raises(SealBroken):
        RING.open(sealed, bound_to=row + "'")


def test_one_format_does_not_pass_for_the_other() -> None:
    for sealed, form in ((first_format("k1", b"x" * 40, "r"), b"\x02"), (RING.seal(b"x" * 40, bound_to="r"), b"\x01")):
        with pytest.raises(SealBroken):
            RING.open(form + sealed[1:], bound_to="r")


def test_each_seal_has_a_key_of_its_own_that_is_not_the_rings() -> None:
    """Whoever forced the nonces of two seals to be equal would still learn nothing: their keys differ."""
    seen = []

    def recording(key: bytes) -> AESGCM:
        seen.append(key)
        return AESGCM(key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.crypto.AESGCM", recording)
        for row in ("a", "a", "b"):
            RING.seal(b"x", bound_to=row)
    assert len(set(seen)) == 3
    assert RING.keys["k2"] not in seen


def test_the_key_derives_as_the_decision_says() -> None:
    """HMAC-SHA-256 over label, salt and binding: what another program would need to open our rows."""
    sealed = RING.seal(b"plain", bound_to="person.national_id:00")
    salt, nonce, rest = sealed[4:16], sealed[16:28], sealed[28:]
    bound = b"person.national_id:00"
    key = hmac.digest(RING.keys["k2"], b"sitthi seal 2\x00" + salt + bound, "sha256")
    assert sealed[:4] == seal_prefix("k2") == b"\x02\x02k2"
    assert AESGCM(key).decrypt(nonce, rest, bound) == b"plain"


def test_an_older_key_still_opens_and_a_lost_one_does_not() -> None:
    old = KeyRing("k1", {"k1": RING.keys["k1"]}, RING.index_key)
    assert RING.open(old.seal(b"x", bound_to="r"), bound_to="r") == b"x"
    with pytest.raises(SealBroken):
        old.open(RING.seal(b"x", bound_to="r"), bound_to="r")


def test_equal_values_meet_in_one_domain_and_not_across_two() -> None:
    assert RING.blind_index("a", domain="x") == RING.blind_index("a", domain="x")
    assert RING.blind_index("a", domain="x") != RING.blind_index("a", domain="y")


def test_the_ring_does_not_print_its_keys() -> None:
    assert RING.keys["k1"].hex() not in repr(RING)
    assert str(RING.keys["k1"]) not in repr(RING)


def test_development_keys_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    first, second = load_keys(settings), load_keys(settings)
    assert first.keys == second.keys
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_two_processes_of_one_number_do_not_write_one_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers that share a folder are all process 1."""
    drafts: list[str] = []
    link = os.link

    def linked(draft: str, path: str) -> None:
        drafts.append(str(draft))
        link(draft, path)

    monkeypatch.setattr(os, "link", linked)
    for name in ("one", "two"):
        load_keys(Settings(data=tmp_path / name))
    assert len({Path(draft).name for draft in drafts}) == 2
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["secrets.json"]


def test_a_folder_made_for_the_keys_is_the_owners_alone(tmp_path: Path) -> None:
    load_keys(Settings(data=tmp_path / "data"))
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


PRODUCTION: Final[dict[str, Any]] = {
    "environment": Environment.PRODUCTION,
    "public_url": "https://sitthi.example",
    "database_url": "postgresql://sitthi:pass-word-one@db/sitthi",
    "redis_url": "redis://:pass-word-two@cache/0",
    "secret_keys": '{"key": "pass-word-three"}',
    "thaid_issuer": "https://thaid.example",
    "thaid_client_secret": "pass-word-four",
    "sandbox": False,
}


def test_production_starts_with_all_of_it() -> None:
    assert Settings(**PRODUCTION).secure


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"plugin_loopback": False}, False),
        (PRODUCTION, False),
        (PRODUCTION | {"plugin_loopback": False}, False),
    ],
)
def test_plugins_are_on_this_machine_in_development_alone(changes: dict[str, Any], allowed: bool) -> None:
    assert Settings(**changes).plugins_on_loopback is allowed


def test_production_starts_with_a_file_of_keys() -> None:
    assert Settings(**{**PRODUCTION, "secret_keys": None, "secret_keys_file": Path("/run/secrets/keys")}).secure


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"public_url": "http://sitthi.example"}, "SITTHI_PUBLIC_URL"),
        ({"thaid_issuer": "http://thaid.example"}, "SITTHI_THAID_ISSUER"),
        ({"sandbox_url": "https://sandbox.example"}, "SITTHI_SANDBOX_URL"),
        ({"sandbox": True}, "SITTHI_SANDBOX"),
        ({"plugin_loopback": True}, "SITTHI_PLUGIN_LOOPBACK"),
        ({"redis_url": None}, "SITTHI_REDIS_URL"),
        ({"secret_keys": None}, "SITTHI_SECRET_KEYS_FILE (or SITTHI_SECRET_KEYS)"),
        ({"secret_keys_file": Path("/run/secrets/keys")}, "not both"),
    ],
)
def test_production_refuses_what_is_not_safe_and_repeats_no_secret(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**{**PRODUCTION, **changes})
    assert told in str(caught.value)
    assert "pass-word" not in str(caught.value)
    assert "input_value" not in str(caught.value)


def test_production_starts_with_nothing_by_default(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(environment=Environment.PRODUCTION, data=tmp_path)
    assert "SITTHI_SECRET_KEYS" in str(caught.value)
