"""What a process knows of revocations: fresh, complete, and nothing believed when it cannot be known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete

from core.clock import FixedClock
from core.database import Database
from core.database_faults import DatabaseUnavailable
from identity.provider.clients import GRAPH_AUDIENCE
from identity.provider.endings import Endings, EndReason, client_mark
from identity.provider.errors import TokenInvalid
from identity.provider.models import Revocation
from identity.provider.revocations import LOOK_BACK, STALE_SECONDS, WHOLE_EVERY_SECONDS, Revocations, RevocationsUnknown
from tests.identity.conftest import House
from tests.identity.provider.apps import App
from tests.identity.waiting import until

SOON = 0.02


class Ticking:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


async def revoke(database: Database, clock: FixedClock, *, ago: timedelta = timedelta(0)) -> UUID:
    key, now = uuid4(), clock.now()
    async with database.write() as session:
        session.add(Revocation(id=key, at=now - ago, until=now + timedelta(hours=1)))
    return key


@pytest.fixture
def ticking() -> Ticking:
    return Ticking()


@pytest.fixture
async def watching(database: Database, clock: FixedClock, ticking: Ticking) -> AsyncIterator[Revocations]:
    found = Revocations(database, clock, poll_seconds=SOON, monotonic=ticking)
    async with found.watching():
        yield found


async def knows(revocations: Revocations, key: UUID) -> None:
    """Raises TimeoutError when it does not come to know."""
    async with asyncio.timeout(60):
        while not await revocations.any([key]):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(SOON)


async def test_what_was_revoked_before_the_start_is_known_at_the_start(database: Database, clock: FixedClock) -> None:
    key = await revoke(database, clock, ago=timedelta(minutes=59))
    revocations = Revocations(database, clock)
    async with revocations.watching():
        assert await revocations.any([uuid4(), key])


async def test_what_is_revoked_meanwhile_is_soon_known(
    watching: Revocations, database: Database, clock: FixedClock
) -> None:
    before = watching.version()
    await knows(watching, await revoke(database, clock))
    assert watching.version() != before


async def test_a_row_that_commits_late_is_not_overlooked(
    watching: Revocations, database: Database, clock: FixedClock
) -> None:
    await knows(watching, await revoke(database, clock))
    await knows(watching, await revoke(database, clock, ago=LOOK_BACK - timedelta(seconds=1)))


async def test_a_row_dated_even_earlier_is_found_by_the_next_whole_reading(
    watching: Revocations, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    early = await revoke(database, clock, ago=LOOK_BACK + timedelta(seconds=30))
    await knows(watching, await revoke(database, clock))
    assert not await watching.any([early])
    ticking.at += WHOLE_EVERY_SECONDS
    await until(lambda: early in watching._until)
    assert await watching.any([early])


async def test_what_was_not_revoked_is_not(watching: Revocations, database: Database, clock: FixedClock) -> None:
    await knows(watching, await revoke(database, clock))
    assert not await watching.any([uuid4()])


async def test_a_revocation_that_no_token_can_need_is_forgotten(
    watching: Revocations, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    key = await revoke(database, clock)
    await knows(watching, key)
    clock.advance(timedelta(hours=1))
    ticking.at += WHOLE_EVERY_SECONDS
    await until(lambda: not watching._until)


async def test_who_is_parted_from_a_number_twice_is_heard_of_twice(
    watching: Revocations, database: Database, clock: FixedClock, ticking: Ticking
) -> None:
    """A person's id is no random one: the row of the first time may still be there, and over."""
    person = uuid4()
    for _ in range(2):
        async with database.write() as session:
            await Endings(clock).part_from_number(session, person)
        await knows(watching, person)
        clock.advance(timedelta(hours=25))
        ticking.at += WHOLE_EVERY_SECONDS
        await until(lambda: not watching._until)


async def test_after_ten_seconds_without_a_look_no_token_is_believed(
    database: Database, clock: FixedClock, ticking: Ticking, monkeypatch: pytest.MonkeyPatch
) -> None:
    revocations = Revocations(database, clock, poll_seconds=SOON, monotonic=ticking)
    async with revocations.watching():
        answers = asyncio.Event()

        async def silent(*, whole: bool) -> None:
            answers.set()
            raise DatabaseUnavailable

        monkeypatch.setattr(revocations, "_look", silent)
        await answers.wait()
        ticking.at += STALE_SECONDS
        assert await revocations.any([uuid4()]) is False, "for ten seconds what is known is good enough"
        ticking.at += 0.001
        with pytest.raises(RevocationsUnknown) as refused:
            await revocations.any([uuid4()])
        assert refused.value.code == "SERVICE_UNAVAILABLE"
        monkeypatch.undo()
        await until(lambda: revocations._stale_at > ticking.at)
        assert await revocations.any([uuid4()]) is False


