"""How often an agency may act, and how much it may leave, on both databases: both sides of each boundary."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from core.clock import FixedClock
from core.database import Database
from core.errors import NotFound
from core.text import Language
from services.plugins.registry.errors import DraftsFull, ReviewNeeded, ServiceStateConflict, TooManyActs, VersionsFull
from services.plugins.registry.lifecycle import Actor, Lifecycle
from services.plugins.registry.limits import ACTS, Budget, Limits
from services.plugins.registry.repository import Name
from services.plugins.registry.states import Act, State
from tests.support.services import NAME, REVIEWER, SDL, SYSTEM, Registering, documents_of

REASON: Final = "ทดสอบการทำงาน"
WIDER: Final = SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n")
OTHER: Final = Name("waterworks", "river")
AGENCY: Final = {"slug": "waterworks", "title": {"th": "การประปาตัวอย่าง", "en": "Example Waterworks"}}
RIVER_SDL: Final = SDL.replace("Water", "River").replace("water", "river")
RIVER: Final[dict[str, Any]] = {"agency": AGENCY, "sdl": RIVER_SDL, "namespace": "river", "prefix": "River"}
HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)
ROOMY: Final = 1_000


def limited(database: Database, clock: FixedClock, **given: int) -> Registering:
    """A registry with no limits that matter but those given."""
    every = dict.fromkeys(Limits.__dataclass_fields__, ROOMY) | {"check_days": 30}
    return Registering(database, clock, limits=Limits(**(every | given)))


async def refused(act: Callable[[], Awaitable[Any]]) -> TooManyActs:
    with pytest.raises(TooManyActs) as told:
        await act()
    return told.value


async def swing(services: Registering, name: Name = NAME) -> None:
    await services.desk.suspend(SYSTEM, name, REASON)
    await services.desk.resume(SYSTEM, name, REASON)


async def test_a_service_comes_back_so_often_in_an_hour_and_again_when_the_first_is_an_hour_ago(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_changes=2)
    await services.published(documents_of())
    await swing(services)
    clock.advance(timedelta(minutes=10))
    await swing(services)
    await services.desk.suspend(SYSTEM, NAME, REASON)
    clock.advance(timedelta(minutes=20))
    error = await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))
    assert error.retry_after == 30 * 60
    assert error.fields["again"] == (clock.now() + timedelta(minutes=30)).isoformat(timespec="seconds")
    assert error.fields["again"] in error.message(Language.TH)
    clock.advance(timedelta(seconds=error.retry_after) - SECOND)
    assert (await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))).retry_after == 1
    clock.advance(SECOND)
    assert (await services.desk.resume(SYSTEM, NAME, REASON)).state == "PUBLISHED"
    await services.desk.suspend(SYSTEM, NAME, REASON)
    again = await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))
    assert again.retry_after == 10 * 60, "the second of them is fifty minutes ago"


async def test_whoever_waits_as_long_as_they_were_told_finds_room_whatever_the_fraction(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    clock.advance(timedelta(microseconds=333_333))
    await swing(services)
    await services.desk.suspend(SYSTEM, NAME, REASON)
    clock.advance(timedelta(microseconds=1))
    error = await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))
    said = datetime.fromisoformat(error.fields["again"])
    clock.advance(timedelta(seconds=error.retry_after))
    assert said <= clock.now()
    assert (await services.desk.resume(SYSTEM, NAME, REASON)).state == "PUBLISHED"


async def test_whoever_comes_at_the_very_second_that_the_message_names_finds_room(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    clock.advance(timedelta(microseconds=900_000))
    await swing(services)
    await services.desk.suspend(SYSTEM, NAME, REASON)
    clock.advance(timedelta(microseconds=50_000))
    error = await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))
    clock.set(datetime.fromisoformat(error.fields["again"]))
    assert (await services.desk.resume(SYSTEM, NAME, REASON)).state == "PUBLISHED"


async def test_publishing_going_back_and_resuming_count_together_and_suspending_is_never_refused(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_changes=3)
    await services.published(documents_of())  # by a reviewer: not counted
    await services.published(documents_of("1.0.1"))
    await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    await swing(services)
    await services.checked(documents_of("1.0.2"))
    for act in (
        lambda: services.desk.publish(SYSTEM, NAME, "1.0.2"),
        lambda: services.desk.submit(SYSTEM, NAME, "1.0.2"),
        lambda: services.desk.roll_back(SYSTEM, NAME, "1.0.1", REASON),
    ):
        assert (await refused(act)).fields["of"] == "waterworks"
    assert (await services.desk.suspend(SYSTEM, NAME, REASON)).state == "SUSPENDED"
    await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))


async def test_reviewers_are_not_limited_and_use_up_nothing(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    for _ in range(3):
        async with database.write() as session:
            await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
        async with database.write() as session:
            await services.lifecycle.resume(session, REVIEWER, NAME, REASON, reviewing=True)
    await swing(services)
    async with database.write() as session:
        await services.lifecycle.suspend(session, REVIEWER, NAME, REASON, held=True)
    async with database.write() as session:
        row = await services.lifecycle.resume(session, REVIEWER, NAME, REASON, reviewing=True)
    assert row.state == "PUBLISHED"


async def test_all_services_of_an_agency_share_its_budget_and_another_agency_has_its_own(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, agency_changes=2)
    other = Actor("riverworks", "registrar", "riverworks-client")
    theirs = {**RIVER, "agency": {**AGENCY, "slug": "riverworks"}}
    await services.published(documents_of())
    await services.published(documents_of(slug="lake", **{**RIVER, "prefix": "Lake", "namespace": "lake",
        "sdl": SDL.replace("Water", "Lake").replace("water", "lake")}))  # fmt: skip
    await services.published(documents_of(slug="river", **theirs), other)
    await swing(services)
    await swing(services, Name("waterworks", "lake"))
    await services.desk.suspend(SYSTEM, NAME, REASON)
    error = await refused(lambda: services.desk.resume(SYSTEM, NAME, REASON))
    assert (error.fields["of"], error.fields["count"]) == ("waterworks", 2)
    name = Name("riverworks", "river")
    await services.desk.suspend(other, name, REASON)
    assert (await services.desk.resume(other, name, REASON)).state == "PUBLISHED"


async def test_a_refused_act_uses_up_nothing(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    await services.desk.suspend(SYSTEM, NAME, REASON)
    await services.desk.resume(SYSTEM, NAME, REASON)
    for _ in range(3):
        with pytest.raises((ServiceStateConflict, TooManyActs)):
            await services.desk.resume(SYSTEM, NAME, REASON)
    clock.advance(HOUR)
    await swing(services)


async def test_beyond_the_limit_no_graph_is_composed(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    await services.checked(documents_of("1.0.2"))

    async def never(_: Any) -> None:
        raise AssertionError("a graph was composed")

    services.examiner._fits = never
    await refused(lambda: services.desk.publish(SYSTEM, NAME, "1.0.2"))
    await refused(lambda: services.desk.roll_back(SYSTEM, NAME, "1.0.0", REASON))


async def test_what_a_passed_check_cannot_publish_for_the_limit_stays_checked_and_says_when(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_changes=1)
    await services.published(documents_of())
    await services.published(documents_of("1.0.1"))
    await services.desk.register(SYSTEM, documents_of("1.0.2"))
    await services.desk.submit(SYSTEM, NAME, "1.0.2")
    await services.checks.run()
    assert await services.state("1.0.2") == "CHECKED"
    last = (await services.desk.events(NAME))[-1]
    assert (last.kind, last.reason.partition(":")[0]) == ("PASS", "SERVICE_ACTS_LIMITED")
    clock.advance(HOUR)
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.2")).state == "PUBLISHED"


async def test_checks_are_counted_however_they_are_asked_for(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, service_checks=2)
    await services.desk.register(SYSTEM, documents_of())
    await services.desk.check(SYSTEM, NAME, "1.0.0")
    await services.checks.run()
    await services.desk.register(SYSTEM, documents_of(sdl=WIDER))
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.checks.run()
    await services.desk.withdraw(SYSTEM, NAME, "1.0.0")
    error = await refused(lambda: services.desk.check(SYSTEM, NAME, "1.0.0"))
    assert error.fields["budget"] == "CHECKS"
    await services.desk.register(SYSTEM, documents_of())
    await refused(lambda: services.desk.submit(SYSTEM, NAME, "1.0.0"))
    assert await services.state("1.0.0") == "DRAFT"
    clock.advance(HOUR)
    assert (await services.desk.check(SYSTEM, NAME, "1.0.0")).state == "CHECKING"


async def test_what_is_sent_is_counted_and_the_same_again_is_not(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, service_sendings=3)
    await services.desk.register(SYSTEM, documents_of())
    await services.desk.register(SYSTEM, documents_of(sdl=WIDER))
    await services.checked(documents_of(sdl=WIDER))
    await services.desk.submit(SYSTEM, NAME, "1.0.0")
    await services.desk.withdraw(SYSTEM, NAME, "1.0.0")
    assert (await refused(lambda: services.desk.submit(SYSTEM, NAME, "1.0.0"))).fields["budget"] == "SENDINGS"
    await refused(lambda: services.desk.register(SYSTEM, documents_of()))
    _, made = await services.desk.register(SYSTEM, documents_of(sdl=WIDER))
    assert not made
    clock.advance(HOUR)
    assert (await services.desk.submit(SYSTEM, NAME, "1.0.0")).state == "IN_REVIEW"


async def test_beyond_the_limit_no_documents_are_looked_at(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = limited(database, clock, service_sendings=1)
    await services.desk.register(SYSTEM, documents_of())

    async def never(*_: Any, **__: Any) -> None:
        raise AssertionError("documents were read")

    monkeypatch.setattr(services.examiner, "examine", never)
    await refused(lambda: services.desk.register(SYSTEM, documents_of(sdl=WIDER)))
    await refused(lambda: services.desk.register(SYSTEM, documents_of("1.1.0")))


async def test_drafts_of_a_service_are_so_many_and_a_discarded_one_makes_room(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_drafts=2)
    await services.desk.register(SYSTEM, documents_of())
    clock.advance(SECOND)
    await services.checked(documents_of("1.1.0"))
    with pytest.raises(DraftsFull) as full:
        await services.desk.register(SYSTEM, documents_of("1.2.0"))
    assert (full.value.fields["count"], full.value.fields["which"]) == (2, "waterworks 1.0.0, waterworks 1.1.0")
    await services.desk.register(SYSTEM, documents_of(sdl=WIDER))  # in the place of one that is there
    await services.desk.discard(SYSTEM, NAME, "1.0.0")
    with pytest.raises(NotFound):
        await services.state("1.0.0")
    assert (await services.desk.register(SYSTEM, documents_of("1.2.0")))[1]
    assert [f"{one.kind} {one.by}" for one in await services.desk.events(NAME) if one.kind == "DISCARD"] == [
        f"DISCARD {SYSTEM.by}"
    ]


async def test_drafts_of_all_services_of_an_agency_are_so_many(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, agency_drafts=2)
    await services.published(documents_of())
    for version in ("1.1.0", "1.2.0"):
        await services.desk.register(SYSTEM, documents_of(version))
    with pytest.raises(DraftsFull, match="waterworks has 2"):
        await services.desk.register(SYSTEM, documents_of(slug="river", **RIVER))
    await services.desk.discard(SYSTEM, NAME, "1.1.0")
    assert (await services.desk.register(SYSTEM, documents_of(slug="river", **RIVER)))[1]


async def test_versions_are_kept_so_many_and_what_was_published_may_go_below_the_current_one(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_versions=3)
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        await services.published(documents_of(version))
        clock.advance(SECOND)
    with pytest.raises(VersionsFull) as full:
        await services.desk.register(SYSTEM, documents_of("1.0.3"))
    assert full.value.fields["which"] == "waterworks 1.0.0, waterworks 1.0.1"
    await services.desk.discard(SYSTEM, NAME, "1.0.0")
    await services.published(documents_of("1.0.3"))
    assert (await services.desk.public_report("waterworks", "1.0.0")).passed, "what was said to everybody stays"


@pytest.mark.parametrize("state", [State.CHECKING, State.IN_REVIEW, State.PUBLISHED, State.SUSPENDED, State.RETIRED])
@pytest.mark.sqlite_only  # the table is one
async def test_what_others_are_at_or_everybody_sees_is_not_discarded(services: Registering, state: State) -> None:
    await services.desk.register(SYSTEM, documents_of())
    await services.desk.check(SYSTEM, NAME, "1.0.0")
    if state is not State.CHECKING:
        await services.checks.run()
        await services.desk.submit(SYSTEM, NAME, "1.0.0")
    if state in (State.PUBLISHED, State.SUSPENDED, State.RETIRED):
        await services.approved(NAME, "1.0.0")
    if state in (State.SUSPENDED, State.RETIRED):
        act = services.desk.suspend if state is State.SUSPENDED else services.desk.retire
        await act(SYSTEM, NAME, REASON)
    with pytest.raises(ServiceStateConflict) as told:
        await services.desk.discard(SYSTEM, NAME, "1.0.0")
    assert told.value.fields == {"state": state, "act": Act.DISCARD}


async def test_a_version_above_the_current_one_is_not_discarded_lest_its_number_come_again(
    services: Registering,
) -> None:
    for version in ("1.0.0", "1.0.1"):
        await services.published(documents_of(version))
    await services.desk.roll_back(SYSTEM, NAME, None, REASON)
    with pytest.raises(ServiceStateConflict):
        await services.desk.discard(SYSTEM, NAME, "1.0.1")
    with pytest.raises(NotFound):
        await services.desk.discard(Actor("riverworks", "x", "y"), Name("riverworks", "waterworks"), "1.0.0")


PARALLEL: Final = 6


async def test_of_parallel_returns_no_more_than_the_limit_come_through(database: Database, clock: FixedClock) -> None:
    """Of two services of one agency, in the last place of its budget."""
    services = limited(database, clock, agency_changes=1)
    await services.published(documents_of())
    await services.published(documents_of(slug="river", **RIVER))
    for name in (NAME, OTHER):
        await services.desk.suspend(SYSTEM, name, REASON)
    outcomes = await asyncio.gather(
        *(services.desk.resume(SYSTEM, name, REASON) for _ in range(PARALLEL // 2) for name in (NAME, OTHER)),
        return_exceptions=True,
    )
    assert len([one for one in outcomes if not isinstance(one, BaseException)]) == 1, outcomes
    assert {await services.state("1.0.0"), await services.state("1.0.0", OTHER)} == {"PUBLISHED", "SUSPENDED"}


async def test_of_parallel_drafts_no_more_than_the_limit_are_kept(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, agency_drafts=2, agency_sendings=4)
    documents = [documents_of(f"1.{n}.0") for n in range(PARALLEL // 2)]
    documents += [documents_of(f"1.{n}.0", slug="river", **RIVER) for n in range(PARALLEL // 2)]
    outcomes = await asyncio.gather(*(services.desk.register(SYSTEM, one) for one in documents), return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, DraftsFull)]) == PARALLEL - 2, outcomes


async def test_of_parallel_checks_no_more_than_the_limit_begin(database: Database, clock: FixedClock) -> None:
    services = limited(database, clock, agency_checks=2)
    names = [NAME, OTHER]
    for n in range(PARALLEL // 2):
        await services.desk.register(SYSTEM, documents_of(f"1.{n}.0"))
        await services.desk.register(SYSTEM, documents_of(f"1.{n}.0", slug="river", **RIVER))
    outcomes = await asyncio.gather(
        *(services.desk.check(SYSTEM, name, f"1.{n}.0") for n in range(PARALLEL // 2) for name in names),
        return_exceptions=True,
    )
    assert len([one for one in outcomes if isinstance(one, TooManyActs)]) == PARALLEL - 2, outcomes


def test_every_act_of_an_agency_is_counted_or_cannot_be_repeated_without_one_that_is() -> None:
    counted = {act for acts in ACTS.values() for act in acts}
    follows_one = {Act.SUSPEND, Act.RETIRE, Act.WITHDRAW, Act.DISCARD}
    not_theirs = {Act.PASS, Act.FAIL, Act.APPROVE, Act.REFUSE, Act.SUPERSEDE}
    assert counted | follows_one | not_theirs == set(Act)
    assert not counted & (follows_one | not_theirs)
    assert set(ACTS) == set(Budget)


def test_what_is_not_said_is_limited_too(clock: FixedClock) -> None:
    assert Lifecycle(clock)._warden.limits == Limits()


async def test_nothing_is_composed_for_a_version_that_a_reviewer_must_see_first(
    database: Database, clock: FixedClock
) -> None:
    services = limited(database, clock, service_sendings=1)
    await services.checked(documents_of())

    async def never(_: Any) -> None:
        raise AssertionError("a graph was composed")

    services.examiner._fits = never
    with pytest.raises(ReviewNeeded):
        await services.desk.publish(SYSTEM, NAME, "1.0.0")
    assert (await refused(lambda: services.desk.submit(SYSTEM, NAME, "1.0.0"))).fields["budget"] == "SENDINGS"
