"""The unit of work, over a table of its own kind: each call of `note` writes one more idempotency-like row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import strawberry
from sqlalchemy import func, select

from core.clock import FixedClock
from core.database import Database
from core.errors import Conflict
from core.graph import Context, Info, Problem, Rooms, Viewer, mutation, work_of
from core.graph.mutations import _hash
from core.idempotency import whole_hash
from core.ids import new_id
from core.models import IdempotencyRecord
from core.text import Language

MUTATION = "mutation($input: NoteInput!) { note(input: $input) { text problems { code path } } }"


@strawberry.input
class NoteInput:
    idempotency_key: str
    text: str
    fail: str = ""
    tags: list[str] = strawberry.field(default_factory=list)
    newest: str | None = None


@strawberry.type
class NotePayload:
    text: str | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> NotePayload:
        return cls(text=kept["text"])


@dataclass(frozen=True)
class Twin:
    """What another process does meanwhile."""

    go: Callable[[], Awaitable[Any]]


@strawberry.type
class Mutation:
    @mutation(NotePayload)
    async def note(self, info: Info, input: NoteInput) -> NotePayload | None:
        if input.fail == "before":
            raise Conflict
        if input.fail.startswith("after its twin"):  # what a far look before the transaction sees of a faster twin
            await info.context.room(Twin).go()
            if input.fail.endswith("raises"):
                raise Conflict
            return NotePayload(problems=[Problem(code="CONFLICT", message="", path=[])])
        async with work_of(info).transaction() as session:
            effect = IdempotencyRecord(
                citizen=new_id(),
                client="effect",
                field="effect",
                key=input.text,
                input_hash=b"",
                kept={},
                created_at=info.context.clock.now(),
            )
            session.add(effect)
            await session.flush()
            if input.fail == "inside":
                raise Conflict(path=("text",))
            if input.fail == "crash":
                raise ZeroDivisionError
            work_of(info).keep(text=input.text)
        return NotePayload(text=input.text)


@strawberry.type
class Query:
    ok: bool = True


SCHEMA = strawberry.Schema(Query, Mutation)
VIEWER = Viewer(new_id(), "app", frozenset(), "ial2.3", expires_at=datetime(2100, 1, 1, tzinfo=UTC))


class Caller:
    def __init__(self, database: Database, clock: FixedClock) -> None:
        self.database, self.clock, self.rooms = database, clock, Rooms()

    async def __call__(self, key: str, text: str = "hello", fail: str = "", viewer: Viewer | None = VIEWER) -> Any:
        context = Context(self.database, self.clock, self.rooms, viewer, Language.EN, new_id())
        variables = {"input": {"idempotencyKey": key, "text": text, "fail": fail}}
        result = await SCHEMA.execute(MUTATION, variable_values=variables, context_value=context)
        if result.errors:
            return result.errors[0].original_error
        assert result.data
        return result.data["note"]

    def claim_of(self, key: str, fail: str) -> dict[str, Any]:
        """The row by which a twin of that call keeps its answer."""
        return {
            "citizen": VIEWER.person,
            "client": VIEWER.client,
            "field": "note",
            "key": key,
            "input_hash": _hash(NoteInput(idempotency_key=key, text="hello", fail=fail)),
            "kept": {"text": "kept by the twin"},
            "created_at": self.clock.now(),
        }

    async def rows(self, field: str = "effect") -> int:
        async with self.database.read() as session:
            query = select(func.count()).select_from(IdempotencyRecord).filter_by(field=field)
            return await session.scalar(query) or 0


@pytest.fixture
def call(database: Database, clock: FixedClock) -> Caller:
    return Caller(database, clock)


async def test_the_same_key_and_input_has_one_effect_and_one_answer(call: Caller) -> None:
    first, second = await call("key-00001"), await call("key-00001")
    assert first == second == {"text": "hello", "problems": []}
    assert await call.rows() == 1


BEFORE = {
    "with every argument": {"text": "hello", "fail": "", "tags": [], "newest": None},
    "before the newest argument": {"text": "hello", "fail": "", "tags": []},
    "before two of them": {"text": "hello", "fail": ""},
}


@pytest.mark.parametrize("kept_as", BEFORE.values(), ids=BEFORE)
async def test_a_key_that_an_earlier_release_kept_is_answered_as_it_was(call: Caller, kept_as: dict[str, Any]) -> None:
    async with call.database.write() as session:
        session.add(IdempotencyRecord(**call.claim_of("key-00001", "") | {"input_hash": whole_hash(kept_as)}))
    assert await call("key-00001") == {"text": "kept by the twin", "problems": []}
    other = await call("key-00001", fail="before")
    assert [problem["code"] for problem in other["problems"]] == ["IDEMPOTENCY_CONFLICT"]
    assert await call.rows() == 0


def test_an_argument_that_says_what_its_absence_says_is_not_part_of_what_is_compared() -> None:
    left_out = _hash(NoteInput(idempotency_key="key-00001", text="hello"))
    assert _hash(NoteInput(idempotency_key="key-00002", text="hello", fail="", tags=[], newest=None)) == left_out
    for more in ({"fail": "x"}, {"tags": ["x"]}, {"newest": ""}):
        assert _hash(NoteInput(idempotency_key="key-00001", text="hello", **more)) != left_out


async def test_the_same_key_with_another_input_is_a_conflict(call: Caller) -> None:
    await call("key-00001")
    answer = await call("key-00001", text="other")
    assert answer["problems"] == [{"code": "IDEMPOTENCY_CONFLICT", "path": ["idempotencyKey"]}]
    assert await call.rows() == 1


async def test_thirty_twins_at_once_have_one_effect_and_equal_answers(call: Caller) -> None:
    answers = await asyncio.gather(*(call("key-00001") for _ in range(30)))
    assert all(answer == {"text": "hello", "problems": []} for answer in answers)
    assert await call.rows() == 1


@pytest.mark.parametrize("how", ["after its twin raises", "after its twin answers with problems"])
async def test_a_twin_that_was_overtaken_before_its_transaction_gives_the_same_answer(call: Caller, how: str) -> None:
    async def faster() -> None:
        async with call.database.write() as session:
            [row] = records
            session.add(IdempotencyRecord(**row))

    records = [call.claim_of("key-00001", how)]
    call.rooms.add(Twin, Twin(faster))
    assert await call("key-00001", fail=how) == {"text": "kept by the twin", "problems": []}


async def test_a_twin_with_another_input_that_was_faster_is_a_conflict(call: Caller) -> None:
    async def faster() -> None:
        await call("key-00001", text="other")

    call.rooms.add(Twin, Twin(faster))
    answer = await call("key-00001", fail="after its twin raises")
    assert [p["code"] for p in answer["problems"]] == ["IDEMPOTENCY_CONFLICT"]
    assert await call.rows() == 1


@pytest.mark.parametrize("fail", ["before", "inside"])
async def test_a_problem_leaves_no_row_and_the_key_may_be_used_again(call: Caller, fail: str) -> None:
    answer = await call("key-00001", fail=fail)
    assert [p["code"] for p in answer["problems"]] == ["CONFLICT"]
    assert (await call.rows(), await call.rows("note")) == (0, 0)
    assert (await call("key-00001"))["text"] == "hello"


async def test_a_crash_inside_leaves_no_row(call: Caller) -> None:
    assert isinstance(await call("key-00001", fail="crash"), ZeroDivisionError)
    assert (await call.rows(), await call.rows("note")) == (0, 0)


async def test_another_client_of_the_same_citizen_has_keys_of_its_own(call: Caller) -> None:
    await call("key-00001")
    other = Viewer(VIEWER.person, "another-app", frozenset(), VIEWER.acr, VIEWER.expires_at)
    await call("key-00001", text="other", viewer=other)
    assert await call.rows() == 2


@pytest.mark.parametrize("key", ["", "1234567", "k" * 129, "key\x00with nul", "key with\nnewline"])
async def test_a_key_out_of_bounds_is_bad_input(call: Caller, key: str) -> None:
    answer = await call(key)
    assert answer["problems"] == [{"code": "BAD_INPUT", "path": ["idempotencyKey"]}]
    assert await call.rows() == 0


@pytest.mark.parametrize("key", ["12345678", "k" * 128])
async def test_a_key_at_the_bounds_is_taken(call: Caller, key: str) -> None:
    assert (await call(key))["problems"] == []


async def test_nobody_signed_in_is_an_error_with_its_code(call: Caller) -> None:
    error = await call("key-00001", viewer=None)
    assert error.code == "NOT_SIGNED_IN"
