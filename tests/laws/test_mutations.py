"""The laws of every mutation: one unit of work, one key, nothing left of what failed, nothing done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLNonNull, GraphQLObjectType, get_named_type
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from core.graph.mutations import UnitOfWork, Work
from tests.laws.cases import CASES, UNKNOWN
from tests.laws.schema import MUTATIONS, fields_of, our_fields
from tests.laws.tables import CLAIMED, contents
from tests.support.acting import signed_in_with
from tests.support.app import Served

KEY = "a-key-of-this-test"
EACH = pytest.mark.parametrize("field", MUTATIONS)
IN_PARALLEL = 20


def test_every_mutation_of_the_schema_has_a_case() -> None:
    assert sorted(CASES) == MUTATIONS


@pytest.mark.parametrize("field", our_fields("Mutation"), ids=lambda field: str(field.python_name))
def test_a_mutation_goes_through_the_unit_of_work(field: Any) -> None:
    [unit] = [extension for extension in field.extensions if isinstance(extension, UnitOfWork)]
    assert callable(unit.payload.replay)


@EACH
def test_a_mutation_is_nullable_and_has_a_key_and_problems(field: str) -> None:
    kind, argument = fields_of("Mutation")[field].type, fields_of("Mutation")[field].args["input"].type
    assert not isinstance(kind, GraphQLNonNull), "a failing sibling would hide this one's committed result"
    payload, given = get_named_type(kind), get_named_type(argument)
    assert isinstance(payload, GraphQLObjectType)
    assert isinstance(given, GraphQLInputObjectType)
    assert (payload.name, str(argument)) == (f"{field[0].upper()}{field[1:]}Payload", f"{given.name}!")
    assert str(payload.fields["problems"].type) == "[Problem!]!"
    assert str(given.fields["idempotencyKey"].type) == "String!"
    assert all(not isinstance(f.type, GraphQLNonNull) for name, f in payload.fields.items() if name != "problems")


def hostile(field: str) -> list[tuple[str, Any]]:
    """For each place of a mutation's input, values that must not be taken; made from the schema."""
    by_type: dict[str, list[Any]] = {
        "ID": ["", "x", "-1", "ก", "=" * 40, "A" * 5_000, "\x00", *UNKNOWN.values()],
        "[ID!]": [[""], ["x"], ["A" * 5_000], ["\x00"], [None], 7, ["x"] * 1_000, *([one] for one in UNKNOWN.values())],
        "String": ["\x00x", "x\x00", "x" * 100_000],
        "[String!]": [[], ["x"], ["name", "\x00"], ["x"] * 1_000],
        "Boolean": ["x", 1],
        "ContactKind": ["", "FAX", "mobile", 7],
        "NoticeChannelKind": ["", "FAX", "email", "EMAIL", 7],
        "NoticeLanguage": ["", "th", "DE", 7],
        "DecideWhen": ["", "soon", "LATER", 7],
        "[NoticeChoiceInput!]": [
            [{}],
            [{"topic": "SECURITY", "channel": "PUSH"}],
            [{"topic": "PAYMENTS", "channel": "FAX"}],
            [None],
            7,
        ],
        "PayoutMethod": ["", "CHEQUE", "BANK_ACCOUNT", 7],
        "DelegationKind": ["", "FRIEND", "PARENT", "GUARDIAN", 7],
        "DelegationDirection": ["", "BOTH", 7],
        "[DelegationScope!]": [[], ["APPLY"], ["EVERYTHING"], ["VIEW", None]],
        "DisputeKind": ["", "LATE", "WRONG_AMOUNT", 7],
        "Satang": [-1, 1, 2**63, "x"],
        "DataCopyKind": ["", "ALL", 7],
        "RestrictionGround": ["", "MARKETING", 7],
        "ObjectionGround": ["", "ACCURACY", 7],
        "Date": ["", "x", "2026-11-15", "9999-12-31", 7],
        "DateTime": ["", "x", "2026-11-15T00:00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59", 7],
        "CaseActInput": [
            {},
            {"claim": False},
            {"claim": True, "release": True},
            {"note": {"text": "\x00"}},
            {"approve": {"proposal": "x"}},
            {"refer": {"to": "x"}},
            {"ask": {"wanted": []}},
            {"refuse": {"reason": "", "law": ""}},
            {"other": True},
            7,
        ],
        "Int": [-(2**31), -1, 0, 6, 2**31 - 1],
        "JSON": [[], "x", 1, {"": 1}, {"x" * 100: 1}, {"annual_income": "\x00"}, {"annual_income": 2**63}],
    }
    kind = get_named_type(fields_of("Mutation")[field].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    return [(name, value) for name, f in kind.fields.items() for value in by_type[str(f.type).removesuffix("!")]]


ASK_AGENCIES: Final = frozenset({"issueDocument", "offerCredential", "prepareShare", "createShare"})
"""What they ask for is claimed, and whose key signs it made, before the one transaction."""
SIGNED_ANEW: Final = frozenset({"proof", "qrSvg"})
"""Of a receipt: made at each look. Two ES256 signatures of the same claims differ."""


async def ask(sitthi: Served, field: str, given: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    """The whole answer of one mutation field."""
    kind = f"{field[0].upper()}{field[1:]}Input"
    payload = get_named_type(fields_of("Mutation")[field].type)
    assert isinstance(payload, GraphQLObjectType)
    thing = next(iter(payload.fields))
    inside = get_named_type(payload.fields[thing].type)
    assert isinstance(inside, GraphQLObjectType)
    leaves = (name for name, f in inside.fields.items() if not hasattr(get_named_type(f.type), "fields"))
    plain = [name for name in leaves if name not in SIGNED_ANEW]
    query = (
        f"mutation($input: {kind}!) {{ {field}(input: $input) "
        f"{{ {thing} {{ {' '.join(plain)} }} problems {{ code message path }} }} }}"
    )
    answer = await sitthi.post(query, {"input": {"idempotencyKey": key, **given}}, persona=CASES[field].persona)
    read: dict[str, Any] = answer.json()
    return read


async def ready(sitthi: Served, field: str) -> dict[str, Any]:
    """The persona is signed in and the world made: what comes now is the mutation alone."""
    if not CASES[field].persona.startswith("officer "):  # who signs in when the world is made
        await sitthi.token(CASES[field].persona)
    if (acr := CASES[field].acr) is not None:
        signed_in_with(sitthi, acr)
    return await CASES[field].ready(sitthi)


def codes(answer: dict[str, Any], field: str) -> list[str]:
    problems = ((answer.get("data") or {}).get(field) or {}).get("problems") or []
    return [p["code"] for p in problems] + [e["extensions"]["code"] for e in answer.get("errors", [])]


@EACH
async def test_bad_input_leaves_no_row(sitthi: Served, field: str) -> None:
    given = await ready(sitthi, field)
    before = await contents(sitthi.house.db)
    for name, value in hostile(field):
        if given.get(name) == value:
            continue
        answer = await ask(sitthi, field, {**given, name: value})
        found = codes(answer, field)
        assert found, f"{name} = {value!r:.40} was taken"
        assert not {"INTERNAL", "SERVICE_UNAVAILABLE"} & set(found), f"{name} = {value!r:.40}: {answer}"
        assert await contents(sitthi.house.db) == before, f"{name} = {value!r:.40} left something"
    assert codes(await ask(sitthi, field, given), field) == [], "what failed must not have used the key up"


class Broken(Exception):
    """What nobody foresaw."""


def break_every_unit_of_work(sitthi: Served, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """At its very end: after its last statement, or in the commit itself."""
    inside: ContextVar[bool] = ContextVar("inside", default=False)
    original = Work.transaction

    @asynccontextmanager
    async def transaction(self: Work) -> AsyncIterator[AsyncSession]:
        before = inside.set(moment == "commit")
        try:
            async with original(self) as session:
                yield session
                await session.flush()
                if moment == "last statement":
                    raise Broken
        finally:
            inside.reset(before)

    def commit(_connection: Any) -> None:
        if inside.get():
            raise Broken

    monkeypatch.setattr(Work, "transaction", transaction)
    event.listen(sitthi.house.db.engine.sync_engine, "commit", commit)


@EACH
@pytest.mark.parametrize("moment", ["last statement", "commit"])
async def test_an_unexpected_error_at_the_very_end_leaves_no_row(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch, field: str, moment: str
) -> None:
    given = await ready(sitthi, field)
    before = await contents(sitthi.house.db)
    break_every_unit_of_work(sitthi, monkeypatch, moment)
    answer = await ask(sitthi, field, given)
    assert (answer["data"], codes(answer, field)) == ({field: None}, ["INTERNAL"])
    after = await contents(sitthi.house.db)
    assert {name: rows for name, rows in after.items() if name not in CLAIMED or field not in ASK_AGENCIES} == {
        name: rows for name, rows in before.items() if name not in CLAIMED or field not in ASK_AGENCIES
    }


@EACH
async def test_the_same_key_and_input_gives_the_same_answer_and_no_further_row(sitthi: Served, field: str) -> None:
    given = await ready(sitthi, field)
    first = await ask(sitthi, field, given)
    assert codes(first, field) == []
    after = await contents(sitthi.house.db)
    assert await ask(sitthi, field, given) == first
    assert await contents(sitthi.house.db) == after


@EACH
async def test_the_same_key_with_another_input_is_a_conflict(sitthi: Served, field: str) -> None:
    given = await ready(sitthi, field)
    await ask(sitthi, field, given)
    after = await contents(sitthi.house.db)
    assert codes(await ask(sitthi, field, {**given, **CASES[field].other}), field) == ["IDEMPOTENCY_CONFLICT"]
    assert await contents(sitthi.house.db) == after


@EACH
async def test_twenty_twins_at_once_have_one_effect(sitthi: Served, field: str) -> None:
    given = await ready(sitthi, field)
    before = await contents(sitthi.house.db)
    answers = await asyncio.gather(*(ask(sitthi, field, given) for _ in range(IN_PARALLEL)))
    assert codes(answers[0], field) == []
    assert all(answer == answers[0] for answer in answers)
    after = await contents(sitthi.house.db)
    [record] = set(after["idempotency_record"]) - set(before["idempotency_record"])
    assert KEY in record
    grown = {table: len(after[table]) - len(before[table]) for table in after if len(after[table]) > len(before[table])}
    assert grown == {table: n for table, n in grown.items() if n <= 3}, "a single effect writes a few rows at most"
    assert await ask(sitthi, field, given) == answers[0]
    assert await contents(sitthi.house.db) == after


@EACH
async def test_signed_out_a_mutation_does_nothing(sitthi: Served, field: str) -> None:
    given = await ready(sitthi, field)
    before = await contents(sitthi.house.db)
    kind = f"{field[0].upper()}{field[1:]}Input"
    query = f"mutation($input: {kind}!) {{ {field}(input: $input) {{ problems {{ code }} }} }}"
    answer = (await sitthi.post(query, {"input": {"idempotencyKey": KEY, **given}})).json()
    assert (answer["data"], codes(answer, field)) == ({field: None}, ["NOT_SIGNED_IN"])
    assert await contents(sitthi.house.db) == before


@EACH
async def test_one_failing_mutation_hides_no_other(sitthi: Served, field: str) -> None:
    """Two fields in one request: the first breaks its input, the second takes effect, and both say so."""
    given = await ready(sitthi, field)
    kind = f"{field[0].upper()}{field[1:]}Input"
    query = (
        f"mutation($bad: {kind}!, $good: {kind}!) {{ bad: {field}(input: $bad) {{ problems {{ code }} }} "
        f"good: {field}(input: $good) {{ problems {{ code }} }} }}"
    )
    variables = {"bad": {**given, "idempotencyKey": "short"}, "good": {**given, "idempotencyKey": KEY}}
    data = await sitthi.graph(query, variables, persona=CASES[field].persona)
    assert data == {"bad": {"problems": [{"code": "BAD_INPUT"}]}, "good": {"problems": []}}
