"""Identifiers: row keys, the graph's global ids, and the national ID."""

from __future__ import annotations

import base64
import binascii
import os
import threading
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.errors import SitthiError
from core.text import Text


class MalformedNationalId(SitthiError):
    code = "MALFORMED_NATIONAL_ID"
    text = Text(th="เลขประจำตัวประชาชนไม่ถูกต้อง", en="This is not a valid national ID number.")


class MalformedGlobalId(SitthiError):
    code = "MALFORMED_ID"
    text = Text(th="รหัสอ้างอิงไม่ถูกต้อง", en="This is not an id of this graph.")


_RANDOM_BITS: Final = 74
_in_order = threading.Lock()
_latest = 0
"""What the last id was made of: 48 bits of time and the random ones."""


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): unique, and in the order of its making; indexes stay dense.

    Of one process the order is strict (§6.2, method 2): trails are read by it. Of several, it is to the millisecond.
    """
    global _latest  # noqa: PLW0603 - the order is the process's
    milliseconds = time.time_ns() // 1_000_000  # not domain time: it only orders keys
    value = (milliseconds & (1 << 48) - 1) << _RANDOM_BITS | int.from_bytes(os.urandom(10), "big") >> 6
    with _in_order:
        if value <= _latest:  # the same millisecond, or the clock was put back
            value = _latest + 1 + int.from_bytes(os.urandom(4), "big")
        _latest = value
    high, low = value >> 62, value & (1 << 62) - 1
    return UUID(int=(high >> 12) << 80 | 0x7 << 76 | (high & 0xFFF) << 64 | 0x2 << 62 | low)


def check_digit(first_twelve: str) -> int:
    """The 13th digit of a Thai national ID, modulus 11 over the first twelve."""
    return (11 - sum(int(d) * (13 - i) for i, d in enumerate(first_twelve)) % 11) % 10


@dataclass(frozen=True, slots=True, repr=False)
class NationalId:
    """A valid 13-digit Thai national ID. Prints masked, so that a log or an error cannot carry it by accident."""

    digits: str

    def __post_init__(self) -> None:
        d = self.digits
        if len(d) != 13 or not (d.isascii() and d.isdigit()) or d[0] == "9" or check_digit(d[:12]) != int(d[12]):
            raise MalformedNationalId

    @classmethod
    def parse(cls, text: str) -> NationalId:
        """Takes `X-XXXX-XXXXX-XX-X` as well as the bare digits. Raises :class:`MalformedNationalId`."""
        return cls(text.strip().replace("-", "").replace(" ", ""))

    def __repr__(self) -> str:
        return "NationalId(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class GlobalId:
    """An id of the graph: the type's name and the row's key, as `base64url("Type:<hex>")`, opaque to clients."""

    type: str
    id: UUID

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(f"{self.type}:{self.id.hex}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str, expected: str | None = None) -> GlobalId:
        """Raises :class:`MalformedGlobalId` for anything that this graph did not make, or made for another type."""
        try:
            if len(text) > 200:
                raise MalformedGlobalId
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
            name, _, key = raw.partition(":")
            made = cls(name, UUID(hex=key))
        except (binascii.Error, UnicodeError, ValueError):
            raise MalformedGlobalId from None
        if str(made) != text or (expected is not None and name != expected):
            raise MalformedGlobalId
        return made
