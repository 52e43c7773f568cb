"""When a serving process looks through what came to stay."""

from __future__ import annotations

import gc

import pytest

from api.collecting import ELDER_MAX, QUIET, REST_SECONDS, YOUNG, Collecting, only_the_young


class Machine:
    """A process's clocks and its collector, moved by hand."""

    def __init__(self) -> None:
        self.wall, self.cpu, self.elder, self.collected = 1_000.0, 5.0, 0, 0
        self.collecting = Collecting(
            wall=lambda: self.wall, cpu=lambda: self.cpu, elder=lambda: self.elder, collect=self.collect
        )

    def collect(self) -> None:
        self.collected, self.elder = self.collected + 1, 0

    def passes(self, seconds: float, share: float) -> bool:
        """Whether it collected after so long, of which it worked that share."""
        self.wall += seconds
        self.cpu += seconds * share
        return self.collecting.look()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_in_a_moment_of_little_work_the_oldest_are_looked_at(machine: Machine) -> None:
    machine.elder = 1
    assert not machine.passes(REST_SECONDS, QUIET + 0.01)
    assert machine.passes(1.0, QUIET - 0.01)
    assert machine.collected == 1


def test_not_again_before_it_has_rested_nor_where_nothing_came_since(machine: Machine) -> None:
    machine.elder = 1
    assert machine.passes(REST_SECONDS, 0.0)
    machine.elder = 1
    assert not machine.passes(REST_SECONDS - 0.5, 0.0)
    assert machine.passes(0.5, 0.0)
    assert not machine.passes(10 * REST_SECONDS, 0.0)


def test_in_the_middle_of_work_only_what_would_cost_memory_is(machine: Machine) -> None:
    machine.elder = ELDER_MAX - 1
    assert not machine.passes(10 * REST_SECONDS, 1.0)
    machine.elder = ELDER_MAX
    assert machine.passes(1.0, 1.0)


def test_its_own_work_is_not_taken_for_that_of_others(machine: Machine) -> None:
    machine.elder = ELDER_MAX
    found = machine.collecting

    def slow() -> None:
        machine.cpu += 50
        machine.wall += 50
        machine.elder = 1

    found._collect = slow
    assert machine.passes(1.0, 1.0)
    assert machine.passes(REST_SECONDS, 0.1)


def test_python_itself_collects_none_of_the_oldest_meanwhile() -> None:
    before = gc.get_threshold()
    with only_the_young():
        young, elder, oldest = gc.get_threshold()
        assert (young, elder) == YOUNG
        assert oldest > 10**6
    assert gc.get_threshold() == before
