"""A fact of a citizen has one way in: the gate of the exchange (design §2)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.laws.once_only import (
    CALLERS,
    IMPORTERS,
    KEYS,
    LOADERS,
    LOOKERS,
    OF_NOBODY,
    ROOT,
    RUNNERS,
    offences,
    program,
)

ROOMS: Final = ("services/apply", "services/pay", "services/receive", "services/know", "welfare")
MODULES: Final = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

KEEPERS: Final = (
    "services.exchange", "services.agencies", "services.plugins", "services.sandbox", "identity.people",
)  # fmt: skip
"""Whoever has something to tell about a person."""
WORDS: Final = ("services.exchange.facts", "services.exchange.errors", "services.exchange.handing")
"""What a fact is, and the protocol of the gate: whoever holds one, holds an access log entry. The last enters what the
citizen hands on themselves, and reads nothing."""
NAMES: Final = ("services.exchange.catalogue", "services.plugins.contract", "services.plugins.records.awards")
"""Names and titles of attributes and services, and why an award is refused: of nobody in particular."""
GRAPH: Final = ("services.exchange.graph",)
"""The gate again, for the viewer of a request: only for what is of the graph, because it asks in the viewer's name."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_gets_facts_from_the_gate_alone_because_every_look_must_be_in_the_access_log(path: Path) -> None:
    allowed = WORDS + NAMES + (GRAPH if path.stem.endswith("graph") else ())
    past_the_gate = [module for module in imported(path) if within(module, KEEPERS) and not within(module, allowed)]
    assert past_the_gate == []


def test_the_law_sees_an_import_past_the_gate(tmp_path: Path) -> None:
    path = tmp_path / "service.py"
    path.write_text("from services.exchange.sources import Reader\nimport identity.people\n")
    assert [m for m in imported(path) if not within(m, WORDS)] == ["services.exchange.sources", "identity.people"]


def test_nothing_in_the_program_leads_to_a_fact_past_the_gate() -> None:
    found = {str(path.relative_to(ROOT)): offences(str(path.relative_to(ROOT)), path.read_text()) for path in program()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


BYPASSES: Final = (
    "from services.exchange.sources import Reader",
    "from services.exchange.sources import Reader as Innocent",
    "from services.exchange.sources import *",
    "import services.exchange.sources",
    "import services.exchange.sources as s",
    "from services.exchange import sources",
    "from services.exchange.cache import FactCache",
    "from services.exchange import cache as c",
    "from services.exchange.household import Household",
    "from services.exchange.gate import ExchangeGate",
    "from services.exchange import gate",
    "from services.plugins.runner import sources_of",
    "from services.plugins.runner.sources import PluginSource",
    "from services.sandbox.population.store import Population",
    "import services.sandbox.population as p",
    "from services import sandbox",
    "def f():\n    from services.sandbox.agencies.register import Register",
    "import importlib\nimportlib.import_module('services.' + 'sandbox')",
    "from importlib import import_module\nimport_module('x')",
    "__import__('services.exchange.sources')",
    "exec('import services.sandbox')",
    "async def f(people, s, p):\n    return await people.reveal(s, p)",
    "async def f(runner, plugin):\n    return await runner.run(plugin, 'facts', asker=None, person=None)",
    "async def f(redis, person):\n    return await redis.get(f'exchange:fact:{person}:birth_date')",
    "async def f(redis):\n    return await redis.get('exchange:fact:' + 'x')",
    "async def f(gate, person):\n    return await gate._reader.read(person, [])",
    "def f(gate):\n    return gate._household",
    "async def f(source, people):\n    return await source.read_many(people, ['birth_date'])",
)


@pytest.mark.parametrize("code", BYPASSES)
@pytest.mark.parametrize("path", ["services/apply/service.py", "welfare/entitlements/reading.py", "api/citizen.py"])
def test_a_bypass_is_seen_wherever_it_is_planted(code: str, path: str) -> None:
    planted = (ROOT / path).read_text() + "\n\n" + code + "\n"
    assert offences(path, planted), code
    assert offences(path, (ROOT / path).read_text()) == []


_ASKED: Final = "runner.run(plugin, 'degrees', asker=AGENT, {})"
_READ: Final = "    async def read(pid):\n        return await " + _ASKED.format("person=pid")
OUTSIDE_A_LOOK: Final = (
    f"async def f(runner, pid):\n    return await {_ASKED.format('person=pid')}",
    f"async def f(runner, pid):\n{_READ}\n    return await read(pid)",
    f"async def f(runner, gate):\n{_READ}\n    await gate.look(1, read)\n    return read",
)


@pytest.mark.parametrize("code", OUTSIDE_A_LOOK)
@pytest.mark.parametrize("path", LOOKERS)
def test_who_may_ask_inside_a_look_of_the_gate_may_not_beside_it(code: str, path: str) -> None:
    assert offences(path, f"{(ROOT / path).read_text()}\n\n{code}\n") == ["runs a plugin's operation"]
    assert offences(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize("about", ["person=pid", "people=[pid]", "**more"])
def test_who_asks_what_is_public_asks_about_nobody(about: str) -> None:
    code = "async def f(runner, pid, more):\n    return await " + _ASKED
    assert offences("api/licence_page.py", code.format("arguments=more")) == []
    assert offences("api/licence_page.py", code.format(about)) == ["runs a plugin's operation"]


def test_a_relative_import_is_seen_as_well() -> None:
    assert offences("services/exchange/corrections/service.py", "from ..sources import Reader\n")
    assert offences("services/exchange/corrections/service.py", "from .. import cache\n")


def test_whoever_the_law_names_is_there_and_does_what_it_may() -> None:
    """A name that is no longer needed is a hole that nobody looks at."""
    named = {one for may in (*IMPORTERS.values(), *CALLERS.values(), *KEYS.values()) for one in may}
    missing = [one for one in sorted({*named, *RUNNERS, *LOOKERS, *OF_NOBODY, *LOADERS}) if not (ROOT / one).exists()]
    assert missing == []
