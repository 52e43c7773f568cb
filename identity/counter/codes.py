"""Codes that are read aloud and typed by hand: ten characters of Crockford's base 32, in two groups.

50 bits: with a thousand codes good at once, a guess is right once in 2^40. What bounds the number of guesses stands in
identity/abuse (`COUNTER_CODES`).
"""

from __future__ import annotations

import secrets
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "‐": None, "–": None})
_TYPED_LENGTH_MAX: Final = 40


def new_code() -> str:
    """`7K3QX-9FZ2M`."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{code[:5]}-{code[5:]}"


def normalised(typed: str) -> str | None:
    """What was meant, without the hyphen: small letters, O for 0, I and L for 1. None for what is no code at all."""
    if len(typed) > _TYPED_LENGTH_MAX:
        return None
    code = typed.strip().upper().translate(_READ_AS)
    return code if len(code) == LENGTH and set(code) <= set(ALPHABET) else None
