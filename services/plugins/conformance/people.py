"""The made-up people of a check: those of the plugin's examples, and some that no example knows."""

from __future__ import annotations

from typing import Final

from core.ids import NationalId, check_digit
from services.plugins.plugin import Example, Plugin

MADE_UP: Final = "0"
"""Numbers of the made-up begin with it; those of real people never do."""
_STRANGERS: Final = 20


def is_made_up(digits: str) -> bool:
    return digits.startswith(MADE_UP)


def may_be_asked(example: Example) -> bool:
    return example.person is None or is_made_up(example.person)


def strangers(plugin: Plugin) -> tuple[NationalId, ...]:
    """Two made-up people who are in none of the plugin's examples, not even in what its agency answers."""
    told = repr(plugin.examples)
    made = (_number(serial) for serial in range(_STRANGERS))
    found = tuple(NationalId(digits) for digits in made if digits not in told)
    return found[:2]


def _number(serial: int) -> str:
    first_twelve = f"{MADE_UP}99990{990 + serial:06d}"
    return first_twelve + str(check_digit(first_twelve))
