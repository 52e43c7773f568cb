"""Applications on the way that a flood takes: answered and stored as the graph does it, to the byte."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from random import Random  # noqa: TID251 (selections from a seed)
from typing import Any, Final
from uuid import uuid4

import httpx2
import orjson
import pytest
from prometheus_client import REGISTRY

from api import plans
from api.graphql import GraphRouter
from api.limits import BODY_BYTES_MAX
from api.rate_limits import CITIZEN, GRAPH
from core.addresses import Addresses
from core.graph import global_id
from services.apply.acceptance import repository
from services.apply.acceptance.service import DECIDING_MAX
from tests.laws.tables import contents
from tests.support.acting import act, delegated
from tests.support.app import Served

WHO: Final = "graduate"
PROGRAMME: Final = "state-welfare-card"
WHOLE: Final = (
    "application { id subject status turn title submittedAt decidedAt dueOn overdue beneficiary { id } "
    "missing { attribute } reasons { text } } existing { id } conflict { given current { id } } "
    "problems { code message path }"
)
TAKEN_BACK: Final = "mutation($input: WithdrawInput!) { withdraw(input: $input) { problems { code } } }"
EXECUTED: Final = "/graphql?executed"
"""An address with a query is nothing that the quick way answers."""
GLOBAL_ID: Final = re.compile(rb'"[A-Za-z0-9_-]{40,80}"')


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that the graph executed."""
    seen: list[str] = []
    run = GraphRouter.run

    async def noted(self: GraphRouter, request: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(str(request.url))
        return await run(self, request, *args, **kwargs)

    monkeypatch.setattr(GraphRouter, "run", noted)
    return seen


@pytest.fixture(autouse=True)
def undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job of the running application finds nothing to decide, until a test undoes this."""

    async def nothing(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(repository, "claim", nothing)


class Client:
    """Asks as one person; both ways."""

    def __init__(self, sitthi: Served, who: str = WHO) -> None:
        self.sitthi, self._who = sitthi, who

    async def ask(
        self, document: str, given: Any, address: str = "/graphql", variable: str = "input", **headers: str
    ) -> httpx2.Response:
        token = await self.sitthi.token(self._who)
        sent = {"authorization": f"Bearer {token}", "accept-language": "en", **headers}
        body = {"query": document, "variables": {variable: given}}
        return await self.sitthi.http.post(address, json=body, headers=sent)

    async def both(self, document: str, given: dict[str, Any], **headers: str) -> tuple[httpx2.Response, ...]:
        """The answers of both ways to the same request, each where nothing stands in the way."""
        answers = []
        for address in (EXECUTED, "/graphql"):
            answers.append(await self.ask(document, given | {"idempotencyKey": uuid4().hex}, address, **headers))
            await self.take_back()
        return tuple(answers)

    async def take_back(self) -> None:
        mine = await self.sitthi.graph(
            "{ viewer { applications { edges { node { id status } } } } }", persona=self._who
        )
        for edge in mine["viewer"]["applications"]["edges"]:
            if edge["node"]["status"] == "SUBMITTED":
                given = {"application": edge["node"]["id"], "idempotencyKey": uuid4().hex}
                await self.ask(TAKEN_BACK, given)


@pytest.fixture
async def client(sitthi: Served) -> Client:
    return Client(sitthi)


def given(**more: Any) -> dict[str, Any]:
    return {"programme": PROGRAMME, "decide": "SOON", **more}


def document(selection: str = WHOLE, name: str = "", root: str = "apply") -> str:
    return f"mutation {name}($input: ApplyInput!) {{ {root}(input: $input) {{ {selection} }} }}"


def alike(answer: httpx2.Response) -> tuple[Any, ...]:
    """All of it, with the ids of what was made taken out."""
    body = GLOBAL_ID.sub(lambda found: base64.urlsafe_b64decode(found[0][1:-1] + b"==").split(b":")[0], answer.content)
    return answer.status_code, body, sorted(answer.headers.multi_items())


async def test_a_known_document_is_answered_without_being_executed(client: Client, executed: list[str]) -> None:
    first, second = await client.both(document(), given())
    assert first.json()["data"]["apply"]["application"]["status"] == "SUBMITTED"
    assert alike(first) == alike(second)
    applied = [one for one in executed if "executed" in one]
    assert len(applied) == 1
    assert len(executed) == 1 + 2 * 2, "the first alone was executed, and what takes them back"


async def test_a_web_app_of_another_site_may_read_either_answer(client: Client, executed: list[str]) -> None:
    await client.both(document(), given())
    before = len(executed)
    first, second = await client.both(document(), given(), origin="https://app.example")
    assert alike(first) == alike(second)
    assert second.headers["access-control-allow-origin"] == "*"
    assert len([one for one in executed[before:] if "executed" in one]) == 1


async def test_a_body_that_comes_in_pieces_is_taken_alike(client: Client, executed: list[str]) -> None:
    await client.both(document(), given())
    token = await client.sitthi.token(WHO)
    body = orjson.dumps({"query": document(), "variables": {"input": given(idempotencyKey=uuid4().hex)}})

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    plain = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    before = len(executed)
    taken = await client.sitthi.http.post(
        "/graphql", content=pieces(), headers={**plain, "content-length": str(len(body))}
    )
    assert taken.json()["data"]["apply"]["application"]["status"] == "SUBMITTED"
    assert len(executed) == before
    chunked = await client.sitthi.http.post("/graphql", content=pieces(), headers=plain)
    assert chunked.content == taken.content
    assert len(executed) == before + 1, "of unknown length it goes the ordinary way"


async def test_a_body_larger_than_it_said_or_than_may_be_is_refused_alike(client: Client) -> None:
    await client.both(document(), given())
    for size, more in ((BODY_BYTES_MAX, 1), (100, BODY_BYTES_MAX)):
        sent = {"content-length": str(size)} if more > 1 else {}
        body = {"query": document(), "variables": {"input": given(answers={"x": "x" * (size + more)})}}
        token = await client.sitthi.token(WHO)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **sent}
        answers = [
            await client.sitthi.http.post(address, content=orjson.dumps(body), headers=headers)
            for address in (EXECUTED, "/graphql")
        ]
        assert alike(answers[0]) == alike(answers[1])
        assert answers[1].status_code == 413


async def test_an_address_that_asked_too_often_is_refused_alike_before_anything_is_read(
    client: Client, executed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.both(document(), given())
    before, limiter, asked = len(executed), client.sitthi.house.limiter, 0
    take = limiter.take

    async def refused(*which: Any) -> int:
        nonlocal asked
        asked += 1
        return 7 if which[0][0] is GRAPH else await take(*which)

    monkeypatch.setattr(limiter, "take", refused)
    monkeypatch.setattr(limiter, "take_held", lambda *_: False)
    answers = [
        await client.ask(document(), given(idempotencyKey=uuid4().hex), address) for address in (EXECUTED, "/graphql")
    ]
    assert alike(answers[0]) == alike(answers[1])
    assert (answers[1].status_code, answers[1].headers["retry-after"]) == (429, "7")
    assert (len(executed), asked) == (before, 2), "each was asked about once"


async def test_any_selection_is_answered_alike_by_both_ways(client: Client, executed: list[str]) -> None:
    chance, quick = Random(3), 0
    leaves = ["id", "subject", "status", "turn", "title", "submittedAt", "decidedAt", "dueOn", "overdue", "__typename"]
    deep = [
        "beneficiary { id __typename }",
        "missing { attribute title }",
        "reasons { text law }",
        "b: beneficiary { id }",
    ]
    unusual = ["events { action }", "atAgency { note }", "...F", "t: title @include(if: true)", "history: title"]
    for number in range(14):
        parts = chance.sample([*leaves, *deep], chance.randint(1, 8)) + chance.sample(unusual, chance.choice([0, 0, 1]))
        parts = [f"a{n}: {one}" if chance.random() < 0.2 and one in leaves else one for n, one in enumerate(parts)]
        chance.shuffle(parts)
        around = chance.sample(["problems { code }", "existing { id }", "__typename", "conflict { given }"], 2)
        selection = f"application {{ {' '.join(parts)} }} {' '.join(around)}"
        asked = document(selection, chance.choice(["", "Apply"]), chance.choice(["apply", "it: apply"]))
        asked += " fragment F on Application { id status }" if "...F" in parts else ""
        language = chance.choice(["th", "en", "de, th;q=0.5", ""])
        before = len(executed)
        one, two = await client.both(asked, given(), **{"accept-language": language})
        assert alike(one) == alike(two), (number, asked)
        quick += len(executed) - before == 5
    assert quick >= 6, "most of them are usual"


@pytest.mark.parametrize(
    ("wrong", "headers"),
    [
        ({"programme": "no-such"}, {}),
        ({"programme": "ไม่มี"}, {}),
        ({"programme": 7}, {}),
        ({"programme": "section-33-old-age"}, {}),
        ({"programme": "child-support-grant"}, {}),
        ({"answers": {"birth_date": "1950-01-01"}}, {}),
        ({"answers": {"unknown": 1}}, {}),
        ({"answers": [1]}, {}),
        ({"answers": {"has_credit_card": "\x00"}}, {}),
        ({"idempotencyKey": "short"}, {}),
        ({"idempotencyKey": "with\x00nul-and-more"}, {}),
        ({"idempotencyKey": None}, {}),
        ({"decide": "LATER"}, {}),
        ({"decide": ["SOON"]}, {}),
        ({"beneficiary": "bm8"}, {}),
        ({"evidence": []}, {}),
        ({"more": 1}, {}),
        ({}, {"authorization": "Bearer no.token.this"}),
        ({}, {"authorization": "Basic abc"}),
        ({}, {"authorization": "Bearer"}),
        ({}, {"content-type": "text/plain"}),
        ({}, {"content-type": "text/plain; of=application/json"}),
        ({}, {"accept": "text/event-stream"}),
        ({}, {"accept": "Text/Event-Stream"}),
    ],
    ids=str,
)
async def test_what_is_refused_is_refused_alike_by_both_ways(
    client: Client, wrong: dict[str, Any], headers: dict[str, str]
) -> None:
    await client.both(document(), given())  # known from now on
    key = uuid4().hex
    answers = [
        await client.ask(document(), given(idempotencyKey=key) | wrong, address, **headers)
        for address in (EXECUTED, "/graphql")
    ]
    assert alike(answers[0])[:2] == alike(answers[1])[:2]
    if wrong != {"evidence": []} and "accept" not in headers:
        assert "SUBMITTED" not in answers[1].text
        assert "INTERNAL" not in answers[1].text


async def test_who_sends_it_again_is_answered_by_what_was_stored_by_either_way(client: Client) -> None:
    await client.both(document(), given())
    again = given(idempotencyKey=uuid4().hex, answers={})
    answers = [await client.ask(document(), again, address) for address in ("/graphql", EXECUTED, "/graphql")]
    assert len({one.content for one in answers}) == 1
    other = [await client.ask(document(), again | {"answers": None}, one) for one in ("/graphql", EXECUTED)]
    assert len({one.content for one in other}) == 1
    assert "IDEMPOTENCY_CONFLICT" in other[0].text
    stands = [await client.ask(document(), given(idempotencyKey=uuid4().hex), one) for one in ("/graphql", EXECUTED)]
    assert len({one.content for one in stands}) == 1
    assert "ALREADY_APPLIED" in stands[0].text
    made = answers[0].json()["data"]["apply"]["application"]["id"]
    assert stands[0].json()["data"]["apply"]["existing"] == {"id": made}


async def test_both_ways_store_the_same(client: Client) -> None:
    await client.both(document(), given())
    found = []
    for address in (EXECUTED, "/graphql"):
        before = await contents(client.sitthi.house.db)
        await client.ask(document(), given(idempotencyKey=f"key-{address}"), address)
        after = await contents(client.sitthi.house.db)
        found.append({name: len(after[name]) - len(before[name]) for name in after if after[name] != before[name]})
        await client.take_back()
    assert found[0] == found[1] == {"idempotency_record": 1, "application": 1, "application_event": 1}


async def test_many_at_once_are_taken_once_by_both_ways(client: Client) -> None:
    await client.both(document(), given())
    keys = [uuid4().hex for _ in range(4)]
    answers = await asyncio.gather(
        *(
            client.ask(document(), given(idempotencyKey=keys[number % 4]), (EXECUTED, "/graphql")[number % 2])
            for number in range(16)
        )
    )
    made = {one.json()["data"]["apply"]["application"]["id"] for one in answers if '"SUBMITTED"' in one.text}
    assert len(made) == 1
    codes = [problem["code"] for one in answers for problem in one.json()["data"]["apply"]["problems"]]
    assert set(codes) <= {"ALREADY_APPLIED"}


async def test_it_is_decided_soon_after(client: Client, sitthi: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.both(document(), given())
    answer = await client.ask(document(), given(idempotencyKey=uuid4().hex))
    made = answer.json()["data"]["apply"]["application"]["id"]
    monkeypatch.undo()
    await sitthi.house.deciding.run()
    found = await sitthi.graph(f'{{ node(id: "{made}") {{ ... on Application {{ status }} }} }}', persona=WHO)
    assert found["node"]["status"] != "SUBMITTED"


async def test_it_counts_once_against_the_limits_of_its_citizen_and_its_address(client: Client, sitthi: Served) -> None:
    await client.both(document(), given())
    left = sitthi.house.limiter.left
    address = Addresses().of({"client": ("127.0.0.1", 1)})
    person = (await sitthi.house.identity.verifier.verify(await sitthi.token(WHO))).person

    def rest() -> tuple[int, int]:
        found = left(CITIZEN, person.hex), left(GRAPH, address)
        return tuple(one.left for one in found if one is not None)  # type: ignore[return-value]  # there are two

    await client.ask(document(), given(idempotencyKey=uuid4().hex), EXECUTED)  # whose windows have begun
    before = rest()
    key = uuid4().hex
    await client.ask(document(), given(idempotencyKey=key))
    assert rest() == (before[0] - 1, before[1] - 1)
    await client.ask(document(), given(idempotencyKey=key))  # which the graph answers after all
    assert rest() == (before[0] - 2, before[1] - 2)


async def test_who_acts_for_another_goes_the_ordinary_way(sitthi: Served, executed: list[str]) -> None:
    await Client(sitthi).both(document(), given())
    acting = await act(sitthi, WHO, await delegated(sitthi, "elder", WHO, "APPLY", "VIEW"))
    before = len(executed)
    answer = await Client(sitthi, acting).ask(document(), given(idempotencyKey=uuid4().hex))
    assert len(executed) == before + 1
    assert answer.json()["data"]["apply"]["application"]["status"] != "SUBMITTED"


async def test_while_it_presses_who_says_nothing_is_accepted_first(client: Client, executed: list[str]) -> None:
    await client.both(document(), given())
    acceptance = client.sitthi.house.acceptance
    pressing = [acceptance.deciding() for _ in range(DECIDING_MAX)]
    for one in pressing:
        one.__enter__()
    before = len(executed)
    asked = given(idempotencyKey=uuid4().hex)
    del asked["decide"]
    taken = REGISTRY.get_sample_value("sitthi_applications_accepted_total", {"asked": "server"}) or 0
    answer = await client.ask(document(), asked)
    assert answer.json()["data"]["apply"]["application"]["status"] == "SUBMITTED"
    assert len(executed) == before
    assert REGISTRY.get_sample_value("sitthi_applications_accepted_total", {"asked": "server"}) == taken + 1
    for one in pressing:
        one.__exit__(None, None, None)
    await client.take_back()
    later = await client.ask(document(), asked | {"idempotencyKey": uuid4().hex})
    assert later.json()["data"]["apply"]["application"]["status"] != "SUBMITTED"


def test_a_schema_remembers_so_many_plans_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphql import build_schema, parse  # noqa: PLC0415 - for this test alone

    monkeypatch.setattr(plans, "PLANS_MAX", 3)
    schema = build_schema("type Query { a: Int }")
    texts = [document("__typename", f"N{number}") for number in range(5)]
    for text in texts:
        plans.note(schema, text, parse(text))
    assert [plans.plan_for(schema, text) is not None for text in texts] == [False, False, True, True, True]


def test_ids_are_opaque() -> None:
    from core.ids import new_id  # noqa: PLC0415 - for this test alone

    assert GLOBAL_ID.fullmatch(f'"{global_id("Application", new_id())}"'.encode())
