"""A request is read strictly or refused whole, and no refusal repeats what was sent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from core.errors import BadInput
from services.exchange.rest.errors import MediaTypeUnsupported
from services.exchange.rest.requests import ATTRIBUTES_MAX, BATCH_MAX, BatchRequest, FactsRequest, read

SECRET: Final = "1112034563562"
GOOD: Final = {
    "requestId": "0198f3a0-0000-7000-8000-000000000001",
    "purpose": "student-loan-screening",
    "attributes": ["name"],
    "agent": {"kind": "SYSTEM", "id": "loans"},
    "person": {"nationalId": SECRET},
}
LEFT_OUT: Final[Any] = object()


def request(body: bytes, content_type: str | None = "application/json") -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def body_with(**changes: Any) -> bytes:
    body = {name: value for name, value in {**GOOD, **changes}.items() if value is not LEFT_OUT}
    return json.dumps(body).encode()


async def test_a_request_that_is_as_it_should_be_is_read() -> None:
    asked = await read(request(body_with()), FactsRequest)
    assert (str(asked.request_id), asked.attributes, asked.person.national_id) == (
        GOOD["requestId"],
        ["name"],
        SECRET,
    )


WRONG: Final[Mapping[str, Mapping[str, Any]]] = {
    "a member nobody knows": {"ชื่อ": 1},
    "a national ID in another place": {SECRET: 1},
    "no requestId": {"requestId": LEFT_OUT},
    "a requestId that is none": {"requestId": "1"},
    "a requestId as a number": {"requestId": 1},
    "a requestId in braces": {"requestId": "{0198f3a0-0000-7000-8000-000000000001}"},
    "a requestId with a NUL": {"requestId": "0198f3a0-0000-7000-8000-00000000000\x00"},
    "no purpose": {"purpose": LEFT_OUT},
    "a purpose of null": {"purpose": None},
    "a purpose with a NUL": {"purpose": "a\x00"},
    "a long purpose": {"purpose": "a" * 65},
    "no attribute": {"attributes": []},
    "too many attributes": {"attributes": ["a" * (n + 1) for n in range(ATTRIBUTES_MAX + 1)]},
    "an attribute twice": {"attributes": ["name", "name"]},
    "an attribute that is none": {"attributes": ["name", SECRET]},
    "a tie between people by record": {"attributes": ["oic:policies"]},
    "attributes as one text": {"attributes": "name"},
    "no agent": {"agent": LEFT_OUT},
    "an agent of another kind": {"agent": {"kind": "CITIZEN", "id": "x"}},
    "an agent without a name": {"agent": {"kind": "SYSTEM", "id": ""}},
    "an agent with a long name": {"agent": {"kind": "SYSTEM", "id": "x" * 65}},
    "an agent in Thai": {"agent": {"kind": "SYSTEM", "id": "ระบบ"}},
    "an agent with a line end": {"agent": {"kind": "SYSTEM", "id": "x\n"}},
    "a system named by a national ID": {"agent": {"kind": "SYSTEM", "id": SECRET}},
    "an officer by name": {"agent": {"kind": "OFFICER", "id": "somchai"}},
    "an officer in capitals": {"agent": {"kind": "OFFICER", "id": "A" * 32}},
    "nobody": {"person": {}},
    "somebody twice": {"person": {"nationalId": SECRET, "reference": "x"}},
    "a national ID as a number": {"person": {"nationalId": int(SECRET)}},
    "a person as a text": {"person": SECRET},
    "a long number": {"person": {"nationalId": SECRET * 6}},
}


@pytest.mark.parametrize("what", WRONG)
async def test_whatever_else_is_refused_without_repeating_it(what: str) -> None:
    with pytest.raises(BadInput) as refused:
        await read(request(body_with(**WRONG[what])), FactsRequest)
    assert SECRET not in str(refused.value)
    assert str(refused.value).isascii()
    assert SECRET not in repr(refused.value.path)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b'{"a":\x00}', b"[" * 100_000, b"<xml/>"],
    ids=repr,
)
async def test_what_is_no_object_of_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        await read(request(body), FactsRequest)


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=tis-620"]
)
async def test_another_media_type_is_refused(content_type: str | None) -> None:
    with pytest.raises(MediaTypeUnsupported):
        await read(request(body_with(), content_type), FactsRequest)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", "application/json; charset=UTF-8"])
async def test_json_is_json_however_it_is_spelt(content_type: str) -> None:
    assert (await read(request(body_with(), content_type), FactsRequest)).attributes == ["name"]


@pytest.mark.parametrize(("count", "good"), [(0, False), (1, True), (BATCH_MAX, True), (BATCH_MAX + 1, False)])
async def test_a_batch_is_of_one_to_a_hundred_people(count: int, good: bool) -> None:
    body = body_with(person=LEFT_OUT, people=[{"nationalId": str(n)} for n in range(count)])
    if good:
        assert len((await read(request(body), BatchRequest)).people) == count
    else:
        with pytest.raises(BadInput):
            await read(request(body), BatchRequest)


async def test_who_is_asked_about_does_not_show_in_what_is_printed() -> None:
    assert SECRET not in repr(await read(request(body_with()), FactsRequest))


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "id", "kind", "x"]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(GOOD)), JSON), JSON)
async def test_any_json_is_read_or_refused(changes: dict[str, Any], whole: Any) -> None:
    for body in (body_with(**changes), json.dumps(whole).encode()):
        with contextlib.suppress(BadInput):
            assert isinstance(await read(request(body), FactsRequest), FactsRequest)
