"""Sealing of stored secrets (AES-256-GCM, NIST SP 800-38D) and blind indexes (HMAC-SHA-256). See docs/adr/0010."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import SitthiError
from core.key_document import KEY_BYTES, KeyDocument, KeyFile, KeysUnusable
from core.settings import Environment, Settings
from core.text import Text

DIRECT: Final = b"\x01"
"""Format 1, which is opened and no longer made: the key itself encrypts."""
DERIVED: Final = b"\x02"
_LABEL: Final = b"sitthi seal 2\x00"
_SALT_BYTES: Final = 12
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
LOOK_SECONDS: Final = 1.0
"""How long a process may not know that its keys were changed."""

log = structlog.get_logger(__name__)


class SealBroken(SitthiError):
    """The ciphertext was changed, moved to another row, or sealed under a key we do not hold."""

    code = "SEAL_BROKEN"
    text = Text(th="ถอดรหัสข้อมูลที่เก็บไว้ไม่ได้", en="Stored data could not be decrypted.")


class KeyRing:
    """Keys by id. New seals use `current`; old ones open as long as their key is held.

    With a `file` the ring follows it: within a second of use it seals and opens with what the file then holds, and a
    key id it has not met makes it look at once (a `stat`; it reads only what changed). What cannot be used is logged,
    and the ring keeps what it has. `index_key` never changes while a process runs.
    """

    __slots__ = ("_file", "_held", "_look_at", "_monotonic")

    def __init__(
        self,
        current: str,
        keys: Mapping[str, bytes],
        index_key: bytes,
        *,
        file: KeyFile | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if current not in keys:
            raise ValueError("the current key is not in the ring")
        if any(len(k) != KEY_BYTES for k in (*keys.values(), index_key)):
            raise ValueError("every key is 32 bytes")
        self._held = KeyDocument(current, dict(keys), index_key)
        self._file, self._monotonic = file, monotonic
        self._look_at = monotonic() + LOOK_SECONDS

    @property
    def current(self) -> str:
        return self._followed().current

    @property
    def keys(self) -> Mapping[str, bytes]:
        return self._followed().keys

    @property
    def index_key(self) -> bytes:
        return self._held.index

    def seal(self, plain: bytes, *, bound_to: str) -> bytes:
        """Encrypts; the result opens only with the same `bound_to` (table, column and row), so rows cannot be swapped.

        Layout (format 2): format byte, length of the key id, key id, and what :func:`encrypt` makes. However much is
        sealed, no AES-GCM key nears its limit of 2^32 messages.
        """
        held = self._followed()
        return seal_prefix(held.current) + encrypt(held.keys[held.current], plain, bound_to=bound_to)

    def open(self, sealed: bytes, *, bound_to: str) -> bytes:
        """Raises :class:`SealBroken`."""
        form = sealed[:1]
        if form not in (DIRECT, DERIVED) or len(sealed) < 2:
            raise SealBroken
        end = 2 + sealed[1]
        key = self._key(sealed[2:end].decode(errors="replace"))
        if form == DERIVED:
            return decrypt(key, sealed[end:], bound_to=bound_to)
        return _aes_open(key, sealed[end:], bound_to.encode())

    def blind_index(self, value: str, *, domain: str) -> bytes:
        """32 bytes by which equal values of one domain are found without being readable."""
        return hmac.digest(self._held.index, f"{domain}\x00{value}".encode(), hashlib.sha256)

    def refresh(self) -> None:
        """Looks at once whether the file holds something else."""
        if self._file is not None:
            self._look(self._file)

    def __repr__(self) -> str:
        return f"<KeyRing with {len(self._held.keys)} keys>"

    def _key(self, key_id: str) -> bytes:
        key = self._followed().keys.get(key_id)
        if key is None and self._file is not None:
            self._look(self._file)
            key = self._held.keys.get(key_id)
        if key is None:
            raise SealBroken
        return key

    def _followed(self) -> KeyDocument:
        """What the ring holds, having looked whether that is still so if it is a second since it last looked."""
        if self._file is not None and self._monotonic() >= self._look_at:
            self._look(self._file)
        return self._held

    def _look(self, file: KeyFile) -> None:
        self._look_at = self._monotonic() + LOOK_SECONDS
        found = file.read_if_changed()
        if found is None:
            return
        if found.index != self._held.index:
            log.error("keys.index_changed")  # people would not be found any more: a start would say so, in a sentence
            return
        self._held = found


def load_keys(settings: Settings) -> KeyRing:
    """From the settings; in development, made at the first start and kept in the data folder (mode 0600).

    Raises :class:`KeysUnusable`. Outside development keys of an example or of development are that too.
    """
    strict = settings.environment is not Environment.DEVELOPMENT
    if settings.secret_keys is not None:
        document = KeyDocument.parse(settings.secret_keys.get_secret_value())
        if strict:
            document.refuse_poor_keys()
        return KeyRing(document.current, document.keys, document.index)
    file = key_file(settings)
    if file is None:
        raise KeysUnusable("ยังไม่ได้กำหนด SITTHI_SECRET_KEYS_FILE", "SITTHI_SECRET_KEYS_FILE is not set")
    if settings.secret_keys_file is None:
        file.make_if_missing()
    document = file.read()
    return KeyRing(document.current, document.keys, document.index, file=file)


def key_file(settings: Settings) -> KeyFile | None:
    """The file that the keys are read from; None when they are in the environment."""
    if settings.secret_keys_file is not None:
        return KeyFile(settings.secret_keys_file, strict=settings.environment is not Environment.DEVELOPMENT)
    if settings.secret_keys is None and settings.environment is Environment.DEVELOPMENT:
        return KeyFile(settings.data / "secrets.json", strict=False)
    return None


def seal_prefix(key_id: str) -> bytes:
    """How every seal begins that is made now under that key."""
    return DERIVED + key_mark(key_id)


def key_mark(key_id: str) -> bytes:
    """What stands after the format byte of every seal under that key, of either format."""
    return bytes([len(key_id.encode())]) + key_id.encode()


def encrypt(key: bytes, plain: bytes, *, bound_to: str) -> bytes:
    """12-byte salt, 12-byte nonce, ciphertext with its tag; the AES key derives from key, salt and binding."""
    random, bound = os.urandom(_SALT_BYTES + _NONCE_BYTES), bound_to.encode()
    salt, nonce = random[:_SALT_BYTES], random[_SALT_BYTES:]
    return random + AESGCM(_derived(key, salt, bound)).encrypt(nonce, plain, bound)


def decrypt(key: bytes, sealed: bytes, *, bound_to: str) -> bytes:
    """What :func:`encrypt` made. Raises :class:`SealBroken`."""
    bound = bound_to.encode()
    return _aes_open(_derived(key, sealed[:_SALT_BYTES], bound), sealed[_SALT_BYTES:], bound)


def _aes_open(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
    except InvalidTag:
        raise SealBroken from None


def _derived(key: bytes, salt: bytes, bound: bytes) -> bytes:
    """A key of its own for each seal (compare NIST SP 800-108, one block)."""
    return hmac.digest(key, _LABEL + salt + bound, hashlib.sha256)
