"""Bad input: a typed error with a stable code; no trace, nothing of the caller's in it; nothing half-written."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from api.limits import BODY_BYTES_MAX, DEPTH_MAX, FIELDS_MAX, TOKENS_MAX
from tests.api.asking import JSON, NAME, NUMBER, Asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICES: Final = "query($first: Int, $after: String) { services(first: $first, after: $after) { nodes { id } } }"
CHECK: Final = "query($facts: [FactInput!]!, $on: Date) { checkEntitlements(facts: $facts, on: $on) { status } }"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\x00",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"[{}]",
        b"1",
        b'"x"',
        b"true",
        b"{}",
        b'{"query": null}',
        b'{"query": 1}',
        b'{"query": ["{ viewer { id } }"]}',
        b'{"query": "{ viewer { id } }", "variables": []}',
        b'{"query": "{ viewer { id } }", "variables": "x"}',
        b'{"query": "{ viewer { id } }", "variables": {"x": NaN}}',
        b'{"query": "{ viewer { id } }", "variables": {"x": Infinity}}',
        b'{"query": "{ viewer { id } }", "variables": {"x": 1e999}}',
        b'{"query": "{ viewer { id } }", "variables": {"x": "\\ud800"}}',
        b'{"query": "{ viewer { id } }", "extensions": 1}',
        b"[" * 100_000,
        b'{"query": ' * 20_000,
        b'{"variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"query": "{ viewer { id } }"} {"query": "{ viewer { id } }"}',
        f'{{"query": "{NAME} {NUMBER}", "variables": '.encode(),
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_body_that_is_no_question_is_a_bad_request(ask: Asking, body: bytes) -> None:
    assert await ask.raw(body) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize(
    "more",
    [
        '"query": "{ programmes { slug } }"',
        '"operationName": "A", "operationName": null',
        '"variables": {"a": 1, "a": 2}',
    ],
)
async def test_of_a_key_said_twice_the_last_counts(ask: Asking, more: str) -> None:
    assert await ask.raw(f'{{"query": "{{ programmes {{ slug }} }}", {more}}}'.encode()) == (200, [])


@pytest.mark.parametrize("name", [1, {}, [], "B", "", NAME, NUMBER])
async def test_an_operation_that_the_question_does_not_have_is_an_error(ask: Asking, name: Any) -> None:
    body = json.dumps({"query": "query A { programmes { slug } }", "operationName": name}).encode()
    status, codes = await ask.raw(body)
    assert (status, codes) in [(400, ["BAD_REQUEST"]), (200, ["GRAPHQL_VALIDATION_FAILED"]), (200, [])]
    assert codes or name == ""


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "x", ";"]
)
async def test_another_content_type_is_a_bad_request(ask: Asking, content_type: str) -> None:
    """Also what protects from forms on other people's pages: a browser sends those types without asking."""
    body = b'{"query": "{ programmes { slug } }"}'
    assert await ask.raw(body, {"content-type": content_type}) == (400, ["BAD_REQUEST"])


async def test_a_compressed_body_is_a_bad_request(ask: Asking) -> None:
    body = gzip.compress(b'{"query": "{ programmes { slug } }"}')
    assert await ask.raw(body, {**JSON, "content-encoding": "gzip"}) == (400, ["BAD_REQUEST"])


