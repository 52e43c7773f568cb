"""Applying over the graph: payloads, problems, replays, pages."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
import strawberry

from core.errors import BadInput
from core.graph import Info, Node, global_id
from core.ids import GlobalId, new_id
from core.text import Language
from services.apply.acceptance.service import Acceptance
from services.apply.deciding import Outcome
from services.apply.graph import NODES, ApplyMutation, ApplyOfCitizen
from services.apply.service import ApplyService
from tests.services.apply.asking import Asking, schema_of
from tests.services.apply.conftest import Room, accepting

FIELDS = """id subject status turn title submittedAt decidedAt beneficiary { id }
  reasons { text outcome law } missing { attribute title heldBy agency } history { action status }"""
APPLY = f"""mutation($input: ApplyInput!) {{ apply(input: $input) {{
  application {{ {FIELDS} }} existing {{ id }} problems {{ code path message }} }} }}"""


@strawberry.type
class Query:
    @strawberry.field
    def viewer(self, info: Info) -> ApplyOfCitizen:
        return ApplyOfCitizen(person=info.context.signed_in().person)

    @strawberry.field
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 (Relay's word)
        given = GlobalId.parse(str(id))
        return await NODES[given.type](info, given.id)


@pytest.fixture
def ask(room: Room) -> Asking:
    asking = Asking(schema_of(Query, ApplyMutation), room.database, room.clock)
    asking.rooms.add(ApplyService, room.service)
    asking.rooms.add(Acceptance, accepting(room))
    return asking


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


def given(key: str = "key-0000001", **more: Any) -> dict[str, Any]:
    return {"programme": "allowance", "idempotencyKey": key, **more}


async def test_an_application_is_shown_with_all_there_is_to_it(ask: Asking, citizen: UUID) -> None:
    payload = (await ask(APPLY, citizen, input=given()))["apply"]
    application = payload["application"]
    assert payload["problems"] == []
    assert (application["subject"], application["status"], application["turn"]) == (
        "programme:allowance", "APPROVED", "DONE"
    )  # fmt: skip
    assert (application["title"], application["beneficiary"]["id"]) == ("เบี้ยทดสอบ", global_id("Person", citizen))
    assert application["reasons"] == [{"text": "อายุ", "outcome": "MET", "law": "ข้อ 6"}]
    assert [step["action"] for step in application["history"]] == ["SUBMIT", "APPROVE"]
    again = await ask("query($id: ID!) { node(id: $id) { ... on Application { title } } }", citizen,
                      language=Language.EN, id=application["id"])  # fmt: skip
    assert again == {"node": {"title": "Test allowance"}}


async def test_the_same_key_answers_the_same_application_again(ask: Asking, room: Room, citizen: UUID) -> None:
    first = await ask(APPLY, citizen, input=given())
    assert await ask(APPLY, citizen, input=given()) == first
    assert await room.count("application") == 1


async def test_another_key_is_told_which_application_stands_in_the_way(ask: Asking, citizen: UUID) -> None:
    first = (await ask(APPLY, citizen, input=given()))["apply"]["application"]
    second = (await ask(APPLY, citizen, input=given("key-0000002"), language=Language.EN))["apply"]
    assert second["application"] is None
    assert second["existing"] == {"id": first["id"]}
    [problem] = second["problems"]
    assert (problem["code"], problem["path"]) == ("ALREADY_APPLIED", [])


async def test_of_thirty_at_once_with_keys_of_their_own_one_wins(ask: Asking, room: Room, citizen: UUID) -> None:
    answers = await asyncio.gather(*(ask(APPLY, citizen, input=given(f"key-{n:07}")) for n in range(30)))
    made = [a["apply"]["application"]["id"] for a in answers if a["apply"]["application"]]
    assert len(made) == 1
    assert {a["apply"]["existing"]["id"] for a in answers if a["apply"]["existing"]} == set(made)
    assert [await room.count(t) for t in ("application", "test_award", "idempotency_record")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"programme": None}, "BAD_INPUT", ["programme"]),
        ({"service": "x"}, "BAD_INPUT", ["programme"]),
        ({"programme": None, "service": "x"}, "MALFORMED_ID", ["service"]),
        ({"programme": None, "service": str(global_id("Person", new_id()))}, "MALFORMED_ID", ["service"]),
        ({"programme": "x" * 65}, "NOT_FOUND", ["programme"]),
        ({"programme": "เบี้ย"}, "NOT_FOUND", ["programme"]),
        ({"beneficiary": "nonsense"}, "MALFORMED_ID", ["beneficiary"]),
        ({"beneficiary": str(global_id("Payment", new_id()))}, "MALFORMED_ID", ["beneficiary"]),
        ({"beneficiary": str(global_id("Person", new_id()))}, "NOT_FOUND", ["beneficiary"]),
        ({"answers": []}, "BAD_INPUT", ["answers"]),
        ({"answers": {"annual_income": "a\x00"}}, "BAD_INPUT", ["answers", "annual_income"]),
        ({"answers": {"annual_income": 1}}, "BAD_INPUT", ["answers", "annual_income"]),
        ({"answers": {"annual_income": 2**70}}, "BAD_INPUT", ["answers", "annual_income"]),
        ({"answers": {"annual_income": "\ud800"}}, "BAD_INPUT", ["answers", "annual_income"]),
        ({"answers": {"annual_income": nested(100)}}, "BAD_INPUT", ["answers", "annual_income"]),
        ({"answers": {"annual_income": nested(900)}}, "BAD_INPUT", []),
        ({"idempotencyKey": "short"}, "BAD_INPUT", ["idempotencyKey"]),
    ],
)
async def test_bad_input_is_a_problem_with_its_place_and_leaves_no_row(
    ask: Asking, room: Room, citizen: UUID, more: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = (await ask(APPLY, citizen, input=given(**more)))["apply"]
    assert payload["application"] is None
    assert [(p["code"], p["path"]) for p in payload["problems"]] == [(code, path)]
    assert [await room.count(t) for t in ("application", "idempotency_record", "application_event")] == [0, 0, 0]


async def test_supplement_withdraw_and_appeal_answer_the_application(ask: Asking, room: Room, citizen: UUID) -> None:
    room.decider.says, room.decider.then = Outcome.NEEDS_INFORMATION, Outcome.REFUSED
    waiting = (await ask(APPLY, citizen, input=given()))["apply"]["application"]
    assert (waiting["status"], waiting["turn"]) == ("NEEDS_INFORMATION", "CITIZEN")
    assert waiting["missing"] == [
        {"attribute": "household_income", "title": "รายได้", "heldBy": "CITIZEN", "agency": None}
    ]

    async def act(name: str, **more: Any) -> Any:
        kind = name.capitalize()
        document = f"""mutation($input: {kind}Input!) {{ {name}(input: $input) {{
          application {{ status reasons {{ text }} }} problems {{ code path }} }} }}"""
        return (await ask(document, citizen, input={"application": waiting["id"], **more}))[name]

    answers = {"household_income": 1}
    rejected = await act("supplement", answers=answers, idempotencyKey="key-supplement")
    assert rejected["application"]["status"] == "REJECTED"
    assert rejected["application"]["reasons"] == [{"text": "อายุ"}]
    assert await act("supplement", answers=answers, idempotencyKey="key-supplement") == rejected
    late = await act("supplement", answers=answers, idempotencyKey="key-supplement-2")
    assert late == {"application": None, "problems": [{"code": "NOT_WAITING_FOR_ANSWERS", "path": []}]}
    appealed = await act("appeal", grounds="ข้อมูลผิด", idempotencyKey="key-appeal")
    assert appealed["application"]["status"] == "APPEALED"
    withdrawn = await act("withdraw", idempotencyKey="key-withdraw")
    assert withdrawn["application"]["status"] == "WITHDRAWN"
    again = await act("withdraw", idempotencyKey="key-withdraw-2")
    assert again["problems"] == [{"code": "ALREADY_CLOSED", "path": []}]


@pytest.mark.parametrize("name", ["supplement", "withdraw", "appeal"])
async def test_a_foreign_a_forged_and_an_unknown_id_change_nothing(
    ask: Asking, room: Room, citizen: UUID, name: str
) -> None:
    room.decider.says = Outcome.REFUSED
    mine = (await ask(APPLY, citizen, input=given()))["apply"]["application"]["id"]
    more: Any = {"supplement": {"answers": {}}, "withdraw": {}, "appeal": {"grounds": "x"}}[name]
    document = f"""mutation($input: {name.capitalize()}Input!) {{ {name}(input: $input) {{
      application {{ id }} problems {{ code path }} }} }}"""
    cases = [
        (mine, "NOT_FOUND", []),
        (str(global_id("Application", new_id())), "NOT_FOUND", []),
        (str(global_id("Person", citizen)), "MALFORMED_ID", ["application"]),
        ("../../etc", "MALFORMED_ID", ["application"]),
    ]
    for number, (application, code, path) in enumerate(cases):
        chosen = {"application": application, "idempotencyKey": f"key-foreign-{number}", **more}
        payload = (await ask(document, new_id(), input=chosen))[name]
        assert payload == {"application": None, "problems": [{"code": code, "path": path}]}
    assert await room.count("application", "status = 'REJECTED'") == 1


async def test_a_foreign_node_is_null(ask: Asking, citizen: UUID) -> None:
    mine = (await ask(APPLY, citizen, input=given()))["apply"]["application"]["id"]
    document = "query($id: ID!) { node(id: $id) { id } }"
    assert (await ask(document, citizen, id=mine))["node"] == {"id": mine}
    assert (await ask(document, new_id(), id=mine))["node"] is None
    assert (await ask(document, None, id=mine))["node"] is None


async def test_applications_come_newest_first_in_pages(ask: Asking, room: Room, citizen: UUID) -> None:
    room.decider.says = Outcome.REFUSED
    made = [(await room.apply(citizen)).id for _ in range(3)]
    await room.apply(new_id())
    document = """query($after: String) { viewer { applications(first: 2, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } } } }"""
    first = (await ask(document, citizen))["viewer"]["applications"]
    second = (await ask(document, citizen, after=first["pageInfo"]["endCursor"]))["viewer"]["applications"]
    ids = [node["id"] for page in (first, second) for node in page["nodes"]]
    assert ids == [str(global_id("Application", key)) for key in reversed(made)]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    for forged in ("Yzp4", "nonsense", ""):
        with pytest.raises(BadInput):
            await ask(document, citizen, after=forged)
