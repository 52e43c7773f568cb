"""A name goes: its agency says so in its SDL, every client hears of it, and a year later it is gone."""

from __future__ import annotations

import asyncio
import json
import xml.sax
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn
from sqlalchemy import delete
from starlette.requests import Request
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from api.app import context_of
from api.commands import client as client_commands
from api.commands import plugin
from api.commands.agency_line import AgencyLine
from identity.provider.clients import DEMO_APP
from services.plugins.notices.models import DeprecatedUse
from services.plugins.notices.uses import CLIENTS_MIN
from tests.api.test_agency_services import ACT, DESCRIBED, ONE, PRICE, WHY, Waterworks, fits, followed, published
from tests.support.app import Served
from tests.support.server import free_port
from tests.support.services import SDL, documents_of, far_side

CHANGES: Final = "/services/changes"
USAGE: Final = f"{ONE}/usage"
OLD: Final = SDL.replace(
    "  since: Date\n", '  since: Date @deprecated(reason: "ใช้ from แทน | Ask for from")\n'
).replace("  LARGE\n", '  LARGE @deprecated(reason: "เล็ก & SMALL")\n')
ASK: Final = "{ water { price { amount { satang } since } } }"
PLAIN: Final = "{ water { price { amount { satang } } } programmes { id } }"
BY_VARIABLE: Final = "query($size: WaterSize) { water { price(size: $size) { amount { satang } } } }"
SINCE: Final = {
    "coordinate": "WaterPrice.since",
    "since": "2026-11-16",
    "sunset": "2027-11-16",
    "reason": {"th": "ใช้ from แทน", "en": "Ask for from"},
}


@pytest.fixture
async def waterworks(sitthi: Served) -> Waterworks:
    """With a version that deprecates a field and a value."""
    system = await Waterworks.at(sitthi)
    far_side(sitthi.house, documents_of(), PRICE)
    await published(sitthi, system)
    await system.send(documents_of("1.1.0", sdl=OLD))
    await system.post(f"{ONE}/versions/1.1.0/submit", ACT)
    await system.until("PUBLISHED", f"{ONE}/versions/1.1.0")
    await followed(sitthi)
    return system


async def test_an_answer_tells_of_what_goes_and_another_says_nothing(sitthi: Served, waterworks: Waterworks) -> None:
    answer = await sitthi.post(ASK)
    told = answer.json()
    assert told["data"]["water"]["price"]["since"] == "2026-01-01"
    assert told["extensions"] == {"deprecations": [SINCE]}
    assert answer.headers["deprecation"] == f"@{int(sitthi.clock.now().timestamp())}"
    assert answer.headers["sunset"] == "Mon, 15 Nov 2027 17:00:00 GMT"
    assert f'<{CHANGES}>; rel="deprecation"' in answer.headers["link"]
    plain = await sitthi.post(PLAIN)
    assert "extensions" not in plain.json()
    assert not {"deprecation", "sunset", "link"} & plain.headers.keys()
    by_variable = await sitthi.post(BY_VARIABLE, {"size": "LARGE"})
    assert [one["coordinate"] for one in by_variable.json()["extensions"]["deprecations"]] == ["WaterSize.LARGE"]
    assert "extensions" not in (await sitthi.post(BY_VARIABLE, {"size": "SMALL"})).json()
    refused = await sitthi.post("{ water { price { since unknown } } }")
    assert "extensions" not in refused.json()
    assert "deprecation" not in refused.headers


async def test_a_web_app_on_another_site_reads_the_header_fields_and_the_feed(
    sitthi: Served, waterworks: Waterworks
) -> None:
    origin = {"origin": "https://app.example"}
    answer = await sitthi.http.post("/graphql", json={"query": ASK}, headers=origin)
    exposed = {one.strip() for one in answer.headers["access-control-expose-headers"].split(",")}
    assert {"Deprecation", "Sunset", "Link"} <= exposed
    assert (await sitthi.http.get(CHANGES, headers=origin)).headers["access-control-allow-origin"] == "*"


