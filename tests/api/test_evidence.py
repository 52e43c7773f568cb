"""A citizen sends evidence, names it in an application, has it back: through the whole application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from api.limits import BODY_BYTES_MAX
from core.ids import GlobalId
from services.apply.evidence.examining import ProcessExaminer
from services.apply.evidence.scanning import scanner_of
from services.apply.evidence.service import EvidenceDesk
from tests.laws.cases import PROGRAMME, waiting_application
from tests.laws.tables import contents
from tests.services.apply.evidence.papers import paper, picture, with_action
from tests.services.exchange.privacy.world import left, ran
from tests.support.acting import act, delegated, signed_in_with
from tests.support.app import Served

EVIDENCE = "application { id evidence { id mediaType bytes path scanned } }"


async def send(sitthi: Served, content: Any, who: str | None = "elder", **headers: str) -> httpx2.Response:
    sent: dict[str, str] = {"idempotency-key": uuid4().hex, **{n.replace("_", "-"): v for n, v in headers.items()}}
    if who is not None:
        sent["authorization"] = f"Bearer {await sitthi.token(who)}"
    return await sitthi.http.post("/evidence", content=content, headers=sent)


async def sent(sitthi: Served, content: bytes, who: str = "elder", **headers: str) -> dict[str, Any]:
    answer = await send(sitthi, content, who, **headers)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def ask(sitthi: Served, method: str, evidence: Mapping[str, Any] | UUID, who: str = "elder") -> httpx2.Response:
    key = evidence if isinstance(evidence, UUID) else GlobalId.parse(evidence["id"]).id
    headers = {"authorization": f"Bearer {await sitthi.token(who)}"}
    return await sitthi.http.request(method, f"/evidence/{key.hex}", headers=headers)


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


async def test_evidence_is_sent_in_a_stream_named_in_an_application_and_had_back(sitthi: Served) -> None:
    content = picture("PNG", 500)
    assert len(content) > BODY_BYTES_MAX

    async def parts() -> AsyncIterator[bytes]:
        for begin in range(0, len(content), 10_000):
            yield content[begin : begin + 10_000]

    answer = await send(sitthi, parts(), content_type="text/html")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["mediaType"], told["bytes"], told["scanned"]) == ("image/png", len(content), False)
    payload = await sitthi.do("apply", EVIDENCE, "elder", programme=PROGRAMME, evidence=[told["id"]])
    assert payload["problems"] == []
    [named] = payload["application"]["evidence"]
    assert (named["id"], named["path"]) == (told["id"], answer.headers["location"])
    had = await ask(sitthi, "GET", told)
    assert (had.status_code, had.content) == (200, content)
    assert had.headers["content-type"] == "application/octet-stream"
    assert had.headers["content-disposition"].startswith("attachment;")
    assert had.headers["x-content-type-options"] == "nosniff"
    assert had.headers["cache-control"] == "no-store"
    assert code(await ask(sitthi, "DELETE", told)) == (409, "EVIDENCE_SUBMITTED")


async def test_evidence_is_named_in_a_supplement(sitthi: Served) -> None:
    told, waiting = await sent(sitthi, paper()), await waiting_application(sitthi, "elder")
    given = {"application": waiting, "answers": {}, "evidence": [told["id"]]}
    payload = await sitthi.do("supplement", EVIDENCE, "elder", **given)
    assert payload["problems"] == []
    assert [one["id"] for one in payload["application"]["evidence"]] == [told["id"]]


async def test_an_application_that_names_what_is_anothers_is_not_made(sitthi: Served) -> None:
    told = await sent(sitthi, paper(), "graduate")
    payload = await sitthi.do("apply", EVIDENCE, "elder", programme=PROGRAMME, evidence=[told["id"]])
    assert payload["application"] is None
    assert [(p["code"], p["path"]) for p in payload["problems"]] == [("NOT_FOUND", ["evidence"])]
    assert (await contents(sitthi.house.db))["application"] == []


async def test_whose_it_is_not_finds_nothing(sitthi: Served) -> None:
    told = await sent(sitthi, paper())
    for method in ("GET", "DELETE"):
        assert code(await ask(sitthi, method, told, "graduate")) == (404, "NOT_FOUND")
        assert code(await ask(sitthi, method, uuid4())) == (404, "NOT_FOUND")
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await sitthi.graph(node, {"id": told["id"]}, persona="graduate"))["node"] is None
    assert (await sitthi.graph(node, {"id": told["id"]}, persona="elder"))["node"] == {"id": told["id"]}
    assert (await ask(sitthi, "DELETE", told)).status_code == 204
    assert code(await ask(sitthi, "GET", told)) == (404, "NOT_FOUND")


async def test_nobody_without_a_token_nor_who_acts_for_another_has_a_way_in(sitthi: Served) -> None:
    assert code(await send(sitthi, paper(), None))[0] == 401
    carer = await act(sitthi, "graduate", await delegated(sitthi, "elder", "graduate"))
    assert code(await send(sitthi, paper(), carer)) == (403, "NOT_DELEGATED")
    told = await sent(sitthi, paper())
    assert code(await ask(sitthi, "GET", told, carer)) == (403, "NOT_DELEGATED")


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"MZ", 415, "EVIDENCE_TYPE"),
        (with_action("/Launch"), 422, "EVIDENCE_UNSAFE"),
        (bytes(5_000_001), 413, "EVIDENCE_TOO_LARGE"),
        (paper()[:-30], 422, "EVIDENCE_BROKEN"),
        (b"", 400, "EVIDENCE_CUT"),
    ],
    ids=["program", "launch", "large", "cut", "empty"],
)
async def test_what_is_refused_says_why(sitthi: Served, content: bytes, status: int, told: str) -> None:
    assert code(await send(sitthi, content)) == (status, told)
    assert (await contents(sitthi.house.db))["evidence"] == []


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(sitthi: Served) -> None:
    token, said = await sitthi.token("elder"), []
    content = paper()
    messages = iter([{"type": "http.request", "body": content[:100], "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def tell(message: Any) -> None:
        said.append(message)

    headers = {"authorization": f"Bearer {token}", "idempotency-key": "k", "content-length": str(len(content))}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/evidence",
        "raw_path": b"/evidence", "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    await sitthi.app(scope, receive, tell)
    assert said[0]["status"] == 400
    assert (await contents(sitthi.house.db))["evidence"] == []
    await sent(sitthi, content, idempotency_key="k")


async def test_where_nobody_scans_production_takes_nothing(sitthi: Served) -> None:
    house = sitthi.house
    desk = house.rooms.get(EvidenceDesk)
    closed = EvidenceDesk(
        house.db, house.clock, house.keys, house.identity.people, ProcessExaminer(), scanner_of(None, needed=True)
    )
    desk.__dict__.update(closed.__dict__)
    assert code(await send(sitthi, paper())) == (503, "EVIDENCE_CLOSED")


async def test_whoever_leaves_leaves_no_evidence(sitthi: Served) -> None:
    await sent(sitthi, paper())
    signed_in_with(sitthi)
    await left(sitthi, "elder")
    await ran(sitthi)
    found = await contents(sitthi.house.db)
    assert (found["evidence"], found["evidence_piece"]) == ([], [])
