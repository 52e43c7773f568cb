"""Consents given and withdrawn by many at once, in one process and two: one is good, every step has its receipt."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.database import Database
from core.errors import Conflict, NotFound
from core.settings import Settings
from services.exchange.consent.models import Consent
from services.exchange.consent.service import ConsentStatus
from services.exchange.facts import FactState
from tests.services.exchange.consenting import ATTRIBUTES, Citizen
from tests.services.exchange.fakes import Exchange, until
from tests.support.server import run_program

pytestmark = pytest.mark.fakeredis_only

PARALLEL = 50
SETS = (None, ["name"], ["annual_income"], ["birth_date", "name"], list(ATTRIBUTES[:3]))


async def in_two_processes(exchange: Exchange, url: str, acts: list[Any]) -> list[dict[str, str]]:
    """Half of the acts in one process, half in another, all of each at the same time."""

    async def process(share: list[Any]) -> list[dict[str, str]]:
        told = {
            "url": Settings(database_url=url).sqlalchemy_url,
            "person": exchange.keys["mother"].hex,
            "now": exchange.clock.now().isoformat(),
            "acts": share,
        }
        words = ["tests.services.exchange.granting"]
        code, out, err = await asyncio.to_thread(run_program, words, os.environ, json.dumps(told))
        assert code == 0, err
        done: list[dict[str, str]] = json.loads(out)
        return done

    halves = await asyncio.gather(process(acts[::2]), process(acts[1::2]))
    return [*halves[0], *halves[1]]


async def check_whole(mother: Citizen) -> Consent | None:
    """What must hold whatever happened: one open consent at most, and exactly one receipt of each step. Answers it."""
    rows = await mother.all()
    active = [row for row in rows if mother.service.status(row) is ConsentStatus.ACTIVE]
    assert len([row for row in rows if row.ended_at is None]) == len(active) <= 1
    for row in rows:
        said = await mother.claims(row.id)
        ends = {
            ConsentStatus.ACTIVE: [],
            ConsentStatus.WITHDRAWN: [] if row.receipt_due else ["WITHDRAWN"],
            ConsentStatus.REPLACED: ["REPLACED"],
        }[mother.service.status(row)]
        assert [one["event"] for one in said] == ["GRANTED", *ends]
        assert [one["id"] for one in said[0]["attributes"]] == row.attributes
    return active[0] if active else None


@pytest.mark.parametrize("mixed", [False, True])
async def test_fifty_grants_in_two_processes_leave_one_consent(
    exchange: Exchange, database_url: str, mixed: bool
) -> None:
    mother = Citizen(exchange)
    await mother.attestor.public()
    choices = [SETS[n % len(SETS)] if mixed else None for n in range(PARALLEL)]
    done = await in_two_processes(exchange, database_url, choices)
    told = Counter("id" if "id" in one else one["error"] for one in done)
    assert set(told) <= ({"id", "CONFLICT"} if mixed else {"id"})
    good = await check_whole(mother)
    assert good is not None
    if not mixed:
        assert {one["id"] for one in done} == {good.id.hex}
        assert len(await mother.all()) == 1


async def test_fifty_grants_at_once_in_one_process_leave_one_consent(exchange: Exchange) -> None:
    mother = Citizen(exchange)
    made = await asyncio.gather(*(mother.grant(SETS[n % len(SETS)]) for n in range(PARALLEL)), return_exceptions=True)
    assert all(isinstance(one, Consent | Conflict) for one in made), made
    good = await check_whole(mother)
    assert good is not None
    for choice, one in zip([SETS[n % len(SETS)] for n in range(PARALLEL)], made, strict=True):
        if isinstance(one, Consent):
            assert set(choice or ATTRIBUTES) <= set(one.attributes), "what was answered covers what was agreed to"


async def test_a_withdrawal_among_fifty_grants_always_takes_effect(exchange: Exchange, database_url: str) -> None:
    """Whatever order they come in: a consent that was there before the withdrawal is not good after it."""
    mother = Citizen(exchange)
    first = await mother.grant(["name"])
    acts: list[Any] = [SETS[n % len(SETS)] for n in range(PARALLEL - 2)]
    acts[10:10] = [{"withdraw": first.id.hex}, {"withdraw": first.id.hex}]
    done = await in_two_processes(exchange, database_url, acts)
    assert {one["error"] for one in done if "error" in one} <= {"CONFLICT"}
    await check_whole(mother)
    rows = await mother.all()
    assert mother.service.status(rows[0]) is not ConsentStatus.ACTIVE
    assert any(mother.service.status(row) is ConsentStatus.WITHDRAWN for row in rows)


async def test_who_asks_after_a_withdrawal_was_answered_is_told_nothing_in_any_process(
    exchange: Exchange, database_url: str
) -> None:
    """Two gates and two ways to the database, as two processes have them; the values are in the cache of both."""
    other = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    there = Exchange(other, exchange.redis, exchange.clock, dopa=exchange.dopa, rd=exchange.rd)
    there.ids, there.keys = exchange.ids, exchange.keys
    here, elsewhere = Citizen(exchange), Citizen(there)
    consent = await here.grant()
    over = asyncio.Event()
    told_after: list[FactState] = []
    told_before = 0

    async def keep_asking(process: Citizen) -> None:
        nonlocal told_before
        for _ in range(200):
            began_after = over.is_set()
            fact = (await process.asked_by_agency())["annual_income"]
            if began_after:
                told_after.append(fact.state)
                return
            told_before += fact.state is FactState.FRESH

    asking = [asyncio.create_task(keep_asking(one)) for one in (here, elsewhere) for _ in range(5)]
    await until(lambda: told_before >= 5)
    await elsewhere.withdraw(consent.id)
    over.set()
    await asyncio.gather(*asking)
    assert len(told_after) == len(asking)
    assert set(told_after) == {FactState.DENIED}
    await other.close()


async def test_a_withdrawal_in_one_process_reaches_what_another_is_reading(
    exchange: Exchange, database_url: str
) -> None:
    other = Database(Settings(database_url=database_url).sqlalchemy_url, durable=False)
    there = Exchange(other, exchange.redis, exchange.clock, dopa=exchange.dopa, rd=exchange.rd)
    there.ids, there.keys = exchange.ids, exchange.keys
    here, elsewhere = Citizen(exchange), Citizen(there)
    consent = await here.grant()
    exchange.rd.gate = asyncio.Event()
    asking = [asyncio.create_task(one.asked_by_agency()) for one in (here, elsewhere) for _ in range(5)]
    await until(lambda: len(exchange.rd.asked) >= 2)
    await elsewhere.withdraw(consent.id)
    exchange.rd.gate.set()
    states = {(await one)["annual_income"].state for one in asking}
    assert states == {FactState.DENIED}
    await other.close()


_numbers = iter(range(10**9))
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grant"), st.sets(st.sampled_from(ATTRIBUTES), min_size=1).map(sorted)),
        st.tuples(st.just("withdraw"), st.sets(st.sampled_from(ATTRIBUTES))),
        st.tuples(st.just("days"), st.integers(1, 400)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
async def test_what_the_agency_is_told_is_what_was_agreed_to_and_not_withdrawn_nor_over(
    exchange: Exchange, steps: list[tuple[str, Any]]
) -> None:
    """Against a model of one line: each attribute is good until a day."""
    name = f"citizen {next(_numbers)}"
    await exchange.person(name)
    citizen, good = Citizen(exchange, name), dict[str, datetime]()
    last: UUID | None = None
    for step, given_ in steps:
        now = exchange.clock.now()
        good = {attribute: until for attribute, until in good.items() if until > now}
        if step == "days":
            exchange.clock.advance(timedelta(days=given_))
        elif step == "grant":
            consent = await citizen.grant(given_)
            last = consent.id
            assert set(consent.attributes) == set(good) | set(given_)
            assert all(consent.expires_at >= until for until in ([] if set(good) <= set(given_) else good.values()))
            assert set(good) <= set(given_) or consent.expires_at <= max(good.values())
            good = dict.fromkeys(consent.attributes, consent.expires_at)
        elif last is not None and good:
            gone = set(given_) & set(good)
            remains = await citizen.withdraw(last, sorted(gone) or None)
            last = remains.id
            good = {a: until for a, until in good.items() if gone and a not in gone}
        now = exchange.clock.now()
        told = await citizen.asked_by_agency(*ATTRIBUTES)
        opened = {attribute for attribute, fact in told.items() if fact.state is not FactState.DENIED}
        assert opened == {attribute for attribute, until in good.items() if until > now}


async def test_the_order_of_any_acts_at_once_leaves_everything_whole(exchange: Exchange) -> None:
    mother = Citizen(exchange)
    for turn in range(6):
        rows = await mother.all()
        acts: list[Any] = [mother.grant(SETS[(turn + n) % len(SETS)]) for n in range(6)]
        acts[2:2] = [mother.withdraw(rows[-1 - n % len(rows)].id) for n in range(3) if rows]
        done = await asyncio.gather(*acts, return_exceptions=True)
        assert all(isinstance(one, Consent | Conflict | NotFound) for one in done), done
        await check_whole(mother)
