"""Long answers of one agency take their share of the time, and no more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.plugins.runner import digest
from services.plugins.runner.digest import SHARE, SHARE_MIN, SHORT_BYTES_MAX, Digest

LONG = b"[" + b" " * SHORT_BYTES_MAX + b"]"


class Stand:
    """A clock that the test moves; reading takes what it says, and sleeping takes as long as it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.takes, self.slept = 0.0, 0.02, list[float]()
        self.digest = Digest(lambda: self.seconds)

        def read(body: bytes) -> Any:
            self.seconds += self.takes
            if body == b"":
                raise ValueError
            return len(body)

        async def sleep(seconds: float) -> None:
            self.slept.append(round(seconds, 6))
            self.seconds += seconds

        monkeypatch.setattr(digest, "read_json", read)
        monkeypatch.setattr(asyncio, "sleep", sleep)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    return Stand(monkeypatch)


async def test_the_first_long_answer_waits_for_nothing(stand: Stand) -> None:
    assert await stand.digest.read(LONG) == len(LONG)
    assert stand.slept == [0]


async def test_those_that_follow_leave_the_rest_of_the_time_to_others(stand: Stand) -> None:
    await asyncio.gather(*(stand.digest.read(LONG) for _ in range(10)))
    assert stand.slept == [0, *[round(0.02 * (1 / SHARE - 1), 6)] * 9]
    assert 10 * stand.takes / stand.seconds < SHARE * 1.1


async def test_time_that_has_passed_anyway_is_not_waited_for(stand: Stand) -> None:
    await stand.digest.read(LONG)
    stand.seconds += 60
    await stand.digest.read(LONG)
    assert stand.slept == [0, 0]


@pytest.mark.parametrize(("size", "waits"), [(SHORT_BYTES_MAX, False), (SHORT_BYTES_MAX + 1, True)])
async def test_a_short_answer_never_waits(stand: Stand, size: int, waits: bool) -> None:
    await stand.digest.read(LONG)
    await stand.digest.read(b"x" * size)
    assert (len(stand.slept) == 2) is waits


async def test_each_long_answer_of_no_use_halves_the_share_and_a_useful_one_gives_it_back(stand: Stand) -> None:
    for useful in (False, False, True, True):
        await stand.digest.read(LONG)
        stand.digest.judge(LONG, useful=useful)
    waits = [round(0.02 * (1 / share - 1), 6) for share in (SHARE / 2, SHARE / 4, SHARE)]
    assert stand.slept == [0, *waits]


async def test_a_liar_keeps_a_share_that_the_hundredth_of_others_does_not_feel(stand: Stand) -> None:
    for _ in range(20):
        await stand.digest.read(LONG)
        stand.digest.judge(LONG, useful=False)
    assert stand.slept[-1] == round(0.02 * (1 / SHARE_MIN - 1), 6)
    assert SHARE_MIN < 0.01


async def test_a_short_answer_of_no_use_takes_nothing_from_the_share(stand: Stand) -> None:
    await stand.digest.read(LONG)
    stand.digest.judge(b"{}", useful=False)
    await stand.digest.read(LONG)
    assert stand.slept == [0, round(0.02 * (1 / SHARE - 1), 6)]


async def test_what_cannot_be_read_was_of_no_use() -> None:
    one = Digest()
    with pytest.raises(ValueError, match="JSON"):
        await one.read(LONG[:-1])
    assert one._share == SHARE / 2


async def test_what_cannot_be_read_counts_as_well_and_whoever_gives_up_holds_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Digest()
    with pytest.raises(ValueError, match="JSON"):
        await one.read(LONG[:-1])
    monkeypatch.setattr(one, "_ended", float("inf"))
    waiting = [asyncio.create_task(one.read(LONG)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    assert [type(told) for told in await asyncio.gather(*waiting, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 3
    monkeypatch.setattr(one, "_ended", 0.0)
    assert await one.read(LONG) == []