async def test_a_mutation_by_get_is_refused(ask: Asking) -> None:
    token = await ask.sitthi.token("elder")
    query = (
        'mutation { apply(input: {programme: "old-age-allowance", idempotencyKey: "12345678"}) { problems { code } } }'
    )
    answer = await ask.sitthi.http.get(
        "/graphql", params={"query": query}, headers={"authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, ask.codes(answer.text)) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("params", [{}, {"query": ""}, {"query": "{ programmes { slug } }", "variables": "{"}])
async def test_a_get_that_asks_nothing_is_refused(ask: Asking, params: dict[str, str]) -> None:
    answer = await ask.sitthi.http.get("/graphql", params=params)
    assert (answer.status_code, ask.codes(answer.text)) == (400, ["BAD_REQUEST"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_another_method_is_refused(ask: Asking, method: str) -> None:
    assert await ask.raw(b"{}", method=method) == (405, ["BAD_REQUEST"])


async def test_a_body_too_large_by_its_own_word_is_refused(ask: Asking) -> None:
    assert await ask.raw(b" " * (BODY_BYTES_MAX + 1)) == (413, ["BODY_TOO_LARGE"])
    assert await ask.raw(b"{}".ljust(BODY_BYTES_MAX)) == (400, ["BAD_REQUEST"])


async def test_a_body_too_large_in_pieces_is_refused_before_its_end(ask: Asking) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(1_000):
            taken += 1
            yield b" " * 16_384

    answer = await ask.sitthi.http.post("/graphql", content=pieces(), headers=JSON)
    assert (answer.status_code, ask.codes(answer.text)) == (413, ["BODY_TOO_LARGE"])


@pytest.mark.parametrize("length", ["-1", "x", "1e9", "9" * 30])
async def test_a_length_that_is_no_length_is_refused(ask: Asking, length: str) -> None:
    status, codes = await ask.raw(b"{}", {**JSON, "content-length": length})
    assert (status, codes) == (413, ["BODY_TOO_LARGE"])


def deep(levels: int) -> str:
    return "{ viewer " + "{ entitlements { application " * (levels // 2) + "{ id }" + "}}" * (levels // 2) + " }"


def spread(times: int) -> str:
    """Fragments that double: 2**times fields out of a few lines."""
    last = f"fragment F{times} on Programme {{ slug }}"
    doubling = [f"fragment F{n} on Programme {{ ...F{n + 1} ... {{ ...F{n + 1} }} }}" for n in range(times)]
    return "\n".join(["{ programmes { ...F0 } }", *doubling, last])


AT_LARGE: Final = [
    ("{ programmes { " + " ".join(f"a{n}: slug" for n in range(FIELDS_MAX)) + " } }", "QUERY_TOO_LARGE"),
    ("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(21)) + " }", "QUERY_TOO_LARGE"),
    ("{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(5_000)) + " }", "QUERY_TOO_LARGE"),
    ("{ programmes { " + "slug " * (TOKENS_MAX + 1) + "} }", "QUERY_TOO_LARGE"),
    ("{ programmes { slug } } #" + "x" * 100_000, None),
    (spread(30), "QUERY_TOO_LARGE"),
    (spread(3), None),
    (deep(DEPTH_MAX + 1), "QUERY_TOO_DEEP"),
    ("{ " + "... { " * 200 + "programmes { slug }" + " }" * 201, None),
    ("{" * 100_000, "GRAPHQL_PARSE_FAILED"),
    ("query($a: " + "[" * 3_900 + "Int" + "]" * 3_900 + ") { programmes { slug } }", None),
    ("{ services(search: " + "[" * 1_900 + "]" * 1_900 + ") { nodes { id } } }", None),
    ("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ programmes { ...A } } fragment A on Programme { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }", None),
    ("{ viewer { id } } " * 900, "QUERY_TOO_LARGE"),
]


@pytest.mark.parametrize(("query", "code"), AT_LARGE, ids=lambda value: str(value)[:40])
async def test_a_question_too_large_or_too_deep_is_refused_with_its_code(
    ask: Asking, query: str, code: str | None
) -> None:
    status, codes = await ask.graph(query, persona="elder")
    assert status in (200, 400)
    assert "INTERNAL" not in codes
    if code is not None:
        assert code in codes


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "BAD_REQUEST"),
        ("x", "GRAPHQL_PARSE_FAILED"),
        (f"{{ {NAME} }}", "GRAPHQL_PARSE_FAILED"),
        (f'{{ viewer "{NAME} {NUMBER}" }}', "GRAPHQL_PARSE_FAILED"),
        (f"{{ a{NUMBER} }}", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer { nationalId } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ programmes { slug(x: 1) } }", "GRAPHQL_VALIDATION_FAILED"),
        (f'{{ node(id: 1.5, name: "{NAME}") {{ id }} }}', "GRAPHQL_VALIDATION_FAILED"),
        (f"{{ services(first: {NUMBER}) {{ nodes {{ id }} }} }}", "GRAPHQL_VALIDATION_FAILED"),
        (f'{{ services(first: "{NAME}") {{ nodes {{ id }} }} }}', "GRAPHQL_VALIDATION_FAILED"),
        (f'{{ services(category: "{NAME}") {{ nodes {{ id }} }} }}', "GRAPHQL_VALIDATION_FAILED"),
        ("{ programmes { slug } } fragment A on Programme { slug }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($x: Nothing) { programmes { slug } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ programmes @skip { slug } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ programmes @secret { slug } }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on Query { viewer { id } }", "BAD_REQUEST"),
        ("type Query { x: Int }", "BAD_REQUEST"),
        ("subscription { changes { id } }", "BAD_REQUEST"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_question_that_does_not_fit_the_schema_is_refused(ask: Asking, query: str, code: str) -> None:
    _, codes = await ask.graph(query, persona="elder")
    assert set(codes) == {code}


@pytest.mark.parametrize(
    "variables",
    [
        {"facts": None},
        {},
        {"facts": [1]},
        {"facts": [{"attribute": 1}]},
        {"facts": [{"attribute": int(NUMBER)}]},
        {"facts": [{"value": NUMBER}]},
        {"facts": [{"attribute": "annual_income", NAME: 1}]},
        {"facts": [{"attribute": "annual_income", "child": int(NUMBER)}]},
        {"facts": [], "on": int(NUMBER)},
        {"facts": [], "on": NUMBER},
        {"facts": [], "on": NAME},
        {"facts": [], "on": "2026-02-30"},
        {"facts": [], "on": "0000-00-00"},
        {"facts": [], "on": "2569-1-1"},
        {"facts": [], "on": "20260230"},
        {"facts": [], "on": ""},
        {"facts": [], "on": "\x00"},
        {"facts": [], "on": {"y": NAME}},
        {"facts": [], "on": ["2026-01-01"]},
        {"facts": [], "on": "99999-01-01"},
    ],
    ids=lambda value: str(value)[:60],
)
async def test_variables_of_the_wrong_type_are_refused_and_not_said_again(ask: Asking, variables: Any) -> None:
    _, codes = await ask.graph(CHECK, variables)
    assert set(codes) == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "fact",
    [
        {"attribute": NUMBER, "value": 1},
        {"attribute": NAME, "value": 1},
        {"attribute": f"a{NUMBER}", "value": 1},
        {"attribute": "", "value": 1},
        {"attribute": "\x00", "value": 1},
        {"attribute": "birth_date", "value": NUMBER},
        {"attribute": "birth_date", "value": NAME},
        {"attribute": "birth_date", "value": "2026-02-30"},
        {"attribute": "birth_date", "value": int(NUMBER)},
        {"attribute": "birth_date", "value": {"x": NAME}},
        {"attribute": "birth_date", "value": [[[[]]]]},
        {"attribute": "annual_income", "value": -(2**63) - 1},
        {"attribute": "annual_income", "value": 1.5},
        {"attribute": "annual_income", "value": {"satang": NUMBER, "currency": "THB"}},
        {"attribute": "annual_income", "value": {"satang": 1, "currency": NAME}},
        {"attribute": "nationality", "value": NAME},
        {"attribute": "birth_date", "value": "1950-01-01", "child": 0},
        {"attribute": "birth_date", "value": "1950-01-01", "child": -1},
        {"attribute": "birth_date", "value": "1950-01-01", "child": 2**31 - 1},
    ],
    ids=lambda value: str(value)[:60],
)
async def test_facts_that_cannot_be_are_refused_with_a_code_of_ours(ask: Asking, fact: dict[str, Any]) -> None:
    _, codes = await ask.graph(CHECK, {"facts": [fact]})
    assert codes
    assert not {"INTERNAL", "GRAPHQL_VALIDATION_FAILED"} & set(codes)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "1900-02-28", "2024-02-29"])
async def test_days_at_the_ends_of_the_calendar_are_answered_or_out_of_range(ask: Asking, day: str) -> None:
    expected = ["RULE_DAY_OUT_OF_RANGE"] if day in ("0001-01-01", "9999-12-31") else []
    assert await ask.graph(CHECK, {"facts": [], "on": day}) == (200, expected)
    entitlements = "query($on: Date) { viewer { entitlements(on: $on) { status changesOn } } }"
    assert await ask.graph(entitlements, {"on": day}, persona="elder") == (200, expected)


CONNECTIONS: Final = ("applications", "payments", "inbox", "consents", "accessLog")
SIZES: Final = [
    (0, "BAD_INPUT"),
    (-1, "BAD_INPUT"),
    (101, "BAD_INPUT"),
    (2**31 - 1, "BAD_INPUT"),
    (1, None),
    (100, None),
]


@pytest.mark.parametrize(
    ("first", "code"), [*SIZES, (2**31, "GRAPHQL_VALIDATION_FAILED"), (1.5, "GRAPHQL_VALIDATION_FAILED")]
)
async def test_a_page_has_from_1_to_100_things(ask: Asking, first: Any, code: str | None) -> None:
    expected = [] if code is None else [code]
    assert (await ask.graph(SERVICES, {"first": first}))[1] == expected
    for name in CONNECTIONS:
        query = f"query($first: Int) {{ viewer {{ {name}(first: $first) {{ nodes {{ id }} }} }} }}"
        assert (await ask.graph(query, {"first": first}, persona="elder"))[1] == expected


@pytest.mark.parametrize(
    "after", ["", "x", "\x00", NAME, NUMBER, "Yzo", "Yzp4", "Yzo=", "A" * 5_000, "Yzo5OTk5LTEyLTMxIHg", "YzoA"]
)
async def test_a_cursor_that_is_not_ours_is_bad_input(ask: Asking, after: str) -> None:
    assert (await ask.graph(SERVICES, {"after": after}))[1] == ["BAD_INPUT"]
    for name in CONNECTIONS:
        query = f"query($after: String) {{ viewer {{ {name}(after: $after) {{ nodes {{ id }} }} }} }}"
        assert (await ask.graph(query, {"after": after}, persona="elder"))[1] == ["BAD_INPUT"]


@pytest.mark.parametrize("search", ["", "\x00", "%", "_", "'", "\\", "ก" * 10_000, NAME, NUMBER, "((((", "👵🏽" * 100])
async def test_any_text_may_be_searched_for(ask: Asking, search: str) -> None:
    query = "query($search: String) { services(search: $search) { nodes { id } } }"
    _, codes = await ask.graph(query, {"search": search})
    assert codes in ([], ["BAD_INPUT"])


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "th"), ("en", "en"), ("en-GB,th;q=0.1", "en"), ("xx", "th"), ("th;q=x", "th"), (";;;", "th"),
        ("en;q=0", "th"), ("*", "th"), (",".join(["en"] * 2_000), "en"), ("ก".encode().decode("latin-1"), "th"),
    ],
)  # fmt: skip
async def test_whatever_the_language_header_says_the_answer_has_one(ask: Asking, header: str, language: str) -> None:
    headers: Any = {**JSON, "accept-language": header.encode("latin-1")}
    answer = await ask.sitthi.http.post("/graphql", content=b"{", headers=headers)
    assert ask.codes(answer.text) == ["BAD_REQUEST"]
    thai = any("\u0e00" <= letter <= "\u0e7f" for letter in answer.json()["errors"][0]["message"])
    assert ("th" if thai else "en") == language


@pytest.mark.parametrize("attribute", [NAME, NAME.replace(" ", ""), NUMBER, f"a{NUMBER}", "Somchai", ""])
async def test_an_attribute_that_does_not_exist_is_not_said_again(ask: Asking, attribute: str) -> None:
    query = (
        "mutation($input: RequestCorrectionInput!) { requestCorrection(input: $input) { problems { code message } } }"
    )
    given = {"attribute": attribute, "statement": "x", "idempotencyKey": "12345678"}
    answer = await ask.sitthi.post(query, {"input": given}, persona="elder")
    ask.codes(answer.text)
    [problem] = answer.json()["data"]["requestCorrection"]["problems"]
    assert problem["code"] == "UNKNOWN_ATTRIBUTE"
    assert "?" in problem["message"]
