"""Plates, chassis numbers and numbers of persons, as they are compared."""

from __future__ import annotations

import unicodedata

from services.agencies.oic.tables import DIGITS


def plate_key(plate: str) -> str:
    """A plate as it is compared: Thai digits as Arabic ones, without spaces, hyphens, and what is not seen."""
    plain = unicodedata.normalize("NFC", plate).translate(DIGITS).upper()
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LN")


def asked_chassis(chassis: str) -> str:
    """Of a question: nothing where it has a letter that no chassis number has. What is overlooked in an answer must not
    make another question of it, of which nobody counts how often it is asked."""
    plain = unicodedata.normalize("NFKC", chassis).translate(DIGITS)
    return chassis_key(chassis) if all(sign.isascii() or not sign.isalnum() for sign in plain) else ""


def chassis_key(chassis: str) -> str:
    plain = unicodedata.normalize("NFKC", chassis).translate(DIGITS).upper()
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum())


def is_number(digits: str) -> bool:
    """The check digit, which citizens' and juristic persons' numbers share."""
    total = sum(int(digit) * (13 - place) for place, digit in enumerate(digits[:12]))
    return len(digits) == 13 and (11 - total % 11) % 10 == int(digits[12])