async def test_an_event_stream_tells_it_too_with_its_first_answer(sitthi: Served, waterworks: Waterworks) -> None:
    headers = {"accept": "text/event-stream"}
    async with sitthi.http.stream("POST", "/graphql", json={"query": ASK}, headers=headers) as answer:
        body = (await answer.aread()).decode()
    [said] = [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:") and len(line) > 6]
    assert said["extensions"] == {"deprecations": [SINCE]}
    schema = sitthi.house.schemas.current
    context = await _context(sitthi)
    results = [one async for one in await schema.stream(ASK, context_value=context)]
    assert [one.extensions for one in results] == [{"deprecations": [SINCE]}]


@pytest.mark.sqlite_only
async def test_a_websocket_tells_it_with_each_operation_that_uses_it(sitthi: Served, waterworks: Waterworks) -> None:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(sitthi.app, port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done()
        await asyncio.sleep(0.01)
    address: Any = {"uri": f"ws://localhost:{port}/graphql", "subprotocols": ["graphql-transport-ws"], "proxy": None}
    async with connect(**address) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        for number, (query, told) in enumerate([(ASK, [SINCE]), (PLAIN, None), (ASK, [SINCE])]):
            await socket.send(json.dumps({"type": "subscribe", "id": f"{number}", "payload": {"query": query}}))
            answer = json.loads(await socket.recv())["payload"]
            assert answer.get("extensions", {}).get("deprecations") == told
            assert json.loads(await socket.recv())["type"] == "complete"
    server.should_exit = True
    await task


async def _context(sitthi: Served) -> Any:
    scope = {"type": "http", "method": "POST", "headers": [], "path": "/graphql", "query_string": b""}
    return await context_of(sitthi.house)(Request(scope))


async def test_the_feed_tells_everybody_latest_first_in_pages(sitthi: Served, waterworks: Waterworks) -> None:
    answer = await sitthi.http.get(CHANGES)
    told = answer.json()
    kinds = [(one["kind"], one["coordinate"], one["version"]) for one in told["changes"]]
    assert kinds == [
        ("DEPRECATED", "WaterSize.LARGE", "1.1.0"),
        ("DEPRECATED", "WaterPrice.since", "1.1.0"),
        ("PUBLISHED", None, "1.1.0"),
        ("PUBLISHED", None, "1.0.0"),
    ]
    assert told["next"] is None
    assert {name: told["changes"][1][name] for name in SINCE} == SINCE
    assert answer.headers["cache-control"] == "public, max-age=60"
    again = await sitthi.http.get(CHANGES, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    numbers: list[int] = []
    following: str | None = f"{CHANGES}?first=3&service=waterworks"
    while following is not None:
        part = (await sitthi.http.get(following)).json()
        numbers += [one["number"] for one in part["changes"]]
        following = part["next"]
    assert numbers == [4, 3, 2, 1]
    assert (await sitthi.http.get(f"{CHANGES}?service=nobodys")).json() == {"changes": [], "next": None}


@pytest.mark.sqlite_only
async def test_a_bad_question_to_the_feed_is_refused(sitthi: Served) -> None:
    for query in ("first=0", "first=501", "first=x", "before=0", f"before={2**63}", "service=%00", "service=a_b"):
        answer = await sitthi.http.get(f"{CHANGES}?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST"), query


async def test_readers_of_feeds_get_it_as_atom_and_words_of_agencies_are_no_markup(
    sitthi: Served, waterworks: Waterworks
) -> None:
    answer = await sitthi.http.get(f"{CHANGES}.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    texts: list[str] = []

    class Reader(xml.sax.ContentHandler):
        def characters(self, content: str) -> None:
            texts.append(content)

    xml.sax.parseString(answer.content, Reader())  # noqa: S317 - our own answer
    assert "เล็ก & SMALL" in "".join(texts)
    assert (await sitthi.http.get(f"{CHANGES}.atom", headers={"if-none-match": "*"})).status_code == 304


async def test_a_client_asks_what_it_still_uses_and_an_agency_how_far_clients_are(
    sitthi: Served, waterworks: Waterworks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await sitthi.post(ASK, persona="graduate")
    await sitthi.post(ASK)
    await sitthi.house.deprecated_uses.write()
    await sitthi.post(ASK, persona="elder")
    await sitthi.house.deprecated_uses.write()
    loop = asyncio.get_running_loop()

    def here(made: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(made, loop).result()

    async def command(app: Any, *words: str) -> str:
        done = await asyncio.to_thread(CliRunner().invoke, app, list(words))
        return f"{done.exit_code} {done.output}"

    monkeypatch.setattr("api.commands.client.Settings", lambda: sitthi.house.settings)
    told = await command(client_commands.app, "notices", DEMO_APP)
    line = "WaterPrice.since\twaterworks\tused 4\tlast 2026-11-16\tuntil 2027-11-16\tใช้ from แทน | Ask for from\n"
    assert told == f"0 {line}"
    assert await command(client_commands.app, "notices", "-") == f"0 {line.replace('used 4', 'used 1')}"
    assert (await command(client_commands.app, "notices", "nobody")).startswith("1 ")
    few = fits(await waterworks.get(USAGE), USAGE.replace("waterworks", "{slug}"), "get")
    assert [(one["coordinate"], one["uses"], one["clients"], one["lastDay"]) for one in few["deprecated"]] == [
        ("WaterPrice.since", None, None, "2026-11-16"),
        ("WaterSize.LARGE", 0, 0, None),
    ]
    async with sitthi.house.db.write() as session:
        today = sitthi.clock.today()
        last = today - timedelta(days=89)
        for number, day in enumerate([*(CLIENTS_MIN - 2) * [today], last, last - timedelta(days=1)]):
            session.add(DeprecatedUse(client=f"app-{number}", coordinate="WaterPrice.since", day=day,
                                      service="waterworks", uses=10))  # fmt: skip
    key = {**waterworks.holder.private_jwk, "kid": waterworks.holder.kid, "alg": waterworks.holder.algorithm}
    at_desk = AgencyLine(sitthi.house.settings.issuer, waterworks.client, key, sitthi.http, sitthi.clock)
    (tmp_path / "key.json").write_text(json.dumps(key))
    monkeypatch.setattr(AgencyLine, "reading", lambda *_: at_desk)
    monkeypatch.setattr("api.commands.agency_options.asyncio.run", here)
    given = ("--client", waterworks.client, "--key", str(tmp_path / "key.json"))
    assert await command(plugin.app, "usage", "waterworks", *given) == (
        "0 WaterPrice.since\t6 clients, 45 times, last 2026-11-16\tuntil 2027-11-16\n"
        "WaterSize.LARGE\tnot used for 90 days\tuntil 2027-11-16\n"
    )
    other = await Waterworks.at(sitthi, "riverworks")
    assert (await other.get(USAGE)).status_code == 404
    async with sitthi.house.db.write() as session:
        await session.execute(delete(DeprecatedUse))


async def test_a_service_that_is_over_tells_it_by_the_same_ways(sitthi: Served, waterworks: Waterworks) -> None:
    await waterworks.post(f"{ONE}/retire", WHY)
    await followed(sitthi)
    told = (await sitthi.post(PLAIN)).json()
    assert told["errors"][0]["extensions"]["code"] == "SERVICE_RETIRED"
    assert [one["coordinate"] for one in told["extensions"]["deprecations"]] == ["Query.water"]
    assert "deprecated" not in DESCRIBED
    kinds = [one["kind"] for one in (await sitthi.http.get(f"{CHANGES}?first=2")).json()["changes"]]
    assert kinds == ["DEPRECATED", "RETIRED"]
