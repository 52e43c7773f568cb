"""Two people share a household; one asks for welfare. The other, who reads every byte of their own log, cannot tell."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from api.commands.walk import sign_in
from core.clock import BANGKOK, FixedClock
from core.ids import GlobalId, NationalId
from core.settings import Settings
from services.exchange.access_log.records import AccessEntry
from services.sandbox.population.personas import FAMILIES
from tests.conftest import run_directory
from tests.support.access_log import entries
from tests.support.app import Served, served
from tests.support.population import furnish

DECEMBER = datetime(2026, 12, 1, tzinfo=BANGKOK)
[FAMILY] = [family for family in FAMILIES if any(member.slug == "worker" for member in family.members)]
SPOUSE = NationalId(FAMILY.national_id(52))
LOG = """
query($after: String) { viewer { accessLog(first: 2, after: $after) {
  edges { cursor node {
    id at monthOnly disclosedFrom decision basis reason asker { kind label delegation { id } } agency { slug title }
    purpose { id title } attributes { id title } outcomes { at purpose { id } states { attribute { id } state error } }
    proofs { record { id time salt document } availableFrom }
  } }
  pageInfo { hasNextPage endCursor }
} } }
"""
NODE = "query($id: ID!) { node(id: $id) { __typename id ... on AccessEntry { at monthOnly } } }"
LOOK = "{ viewer { entitlements { status missing { attribute } } } }"


@pytest.fixture
async def sitthi(
    request: pytest.FixtureRequest, settings: Settings, database_url: str, clock: FixedClock
) -> AsyncIterator[Served]:
    furnish(run_directory(request.config), settings.data, clock.today())
    async with served(settings, clock) as app:
        yield app


async def signs_in(sitthi: Served, name: str, who: str | NationalId) -> None:
    transport = httpx2.ASGITransport(app=sitthi.app)
    answer = await sign_in(sitthi.house.settings, who, transport=transport)
    sitthi.know(name, answer["access_token"])


async def all_bytes(sitthi: Served, *ids: str) -> list[bytes]:
    """All that the spouse can be told by their own log, page by page, in both languages, and of these ids."""
    told: list[bytes] = []
    after = None
    while True:
        thai = await sitthi.post(LOG, {"after": after}, persona="spouse", language="th")
        answer = await sitthi.post(LOG, {"after": after}, persona="spouse", language="en")
        told += [thai.content, answer.content]
        page = answer.json()["data"]["viewer"]["accessLog"]["pageInfo"]
        if not page["hasNextPage"]:
            break
        after = page["endCursor"]
    return told + [(await sitthi.post(NODE, {"id": one}, persona="spouse")).content for one in ids]


async def nodes(sitthi: Served) -> list[dict[str, Any]]:
    query = LOG.replace("first: 2", "first: 100")
    log = (await sitthi.graph(query, persona="spouse"))["viewer"]["accessLog"]
    return [edge["node"] for edge in log["edges"]]


async def of_household(sitthi: Served) -> list[AccessEntry]:
    """What is kept of the spouse because of others in the household; who may read the tables sees it."""
    async with sitthi.house.db.read() as session:
        spouse = await sitthi.house.identity.people.find(session, SPOUSE)
    if spouse is None:  # nobody has met them yet
        return []
    every = await entries(sitthi.house.db, sitthi.house.keys, spouse)
    return [one for one in every if one.id.version == 8]


async def applies(sitthi: Served, programme: str) -> None:
    given = {"input": {"programme": programme, "idempotencyKey": "a-key-of-its-own"}}
    await sitthi.post(
        "mutation($input: ApplyInput!) { apply(input: $input) { application { status } problems { code } } }",
        given,
        persona="worker",
    )


async def test_within_the_month_no_byte_tells_whether_the_other_did_something(
    sitthi: Served, clock: FixedClock
) -> None:
    await signs_in(sitthi, "spouse", SPOUSE)
    await sitthi.graph(LOOK, persona="spouse")
    await signs_in(sitthi, "worker", "worker")
    before = await all_bytes(sitthi)
    assert await of_household(sitthi) == []
    await sitthi.graph(LOOK, persona="worker")
    assert await all_bytes(sitthi) == before
    await applies(sitthi, "state-welfare-card")
    assert await all_bytes(sitthi) == before
    [kept, *more] = await of_household(sitthi)
    assert await all_bytes(sitthi, *(node_id(one.id) for one in (kept, *more))) == [
        *before,
        *[NOTHING] * (len(more) + 1),
    ]


async def test_the_entry_is_shown_from_the_first_moment_of_the_next_month(sitthi: Served, clock: FixedClock) -> None:
    clock.set(DECEMBER - timedelta(minutes=3))
    await signs_in(sitthi, "worker", "worker")
    await signs_in(sitthi, "spouse", SPOUSE)
    await sitthi.graph(LOOK, persona="worker")
    clock.set(DECEMBER - timedelta(microseconds=1))
    assert not [node for node in await nodes(sitthi) if node["monthOnly"]]
    clock.set(DECEMBER)
    assert len([node for node in await nodes(sitthi) if node["monthOnly"]]) == 1


async def test_after_the_month_one_entry_tells_the_month_and_no_more(sitthi: Served, clock: FixedClock) -> None:
    """One run in which the other looked at what they may get, and one in which they also applied, days later."""
    await signs_in(sitthi, "worker", "worker")
    await sitthi.graph(LOOK, persona="worker")
    clock.set(DECEMBER)
    await signs_in(sitthi, "spouse", SPOUSE)
    [month] = [node for node in await nodes(sitthi) if node["monthOnly"]]
    looked = await all_bytes(sitthi, month["id"])
    earlier = len(await of_household(sitthi))
    clock.set(datetime(2026, 11, 27, 23, 57, tzinfo=BANGKOK))
    await signs_in(sitthi, "worker", "worker")
    await applies(sitthi, "state-welfare-card")
    for _ in range(2):
        await sitthi.graph(LOOK, persona="worker")
    assert len(await of_household(sitthi)) > earlier
    clock.set(DECEMBER)
    assert await all_bytes(sitthi, month["id"]) == looked
    assert month["at"] == "2026-11-01T00:00:00+07:00"
    assert datetime.fromisoformat(month["disclosedFrom"]) == DECEMBER
    assert month["purpose"]["title"] == "A calculation for the household on your house register"
    assert month["asker"]["kind"] == "SYSTEM"
    assert month["outcomes"] == []
    assert "annual_income" in [attribute["id"] for attribute in month["attributes"]]


async def test_its_proofs_are_told_a_year_later(sitthi: Served, clock: FixedClock) -> None:
    await signs_in(sitthi, "worker", "worker")
    await sitthi.graph(LOOK, persona="worker")
    kept = {one.id.hex for one in await of_household(sitthi)}
    shown_from = DECEMBER + timedelta(days=365)
    clock.set(shown_from - timedelta(seconds=1))
    await signs_in(sitthi, "spouse", SPOUSE)
    [month] = [node for node in await nodes(sitthi) if node["monthOnly"]]
    [later] = month["proofs"]
    assert later["record"] is None
    assert datetime.fromisoformat(later["availableFrom"]) == shown_from
    clock.set(shown_from)
    [month] = [node for node in await nodes(sitthi) if node["monthOnly"]]
    told = {proof["record"]["id"] for proof in month["proofs"]}
    assert kept <= told
    documents = "".join(proof["record"]["document"] for proof in month["proofs"])
    assert "welfare" not in documents
    assert not [one for one in await entries(sitthi.house.db, sitthi.house.keys) if str(one.request) in documents]


async def test_a_record_of_the_month_is_found_by_no_id_of_its_own(sitthi: Served, clock: FixedClock) -> None:
    await signs_in(sitthi, "worker", "worker")
    await sitthi.graph(LOOK, persona="worker")
    clock.set(DECEMBER)
    await signs_in(sitthi, "spouse", SPOUSE)
    for one in await of_household(sitthi):
        answer = await sitthi.post(NODE, {"id": node_id(one.id)}, persona="spouse")
        assert answer.content == NOTHING


def node_id(key: UUID) -> str:
    return str(GlobalId("AccessEntry", key))


NOTHING = b'{"data":{"node":null}}'
