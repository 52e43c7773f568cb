"""Which tests meet which database in a quick run (tests/support/turns.py), seen at all that this run has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from tests.conftest import COLLECTED
from tests.support.databases import Kind
from tests.support.turns import ALWAYS_BOTH, LONG, SAMPLED, SAMPLED_MIN, THOROUGH, case_of, meets_all, spared


@dataclass(frozen=True)
class Choice:
    id: str
    params: Mapping[str, object]


@dataclass(frozen=True)
class Found:
    nodeid: str
    callspec: Choice
    marks: frozenset[str] = frozenset()

    def get_closest_marker(self, name: str) -> object | None:
        return name if name in self.marks else None


@dataclass
class Suite:
    """Tests as pytest would find them."""

    tests: list[Found] = field(default_factory=list)

    def has(self, test: str, *inputs: str, marks: frozenset[str] = frozenset(), redis: bool = False) -> None:
        for given in inputs or ("",):
            for kind in Kind:
                for server in ("fakeredis", "valkey") if redis else ("",):
                    words = "-".join(word for word in (kind.value, server, given) if word)
                    params = {"database_kind": kind, **({"redis_kind": server} if redis else {})}
                    choice = Choice(words, {**params, **({"given": given} if given else {})})
                    self.tests.append(Found(f"{test}[{words}]", choice, marks))

    @property
    def left(self) -> list[str]:
        left_out = spared(self.tests)
        return [test.nodeid for test in self.tests if test.nodeid not in left_out]


PLAIN = "tests/identity/test_home.py::test_the_home_screen_shows_what_is_new"


@pytest.mark.parametrize("redis", [False, True])
def test_each_case_is_taken_on_one_database_and_the_cases_share_them_out(*, redis: bool) -> None:
    suite = Suite()
    suite.has(PLAIN, *map(str, range(40)), redis=redis)
    assert len(suite.left) == 40
    assert {node.rpartition("-")[2].rstrip("]") for node in suite.left} == {str(number) for number in range(40)}
    assert 8 < sum("[sqlite" in node for node in suite.left) < 32


def test_a_new_case_moves_no_other() -> None:
    before, after = Suite(), Suite()
    before.has(PLAIN, "first", "last")
    after.has(PLAIN, "first", "another", "last")
    assert set(before.left) < set(after.left)


def test_inputs_that_are_named_like_a_database_are_all_taken() -> None:
    suite = Suite()
    suite.has(PLAIN, "sqlite", "postgresql")
    assert len(suite.left) == 2


@pytest.mark.parametrize(
    "test",
    [
        *(f"{room}x.py::test_a_thing" for room in ALWAYS_BOTH),
        "tests/api/test_home.py::test_of_thirty_at_once_one_wins",
        "tests/api/test_home.py::test_a_code_works_once",
        "tests/services/exchange/test_consent_races.py::test_a_thing",
        "tests/test_killed_commands.py::test_a_thing",
    ],
)
def test_where_the_database_is_the_point_both_are_taken(test: str) -> None:
    suite = Suite()
    suite.has(test, redis=True)
    assert len(suite.left) == len(suite.tests) == 4
    slow = Suite()
    slow.has(test, marks=frozenset({"in_turn"}))
    assert len(slow.left) == 1


def test_what_happens_once_with_many_inputs_takes_turns_where_the_database_is_not_the_point() -> None:
    suite = Suite()
    suite.has("tests/api/test_home.py::test_of_thirty_at_once_one_wins", "one", "other")
    assert len(suite.left) == 2
    suite.has("tests/services/pay/test_runs.py::test_of_thirty_at_once_one_wins", "one", "other")
    assert len(suite.left) == 6


def test_what_is_long_is_left_to_a_thorough_run() -> None:
    suite = Suite()
    suite.has(PLAIN, marks=frozenset({THOROUGH}))
    assert suite.left == []


@pytest.mark.parametrize("test", [f"{room}test_x.py::test_a_thing" if room.endswith("/") else room for room in LONG])
def test_what_is_on_the_list_of_long_ones_is_too(test: str) -> None:
    suite = Suite()
    suite.has(test)
    assert suite.left == []


@pytest.mark.parametrize(("file", "share"), SAMPLED.items())
def test_of_what_is_tried_with_all_there_is_a_sample_is_taken_on_one_database_each(file: str, share: int) -> None:
    suite = Suite()
    suite.has(f"{file}::test_a_thing", *map(str, range(10)))
    suite.has(f"{file}::test_with_few", "first", "next", "last")
    suite.has(f"{file}::test_with_none")
    left = [node.partition("[")[0].partition("::")[2] for node in suite.left]
    assert left.count("test_a_thing") == -(-10 // share)
    assert left.count("test_with_few") == SAMPLED_MIN
    assert left.count("test_with_none") in (1, 2)
    assert suite.left == suite.left


def test_of_those_that_meet_none_is_left_out_in_a_room_that_is_sampled() -> None:
    suite = Suite()
    suite.has("tests/api/test_x.py::test_of_thirty_at_once_one_wins", *map(str, range(10)))
    assert len(suite.left) == 10


def test_a_thorough_run_takes_all_and_a_quick_one_each_test_in_some_form(request: pytest.FixtureRequest) -> None:
    found, running = request.config.stash[COLLECTED], {item.nodeid for item in request.session.items}
    left_out = spared(found)
    assert running <= {item.nodeid for item in found}
    if not request.config.getoption("--thorough"):
        assert not left_out & running
    kept = {item.nodeid.partition("[")[0] for item in found if item.nodeid not in left_out}
    cases = {case_of(item) for item in found if item.nodeid not in left_out}
    for item in found:
        name = item.nodeid.partition("[")[0]
        if item.get_closest_marker(THOROUGH) is None and not name.startswith(LONG):
            assert name in kept
            if not name.startswith(tuple(SAMPLED)):
                assert case_of(item) in cases
                assert not meets_all(item) or item.nodeid not in left_out


def test_every_room_and_test_that_is_named_is_there(request: pytest.FixtureRequest) -> None:
    files = [
        path.relative_to(request.config.rootpath).as_posix()
        for path in (request.config.rootpath / "tests").rglob("test_*.py")
    ]
    named = [name.partition("::")[0] for name in (*ALWAYS_BOTH, *LONG, *SAMPLED)]
    assert [room for room in named if not any(file.startswith(room) for file in files)] == []
    for file, _, test in (name.partition("::") for name in LONG):
        assert not test or f"def {test}" in (request.config.rootpath / file).read_text(encoding="utf-8")
