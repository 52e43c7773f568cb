"""What strangers try at the door of the graph."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from api.commands.walk import sign_in
from tests.support.app import Served

INTROSPECTION_ONCE = "{ __schema { types { name fields { name type { kind ofType { name } } } } } }"


async def token_with(sitthi: Served, scope: str) -> str:
    transport = httpx2.ASGITransport(app=sitthi.app)
    answer = await sign_in(sitthi.house.settings, "elder", scope=scope, transport=transport)
    return str(answer["access_token"])


async def test_a_token_that_was_not_granted_the_citizens_data_does_not_open_the_graph(sitthi: Served) -> None:
    question = {"query": "{ viewer { profile { annualIncome { value { satang } } } } }"}
    for scope in ("openid", "openid profile"):
        headers = {"authorization": f"Bearer {await token_with(sitthi, scope)}"}
        answer = await sitthi.http.post("/graphql", json=question, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "SCOPE_MISSING")
        assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    headers = {"authorization": f"Bearer {await token_with(sitthi, 'citizen')}"}
    assert (await sitthi.http.post("/graphql", json=question, headers=headers)).json()["data"]["viewer"]["profile"]


@pytest.mark.parametrize("path", ["/signin/", "/oauth/authorize/?client_id=demo-app", "/graphql/", "/oauth/token/"])
async def test_a_host_header_sends_nobody_elsewhere(sitthi: Served, path: str) -> None:
    answer = await sitthi.http.get(path, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert answer.status_code == 404
    assert "evil.example" not in str(answer.headers) + answer.text


async def test_no_cache_keeps_an_answer_of_the_graph(sitthi: Served) -> None:
    asked = await sitthi.post("{ viewer { id } }", persona="elder")
    refused = await sitthi.http.post("/graphql", content="no JSON", headers={"content-type": "application/json"})
    by_get = await sitthi.http.get("/graphql", params={"query": "{ viewer { id } }"})
    for answer in (asked, refused, by_get):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "query",
    [
        "{ ...All } fragment All on Query { %s }",
        "{ ... on Query { %s } }",
        "{ ...One ...Two } fragment One on Query { %s } fragment Two on Query { viewer { id } }",
    ],
)
async def test_fragments_hide_no_root_fields(sitthi: Served, query: str) -> None:
    roots = " ".join(f"a{number}: viewer {{ id }}" for number in range(21))
    answer = (await sitthi.post(query % roots)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_TOO_LARGE"]


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { a: fields { name } b: fields { name } } } }",
        "{ __schema { ...S } } fragment S on __Schema { types { ...T } } fragment T on __Type { a: fields { name } }",
        "{ a: __schema { types { name } } b: __schema { types { name } } }",
        "{ viewer { id } __schema { types { ... on __Type { a: name b: name } } } }",
        "{ ...R } fragment R on Query { __schema { types { a: name } } }",
        '{ __type(name: "Citizen") { a: fields { name } b: fields { name } } }',
    ],
)
async def test_the_schema_is_told_once_a_question_and_not_a_hundred_times(sitthi: Served, query: str) -> None:
    answer = (await sitthi.post(query)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["QUERY_TOO_LARGE"]
    assert (await sitthi.graph(INTROSPECTION_ONCE))["__schema"]["types"]


async def test_counting_fragments_in_fragments_takes_no_time(sitthi: Served) -> None:
    """Two spreads a level double the fields at each of them: counting must not take as long as answering would."""
    doubled = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    answer = await asyncio.wait_for(
        sitthi.post(f"{{ ...F0 }} {doubled} fragment F60 on Query {{ viewer {{ id }} }}"), 5
    )
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"QUERY_TOO_LARGE"}


async def test_a_secret_in_an_address_is_not_logged_when_its_page_breaks(
    sitthi: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(code: str) -> None:
        raise RuntimeError("broken")

    sitthi.app.add_api_route("/verify/broken/{code}", broken)
    answer = await sitthi.http.get("/verify/broken/the-code-on-a-receipt")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    logged = capsys.readouterr().out
    assert "/verify/broken/{code}" in logged
    assert "the-code-on-a-receipt" not in logged
