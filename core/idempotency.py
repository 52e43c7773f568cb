"""The keys by which a caller may ask for the same thing twice and have it once, as they are checked and kept
(:class:`core.models.IdempotencyRecord`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from core.errors import BadInput
from core.text import Text

KEY_LENGTH_MIN: Final = 8
KEY_LENGTH_MAX: Final = 128


@dataclass(frozen=True, slots=True, repr=False)
class Claim:
    """An idempotency key, as its row holds it: for who writes it together with the effect by a statement of their own,
    and stores nothing where it is there already."""

    citizen: UUID
    client: str
    field: str
    key: str
    input_hash: bytes


def checked_key(key: str) -> str:
    """The key of a request. Raises BadInput."""
    if not KEY_LENGTH_MIN <= len(key) <= KEY_LENGTH_MAX or not key.isprintable():
        raise BadInput(
            Text(
                th=f"idempotencyKey ต้องยาว {KEY_LENGTH_MIN}–{KEY_LENGTH_MAX} ตัวอักษร",
                en=f"idempotencyKey must be {KEY_LENGTH_MIN}–{KEY_LENGTH_MAX} printable characters",
            ),
            path=("idempotencyKey",),
        )
    return key


def input_hash(plain: Mapping[str, Any]) -> bytes:
    """Of the members of an input by their names in Python, without its key. What is None counts as not given, so that
    an argument that is new since the first try changes nothing. Raises RecursionError."""
    return whole_hash({name: value for name, value in plain.items() if value is not None})


def whole_hash(plain: Mapping[str, Any]) -> bytes:
    """Of all members, as keys were kept before what is not given was left out. Raises RecursionError."""
    try:
        written = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS, default=str)
    except TypeError:  # an integer beyond 64 bits, half a surrogate pair
        written = json.dumps(plain, sort_keys=True, default=str).encode()
    return hashlib.sha256(written).digest()
