"""What an answer awards is recorded with the lines that it settles, or nothing of them is settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import FixedClock
from core.database import Database
from services.plugins.contract import Award, Call, Host, Manifest
from services.plugins.plugin import Plugin
from services.plugins.records.awards import Refused
from services.plugins.records.service import RecordDesk
from tests.services.plugins.records.register import Register, desk_of, manifest_of, policies, send

WORDS = {"th": "ค่าเสียหาย", "en": "Compensation"}


class Benefits:
    """Whoever pays: each reference once."""

    def __init__(self) -> None:
        self.owed: dict[str, int] = {}
        self.asked, self.is_raced = 0, False

    async def owe(self, _: AsyncSession, manifest: Manifest, awards: Sequence[Award]) -> dict[int, Refused] | None:
        self.asked += 1
        assert manifest.slug == "register"
        if self.is_raced:
            return None
        said = [(one.record, self.owed.setdefault(one.reference, one.satang) == one.satang) for one in awards]
        return {record: Refused.OTHERWISE for record, is_same in said if not is_same}


class Awarding(Register):
    """Awards 100.00 for each policy that it takes, and says so."""

    def __init__(self) -> None:
        super().__init__()
        self.more: dict[str, Any] = {}

    async def take(self, host: Host, call: Call) -> Any:
        answer = await super().take(host, call)
        taken = [one["policy"] for one in call.arguments["records"]]
        rejected = {one["record"] for one in answer["rejected"]}
        awards = [
            {
                "record": place, "reference": policy, "pid": "0000000000001", "satang": 100_00, "title": WORDS,
                "law": WORDS, "since": "2020-04-01", **self.more,
            }
            for place, policy in enumerate(taken)
            if place not in rejected
        ]  # fmt: skip
        told = [{"record": one["record"], "answer": {"number": one["reference"]}} for one in awards]
        return {**answer, "awards": awards, "told": told}


@pytest.fixture
def register() -> Awarding:
    return Awarding()


@pytest.fixture
def benefits() -> Benefits:
    return Benefits()


@pytest.fixture
def plugin(register: Awarding) -> Plugin:
    return register.plugin(manifest_of(awards_satang_max=100_00))


@pytest.fixture
def desk(database: Database, clock: FixedClock, plugin: Plugin, benefits: Benefits) -> RecordDesk:
    return desk_of(database, clock, plugin, benefits=benefits)


async def test_what_lines_lead_to_is_owed_and_told_by_their_lines_once(
    desk: RecordDesk, plugin: Plugin, benefits: Benefits
) -> None:
    body = policies(1, 91, 3)
    outcome = await send(desk, plugin, body)
    assert (outcome.taken, outcome.told) == (2, ((1, {"number": "P-1"}), (3, {"number": "P-3"})))
    assert benefits.owed == {"P-1": 100_00, "P-3": 100_00}
    again = await send(desk, plugin, body)
    assert (again.taken, again.rejected, again.told) == (2, outcome.rejected, ())
    assert benefits.asked == 2


async def test_an_answer_that_did_not_arrive_is_made_again_and_owed_once(
    desk: RecordDesk, plugin: Plugin, register: Awarding, benefits: Benefits
) -> None:
    register.lost.append(TimeoutError())
    assert (await send(desk, plugin, policies(1))).interrupted is not None
    assert benefits.owed == {}
    assert (await send(desk, plugin, policies(1))).interrupted is None
    assert (benefits.owed, register.kept) == ({"P-1": 100_00}, ["P-1"])


@pytest.mark.parametrize(
    "more",
    [{"satang": 100_01}, {"record": 1}, {"record": 7}, {"pid": "0000000000002"}, {"satang": "100"}, {"since": "soon"}],
)
async def test_what_may_not_be_awarded_settles_nothing(
    desk: RecordDesk, plugin: Plugin, register: Awarding, benefits: Benefits, more: dict[str, Any]
) -> None:
    register.more = more
    outcome = await send(desk, plugin, policies(1, 91))
    assert outcome.interrupted is not None
    assert (outcome.interrupted.settled, outcome.interrupted.trouble) == (0, "ANSWER_MALFORMED")
    assert (outcome.taken, outcome.told, benefits.owed) == (0, (), {})


async def test_a_line_that_contradicts_an_earlier_award_is_refused_for_good_and_the_others_are_taken(
    desk: RecordDesk, plugin: Plugin, benefits: Benefits
) -> None:
    benefits.owed["P-2"] = 50_00
    outcome = await send(desk, plugin, policies(1, 91, 2, 3))
    assert outcome.interrupted is None
    assert [(one.line, one.code) for one in outcome.rejected][1:] == [(3, "AWARDED_OTHERWISE")]
    assert (outcome.taken, [line for line, _ in outcome.told]) == (2, [1, 4])
    assert benefits.owed == {"P-1": 100_00, "P-2": 50_00, "P-3": 100_00}
    assert "erased" in desk.words(plugin, "AWARDED_OTHERWISE").en
    asked = benefits.asked
    again = await send(desk, plugin, policies(1, 91, 2, 3))
    assert (again.taken, again.rejected, benefits.asked) == (2, outcome.rejected, asked)


async def test_what_a_twin_awarded_in_that_moment_settles_nothing_and_the_key_goes_on(
    desk: RecordDesk, plugin: Plugin, benefits: Benefits
) -> None:
    benefits.is_raced = True
    outcome = await send(desk, plugin, policies(1))
    assert outcome.interrupted is not None
    assert (outcome.interrupted.settled, outcome.interrupted.trouble) == (0, "ANSWER_MALFORMED")
    benefits.is_raced = False
    whole = await send(desk, plugin, policies(1))
    assert (whole.taken, whole.interrupted) == (1, None)


async def test_an_operation_that_does_not_say_that_it_awards_awards_nothing(
    database: Database, clock: FixedClock, register: Awarding, benefits: Benefits
) -> None:
    plugin = register.plugin()
    outcome = await send(desk_of(database, clock, plugin, benefits=benefits), plugin, policies(1))
    assert outcome.interrupted is not None
    assert benefits.owed == {}


async def test_where_nobody_pays_nothing_that_awards_is_taken(
    database: Database, clock: FixedClock, plugin: Plugin
) -> None:
    outcome = await send(desk_of(database, clock, plugin), plugin, policies(1))
    assert outcome.interrupted is not None
    assert outcome.taken == 0


def test_only_an_ingest_awards() -> None:
    kinds: list[dict[str, Any]] = [
        {"kind": "query", "record": None},
        {"kind": "submit", "access": "citizen", "record": None},
    ]
    for more in kinds:
        with pytest.raises(Exception, match="only an ingest"):
            manifest_of(awards_satang_max=1, batch=0, **more)
