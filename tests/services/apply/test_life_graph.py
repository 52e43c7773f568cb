"""In the graph: whose turn it is and until when, what happened and why, and opening again what lapsed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
import strawberry

from core.clock import BANGKOK
from core.graph import Info, global_id
from core.ids import new_id
from services.apply.deciding import Outcome
from services.apply.graph import ApplyOfCitizen
from services.apply.graph_reopen import ReopenMutation
from services.apply.lifecycle import Lifecycle
from services.apply.service import ApplyService
from tests.services.apply.asking import Asking, schema_of
from tests.services.apply.conftest import CARD, Room
from tests.services.apply.test_lifecycle import Town

LIFE = """{ viewer { applications { nodes { status turn dueOn overdue reopenUntil
  history { action status byDelegate byOfficer cause } } } } }"""
REOPEN = """mutation($input: ReopenInput!) { reopen(input: $input) {
  application { status turn dueOn reopenUntil } problems { code path } } }"""


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info) -> ApplyOfCitizen:
        return ApplyOfCitizen(person=info.context.signed_in().person)


@pytest.fixture
def town(room: Room) -> Town:
    room.decider.says = Outcome.NEEDS_INFORMATION
    return Town(room)


@pytest.fixture
def ask(room: Room, town: Town) -> Asking:
    asking = Asking(schema_of(Query, ReopenMutation), room.database, room.clock)
    asking.rooms.add(ApplyService, room.service)
    asking.rooms.add(Lifecycle, town.lifecycle)
    return asking


async def the_one(ask: Asking, citizen: UUID) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = (await ask(LIFE, citizen))["viewer"]["applications"]["nodes"]
    [node] = nodes
    return node


async def test_a_citizen_sees_until_when_it_is_their_turn(ask: Asking, town: Town, citizen: UUID) -> None:
    await town.room.apply(citizen)
    shown = await the_one(ask, citizen)
    assert (shown["turn"], shown["dueOn"], shown["overdue"], shown["reopenUntil"]) == (
        "CITIZEN", "2026-12-08", False, None,
    )  # fmt: skip


async def test_a_citizen_sees_that_the_agency_is_late(ask: Asking, town: Town, citizen: UUID) -> None:
    town.room.decider.missing = (CARD,)
    await town.room.apply(citizen)
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    await town.follow()
    shown = await the_one(ask, citizen)
    assert (shown["turn"], shown["dueOn"], shown["overdue"]) == ("AGENCY", "2026-12-08", True)
    assert shown["history"][-1] == {
        "action": "ESCALATE", "status": "SUBMITTED", "byDelegate": False, "byOfficer": False, "cause": "OVERDUE",
    }  # fmt: skip


async def test_what_lapsed_is_opened_again_once_per_key_and_not_by_others(
    ask: Asking, town: Town, citizen: UUID
) -> None:
    row = await town.room.apply(citizen)
    given = {"application": str(global_id("Application", row.id)), "idempotencyKey": "key-0000001"}
    early = (await ask(REOPEN, citizen, input={**given, "idempotencyKey": "key-0000002"}))["reopen"]
    assert [one["code"] for one in early["problems"]] == ["NOT_REOPENABLE"]
    town.room.clock.set(datetime(2026, 12, 9, 12, tzinfo=BANGKOK))
    await town.follow()
    assert (await the_one(ask, citizen))["reopenUntil"] == "2027-03-09"
    foreign = (await ask(REOPEN, new_id(), input=given))["reopen"]
    assert [one["code"] for one in foreign["problems"]] == ["NOT_FOUND"]
    first = (await ask(REOPEN, citizen, input=given))["reopen"]
    assert first["application"] == {
        "status": "NEEDS_INFORMATION", "turn": "CITIZEN", "dueOn": "2027-01-04", "reopenUntil": None,
    }  # fmt: skip
    assert (await ask(REOPEN, citizen, input=given))["reopen"] == first
    assert [step["action"] for step in (await the_one(ask, citizen))["history"]].count("REOPEN") == 1
