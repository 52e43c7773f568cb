"""No address makes the service fail, on either database: whatever stands in a path, at every route there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest
from fastapi.routing import iter_route_contexts
from starlette.types import Receive, Scope, Send

from api.plain_addresses import PlainAddresses, refused
from tests.api.test_agency_services import ACT, ONE, WHY, Waterworks
from tests.support.agency import code_of
from tests.support.app import Served

HOSTILE: Final = (
    "%00",
    "a%00b",
    "%01",
    "%0A",
    "%0d%0aX:1",
    "%1b[2J",
    "%7f",
    "%C2%80",
    "%C2%9F",
    "%E2%80%A8",
    "%E2%80%A9",
)
HARMLESS: Final = ("%20", "%21", "%7e", "%C2%A0", "%E0%B8%81", "%FF", "%ED%A0%80", "..%2f", "%25%30%30", "0" * 3_000)
_PLACE: Final = re.compile(r"\{[^}]*\}")


def addresses(sitthi: Served) -> Iterator[tuple[str, str]]:
    """Of every route its methods and its path as it is declared."""
    for route in iter_route_contexts(sitthi.app.routes):
        assert route.path is not None
        for method in sorted(route.methods or {"GET", "POST"}):
            yield method, route.path


def filled(path: str, text: str) -> str:
    """With the text in all places of the path; where it has none, below it."""
    return _PLACE.sub(text, path) if _PLACE.search(path) else f"{path.rstrip('/')}/{text}"


async def test_no_control_character_in_a_path_reaches_a_route(sitthi: Served) -> None:
    """Signed in as those who are let in: a citizen, and an agency's system with each of its scopes."""
    systems = [await Waterworks.at(sitthi, scope=f"agency.{scope}") for scope in ("services", "ingest", "facts")]
    tokens = [(await system.headers())["authorization"] for system in systems]
    tokens.append(f"Bearer {await sitthi.token('elder')}")
    seen = 0
    for method, path in addresses(sitthi):
        for place, text in enumerate(HOSTILE):
            headers = {"authorization": tokens[place % len(tokens)], "accept-language": "en"}
            answer = await sitthi.http.request(method, filled(path, text), headers=headers)
            assert answer.status_code == 404, (method, path, text)
            if method != "HEAD":
                assert code_of(answer) == (404, "NOT_FOUND"), (method, path, text)
        seen += 1
    assert seen > 100, "the routes are walked"


async def test_what_is_merely_odd_is_no_failure_either(sitthi: Served) -> None:
    services = await Waterworks.at(sitthi)
    token, citizen = (await services.headers())["authorization"], f"Bearer {await sitthi.token('elder')}"
    for method, path in addresses(sitthi):
        if not _PLACE.search(path) or path.startswith("/sandbox"):
            continue
        for text in HARMLESS:
            headers = {"authorization": token if path.startswith("/agency") else citizen}
            body = WHY if path.startswith(f"{ONE.rpartition('/')[0]}/") and method == "POST" else None
            answer = await sitthi.http.request(method, filled(path, text), headers=headers, json=body)
            assert answer.status_code < 500, (method, path, text, answer.text)


async def test_acts_on_a_service_that_nothing_can_be_named_like_are_acts_on_nothing(sitthi: Served) -> None:
    """These failed on PostgreSQL: the name reached the query of what is current."""
    services = await Waterworks.at(sitthi)
    for act, body in (
        ("suspend", WHY),
        ("resume", WHY),
        ("retire", WHY),
        ("rollback", WHY),
        ("versions/1.0.0/submit", ACT),
    ):
        assert code_of(await services.post(f"/agency/v1/services/a%00b/{act}", body)) == (404, "NOT_FOUND")


async def test_the_refusal_has_the_headers_and_the_language_of_every_answer(sitthi: Served) -> None:
    answer = await sitthi.http.get("/open/services/%00", headers={"accept-language": "th"})
    assert answer.json()["errors"][0]["message"] == "ไม่พบรายการที่ต้องการ"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/json"
    head = await sitthi.http.head("/open/services/%00")
    assert (head.status_code, head.content, int(head.headers["content-length"]) > 0) == (404, b"", True)


@pytest.mark.sqlite_only  # refused at the door
async def test_a_query_with_a_nul_is_out_of_form_and_one_with_a_line_break_is_a_question(sitthi: Served) -> None:
    for query in ("client_id=a%00b", "a=%00", "%00=a"):
        assert code_of(await sitthi.http.get(f"/oauth/authorize?{query}")) == (400, "BAD_REQUEST")
    asked = await sitthi.http.get("/graphql?query=%7B%0A__typename%0A%7D", headers={"accept": "application/json"})
    assert asked.json()["data"] == {"__typename": "Query"}
    assert (await sitthi.http.get("/graphql?query=%7B__typename%7D&x=%2500")).status_code == 200, "a percent sign"


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/a", b"", None),
        ("/ก", b"", None),
        ("/a\x1f", b"", 404),
        ("/a\x20", b"", None),
        ("/a\x7e", b"", None),
        ("/a\x7f", b"", 404),
        ("/a\x9f", b"", 404),
        ("/a\xa0", b"", None),
        ("/\udc80", b"", 404),
        ("/a", b"b=\x00", 400),
        ("/a", b"b=%0", None),
        ("/a", b"b=%01", None),
    ],
)
def test_the_boundaries(path: str, query: bytes, status: int | None) -> None:
    error = refused({"path": path, "query_string": query})
    assert (None if error is None else {"NOT_FOUND": 404, "BAD_REQUEST": 400}[error.code]) == status


async def test_a_socket_goes_its_own_way() -> None:
    reached = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])

    async def nothing(*_: object) -> None:
        raise AssertionError("nobody is told anything")

    for kind in ("websocket", "lifespan"):
        await PlainAddresses(app)({"type": kind, "path": "/\0"}, nothing, nothing)  # type: ignore[arg-type]  # never called
    assert reached == ["websocket", "lifespan"]
