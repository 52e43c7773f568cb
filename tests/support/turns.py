"""Which tests meet both databases in every run, and which take them in turn.

A test that asks for a database is one test on SQLite and one on PostgreSQL; with Redis it is two on the stand-in and
two on Valkey. Where only what is stored matters, and the database under it does not, a quick run takes one of them: by
a checksum of the test's name, so that it is the same one every day and everywhere, and a new case moves no other.
Where the database is the point (money, "exactly once", what survives a kill) every run takes all. `--thorough` does
so everywhere.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tests.support.databases import Kind

ALWAYS_BOTH: Final = (
    *(
        "tests/core/test_database",
        "tests/core/test_group_commit",
        "tests/core/test_jobs",
        "tests/core/test_rate_limits",
    ),
    *("tests/services/pay/", "tests/services/receive/", "tests/services/apply/test_one_active"),
    *("tests/services/exchange/access_log/", "tests/services/exchange/test_commits", "tests/soak/", "tests/harness/"),
    *("tests/laws/test_sealed", "tests/laws/test_personal_data"),
)
"""How the node ids of rooms begin where each test meets each database, unless it is marked `in_turn`."""
AT_ONCE: Final = re.compile(
    r"(?:^|_)(at_once|at_the_same|once|twice|races?|killed|kills?|twins|parallel|redemptions?|crash\w*)(?:_|$)"
)
"""Elsewhere a test that says this of itself, and has no inputs that could take turns, does so too: it is about writers
that meet, or about what is done once."""
THOROUGH: Final = "thorough"
_KINDS: Final = {"database_kind": tuple(Kind), "redis_kind": ("fakeredis", "valkey")}


class Chosen(Protocol):
    """The parameters of one case, as pytest keeps them."""

    @property
    def id(self) -> str: ...
    @property
    def params(self) -> Mapping[str, object]: ...


class Collected(Protocol):
    """As much of a test as is looked at."""

    @property
    def nodeid(self) -> str: ...
    def get_closest_marker(self, name: str) -> object | None: ...


@dataclass(frozen=True)
class Case:
    """A test with its inputs, whatever it is stored in."""

    test: str
    inputs: str
    values: tuple[tuple[str, int], ...]
    """By parameter, which object it is: what inputs are called may be the same for two of them."""
    shared: bool
    """Its database is shared with the rest of its file, which then goes to one of the two as a whole."""

    @property
    def name(self) -> str:
        return self.test.split("::")[0] if self.shared else f"{self.test}[{self.inputs}]"


def case_of(test: Collected) -> Case | None:
    """None for a test that meets no database and no Redis, or is not one of several."""
    chosen: Chosen | None = getattr(test, "callspec", None)
    if chosen is None:
        return None
    kinds = {name for name, value in chosen.params.items() if name in _KINDS or isinstance(value, Kind)}
    if not kinds:
        return None
    words = {word for given in _KINDS.values() for word in given}
    inputs = "-".join(part for part in chosen.id.split("-") if part not in words)
    values = tuple(sorted((name, id(value)) for name, value in chosen.params.items() if name not in kinds))
    return Case(test.nodeid.partition("[")[0], inputs, values, shared=not kinds <= _KINDS.keys())


def meets_all(test: Collected) -> bool:
    """Whether a quick run, too, takes this test on everything it can be stored in."""
    if test.get_closest_marker("in_turn") is not None:
        return False
    file, _, name = test.nodeid.partition("[")[0].partition("::")
    if file.startswith(ALWAYS_BOTH):
        return True
    case, stem = case_of(test), file.rpartition("/")[2].removesuffix(".py")
    return (case is None or not case.values) and any(AT_ONCE.search(words) for words in (stem, name))


def spared(tests: Sequence[Collected]) -> set[str]:
    """The node ids of what only a thorough run takes."""
    cases: dict[Case, list[str]] = {}
    left_out = {test.nodeid for test in tests if test.get_closest_marker(THOROUGH) is not None}
    for test in tests:
        if test.nodeid in left_out or meets_all(test):
            continue
        case = case_of(test)
        if case is not None:
            cases.setdefault(case, []).append(test.nodeid)
    for case, stored in cases.items():
        kept = sorted(stored)[zlib.crc32(case.name.encode()) % len(stored)]
        left_out.update(node for node in stored if node != kept)
    return left_out
