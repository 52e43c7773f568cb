"""Requests that wait together are done together, and each hears its own outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from core.database_faults import DatabaseUnavailable
from core.errors import BadInput, NotFound
from core.group_commit import GroupClosed, GroupCommit, TooManyWaiting, storable

_ASKER: ContextVar[str] = ContextVar("asker", default="nobody")


class Counting:
    """A kind that writes down what it was given, and waits until the test lets a transaction end."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.askers: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.poison: set[int] = set()
        self.refused: set[int] = set()
        self.down = False
        self.answers_missing = 0

    def check(self, request: int) -> None:
        if request < 0:
            raise BadInput("negative")

    def order(self, request: int) -> int:
        return request

    async def one(self, request: int) -> str:
        await self._transaction([request])
        if request in self.refused:
            raise NotFound
        return f"done {request}"

    async def many(self, requests: Sequence[int]) -> Sequence[str | Exception]:
        await self._transaction(requests)
        told = [NotFound() if one in self.refused else f"done {one}" for one in requests]
        return told[self.answers_missing :]

    async def _transaction(self, requests: Sequence[int]) -> None:
        self.groups.append(list(requests))
        self.askers.add(_ASKER.get())
        await self.gate.wait()
        if self.down:
            raise DatabaseUnavailable
        if self.poison & set(requests):
            raise ValueError("poisoned")


async def submitted(group: GroupCommit[int, str], requests: Sequence[int]) -> list[asyncio.Task[str]]:
    """Under way, all of them waiting or in a group."""
    tasks = [asyncio.create_task(group.submit(one)) for one in requests]
    await asyncio.sleep(0)
    return tasks


async def test_who_comes_alone_takes_the_way_for_one_and_waits_for_nobody() -> None:
    kind = Counting()
    assert await GroupCommit(kind).submit(7) == "done 7"
    assert kind.groups == [[7]]


async def test_what_waits_while_both_lanes_are_busy_becomes_one_group_in_order() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind)
    first = await submitted(group, [1])
    await asyncio.sleep(0)
    second = await submitted(group, [2])
    await asyncio.sleep(0)
    rest = await submitted(group, [9, 3, 8, 4])
    assert group.waiting == 4
    kind.gate.set()
    assert await asyncio.gather(*first, *second, *rest) == [f"done {n}" for n in (1, 2, 9, 3, 8, 4)]
    assert kind.groups == [[1], [2], [3, 4, 8, 9]]


async def test_no_group_is_larger_than_it_may_be_and_no_more_lanes_work_than_there_are() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind, lanes=2, rows_max=5)
    tasks = await submitted(group, range(23))
    await asyncio.sleep(0)
    assert len(kind.groups) == 2
    kind.gate.set()
    await asyncio.gather(*tasks)
    assert [len(one) for one in kind.groups] == [5, 5, 5, 5, 3]


async def test_who_comes_in_the_moment_in_which_the_lanes_have_ended_waits_for_nobody_else() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind)
    for one in (1, 2):
        await submitted(group, [one])
        await asyncio.sleep(0)

    async def late() -> str:
        await kind.gate.wait()  # goes on after the lanes do, in the same turn of the loop
        return await group.submit(3)

    after = asyncio.create_task(late())
    await asyncio.sleep(0)
    kind.gate.set()
    assert await asyncio.wait_for(after, 5) == "done 3"


async def test_each_hears_its_own_outcome() -> None:
    kind = Counting()
    kind.refused = {2, 4}
    outcomes = await asyncio.gather(*await submitted(GroupCommit(kind), range(6)), return_exceptions=True)
    assert [type(one) for one in outcomes] == [str, str, NotFound, str, NotFound, str]


async def test_what_fails_a_whole_group_is_told_to_that_one_only() -> None:
    kind = Counting()
    kind.poison = {5, 77}
    outcomes = await asyncio.gather(*await submitted(GroupCommit(kind), range(100)), return_exceptions=True)
    assert [n for n, one in enumerate(outcomes) if isinstance(one, ValueError)] == [5, 77]
    assert all(one == f"done {n}" for n, one in enumerate(outcomes) if n not in kind.poison)
    assert len(kind.groups) < 40  # by halves; singly it would be a hundred


