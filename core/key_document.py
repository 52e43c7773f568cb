"""The document that holds the keys, as an operator writes it, and the file it may lie in.

JSON: `{"current": "k2", "keys": {"k1": "<32 bytes, base64>", "k2": "…"}, "index": "<32 bytes, base64>"}`. `next` names
a key that a rotation is about to make current. Nothing here ever repeats what it has read: an error says which rule
was broken, and by which key in order.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import itertools
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import structlog

from core.errors import SitthiError
from core.text import Text

KEY_BYTES: Final = 32
DEVELOPMENT: Final = "development"
_DOCUMENT_BYTES_MAX: Final = 65_536
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_FEW_VALUES: Final = 16
"""32 random bytes have about 30 different values; 16 or fewer, less often than once in a billion keys."""

log = structlog.get_logger(__name__)


class KeysUnusable(SitthiError):
    """The secret keys cannot be used as they are. For the operator; never says what they are."""

    code = "KEYS_UNUSABLE"
    text = Text(th="ใช้กุญแจลับของระบบไม่ได้: {why}", en="The secret keys cannot be used: {why}.")

    def __init__(self, th: str, en: str) -> None:
        super().__init__(why=Text(th=th, en=en))


@dataclass(frozen=True, slots=True, repr=False)
class KeyDocument:
    """The keys by id. `made_for` marks the keys that a development server made for itself.

    A rotation writes down how far it is: it announces a key as `next`, makes it current, and is `resealing` until all
    rows are.
    """

    current: str
    keys: Mapping[str, bytes] = field(repr=False)
    index: bytes = field(repr=False)
    next: str | None = None
    resealing: bool = False
    made_for: str | None = None

    @classmethod
    def parse(cls, text: str) -> KeyDocument:
        """Raises :class:`KeysUnusable`, with nothing of the text in it."""
        document = _object(text)
        keys = document.get("keys")
        if not isinstance(keys, dict) or not keys:
            raise KeysUnusable("ไม่มี “keys”", "there are no “keys”")
        held = {}
        for number, (key_id, encoded) in enumerate(keys.items(), 1):
            if not _KEY_ID.fullmatch(key_id):
                raise KeysUnusable(
                    f"ชื่อกุญแจลำดับที่ {number} ต้องเป็น A–Z a–z 0–9 _ . - ไม่เกิน 32 ตัว",
                    f"the id of key number {number} must be 1 to 32 of A–Z a–z 0–9 _ . -",
                )
            held[key_id] = _key(encoded, f"ลำดับที่ {number}", f"number {number}")
        current, following = document.get("current"), document.get("next")
        if not isinstance(current, str) or current not in held:
            raise KeysUnusable("“current” ไม่ใช่ชื่อของกุญแจใน “keys”", "“current” is not the id of one of the “keys”")
        if following is not None and (not isinstance(following, str) or following not in held):
            raise KeysUnusable("“next” ไม่ใช่ชื่อของกุญแจใน “keys”", "“next” is not the id of one of the “keys”")
        index = _key(document.get("index"), "“index”", "“index”")
        made_for = DEVELOPMENT if document.get("made_for") == DEVELOPMENT else None
        return cls(current, held, index, following, document.get("resealing") is True, made_for)

    @classmethod
    def fresh(cls) -> KeyDocument:
        """New keys for a development server."""
        return cls("k1", {"k1": os.urandom(KEY_BYTES)}, os.urandom(KEY_BYTES), made_for=DEVELOPMENT)

    def refuse_poor_keys(self) -> None:
        """Raises :class:`KeysUnusable` for keys of development, of an example, or the same twice."""
        if self.made_for == DEVELOPMENT:
            raise KeysUnusable("เป็นกุญแจที่สร้างไว้ใช้ขณะพัฒนา", "they were made for development")
        every = [*self.keys.values(), self.index]
        if len(set(every)) < len(every):
            raise KeysUnusable("มีกุญแจที่เหมือนกัน", "two of them are the same")
        if any(_is_made_up(key) for key in every):
            raise KeysUnusable(
                "มีกุญแจที่ไม่ได้สุ่ม ให้สร้างด้วย openssl rand -base64 32",
                "one of them is not random; make it by openssl rand -base64 32",
            )

    def with_next(self) -> KeyDocument:
        """The same with a new key, announced and not yet in use."""
        key_id = following_id(self.keys)
        return replace(self, keys={**self.keys, key_id: os.urandom(KEY_BYTES)}, next=key_id)

    def with_next_current(self) -> KeyDocument:
        return replace(self, current=self.next or self.current, next=None, resealing=True)

    def resealed(self) -> KeyDocument:
        return replace(self, resealing=False)

    def without(self, key_id: str) -> KeyDocument:
        return replace(self, keys={name: key for name, key in self.keys.items() if name != key_id})

    def written(self) -> str:
        document: dict[str, Any] = {
            "current": self.current,
            "keys": {name: base64.b64encode(key).decode() for name, key in self.keys.items()},
            "index": base64.b64encode(self.index).decode(),
        }
        more = {"next": self.next, "resealing": self.resealing or None, "made_for": self.made_for}
        return json.dumps(document | {name: value for name, value in more.items() if value is not None})


def following_id(key_ids: Iterable[str]) -> str:
    """An id for the next key: `k` and a number above all there are, so that no id comes back with another key."""
    return f"k{max(map(_number, key_ids), default=0) + 1}"


def waiting_id(key_ids: Iterable[str], current: str) -> str | None:
    """The key that was added to become current after this one, by its number; None when there is none."""
    last = max(key_ids, key=_number)
    return last if _number(last) > _number(current) > 0 else None


def _number(key_id: str) -> int:
    found = re.fullmatch(r"k([0-9]{1,9})", key_id)
    return int(found[1]) if found else 0


class KeyFile:
    """A file with the document. `strict` refuses poor keys, as everywhere outside development."""

    def __init__(self, path: Path, *, strict: bool) -> None:
        self.path, self._strict = path, strict
        self._seen: tuple[int, ...] | None = None

    def read(self) -> KeyDocument:
        """Raises :class:`KeysUnusable`."""
        try:
            self._seen = self._signature()
            with self.path.open("rb") as file:
                text = file.read(_DOCUMENT_BYTES_MAX + 1).decode()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError):  # that may pass without a change to the file: the next look tries again
                self._seen = None
            raise KeysUnusable(f"อ่านแฟ้ม {self.path} ไม่ได้", f"the file {self.path} cannot be read") from None
        if len(text) > _DOCUMENT_BYTES_MAX:
            raise KeysUnusable("แฟ้มยาวเกินไป", "the file is too long")
        document = KeyDocument.parse(text)
        if self._strict:
            document.refuse_poor_keys()
        return document

    def read_if_changed(self) -> KeyDocument | None:
        """None while the file is as it was, and when what it holds now is unusable: that is logged, once a change.

        A file that could not be read is read again at the next look. Costs one `stat`.
        """
        try:
            if self._signature() == self._seen:
                return None
            return self.read()
        except OSError as error:
            why = type(error).__name__
        except KeysUnusable as error:
            why = str(error)
        log.error("keys.file_unusable", why=why)
        return None

    def make_if_missing(self) -> None:
        """Writes new development keys (mode 0600) unless there is a file; of two processes at once, one does."""
        if self.path.exists():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._draft(KeyDocument.fresh())
        try:
            os.link(draft, self.path)  # fails if another process was first: its keys are then ours too
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def replace(self, document: KeyDocument) -> None:
        """As a whole or not at all, and on the disk when this returns: rows are about to depend on it.

        It stays its owner's, whoever writes: a server must go on reading it. Raises :class:`KeysUnusable`.
        """
        try:
            owner = self.path.stat()
            draft = self._draft(document)
            try:
                if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
                    os.chown(draft, owner.st_uid, owner.st_gid)
                draft.replace(self.path)
            finally:
                draft.unlink(missing_ok=True)  # it holds every key
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            raise self._not_writable() from None

    @contextmanager
    def being_changed(self) -> Iterator[None]:
        """One process at a time; another waits. Freed by the end of the process, however it ends.

        Raises :class:`KeysUnusable` where nothing can be written.
        """
        try:
            lock = self.path.with_suffix(".lock").open("a")
        except OSError:
            raise self._not_writable() from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _not_writable(self) -> KeysUnusable:
        return KeysUnusable(f"เขียนแฟ้ม {self.path} ไม่ได้", f"the file {self.path} cannot be written")

    def _signature(self) -> tuple[int, ...]:
        found = self.path.stat()
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def _draft(self, document: KeyDocument) -> Path:
        handle, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self.path.parent)  # mode 0600, and ours alone
        with os.fdopen(handle, "w") as file:
            file.write(document.written())
            file.flush()
            os.fsync(file.fileno())
        return Path(name)


def _object(text: str) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise KeysUnusable("มีชื่อซ้ำกัน", "a name stands in it twice")
        return dict(pairs)

    try:
        document = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise KeysUnusable("ไม่ใช่ JSON", "they are not JSON") from None
    if not isinstance(document, dict):
        raise KeysUnusable("ไม่ใช่อ็อบเจกต์ของ JSON", "they are not a JSON object")
    return document


def _key(encoded: object, th: str, en: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise KeysUnusable(f"กุญแจ{th}ไม่ใช่ 32 ไบต์ในรูป base64", f"key {en} is not 32 bytes in base64")
    return key


def _is_made_up(key: bytes) -> bool:
    """Zeroes, text, a counter: what stands in examples. A random key is taken for one less than once in a billion."""
    steps = {(after - before) % 256 for before, after in itertools.pairwise(key)}
    return len(set(key)) <= _FEW_VALUES or len(steps) == 1 or all(32 <= byte < 127 for byte in key)
