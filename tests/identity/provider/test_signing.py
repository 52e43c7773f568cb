"""Signing keys: published before they sign, one at each instant, verified until their last token has expired."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 (moments from a seed)
from typing import Any, Final

import jwt
import pytest
from pydantic import ValidationError
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.database_faults import DatabaseUnavailable
from core.settings import Settings
from identity.provider.clients import SEEDED
from identity.provider.errors import TokenInvalid
from identity.provider.models import SigningKey
from identity.provider.signing import TOKEN_SECONDS_MAX, KeyState, Schedule, SigningKeys
from tests.identity.conftest import House

DAY, HOUR, INSTANT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
AHEAD, SIGNS, LIFE = DAY, 30 * DAY, timedelta(seconds=TOKEN_SECONDS_MAX)
SEED: Final = 9


@pytest.fixture
def process(database: Database, keys: KeyRing, clock: FixedClock) -> Callable[[], SigningKeys]:
    """Another process, which remembers nothing."""
    return lambda: SigningKeys(database, keys, clock)


async def rows(database: Database) -> list[KeyState]:
    async with database.read() as session:
        found = await session.scalars(select(SigningKey).order_by(SigningKey.signs_at))  # type: ignore[arg-type]
        return [KeyState.of(row) for row in found]


async def published(signing: SigningKeys) -> set[str]:
    return {key["kid"] for key in (await signing.public())["keys"]}


async def test_of_processes_that_need_a_key_at_once_all_use_one(
    database: Database, process: Callable[[], SigningKeys]
) -> None:
    signers = await asyncio.gather(*(process().signer() for _ in range(8)))
    assert len({signer.kid for signer in signers}) == 1
    async with database.read() as session:
        assert await session.scalar(select(func.count()).select_from(SigningKey)) == 1


async def test_of_requests_that_need_the_keys_at_once_one_asks(
    database: Database, process: Callable[[], SigningKeys]
) -> None:
    await process().signer()
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    signing = process()
    await asyncio.gather(*(signing.signer() for _ in range(50)))
    assert len([one for one in asked if "signing_key" in one]) == 1


async def test_the_private_half_is_sealed_to_its_row(database: Database, process: Callable[[], SigningKeys]) -> None:
    await process().signer()
    async with database.write() as session:
        row = await session.scalar(select(SigningKey))
        assert row is not None
        assert b"PRIVATE KEY" not in row.private_sealed
        assert "d" not in row.public_jwk
        row.id = "moved"
    with pytest.raises(SealBroken):
        await process().signer()


async def test_there_is_one_last_key_by_the_database_itself(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    await process().signer()
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await process()._insert(session, clock.now())


async def test_a_key_is_published_a_day_before_it_signs(process: Callable[[], SigningKeys], clock: FixedClock) -> None:
    signing = process()
    first = (await signing.signer()).kid
    clock.advance(SIGNS - AHEAD - INSTANT)
    await signing.follow()
    assert await published(signing) == {first}
    clock.advance(INSTANT)
    await signing.follow()
    assert len(await published(signing)) == 2
    assert await published(process()) == await published(signing)
    assert (await process().signer()).kid == first


async def test_the_next_key_signs_from_its_instant_on_in_every_process_without_being_told(
    process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    one, other = process(), process()
    first = (await one.signer()).kid
    begins = clock.now() + SIGNS
    clock.set(begins - AHEAD)
    await one.follow()
    await other.follow()
    clock.set(begins - INSTANT)
    assert [(await each.signer()).kid for each in (one, other)] == [first, first]
    clock.set(begins)
    following = {(await each.signer()).kid for each in (one, other)}
    assert len(following) == 1
    assert first not in following


async def test_an_old_key_verifies_until_its_last_token_has_expired_and_then_leaves(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    signing = process()
    first = (await signing.signer()).kid
    clock.advance(SIGNS - AHEAD)
    await signing.follow()
    clock.advance(AHEAD)
    last_token_dies = clock.now() + LIFE
    clock.set(last_token_dies + HOUR - INSTANT)
    assert await signing.verifying(first) is not None
    assert first in await published(signing)
    clock.advance(INSTANT)
    assert await signing.verifying(first) is None
    assert first not in await published(signing)
    await signing.follow()
    assert first not in {state.kid for state in await rows(database)}


async def test_a_token_outlives_its_key_everywhere(process: Callable[[], SigningKeys], clock: FixedClock) -> None:
    signing = process()
    signer = await signing.signer()
    token = signer.sign({"sub": "x"}, typ="JWT")
    clock.advance(SIGNS - AHEAD)
    await signing.follow()
    clock.advance(AHEAD + LIFE)
    for each in (signing, process()):
        key = await each.verifying(signer.kid)
        assert key is not None
        assert jwt.decode(token, key, algorithms=["ES256"]) == {"sub": "x"}
        assert (await each.signer()).kid != signer.kid


async def test_of_processes_whose_turn_it_is_at_once_one_publishes(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    await process().signer()
    clock.advance(SIGNS - AHEAD)
    await asyncio.gather(*(process().follow() for _ in range(8)))
    old, new = await rows(database)
    assert old.retired_at == new.signs_at == clock.now() + AHEAD
    assert new.is_last


async def test_a_server_that_was_off_for_months_goes_on_and_announces_the_next_key_in_time(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    first = (await process().signer()).kid
    clock.advance(200 * DAY)
    signing = process()
    assert (await signing.signer()).kid == first
    await signing.follow()
    assert (await rows(database))[1].signs_at == clock.now() + AHEAD
    clock.advance(AHEAD)
    assert (await signing.signer()).kid != first
    assert await signing.verifying(first) is not None


async def test_rotating_at_once_publishes_now_and_switches_when_verifiers_may_know(
    process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    signing = process()
    first = (await signing.signer()).kid
    clock.advance(5 * DAY)
    begins = clock.now() + AHEAD
    following = await signing.rotate()
    assert (following.published_at, following.signs_at) == (clock.now(), begins)
    clock.set(begins - INSTANT)
    assert (await process().signer()).kid == first
    clock.set(begins)
    assert (await process().signer()).kid == following.kid


async def test_rotating_twice_at_once_is_rotating_once(database: Database, process: Callable[[], SigningKeys]) -> None:
    await process().signer()
    made = await asyncio.gather(*(process().rotate() for _ in range(6)))
    assert len({state.kid for state in made}) == 1
    assert len(await rows(database)) == 2


async def test_rotating_brings_a_scheduled_switch_forward_no_sooner_than_verifiers_may_know(
    database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    signing = SigningKeys(database, keys, clock, Schedule(ahead=10 * DAY))
    await signing.signer()
    clock.advance(20 * DAY)
    await signing.follow()
    hasty = SigningKeys(database, keys, clock, Schedule(ahead=DAY))
    before = await rows(database)
    following = await hasty.rotate()
    after = await rows(database)
    assert following.kid == before[1].kid
    assert after[0].retired_at == after[1].signs_at == clock.now() + DAY
    clock.advance(3 * HOUR)
    assert (await hasty.rotate()).signs_at == after[1].signs_at, "and never later than it was"


async def test_rotating_without_a_key_makes_the_first(process: Callable[[], SigningKeys], clock: FixedClock) -> None:
    made = await process().rotate()
    assert (made.kid, made.signs_at) == ((await process().signer()).kid, clock.now())


async def test_after_a_compromise_nothing_signed_before_is_believed_and_a_new_key_signs(
    process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    here, there = process(), process()
    first = (await here.signer()).kid
    await there.signer()
    clock.advance(SIGNS - AHEAD)
    await here.follow()
    pending = (await here.all())[-1].kid
    made = await here.withdraw()
    await there.follow()
    for each in (here, there, process()):
        assert [await each.verifying(kid) for kid in (first, pending)] == [None, None]
        assert not each.believes(first)
        assert await published(each) == {made.kid}
        assert (await each.signer()).kid == made.kid
    clock.advance(AHEAD)
    assert (await there.signer()).kid == made.kid, "the one that was to come next never signs"


async def test_a_token_that_is_remembered_stops_with_its_key_and_others_are_verified_anew(
    house: House, process: Callable[[], SigningKeys]
) -> None:
    signing, verifier = house.identity.signing, house.identity.verifier
    before = (await house.tokens())["access_token"]
    await verifier.verify(before)
    version = signing.version
    await process().rotate()
    await signing.follow()
    assert signing.version == version, "a key that comes makes nobody verify anew"
    await process().withdraw()
    await signing.follow()
    assert signing.version == version + 1
    with pytest.raises(TokenInvalid):
        await verifier.verify(before)
    await verifier.verify((await house.tokens())["access_token"])
    await signing.follow()
    assert signing.version == version + 1


@pytest.mark.parametrize("times", range(3))
async def test_however_rotations_and_withdrawals_meet_one_key_signs(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock, times: int
) -> None:
    await process().signer()
    clock.advance(SIGNS - AHEAD)
    acts: list[Coroutine[Any, Any, object]] = [
        act for _ in range(3) for act in (process().follow(), process().rotate(), process().withdraw())
    ]
    Random(SEED + times).shuffle(acts)
    await asyncio.gather(*acts)
    for moment in (clock.now(), clock.now() + AHEAD, clock.now() + 20 * DAY):
        assert len([state for state in await rows(database) if state.signs(moment)]) == 1
    signers = {(await process().signer()).kid for _ in range(3)}
    assert len(signers) == 1


async def test_a_process_that_meets_a_token_of_a_new_key_looks_for_it(
    process: Callable[[], SigningKeys],
) -> None:
    late = process()
    await late.signer()
    made = await process().withdraw()
    assert await late.verifying(made.kid) is not None


async def test_a_key_that_was_made_a_moment_after_the_job_read_is_found_by_all_who_meet_it_at_once(
    process: Callable[[], SigningKeys],
) -> None:
    one, other = process(), process()
    await other.follow()
    kid = (await one.signer()).kid
    found = await asyncio.gather(*(other.verifying(kid) for _ in range(20)))
    assert None not in found


async def test_a_flood_of_forged_key_ids_is_not_a_flood_of_queries(
    database: Database, process: Callable[[], SigningKeys]
) -> None:
    signing = process()
    await signing.signer()
    asked: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    found = await asyncio.gather(*(signing.verifying(f"forged-{number}") for number in range(500)))
    found += [await signing.verifying(f"forged-later-{number}") for number in range(50)]
    assert set(found) == {None}
    assert len([one for one in asked if "signing_key" in one]) == 1
    signing._looked_at -= 2.1
    await asyncio.gather(*(signing.verifying(f"forged-{number}") for number in range(500)))
    assert len([one for one in asked if "signing_key" in one]) == 2
    assert len(signing._states) == 1, "nor do forged ids fill the memory"


async def test_a_key_made_by_a_machine_whose_clock_runs_ahead_signs_here_too(
    database: Database, keys: KeyRing, clock: FixedClock
) -> None:
    ahead = FixedClock(clock.now() + HOUR)
    there, here = SigningKeys(database, keys, ahead), SigningKeys(database, keys, clock)
    made = await there.signer()
    assert (await here.signer()).kid == made.kid
    assert (await there.signer()).kid == made.kid


async def test_the_job_says_a_day_ahead_that_the_next_key_does_not_open(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    signing = process()
    first = (await signing.signer()).kid
    following = await signing.rotate()
    async with database.write() as session:
        row = await session.get(SigningKey, following.kid)
        assert row is not None
        row.private_sealed = b"nonsense"
    with pytest.raises(SealBroken):
        await process().follow()
    assert (await process().signer()).kid == first


async def test_a_database_that_is_away_leaves_the_keys_as_they_were(
    process: Callable[[], SigningKeys], database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing = process()
    first = (await signing.signer()).kid

    def away() -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr(database, "read", away)
    await signing.follow()
    assert (await signing.signer()).kid == first
    assert await signing.verifying(first) is not None


async def test_a_key_from_before_there_was_a_schedule_signs_and_is_followed(
    database: Database, process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    first = (await process().signer()).kid
    async with database.write() as session:
        row = await session.get(SigningKey, first)
        assert row is not None
        row.signs_at = None
    clock.advance(SIGNS - AHEAD)
    signing = process()
    await signing.follow()
    assert (await signing.signer()).kid == first
    clock.advance(AHEAD)
    assert (await signing.signer()).kid != first


async def test_over_a_year_every_token_verifies_while_it_lives_and_every_signer_was_announced(
    process: Callable[[], SigningKeys], clock: FixedClock
) -> None:
    """Processes come, go, and miss their turns; each token is checked by another process, till the end of its life."""
    random, processes = Random(SEED), [process() for _ in range(3)]
    seen: dict[str, datetime] = {}
    tokens: list[tuple[str, datetime]] = []
    for _ in range(150):
        clock.advance(timedelta(hours=random.uniform(1, 96)))
        at = random.randrange(3)
        if random.random() < 0.3:
            processes[at] = process()
        signing = processes[at]
        if random.random() < 0.8:
            await signing.follow()
        if random.random() < 0.05:
            await signing.rotate()
        for one in processes:
            one._read_at = float("-inf") if random.random() < 0.5 else one._read_at
        kid = (await signing.signer()).kid
        for key in await published(signing):
            seen.setdefault(key, clock.now())
        [state] = [one for one in await signing.all() if one.kid == kid]
        assert len(seen) == 1 or state.signs_at - state.published_at >= AHEAD or kid == next(iter(seen))
        tokens = [(token, dies) for token, dies in tokens if dies > clock.now()]
        tokens.append((kid, clock.now() + timedelta(seconds=random.uniform(1, TOKEN_SECONDS_MAX))))
        verifier = processes[random.randrange(3)]
        await verifier.follow()
        assert None not in [await verifier.verifying(kid) for kid, _ in tokens]
    assert len(seen) >= 8


def test_no_client_of_ours_gets_a_token_that_outlives_its_key() -> None:
    assert max(client.token_seconds for client in SEEDED) <= TOKEN_SECONDS_MAX


def test_a_key_is_published_ahead_for_less_long_than_it_signs() -> None:
    assert Schedule.of(Settings()) == Schedule(AHEAD, SIGNS)
    assert Schedule.of(Settings(signing_key_days=1, signing_key_ahead_hours=23)) == Schedule(23 * HOUR, DAY)
    with pytest.raises(ValidationError, match="SITTHI_SIGNING_KEY_AHEAD_HOURS"):
        Settings(signing_key_days=1, signing_key_ahead_hours=24)