async def test_a_break_of_the_database_loses_no_revocation(
    database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    revocations = Revocations(database, clock, poll_seconds=SOON)
    async with revocations.watching():
        failed = asyncio.Event()

        async def broken(*, whole: bool) -> None:
            failed.set()
            raise OSError("the network is away")

        monkeypatch.setattr(revocations, "_look", broken)
        await failed.wait()
        key = await revoke(database, clock)
        clock.advance(LOOK_BACK * 5)
        monkeypatch.undo()
        await knows(revocations, key)


async def test_a_token_is_refused_with_503_while_nobody_can_tell(
    house: House, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await app.tokens())["access_token"]
    revocations = house.identity.revocations
    async with revocations.watching():
        await house.identity.verifier.verify(token)
        monkeypatch.setattr(revocations, "_stale_at", float("-inf"))
        monkeypatch.setattr(revocations, "_look", lambda **_: asyncio.sleep(0))
        with pytest.raises(RevocationsUnknown):
            await house.identity.verifier.verify(token)
        answer = await app.browser.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


async def test_a_remembered_token_is_forgotten_when_its_family_ends(house: House, app: App) -> None:
    tokens = await app.tokens()
    async with house.identity.revocations.watching():
        assert await app.works(tokens["access_token"])
        await app.revoke(tokens["refresh_token"])
        async with asyncio.timeout(60):
            while await app.works(tokens["access_token"]):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(SOON)
        assert not await app.works(tokens["access_token"])


async def test_a_remembered_token_is_believed_at_one_look_only_while_all_of_it_holds(
    house: House, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, verifier = await app.tokens(), house.identity.verifier_for(GRAPH_AUDIENCE)
    token = tokens["access_token"]
    assert verifier.remembered(token) is None, "nobody has verified it"
    viewer = await verifier.verify(token)
    assert verifier.remembered(token) is None, "nobody follows what is revoked"
    async with house.identity.revocations.watching():
        await verifier.verify(token)
        assert verifier.remembered(token) == viewer
        assert verifier.remembered(token + "A") is None
        house.identity.signing.version += 1
        assert verifier.remembered(token) is None, "a key was withdrawn"
        await verifier.verify(token)
        assert verifier.remembered(token) == viewer
        with monkeypatch.context() as patch:
            patch.setattr(verifier, "_remembered_max", 1)
            other = (await app.tokens())["access_token"]
            await verifier.verify(other)
            assert verifier.remembered(token) == viewer, "it was in the elder half of what is remembered"
            await verifier.verify(other)
        now = house.clock.now()
        house.clock.set(viewer.expires_at - timedelta(seconds=1))
        assert verifier.remembered(token) == viewer
        house.clock.set(viewer.expires_at)
        assert verifier.remembered(token) is None, "it has expired"
        house.clock.set(now)
        bound = (await app.tokens(bound=True))["access_token"]
        await verifier.verify(bound, jkt=(await verifier.inspect(bound)).jkt)
        assert verifier.remembered(bound) is None, "its key is proved with each request"
        await app.revoke(tokens["refresh_token"])
        await until(lambda: verifier.remembered(token) is None)
        with pytest.raises(TokenInvalid):
            await verifier.verify(token)
        assert verifier.remembered(token) is None


async def test_a_command_asks_the_table_at_each_use(database: Database, clock: FixedClock) -> None:
    revocations = Revocations(database, clock)
    assert revocations.version() is None
    key = await revoke(database, clock)
    assert await revocations.any([key])
    async with database.write() as session:
        await session.execute(delete(Revocation))
    assert not await revocations.any([key])


async def test_whoever_waits_for_a_revocation_is_woken(
    watching: Revocations, database: Database, clock: FixedClock
) -> None:
    waiting = [asyncio.create_task(watching.until_revoked([key])) for key in (uuid4(), uuid4())]
    key = uuid4()
    woken = asyncio.create_task(watching.until_revoked([uuid4(), key]))
    await asyncio.sleep(SOON)
    async with database.write() as session:
        session.add(Revocation(id=key, at=clock.now(), until=clock.now() + timedelta(hours=1)))
    await asyncio.wait_for(woken, 60)
    assert not any(task.done() for task in waiting)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert watching._listeners == {}


async def test_whoever_waits_for_what_was_revoked_already_does_not_wait(
    watching: Revocations, database: Database, clock: FixedClock
) -> None:
    key = await revoke(database, clock)
    await knows(watching, key)
    await asyncio.wait_for(watching.until_revoked([key]), 5)


async def test_the_mark_of_a_client_is_its_own() -> None:
    assert client_mark("one") == client_mark("one") != client_mark("two")


async def test_ending_a_session_that_is_not_the_persons_ends_nothing(house: House, app: App) -> None:
    tokens = await app.tokens()
    family = await app.family(tokens["access_token"])
    assert family.session is not None
    async with house.identity.db.write() as session:
        endings = Endings(house.clock)
        assert not await endings.end_session(session, uuid4(), family.session, EndReason.SESSION_ENDED)
        await endings.end_family(session, uuid4(), family.id, EndReason.REVOKED)
    assert await app.works(tokens["access_token"])