async def test_what_would_poison_a_group_never_joins_one() -> None:
    kind = Counting()
    tasks = await submitted(GroupCommit(kind), [1, -1, 2])
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[1], BadInput)
    assert kind.groups == [[1, 2]]


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_a_text_that_the_database_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        storable(text)


@pytest.mark.parametrize("text", ["", "สิทธิ", "a\x01b", "\U0001f600"])
def test_a_text_that_it_can_hold_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


async def test_while_the_database_is_away_all_are_told_so_without_trying_each() -> None:
    kind = Counting()
    kind.down = True
    group = GroupCommit(kind)
    outcomes = await asyncio.gather(*await submitted(group, range(50)), return_exceptions=True)
    assert {type(one) for one in outcomes} == {DatabaseUnavailable}
    assert len(kind.groups) == 1
    kind.down = False
    assert await group.submit(1) == "done 1"


async def test_a_kind_that_answers_for_fewer_than_it_was_given_tells_nobody_anothers_outcome() -> None:
    kind = Counting()
    kind.answers_missing = 1
    outcomes = await asyncio.gather(*await submitted(GroupCommit(kind), range(3)), return_exceptions=True)
    assert outcomes == ["done 0", "done 1", "done 2"]  # each alone, in the end


async def test_who_gives_up_while_waiting_is_in_no_group() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind, lanes=1)
    first, *others = [*await submitted(group, [1]), *await submitted(group, [2, 3])]
    others[0].cancel()
    kind.gate.set()
    assert list(await asyncio.gather(first, others[1])) == ["done 1", "done 3"]
    assert kind.groups == [[1], [3]]


async def test_who_gives_up_in_the_middle_does_not_disturb_the_others() -> None:
    kind = Counting()
    kind.gate.clear()
    tasks = await submitted(GroupCommit(kind), [1, 2, 3])
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    kind.gate.set()
    assert list(await asyncio.gather(tasks[0], tasks[2])) == ["done 1", "done 3"]


async def test_past_the_bound_it_says_at_once_that_too_many_wait() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind, lanes=1, rows_max=1, waiting_max=2)
    begun = await submitted(group, [1])
    await asyncio.sleep(0)
    waiting = await submitted(group, [2, 3])
    with pytest.raises(TooManyWaiting):
        await group.submit(4)
    kind.gate.set()
    await asyncio.gather(*begun, *waiting)


async def test_closing_takes_no_more_and_leaves_nobody_without_an_outcome() -> None:
    kind = Counting()
    kind.gate.clear()
    group = GroupCommit(kind, lanes=1, rows_max=2)
    tasks = await submitted(group, range(5))
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(GroupClosed):
        await group.submit(9)
    kind.gate.set()
    await closing
    assert [task.result() for task in tasks] == [f"done {n}" for n in range(5)]


async def test_a_lane_does_not_work_in_the_name_of_who_began_it() -> None:
    kind = Counting()
    token = _ASKER.set("somchai")
    try:
        await GroupCommit(kind).submit(1)
    finally:
        _ASKER.reset(token)
    assert kind.askers == {"nobody"}


async def test_when_a_lane_is_cut_off_those_that_are_in_no_group_yet_do_not_wait_for_ever() -> None:
    kind = Counting()
    kind.gate.clear()
    group: GroupCommit[int, str] = GroupCommit(kind, lanes=1, rows_max=2)
    waiting = await submitted(group, [1, 2, 3, 4, 5])
    await asyncio.sleep(0)  # the lane has its first group in hand
    [lane] = group._lanes
    lane.cancel()  # as a driver does that gives its connection up
    kind.gate.set()
    told = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
    assert [type(one) for one in told[:2]] == [GroupClosed] * 2
    assert told[2:] == ["done 3", "done 4", "done 5"]
    await group.close()
