"""`sitthi keys rotate`, the real command beside a real server under load: nobody notices, nothing is lost.

Afterwards no row is sealed under the old key, which retires; all that was sealed before still opens.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from sqlalchemy import insert

from api.commands.walk import sign_in
from core.clock import SystemClock
from core.crypto import KeyRing, load_keys
from core.database import Database
from core.envelope import SubjectKeys
from core.ids import NationalId, new_id
from core.key_document import KeyDocument
from core.resealing import count, declared
from core.sealed import bound_to
from core.settings import Settings
from identity.people import PeopleRegister
from identity.people.models import Person
from services.sandbox.population.personas import PERSONAS
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import ROOT, Process, free_port, running

pytestmark = pytest.mark.in_turn

PEOPLE: Final = 4_000
"""Rows that are there before, so that sealing them anew takes a while."""
SECONDS_MAX: Final = 60.0
HOME: Final = "{ viewer { profile { name { value { full } } birthDate { value } } applications { nodes { id } } } }"
APPLY: Final = "mutation($input: ApplyInput!) { apply(input: $input) { application { id status } problems { code } } }"
CORRECT: Final = "mutation($input: RequestCorrectionInput!) { requestCorrection(input: $input) { problems { code } } }"


@pytest.fixture
def server(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    with running(data, SITTHI_DATABASE_URL=database_url) as process:
        yield process


def settings_of(server: Process) -> Settings:
    return Settings(
        port=server.port or 8000,
        data=Path(server.environment["SITTHI_DATA"]),
        database_url=server.environment["SITTHI_DATABASE_URL"],
    )


@asynccontextmanager
async def opened(server: Process) -> AsyncIterator[Database]:
    db = Database(settings_of(server).sqlalchemy_url)
    yield db
    await db.close()


async def add_people(server: Process) -> None:
    keys, now = load_keys(settings_of(server)), SystemClock().now()
    people = [new_id() for _ in range(PEOPLE)]
    rows = [
        {
            "id": person,
            "national_id_index": person.bytes,
            "national_id_sealed": keys.seal(b"made up", bound_to=bound_to(Person.national_id_sealed, person)),
            "created_at": now,
        }
        for person in people
    ]
    async with opened(server) as db, db.write() as session:
        await session.execute(insert(Person), rows)


class Load:
    """People who look, apply, write and sign in, one after the other each, until it is enough. Any error is kept."""

    def __init__(self, server: Process) -> None:
        self._server, self._settings = server, settings_of(server)
        self.done, self.failed = 0, list[str]()
        self._enough = asyncio.Event()

    async def ask(self, http: httpx2.AsyncClient, token: str, query: str, **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": {"input": given} if given else {}}
        answer = await http.post(f"http://127.0.0.1:{self._server.port}/graphql", json=body, headers=headers)
        read = answer.json()
        if answer.status_code != 200 or "errors" in read:
            self.failed.append(f"{query[:30]}: {answer.status_code} {read.get('errors')}")
        self.done += 1
        return read.get("data")

    async def looking(self, http: httpx2.AsyncClient, token: str) -> None:
        while not self._enough.is_set():
            await self.ask(http, token, HOME)

    async def writing(self, http: httpx2.AsyncClient, token: str) -> None:
        """What a citizen writes is sealed; a second case on the same attribute is a problem, and no failure."""
        turn = 0
        while not self._enough.is_set():
            turn += 1
            given = {"attribute": "birth_date", "statement": f"ครั้งที่ {turn}", "idempotencyKey": f"correct-{turn:05}"}
            await self.ask(http, token, CORRECT, **given)

    async def signing_in(self) -> None:
        while not self._enough.is_set():
            try:
                await sign_in(self._settings, "graduate")
            except Exception as error:  # noqa: BLE001 - whatever it is, the person did not get in
                self.failed.append(f"sign-in: {error!r}")
            self.done += 1

    @asynccontextmanager
    async def running(self, token: str) -> AsyncIterator[None]:
        async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http, asyncio.TaskGroup() as tasks:
            for work in (self.looking(http, token), self.writing(http, token), self.signing_in()):
                tasks.create_task(work)
            yield
            self._enough.set()


async def rows_under(server: Process, *key_ids: str) -> dict[str, int]:
    found = dict.fromkeys(key_ids, 0)
    async with opened(server) as db:
        for column in declared():
            for key_id, rows in (await count(db, column, key_ids)).by_key.items():
                found[key_id] += rows
    return found


async def everything_opens(server: Process) -> int:
    """Opens every row of every column by its declaration; answers how many."""
    keys, opened_rows = load_keys(settings_of(server)), 0
    async with opened(server) as db, db.read() as session:
        for column in declared():
            for row in (await session.execute(column.table.select())).mappings():
                seal = row[column.column.name]
                if seal is None:
                    continue
                given = dict(row)
                binding = column.binding.of_row(given)
                if column.binding.subject is None:
                    keys.open(seal, bound_to=binding)
                else:
                    await SubjectKeys(keys).open(session, given[column.binding.subject], seal, bound_to=binding)
                opened_rows += 1
    return opened_rows


async def command(server: Process, *words: str) -> str:
    return await asyncio.to_thread(server.command, *words)


async def applied(server: Process) -> str:
    """A token of somebody with a decided application."""
    token = str((await sign_in(settings_of(server), "elder"))["access_token"])
    load = Load(server)
    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
        given = {"programme": "old-age-allowance", "idempotencyKey": "the-elder-applies"}
        answer = await load.ask(http, token, APPLY, **given)
    assert answer["apply"]["application"]["status"] == "APPROVED"
    return token


async def test_a_key_is_replaced_under_load_and_retired_and_nobody_notices(server: Process) -> None:
    token = await applied(server)
    await add_people(server)
    load = Load(server)
    async with load.running(token):
        said = await command(server, "keys", "rotate")
        await asyncio.sleep(0.5)
    assert load.failed == []
    assert load.done > 10
    assert "The key is now k2" in said
    under = await rows_under(server, "k1", "k2")
    assert under["k1"] == 0
    assert under["k2"] > PEOPLE
    assert "is gone" in await command(server, "keys", "rotate", "--retire", "k1")
    assert set(json.loads((settings_of(server).data / "secrets.json").read_text())["keys"]) == {"k2"}
    again = Load(server)
    async with again.running(token):
        await asyncio.sleep(1.5)
    assert (again.failed, again.done > 3) == ([], True)
    assert await everything_opens(server) > PEOPLE
    listed = await command(server, "keys", "list")
    assert "k1" not in [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]


def document_of(server: Process) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((settings_of(server).data / "secrets.json").read_text())
    return document


async def announced(server: Process) -> bool:
    return "next" in document_of(server)


async def switched(server: Process) -> bool:
    return "resealing" in document_of(server)


async def half_way(server: Process) -> bool:
    return await switched(server) and (await rows_under(server, "k2"))["k2"] > PEOPLE // 10


async def killed_when(server: Process, reached: Callable[[Process], Awaitable[bool]]) -> bool:
    """Starts a rotation and kills it as soon as it is so far. False if it came to its end before that was seen."""
    words = [sys.executable, "-m", "api.cli", "keys", "rotate"]
    process = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, env=dict(server.environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.returncode is None and not await reached(server):  # noqa: ASYNC110 - a file tells
        await asyncio.sleep(0.01)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    return await process.wait() != 0


async def test_a_rotation_killed_at_each_step_is_taken_up_and_loses_nothing(server: Process) -> None:
    token = await applied(server)
    await add_people(server)
    load = Load(server)
    async with load.running(token):
        assert await killed_when(server, announced)
        assert document_of(server)["current"] == "k1"
        assert await killed_when(server, switched)
        assert document_of(server)["current"] == "k2"
        was_killed = await killed_when(server, half_way)
        said = await command(server, "keys", "rotate")
    assert load.failed == []
    assert ("begun earlier" in said) is was_killed
    document = document_of(server)
    assert ("next" in document, "resealing" in document) == (False, False)
    assert document["current"] == ("k2" if was_killed else "k3"), "no start of the four made a second key"
    assert (await rows_under(server, "k1"))["k1"] == 0
    await command(server, "keys", "rotate", "--retire", "k1")
    assert await everything_opens(server) > PEOPLE


async def test_a_key_in_use_is_not_retired(server: Process) -> None:
    said = await asyncio.to_thread(server.command, "keys", "rotate", "--retire", "k1", ok=False)
    assert "cannot be retired yet" in said
    said = await asyncio.to_thread(server.command, "keys", "rotate", "--retire", "k9", ok=False)
    assert "There is no key of that name" in said


async def test_a_withdrawn_signing_key_ends_every_token_in_a_running_server_at_once(server: Process) -> None:
    settings = settings_of(server)
    token = str((await sign_in(settings, "elder"))["access_token"])
    address = f"http://127.0.0.1:{server.port}"

    async def status(http: httpx2.AsyncClient, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return (await http.post(f"{address}/graphql", json={"query": "{ viewer { id } }"}, headers=headers)).status_code

    async with httpx2.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as http:
        assert await status(http, token) == 200
        published = (await http.get(f"{address}/oauth/jwks")).json()["keys"]
        await command(server, "keys", "rotate", "--signing")
        assert await status(http, token) == 200
        await command(server, "keys", "rotate", "--signing", "--now")
        until = time.monotonic() + SECONDS_MAX
        while await status(http, token) != 401:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        after = (await http.get(f"{address}/oauth/jwks")).json()["keys"]
        assert len(after) == 1
        assert after[0]["kid"] not in {key["kid"] for key in published}
        assert await status(http, str((await sign_in(settings, "elder"))["access_token"])) == 200


@pytest.mark.sqlite_only
def test_two_rotations_at_once_take_turns(database_url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITTHI_")}
    beside = Process(0, 0, {**kept, "SITTHI_DATABASE_URL": database_url, "SITTHI_DATA": str(data), "LANG": "C.UTF-8"})
    asyncio.run(add_people(beside))

    async def both() -> list[str]:
        return list(await asyncio.gather(*(command(beside, "keys", "rotate") for _ in range(2))))

    said = "".join(asyncio.run(both()))
    assert "The key is now k2" in said
    assert "The key is now k3" in said
    assert asyncio.run(rows_under(beside, "k1", "k2", "k3")) == {"k1": 0, "k2": 0, "k3": PEOPLE}
    assert asyncio.run(everything_opens(beside)) == PEOPLE


MANAGED: Final = ("SITTHI_SECRET_KEYS_FILE", "SITTHI_SECRET_KEYS")


class Managed:
    """A command line whose keys somebody else manages: by a mounted file, or in the environment."""

    def __init__(self, place: str, folder: Path, database_url: str) -> None:
        self.place, self.folder, self.database_url = place, folder, database_url
        self.document = KeyDocument("k1", {"k1": os.urandom(32)}, os.urandom(32))

    @property
    def environment(self) -> dict[str, str]:
        text, file = self.document.written(), self.folder / "keys.json"
        file.write_text(text)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("SITTHI_")}
        value = str(file) if self.place.endswith("_FILE") else text
        return {**kept, "LANG": "C.UTF-8", "SITTHI_DATABASE_URL": self.database_url, self.place: value}

    def command(self, *words: str, ok: bool = True) -> str:
        return Process(0, 0, self.environment).command(*words, ok=ok)

    def add_person(self) -> None:
        async def add() -> None:
            db, keys = Database(Settings(database_url=self.database_url).sqlalchemy_url), self.ring()
            async with db.write() as session:
                await PeopleRegister(keys, SystemClock()).resolve(session, [NationalId(PERSONAS[0].national_id)])
            await db.close()

        asyncio.run(add())

    def ring(self) -> KeyRing:
        return KeyRing(self.document.current, self.document.keys, self.document.index)


@pytest.fixture(params=MANAGED)
def managed(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Managed:
    return Managed(request.param, tmp_path, database_url)


@pytest.mark.sqlite_only
def test_keys_that_others_manage_are_replaced_step_by_step_as_the_command_says(managed: Managed) -> None:
    managed.add_person()
    said = managed.command("keys", "rotate", ok=False)
    assert f"Under “keys” in {managed.place}" in said
    assert '"k2": "<what' in said
    first = managed.document
    assert not any(base64.b64encode(key).decode() in said for key in (*first.keys.values(), first.index))
    managed.document = first.with_next()
    assert 'set “current” to "k2"' in managed.command("keys", "rotate", ok=False)
    managed.document = managed.document.with_next_current()
    assert "cannot be retired yet" in managed.command("keys", "rotate", "--retire", "k1", ok=False)
    assert "Everything is sealed under k2." in managed.command("keys", "rotate")
    assert "may be taken out" in managed.command("keys", "rotate", "--retire", "k1")
    managed.document = managed.document.without("k1")
    listed = managed.command("keys", "list")
    assert "k2\t1  current" in listed
    assert "k1" not in listed


@pytest.mark.sqlite_only
@pytest.mark.parametrize("words", [("keys", "rotate"), ("keys", "list"), ("serve",)])
def test_keys_that_cannot_be_used_are_a_sentence_and_no_trace(
    database_url: str, tmp_path: Path, words: tuple[str, ...]
) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SITTHI_")}
    (tmp_path / "keys.json").write_text('{"keys": {"k1": "hush-hush"')
    given = {"SITTHI_SECRET_KEYS_FILE": str(tmp_path / "keys.json"), "SITTHI_DATA": str(tmp_path / "data")}
    environment = {**kept, **given, "SITTHI_DATABASE_URL": database_url, "PORT": str(free_port()), "LANG": "C.UTF-8"}
    said = Process(0, 0, environment).command(*words, ok=False)
    assert "The secret keys cannot be used: they are not JSON." in said
    assert "Traceback" not in said
    assert "hush-hush" not in said


@pytest.mark.sqlite_only
@pytest.mark.parametrize("words", [("--now",), ("--signing", "--retire", "k1")])
def test_options_that_do_not_go_together_are_refused(database_url: str, tmp_path: Path, words: tuple[str, ...]) -> None:
    managed = Managed(MANAGED[0], tmp_path, database_url)
    assert "--now goes with --signing" in managed.command("keys", "rotate", *words, ok=False)
