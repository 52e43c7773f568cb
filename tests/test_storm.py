"""Many at once over real processes: two servers on one database, a server beside the command line, a server killed.

Whatever is asked in parallel, and wherever a process ends, each right is granted once: one application, one decision,
one award, one instalment a month, one message.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text

from api.commands.walk import sign_in
from core.clock import SystemClock
from core.database import Database
from core.settings import Settings
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, free_port, running

APPLY = """
mutation($input: ApplyInput!) { apply(input: $input) { application { id status } existing { id } problems { code } } }
"""
CHILDREN = """
{ viewer { entitlements { programme { slug } status beneficiary { id } } } }
"""
TABLES = {
    "application": "",
    "decision": "",
    "award": "",
    "instalment": "",
    "message": "WHERE template LIKE 'apply.%'",
}
PARALLEL = 30
SECONDS_MAX = 90.0


@pytest.fixture
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    return data


@pytest.fixture
def two_servers(data: Path, database_url: str, redis_url: str) -> Iterator[list[Process]]:
    """They share database, cache, keys and issuer; people reach either."""
    port = free_port()
    shared: dict[str, Any] = {
        "SITTHI_DATABASE_URL": database_url,
        "SITTHI_REDIS_URL": redis_url,
        "SITTHI_PUBLIC_URL": f"http://localhost:{port}",
    }
    with running(data, port=port, **shared) as first, running(data, **shared) as second:
        yield [first, second]


def token_of(server: Process, persona: str) -> str:
    settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]))
    return str(asyncio.run(sign_in(settings, persona))["access_token"])


async def ask(http: httpx2.AsyncClient, server: Process, token: str, query: str, given: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    body = {"query": query, "variables": {"input": given} if given else {}}
    answer = await http.post(f"http://127.0.0.1:{server.port}/graphql", json=body, headers=headers)
    read = answer.json()
    assert "errors" not in read, read["errors"]
    return read["data"]


def storm(servers: Sequence[Process], token: str, inputs: Sequence[dict[str, Any]]) -> list[Any]:
    """Asks all of them at once, spread over the servers."""

    async def all_at_once() -> list[Any]:
        async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
            asked = (ask(http, servers[n % len(servers)], token, APPLY, given) for n, given in enumerate(inputs))
            return [answer["apply"] for answer in await asyncio.gather(*asked)]

    return asyncio.run(all_at_once())


def counts(url: str, programme: str) -> dict[str, int]:
    """Rows of the elder's or the twins' way; of messages those about applications, not of sign-ins and officers."""

    async def count() -> dict[str, int]:
        db = Database(Settings(database_url=url).sqlalchemy_url)
        async with db.read() as session:
            found = {
                table: int(await session.scalar(text(f"SELECT count(*) FROM {table} {of_ours}")) or 0)  # noqa: S608 - constants
                for table, of_ours in TABLES.items()
            }
            others = await session.scalar(
                text("SELECT count(*) FROM application WHERE subject <> :subject"),
                {"subject": f"programme:{programme}"},
            )
        await db.close()
        assert others == 0
        return found

    return asyncio.run(count())


def of_each(number: int) -> dict[str, int]:
    return dict.fromkeys(TABLES, number)


def old_age(key: str) -> dict[str, Any]:
    return {"programme": "old-age-allowance", "idempotencyKey": key}


def codes(answers: Sequence[Any]) -> Counter[str]:
    return Counter(problem["code"] for answer in answers for problem in answer["problems"])


@pytest.mark.postgres_only
@pytest.mark.valkey_only
def test_thirty_applications_of_one_citizen_over_two_servers_are_one(
    two_servers: list[Process], database_url: str
) -> None:
    elder = token_of(two_servers[0], "elder")
    answers = storm(two_servers, elder, [old_age(uuid4().hex) for _ in range(PARALLEL)])
    won = [answer["application"]["id"] for answer in answers if answer["application"]]
    assert len(won) == 1
    assert codes(answers) == {"ALREADY_APPLIED": PARALLEL - 1}
    assert {answer["existing"]["id"] for answer in answers if answer["existing"]} == set(won)
    assert counts(database_url, "old-age-allowance") == of_each(1)


@pytest.mark.postgres_only
@pytest.mark.valkey_only
def test_thirty_twins_of_one_request_over_two_servers_get_one_answer(
    two_servers: list[Process], database_url: str
) -> None:
    elder = token_of(two_servers[0], "elder")
    answers = storm(two_servers, elder, [old_age("the-very-same-key")] * PARALLEL)
    assert codes(answers) == {}
    assert len({answer["application"]["id"] for answer in answers}) == 1
    assert counts(database_url, "old-age-allowance") == of_each(1)


@pytest.mark.postgres_only
@pytest.mark.valkey_only
def test_thirty_applications_for_each_of_two_children_are_two(two_servers: list[Process], database_url: str) -> None:
    parent = token_of(two_servers[0], "newborn-parent")

    async def children() -> list[str]:
        async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
            viewer = (await ask(http, two_servers[0], parent, CHILDREN))["viewer"]
        return [
            e["beneficiary"]["id"] for e in viewer["entitlements"] if e["programme"]["slug"] == "child-support-grant"
        ]

    twins = asyncio.run(children())
    assert len(twins) == 2
    inputs = [
        {"programme": "child-support-grant", "beneficiary": twins[n // 2 % 2], "idempotencyKey": uuid4().hex}
        for n in range(2 * PARALLEL)
    ]
    answers = storm(two_servers, parent, inputs)
    assert codes(answers) == {"ALREADY_APPLIED": 2 * (PARALLEL - 1)}
    assert counts(database_url, "child-support-grant") == of_each(2)


@pytest.mark.sqlite_only
def test_a_server_on_sqlite_and_the_command_line_write_at_once(data: Path, database_url: str) -> None:
    with running(data, SITTHI_DATABASE_URL=database_url) as server:
        elder = token_of(server, "elder")

        async def both() -> list[Any]:
            async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
                asked = [ask(http, server, elder, APPLY, old_age(uuid4().hex)) for _ in range(PARALLEL)]
                added = [asyncio.to_thread(add_officer, server, n) for n in range(3)]
                answers, _ = await asyncio.gather(asyncio.gather(*asked), asyncio.gather(*added))
            return [answer["apply"] for answer in answers]

        answers = asyncio.run(both())
        assert codes(answers) == {"ALREADY_APPLIED": PARALLEL - 1}
        assert counts(database_url, "old-age-allowance") == of_each(1)


def add_officer(server: Process, number: int) -> None:
    persona = ("officer-one", "officer-two")[number % 2]
    server.command("officer", "add", "--persona", persona, "--agency", "dla", "--role", "pay.plan")


def test_a_server_killed_during_applications_leaves_whole_ones_or_none(data: Path, database_url: str) -> None:
    """Each round kills the server a little later; then the same keys are sent again and everything is there once."""
    key, answered = "the-elder-and-the-kill", 0
    port = free_port()
    for delay in (0.1, 0.4):
        with running(data, port=port, SITTHI_DATABASE_URL=database_url) as server:
            elder = token_of(server, "elder")
            answered += asyncio.run(killed_while_asked(server, elder, key, delay))
        found = counts(database_url, "old-age-allowance")
        assert found in (of_each(0), of_each(1))
        if answered:
            assert found == of_each(1), "what was answered is there"
    with running(data, port=port, SITTHI_DATABASE_URL=database_url) as server:
        elder = token_of(server, "elder")
        answers = storm([server], elder, [old_age(key)])
        assert codes(answers) == {}
    assert counts(database_url, "old-age-allowance") == of_each(1)


async def killed_while_asked(server: Process, token: str, key: str, delay: float) -> int:
    """How many answers came before the end."""
    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
        asked = [asyncio.create_task(ask(http, server, token, APPLY, old_age(key))) for _ in range(10)]
        await asyncio.sleep(delay)
        os.kill(server.pid, signal.SIGKILL)
        done = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, dict | httpx2.HTTPError) for one in done), done
    return sum(isinstance(one, dict) and one["apply"]["application"] is not None for one in done)
