"""How many examples Hypothesis tries: in a quick run a third of what a test asks for, in a thorough one all.

Rooms where a rare failure would be the worst news there is (money, the log, rules over the whole code, the parts that
soak tests run) try all of theirs every time, and so does what compares the executions of a rule with each other.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import settings

SHARE: Final = 3
EXAMPLES_MIN: Final = 10
ALWAYS_ALL: Final = (
    *("tests/services/pay/", "tests/services/receive/", "tests/services/exchange/access_log/"),
    *("tests/services/exchange/proofs/", "tests/services/exchange/test_invariants", "tests/laws/", "tests/soak/"),
    *("tests/welfare/rules/", "tests/core/"),
)
_SETTINGS: Final = "_hypothesis_internal_use_settings"
_DONE: Final = "_has_fewer_examples"
"""Set on the test, which all its cases share."""


def fewer(item: pytest.Item) -> None:
    """Takes a third of the examples of a test that tries any; whatever it names by `@example` is tried all the same."""
    test = getattr(item, "obj", None)
    test = getattr(test, "__func__", test)
    asked: settings | None = getattr(test, _SETTINGS, None)
    if asked is not None and not hasattr(test, _DONE) and not item.nodeid.startswith(ALWAYS_ALL):
        setattr(test, _SETTINGS, settings(asked, max_examples=fewer_than(asked.max_examples)))
        setattr(test, _DONE, True)


def fewer_than(examples: int) -> int:
    """At most as many as were asked for."""
    return min(examples, max(EXAMPLES_MIN, examples // SHARE))
