"""Sealing of stored secrets (AES-256-GCM, NIST SP 800-38D) and blind indexes (HMAC-SHA-256)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import SitthiError
from core.settings import Environment, Settings
from core.text import Text

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16


class SealBroken(SitthiError):
    """The ciphertext was changed, moved to another row, or sealed under a key we do not hold."""

    code = "SEAL_BROKEN"
    text = Text(th="ถอดรหัสข้อมูลที่เก็บไว้ไม่ได้", en="Stored data could not be decrypted.")


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys by id. New seals use `current`; old ones open as long as their key is held."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current key is not in the ring")
        if any(len(k) != 32 for k in (*self.keys.values(), self.index_key)):
            raise ValueError("every key is 32 bytes")

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypts; the result opens only with the same `bound_to` (table, column and row), so rows cannot be swapped.

        Layout: format byte, length of the key id, key id, 12-byte nonce, ciphertext with its tag.
        """
        key_id = self.current.encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, plain, bound_to.encode())
        return _FORMAT + bytes([len(key_id)]) + key_id + nonce + sealed

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Raises :class:`SealBroken`."""
        if sealed[:1] != _FORMAT or len(sealed) < 2:
            raise SealBroken
        end = 2 + sealed[1]
        key = self.keys.get(sealed[2:end].decode(errors="replace"))
        if key is None or len(sealed) < end + _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken
        try:
            return AESGCM(key).decrypt(
                sealed[end : end + _NONCE_BYTES], sealed[end + _NONCE_BYTES :], bound_to.encode()
            )
        except InvalidTag:
            raise SealBroken from None

    def blind_index(self, value: str, *, domain: str) -> bytes:
        """32 bytes by which equal values of one domain are found without being readable."""
        return hmac.digest(self.index_key, f"{domain}\x00{value}".encode(), hashlib.sha256)


def load_keys(settings: Settings) -> KeyRing:
    """From the settings; in development, made at the first start and kept in the data folder (mode 0600)."""
    if settings.secret_keys is not None:
        return _parse(settings.secret_keys.get_secret_value())
    if settings.environment is not Environment.DEVELOPMENT:
        raise ValueError("SITTHI_SECRET_KEYS must be set outside development")
    path = settings.data / "secrets.json"
    if not path.exists():
        _write_new(path)
    return _parse(path.read_text())


def _write_new(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = {"current": "k1", "keys": {"k1": _random()}, "index": _random()}
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600, and nobody else's file
    draft = Path(name)
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(fresh))
    try:
        os.link(draft, path)  # fails if another process was first: its keys are then ours too
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _random() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def _parse(text: str) -> KeyRing:
    document = json.loads(text)
    keys = {key_id: base64.b64decode(key) for key_id, key in document["keys"].items()}
    return KeyRing(document["current"], keys, base64.b64decode(document["index"]))
