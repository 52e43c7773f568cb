"""Which tests meet both databases in every run, and which take them in turn.

A test that asks for a database is one test on SQLite and one on PostgreSQL; with Redis it is two on the stand-in and
two on Valkey. Where only what is stored matters, and the database under it does not, a quick run takes one of them: by
a checksum of the test's name, so that it is the same one every day and everywhere, and a new case moves no other.
Where the database is the point (money, "exactly once", what survives a kill) every run takes all. `--thorough` does
so everywhere, and takes what is long besides; it tries every input and example of what quick runs try some of.
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
    *("tests/services/apply/acceptance/", "tests/services/apply/drafts/", "tests/identity/notices/"),
    "tests/welfare/determination/",
    *("tests/services/exchange/access_log/", "tests/services/exchange/test_commits", "tests/harness/"),
    *("tests/laws/test_sealed", "tests/laws/test_personal_data"),
)
"""How the node ids of rooms begin where each test meets each database, unless it is marked `in_turn`."""
AT_ONCE: Final = re.compile(
    r"(?:^|_)(at_once|at_the_same|once|twice|races?|killed|kills?|twins|parallel|redemptions?|crash\w*)(?:_|$)"
)
"""Elsewhere a test that says this of itself, and has no inputs that could take turns, does so too: it is about writers
that meet, or about what is done once."""
THOROUGH: Final = "thorough"
LONG: Final = (
    *("tests/services/plugins/test_join_docs.py", "tests/services/plugins/test_packages_docs.py"),
    *("tests/harness/test_setup.py::test_set_up_runs_again", "tests/harness/test_node.py::test_without_a_network"),
    *("tests/bench/test_plugins.py::test_calls_are_measured", "tests/bench/test_sign_in.py::test_all_providers"),
    *("tests/harness/test_setup.py::test_without_a_network", "tests/web/test_fetch_ide.py::test_set_up"),
    *("tests/bench/test_log.py::test_a_log_is_verified", "tests/bench/test_parts.py::test_the_command_says"),
    *("tests/soak/", "tests/test_keys_rotate.py::test_a_rotation_killed_at_each_step"),
    *("tests/test_keys_rotate.py::test_a_key_is_replaced_under_load", "tests/test_outage.py::test_a_server_outlives"),
    "tests/api/test_services_followed.py::test_versions_come_and_go_by_command",
    "tests/api/test_serving.py::test_once_started_a_collection",
    "tests/test_readme.py::test_the_longer_walk",
)
"""What only a thorough run takes, as if it were marked so: pages worked through word for word with programs that are
installed for it, set-up, benchmarks of a whole server, and load, restarts and kills of whole servers for which quick
runs have others."""
SAMPLED: Final = {
    "tests/welfare/rules/test_seeded_bugs.py": 5,
    "tests/services/exchange/privacy/test_killed.py": 3,
    "tests/laws/test_mutations.py": 2,
    "tests/api/test_lazy_imports.py": 2,
    "tests/api/": 3,
    "tests/identity/passkeys/": 3,
    "tests/services/exchange/privacy/": 3,
    "tests/services/exchange/test_catalogue": 3,
    "tests/services/plugins/conformance/test_mutants.py": 3,
    "tests/welfare/programmes/test_population.py": 3,
    "tests/welfare/programmes/test_queries.py": 3,
}
"""Of whose many inputs, which are every one there is or each meet an application of their own, a quick run takes one of
so many; of each test two at least, and all where it is about writers that meet or what is done once."""
SAMPLED_MIN: Final = 2
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


def _left_to_thorough_runs(tests: Sequence[Collected]) -> set[str]:
    """What is marked, what is long, and of what is sampled all but the sample: by checksum, like the databases."""
    left_out: set[str] = set()
    sampled: dict[tuple[str, int], dict[str, list[str]]] = {}
    for test in tests:
        name, _, inputs = test.nodeid.partition("[")
        share = _share_of(name)
        if test.get_closest_marker(THOROUGH) is not None or name.startswith(LONG):
            left_out.add(test.nodeid)
        elif share > 1 and inputs:
            case = case_of(test)
            sampled.setdefault((name, share), {}).setdefault(case.inputs if case else inputs, []).append(test.nodeid)
    for (name, share), cases in sampled.items():
        order = sorted(cases, key=lambda inputs: zlib.crc32(f"{name}[{inputs}]".encode()))
        for inputs in order[max(-(-len(order) // share), SAMPLED_MIN) :]:
            left_out.update(cases[inputs])
    return left_out


def _share_of(test: str) -> int:
    room = next((room for room in SAMPLED if test.startswith(room)), None)
    if room is None or (room.endswith("/") and AT_ONCE.search(test.rpartition("::")[2])):
        return 1
    return SAMPLED[room]


def spared(tests: Sequence[Collected]) -> set[str]:
    """The node ids of what only a thorough run takes."""
    cases: dict[Case, list[str]] = {}
    left_out = _left_to_thorough_runs(tests)
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
