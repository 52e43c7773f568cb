"""JSON from outside, read so that no two readers can understand it differently (RFC 8259 §4, §6, §8; I-JSON, RFC 7493).

The usual parsers are kind: of a name that stands twice the last wins, a number of 30 digits becomes an inexact one.
What is kind to its sender is not safe for whoever it is about.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

DEPTH_MAX: Final = 32
INT_DIGITS_MAX: Final = 18
"""Fits 64 bits, whatever the digits."""
COMMAS_MAX: Final = 50_000
"""Those inside texts included: as good as the number of values, and counted before any of them is made. A megabyte of
empty lists would hold up the event loop, and all who wait on it, for a fifth of a second."""


def read_json(body: bytes) -> Any:
    """What the body says. Raises `ValueError`, which never carries it, for all that is not plain JSON in UTF-8:

    NaN and infinities, a name twice in one object, an integer of more than 18 digits, half a surrogate pair, nesting
    deeper than 32; nor for more than so many values.
    """
    if body.count(b",") > COMMAS_MAX:
        raise ValueError("too many values")
    try:
        orjson.loads(body)  # UTF-8, syntax, surrogates, floats out of range: by one pass of a strict parser
        told = (_CAREFUL if _LONG.search(body) else _DECODER).decode(body.decode())
    except (ValueError, RecursionError):  # both kinds of JSONDecodeError are ValueErrors
        raise ValueError("not JSON that can be used") from None
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _is_deep(told):
        raise ValueError("nested too deep")
    return told


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a name twice")
    return read


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > INT_DIGITS_MAX:
        raise ValueError("too large")
    return int(digits)


def _is_deep(told: Any) -> bool:
    level: list[Any] = [told]
    for _ in range(DEPTH_MAX + 1):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True


_LONG: Final = re.compile(rb"[0-9]{%d}" % (INT_DIGITS_MAX + 1))
_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object)
_CAREFUL: Final = json.JSONDecoder(object_pairs_hook=_object, parse_int=_int)
"""Looks at every integer, which takes longer than all the rest: only where there may be one that is too long."""
