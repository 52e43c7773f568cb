"""The anonymous check stores nothing: no row of any table, no key of the cache, no line of the log tells of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.database import load_models
from tests.support.app import Served

CHECK = """query($facts: [FactInput!]!, $on: Date) { checkEntitlements(facts: $facts, on: $on) {
  id status programme { slug } beneficiary { id } benefits { amount { satang } } changesOn smallestChange { text }
  reasons { outcome facts { attribute value } } missing { attribute } } }"""
INCOME, BORN, CHILD_BORN = 8_271_605, "1951-07-19", "2023-04-29"
MARKS = (str(INCOME), BORN, CHILD_BORN, "82,716.05", "82716")
FACTS: list[dict[str, Any]] = [
    {"attribute": "annual_income", "value": {"satang": INCOME, "currency": "THB"}},
    {"attribute": "birth_date", "value": BORN},
    {"attribute": "disability_card", "value": True},
    {"attribute": "birth_date", "value": CHILD_BORN, "child": 1},
]
WRONG: list[dict[str, Any]] = [
    {"attribute": "annual_income", "value": INCOME},
    {"attribute": "birth_date", "value": f"{BORN}T00:00"},
    {"attribute": BORN, "value": True},
]


async def rows(sitthi: Served) -> dict[str, list[Any]]:
    """Every table, whole, but for where the sequencer stands, which it writes by itself, whoever asks what."""
    async with sitthi.house.db.read() as session:
        return {
            name: sorted(repr(tuple(row)) for row in await session.execute(select(table)))
            for name, table in load_models().tables.items()
            if name != "log_state"
        }


async def cached(sitthi: Served) -> dict[bytes, bytes]:
    """Every key of the cache with its value, as the cache itself would write it to a disk."""
    redis = sitthi.house.redis
    return {bytes(key): bytes(await redis.dump(key) or b"") async for key in redis.scan_iter()}


@pytest.mark.parametrize("facts", [FACTS, *[[one] for one in WRONG]], ids=["sound", "bare", "time", "name"])
async def test_it_leaves_no_row_no_key_and_no_line(
    sitthi: Served, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, facts: list[dict[str, Any]]
) -> None:
    await sitthi.post(CHECK, {"facts": [{"attribute": "deceased", "value": False}]})  # whatever a first request makes
    before, kept = await rows(sitthi), await cached(sitthi)
    capfd.readouterr()
    caplog.clear()
    answer = await sitthi.post(CHECK, {"facts": facts, "on": "2026-11-30"})
    assert ("errors" in answer.json()) is (facts is not FACTS)
    assert await rows(sitthi) == before
    after = await cached(sitthi)
    assert {name.partition(b":")[0] for name in after.keys() - kept.keys()} <= {b"limit"}, (
        "an address is counted, no more"
    )
    said = capfd.readouterr()
    told = " ".join((said.out, said.err, caplog.text, *(repr(item) for item in after.items())))
    assert not [mark for mark in MARKS if mark in told]


async def test_what_it_answers_leads_nowhere(sitthi: Served) -> None:
    found = (await sitthi.graph(CHECK, {"facts": FACTS}))["checkEntitlements"]
    assert {e["beneficiary"]["id"] for e in found}
    for one in found:
        for key in (one["id"], one["beneficiary"]["id"]):
            node = await sitthi.post("query($id: ID!) { node(id: $id) { id } }", {"id": key}, persona="elder")
            assert node.json()["data"]["node"] is None
