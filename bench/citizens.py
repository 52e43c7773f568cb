"""Who asks: personas and made-up citizens with enough to show, signed in, who have applied and been paid."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from uuid import uuid4

import httpx2
import orjson

from api.commands.walk import sign_in
from core.ids import NationalId
from core.settings import Settings
from services.sandbox.population.store import agency_file
from tests.support.server import Process

Who: TypeAlias = str | NationalId

PERSONAS: Final = (
    "elder",
    "newborn-parent",
    "disabled-adult",
    "disabled-child-parent",
    "worker",
    "graduate",
    "official",
)
BORN_BEFORE_BE: Final = "25450000"
"""Surely of age."""
LEAVES_OF_CHILD, LEAVES_OF_POLICY, LEAVES_OF_COURSE = 33, 8, 4
"""What one more of each adds to the home screen, about."""
OFFICERS: Final = {"dla": ("officer-one", "officer-two"), "dcy": ("official", "graduate")}
"""Two of each agency that pays; an officer serves one."""
APPLY: Final = """
mutation($input: ApplyInput!) { apply(input: $input) { application { status } problems { code } } }
"""
ENTITLED: Final = """
{ viewer { entitlements(status: [ENTITLED]) { programme { slug } beneficiary { id } } } }
"""


def choose(data: Path, count: int) -> list[Who]:
    """The personas, and those of the population who have most to show. The same population gives the same people."""
    leaves: Counter[str] = Counter()
    for agency, query, each in (
        ("dopa", "SELECT father_pid FROM person WHERE birth_be > '25630000' AND death_be IS NULL", LEAVES_OF_CHILD),
        ("dopa", "SELECT mother_pid FROM person WHERE birth_be > '25630000' AND death_be IS NULL", LEAVES_OF_CHILD),
        ("oic", "SELECT holder_pid FROM policy", LEAVES_OF_POLICY),
        ("mhesi", "SELECT d.pid FROM degree d JOIN course USING (degree_id)", LEAVES_OF_COURSE),
    ):
        for (pid,) in _rows(data, agency, query):
            leaves[pid] += each
    grown = "SELECT pid FROM person WHERE death_be IS NULL AND birth_be < ?"
    adults = {pid for (pid,) in _rows(data, "dopa", grown, BORN_BEFORE_BE)}
    ranked = sorted((pid for pid in leaves if pid in adults), key=lambda pid: (-leaves[pid], pid))
    personas: list[Who] = list(PERSONAS[:count])
    return personas + [NationalId(pid) for pid in ranked[: count - len(personas)]]


def grown_ups(data: Path, count: int) -> list[NationalId]:
    """So many of the population who are of age. The same population gives the same people."""
    grown = "SELECT pid FROM person WHERE death_be IS NULL AND birth_be < ? ORDER BY pid LIMIT ?"
    return [NationalId(pid) for (pid,) in _rows(data, "dopa", grown, BORN_BEFORE_BE, str(count))]


async def tokens_of(server: Process, people: list[Who]) -> list[str]:
    """An access token of each, by the forms that a person would see."""
    settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]))
    return [str((await sign_in(settings, who))["access_token"]) for who in people]


async def live(server: Process, tokens: list[str], today: date) -> int:
    """Citizens apply for what they are entitled to, officers pay two months of it; says how many applications."""
    made = 0
    async with httpx2.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as http:
        for token in tokens:
            viewer = (await _ask(http, token, ENTITLED))["viewer"]
            for found in viewer["entitlements"]:
                given = {
                    "programme": found["programme"]["slug"],
                    "beneficiary": found["beneficiary"]["id"],
                    "idempotencyKey": uuid4().hex,
                }
                applied = await _ask(http, token, APPLY, {"input": given})
                made += applied["apply"]["application"] is not None
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    for agency, officers in OFFICERS.items():
        _pay(server, agency, officers, (today, next_month))
    return made


def _pay(server: Process, agency: str, officers: tuple[str, str], months: Sequence[date]) -> None:
    for officer in officers:
        roles = ("--role", "pay.plan", "--role", "pay.approve")
        server.command("officer", "add", "--persona", officer, "--agency", agency, *roles)
        server.command("officer", "sign-in", "--persona", officer)
    first, second = officers
    for month in months:
        run = server.command("pay", "plan", "--period", f"{month:%Y-%m}", "--as", first).split()[0]
        server.command("pay", "approve", run, "--as", second)
        server.command("pay", "send", run, "--as", first)
    server.command("pay", "reconcile", "--as", first)


async def _ask(http: httpx2.AsyncClient, token: str, query: str, variables: dict[str, Any] | None = None) -> Any:
    body = {"query": query, "variables": variables or {}}
    answer = (await http.post("/graphql", json=body, headers={"authorization": f"Bearer {token}"})).json()
    if "errors" in answer:
        raise RuntimeError(f"the server answered {answer['errors']}")
    return answer["data"]


def leaves_in(answer: bytes) -> int:
    """Leaf fields of an answer's data; a null counts for the one field it stands for."""
    todo, found = [orjson.loads(answer)["data"]], 0
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)
        else:
            found += 1
    return found


def _rows(data: Path, agency: str, query: str, *given: str) -> list[tuple[str]]:
    address = f"{agency_file(data, agency).absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as file:
        return file.execute(query, given).fetchall()
