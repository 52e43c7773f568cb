"""Whatever the bytes: never our own fault (5xx), never a code that docs/errors.md does not list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.asking import Asking

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRIES = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
VARIABLES = {
    "checkEntitlements(facts: $a, on: $b) { status }": "$a: [FactInput!]!, $b: Date",
    "services(search: $a, after: $b) { nodes { id } }": "$a: String, $b: String",
    "services(category: $a, first: $b) { nodes { id } }": "$a: ServiceCategory, $b: Int",
    "node(id: $a) { id } viewer { entitlements(on: $b) { status } }": "$a: ID!, $b: Date",
    "viewer { entitlements(status: $a) { id } inbox(after: $b) { nodes { id } } }": (
        "$a: [EntitlementStatus!], $b: String"
    ),
}
INPUTS = {
    "apply(input: {programme: $b, answers: $a, KEY})": "$a: JSON, $b: String",
    'apply(input: {programme: "child-support-grant", beneficiary: $b, service: $a, KEY})': "$a: ID, $b: ID",
    "supplement(input: {application: $b, answers: $a, KEY})": "$a: JSON!, $b: ID!",
    "withdraw(input: {application: $a, idempotencyKey: $b})": "$a: ID!, $b: String!",
    "appeal(input: {application: $a, grounds: $b, KEY})": "$a: ID!, $b: String!",
    "confirmReceipt(input: {receipt: $a, idempotencyKey: $b})": "$a: ID!, $b: String!",
    'rate(input: {receipt: "x", score: $a, comment: $b, KEY})': "$a: Int!, $b: String",
    "grantConsent(input: {purpose: $b, textVersion: $b, attributes: $a, KEY})": "$a: [String!], $b: String!",
    "withdrawConsent(input: {consent: $a, idempotencyKey: $b})": "$a: ID!, $b: String!",
    "requestCorrection(input: {attribute: $a, statement: $b, KEY})": "$a: String!, $b: String!",
}
KEY = 'idempotencyKey: "12345678"'
QUESTIONS = [f"query({given}) {{ {field} }}" for field, given in VARIABLES.items()]
CHANGES = [
    f"mutation({given}) {{ {field.replace('KEY', KEY)} {{ problems {{ code }} }} }}" for field, given in INPUTS.items()
]


async def asked(ask: Asking, body: bytes, token: str | None = None) -> None:
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
    status, _ = await ask.raw(body, headers)
    assert status < 500


@TRIES
@given(st.binary(max_size=200))
async def test_any_bytes(ask: Asking, body: bytes) -> None:
    await asked(ask, body)


@TRIES
@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
async def test_any_json_in_the_places_of_a_question(
    ask: Asking, query: Any, variables: Any, name: Any, more: Any
) -> None:
    body = {"query": query, "variables": variables, "operationName": name, "extensions": more}
    await asked(ask, json.dumps(body).encode())


@TRIES
@given(st.text(alphabet='{}()[]!:$@&|=."\\ \n#,abcxyz0189-ก' + "\x00", max_size=80))
async def test_any_text_as_a_question(ask: Asking, query: str) -> None:
    await asked(ask, json.dumps({"query": query}).encode())


@pytest.mark.parametrize("query", QUESTIONS + CHANGES)
@TRIES
@given(a=ANYTHING, b=ANYTHING)
async def test_any_json_as_the_variables_of_a_good_question(ask: Asking, query: str, a: Any, b: Any) -> None:
    token = await ask.sitthi.token("elder")
    await asked(ask, json.dumps({"query": query, "variables": {"a": a, "b": b}}).encode(), token)


@pytest.mark.parametrize("query", [CHANGES[0], CHANGES[2]])
@TRIES
@given(
    answers=st.dictionaries(
        TEXT | st.sampled_from(["annual_income", "birth_date", "child.birth_date"]), ANYTHING, max_size=4
    )
)
async def test_any_answers_to_a_form(ask: Asking, query: str, answers: Any) -> None:
    token = await ask.sitthi.token("elder")
    await asked(ask, json.dumps({"query": query, "variables": {"a": answers, "b": "x"}}).encode(), token)
