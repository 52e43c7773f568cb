"""A citizen asks an agency for a document and takes it away, through the whole application."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select

from core.graph.mutations import Work
from services.plugins.contract import AgencyError
from services.plugins.documents import service as documents
from services.plugins.documents.models import IssuedContent, IssuedDocument
from services.plugins.documents.service import KEPT, DocumentDesk
from services.plugins.standing import Standing
from tests.laws.cases import person_of
from tests.services.exchange.privacy.world import dump, left, ran, readable
from tests.services.plugins.documents.office import CONTENT, NAME, OPERATION, SERVICE, SLUG, Office
from tests.support.acting import act, delegated, signed_in_with
from tests.support.app import Served

FIELDS = "id name title mediaType bytes url issuedAt expiresAt"
MINE = f"{{ viewer {{ documents {{ nodes {{ {FIELDS} }} }} }} }}"
KEY = "key-of-this-test"


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


async def issue(sitthi: Served, persona: str = "elder", **given: Any) -> dict[str, Any]:
    wish = {"service": SERVICE, "operation": OPERATION, "arguments": {"year": 2569}, **given}
    return await sitthi.do("issueDocument", f"document {{ {FIELDS} }}", persona, **wish)


async def issued(sitthi: Served, persona: str = "elder", **given: Any) -> dict[str, Any]:
    payload = await issue(sitthi, persona, **given)
    assert payload["problems"] == []
    document: dict[str, Any] = payload["document"]
    return document


async def download(sitthi: Served, url: str, persona: str | None = "elder") -> httpx2.Response:
    headers = {} if persona is None else {"authorization": f"Bearer {await sitthi.token(persona)}"}
    return await sitthi.http.get(url.removeprefix(sitthi.house.settings.issuer), headers=headers)


async def kept(sitthi: Served) -> tuple[int, int]:
    """How many documents there are, and of how many what they say."""
    async with sitthi.house.db.read() as session:
        one = await session.scalar(select(func.count()).select_from(IssuedDocument))
        other = await session.scalar(select(func.count()).select_from(IssuedContent))
    return int(one or 0), int(other or 0)


def refused(payload: dict[str, Any]) -> list[tuple[str, list[str]]]:
    assert payload["document"] is None
    return [(problem["code"], problem["path"]) for problem in payload["problems"]]


async def test_a_document_is_asked_for_listed_and_taken_away(sitthi: Served, office: Office) -> None:
    document = await issued(sitthi)
    told = {name: document[name] for name in ("name", "title", "mediaType", "bytes")}
    assert told == {"name": NAME, "title": "A certificate", "mediaType": "application/pdf", "bytes": len(CONTENT)}
    assert (await sitthi.graph(MINE, persona="elder"))["viewer"]["documents"]["nodes"] == [document]
    answer = await download(sitthi, document["url"])
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="_____________.pdf"; filename*=UTF-8')
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    [call] = office.calls
    assert (call.arguments, call.operation) == ({"year": 2569}, OPERATION)


async def test_what_claims_to_be_a_page_is_never_one(sitthi: Served, office: Office) -> None:
    office.name, office.media_type, office.content = "x\u202elmth.exe", "text/html", b"<script>alert(1)</script>"
    document = await issued(sitthi)
    assert (document["mediaType"], document["name"]) == ("text/html", "xlmth.exe")
    answer = await download(sitthi, document["url"])
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")


async def test_it_is_in_the_access_log_before_it_is_had(sitthi: Served, office: Office) -> None:
    seen: list[Any] = []
    log = "{ viewer { accessLog { nodes { attributes { id } } } } }"

    async def look() -> None:
        seen.extend((await sitthi.graph(log, persona="elder"))["viewer"]["accessLog"]["nodes"])

    office.meanwhile = look
    await issued(sitthi)
    assert {"attributes": [{"id": f"oic:{OPERATION}"}]} in seen


async def test_twins_with_one_key_are_one_call_and_one_document(sitthi: Served, office: Office) -> None:
    await sitthi.token("elder")
    twins = await asyncio.gather(*(issued(sitthi, idempotencyKey=KEY) for _ in range(5)))
    assert all(twin == twins[0] for twin in twins)
    assert len(office.issued) == len({call.key for call in office.calls}) == 1
    assert await kept(sitthi) == (1, 1)
    asked = len(office.calls)
    assert await issued(sitthi, idempotencyKey=KEY) == twins[0]
    assert len(office.calls) == asked


async def test_one_key_with_another_input_is_a_conflict(sitthi: Served, office: Office) -> None:
    await issued(sitthi, idempotencyKey=KEY)
    other = await issue(sitthi, idempotencyKey=KEY, arguments={"year": 2570})
    assert refused(other) == [("IDEMPOTENCY_CONFLICT", ["idempotencyKey"])]
    assert len(office.calls) == 1
    assert await kept(sitthi) == (1, 1)


async def test_who_asks_again_after_a_crash_makes_the_same_call(
    sitthi: Served, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: Work) -> NoReturn:
        raise RuntimeError("the process was killed")

    await sitthi.token("elder")
    with monkeypatch.context() as patched:
        patched.setattr(Work, "transaction", crash)
        wish = {"service": SERVICE, "operation": OPERATION, "idempotencyKey": KEY, "arguments": {"year": 2569}}
        query = "mutation($input: IssueDocumentInput!) { issueDocument(input: $input) { document { id } } }"
        answer = (await sitthi.post(query, {"input": wish}, persona="elder")).json()
        assert answer["data"] == {"issueDocument": None}
    assert await kept(sitthi) == (0, 0)
    await issued(sitthi, idempotencyKey=KEY)
    first, second = office.calls
    assert (first.key, first.arguments, first.person) == (second.key, second.arguments, second.person)
    assert len(office.issued) == 1
    await issued(sitthi, "graduate", idempotencyKey=KEY)
    assert office.calls[-1].key != first.key, "another's key is another call"


async def test_what_is_anothers_and_what_never_was_are_alike(sitthi: Served, office: Office) -> None:
    url = (await issued(sitthi))["url"]
    foreign = await download(sitthi, url, "graduate")
    for path in (f"/documents/{uuid4().hex}", "/documents/x", "/documents/ก"):
        unknown = await download(sitthi, path, "graduate")
        assert (unknown.status_code, unknown.json()) == (foreign.status_code, foreign.json())
    assert foreign.status_code == 404
    assert (await download(sitthi, url, None)).status_code == 401
    assert (await sitthi.graph(MINE, persona="graduate"))["viewer"]["documents"]["nodes"] == []


async def test_it_expires_and_is_then_deleted(sitthi: Served, office: Office) -> None:
    document = await issued(sitthi)
    desk = sitthi.house.rooms.get(DocumentDesk)
    sitthi.clock.advance(KEPT)
    sitthi.forget_tokens()
    assert (await download(sitthi, document["url"])).status_code == 404
    assert (await sitthi.graph(MINE, persona="elder"))["viewer"]["documents"]["nodes"] == []
    await issued(sitthi)
    await desk.expire()
    assert await kept(sitthi) == (1, 1), "that of today"


@pytest.mark.parametrize(
    ("standing", "code"), [(Standing.SUSPENDED, "SERVICE_SUSPENDED"), (Standing.RETIRED, "SERVICE_RETIRED")]
)
async def test_a_service_that_is_not_open_is_not_asked(
    sitthi: Served, office: Office, standing: Standing, code: str
) -> None:
    document = await issued(sitthi)
    plugin = sitthi.house.registry.get(SLUG)
    assert plugin is not None
    object.__setattr__(plugin, "standing", standing)
    assert refused(await issue(sitthi)) == [(code, [])]
    assert len(office.calls) == 1
    assert (await download(sitthi, document["url"])).status_code == 200


@pytest.mark.parametrize(
    ("fail", "code"), [(TimeoutError(), "SERVICE_UNAVAILABLE"), (AgencyError("NOT_READY"), "AGENCY_DECLINED")]
)
async def test_an_agency_that_does_not_issue_leaves_nothing_and_the_key_is_free(
    sitthi: Served, office: Office, fail: Exception, code: str
) -> None:
    office.fail = fail
    assert refused(await issue(sitthi, idempotencyKey=KEY)) == [(code, [])]
    assert await kept(sitthi) == (0, 0)
    office.fail = None
    await issued(sitthi, idempotencyKey=KEY)
    assert len({call.key for call in office.calls}) == 1


@pytest.mark.parametrize(
    "says",
    [
        {},
        {"name": "../x", "mediaType": "text/plain", "title": {"th": "ก", "en": "a"}, "content": "eA=="},
        {"name": "x", "mediaType": "text/plain\r\nx: y", "title": {"th": "ก", "en": "a"}, "content": "eA=="},
        {"name": "x", "mediaType": "text/plain", "title": {"th": "ก", "en": "a"}, "content": ""},
        {"name": "x", "mediaType": "text/plain", "title": {"th": "ก", "en": "a"}, "content": b"x" * 5_000_001},
    ],
)
async def test_what_is_no_document_is_not_taken(sitthi: Served, office: Office, says: Any) -> None:
    office.says = says
    assert refused(await issue(sitthi)) == [("SERVICE_UNAVAILABLE", [])]
    assert await kept(sitthi) == (0, 0)


async def test_the_largest_document_is_kept_whole(sitthi: Served, office: Office) -> None:
    office.says = {"name": "x", "mediaType": "text/plain", "title": {"th": "ก", "en": "a"}, "content": b"x" * 5_000_000}
    assert (await download(sitthi, (await issued(sitthi))["url"])).content == b"x" * 5_000_000


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"operation": "tell"}, "NOT_ISSUED_HERE", ["operation"]),
        ({"operation": "brochure"}, "NOT_ISSUED_HERE", ["operation"]),
        ({"operation": "none"}, "NOT_ISSUED_HERE", ["operation"]),
        ({"service": "x"}, "MALFORMED_ID", ["service"]),
        ({"arguments": {"a": "\x00"}}, "BAD_INPUT", ["arguments", "a"]),
    ],
)
async def test_what_is_not_offered_is_refused_and_nobody_is_asked(
    sitthi: Served, office: Office, given: dict[str, Any], code: str, path: list[str]
) -> None:
    assert refused(await issue(sitthi, **given)) == [(code, path)]
    assert office.calls == []


async def test_nobody_has_more_than_so_many(sitthi: Served, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DOCUMENTS_MAX", 1)
    first = await issued(sitthi, idempotencyKey=KEY)
    assert refused(await issue(sitthi)) == [("TOO_MANY_DOCUMENTS", [])]
    assert await issued(sitthi, idempotencyKey=KEY) == first
    assert len(office.calls) == 1


async def test_a_service_that_asks_for_more_assurance_gets_it_for_its_documents_too(sitthi: Served) -> None:
    office = Office()
    sitthi.house.registry.add(office.plugin(assurance="3"))
    assert refused(await issue(sitthi)) == [("STEP_UP_REQUIRED", [])]
    assert office.calls == []
    signed_in_with(sitthi, "ial3-aal2.2")
    document = await issued(sitthi)
    signed_in_with(sitthi, "ial2.3-aal2.1")
    assert (await download(sitthi, document["url"])).status_code == 401
    answer = (await sitthi.post("{ viewer { documents { nodes { name } } } }", persona="elder")).json()
    assert answer["data"]["viewer"]["documents"]["nodes"] == [{"name": None}]
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["STEP_UP_REQUIRED"]


@pytest.mark.parametrize(
    ("delegates", "scopes", "code"),
    [
        ("view", ("VIEW", "APPLY"), None),
        ("apply", ("VIEW", "APPLY"), None),
        ("view", ("VIEW",), "NOT_DELEGATED"),
        ("nothing", ("VIEW", "APPLY"), "NOT_DELEGATED"),
    ],
)
async def test_who_acts_for_the_citizen_may_ask_as_the_service_lets_them_and_take_nothing_away(
    sitthi: Served, delegates: str, scopes: tuple[str, ...], code: str | None
) -> None:
    office = Office()
    sitthi.house.registry.add(office.plugin(delegates=delegates))
    carer = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", *scopes))
    payload = await issue(sitthi, carer)
    if code is not None:
        assert refused(payload) == [(code, [])]
        assert office.calls == []
        return
    assert payload["problems"] == []
    taken = await download(sitthi, payload["document"]["url"], carer)
    assert taken.json()["errors"][0]["extensions"]["code"] == "NOT_DELEGATED"
    assert (await download(sitthi, payload["document"]["url"])).content == CONTENT


async def test_nothing_of_it_is_in_the_clear_and_whoever_leaves_leaves_none(sitthi: Served, office: Office) -> None:
    person = await person_of(sitthi, "elder")
    document = await issued(sitthi)
    everything = b"\n".join((await dump(sitthi.house.db)).values())
    for clear in (CONTENT, NAME.encode(), b"A certificate", b"application/pdf"):
        assert clear not in everything
    told = await readable(sitthi, person)
    assert NAME.encode() in told, "their copy of their data lists it"
    signed_in_with(sitthi)
    await left(sitthi)
    await ran(sitthi)
    assert await kept(sitthi) == (0, 0)
    assert document["id"]
