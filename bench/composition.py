"""What many plugins cost a worker: to compose, to hold, and for everybody's home query.

In this process, as a worker does it: documents are loaded and the graph is composed in a thread while a task counts how
long the event loop was kept waiting; memory is the process's resident set. The home query is asked of the whole
application without a socket, with none and with all of the plugins, alternating in one run.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import time
import weakref
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.app import create_app
from api.commands.walk import sign_in
from api.composer.quiet import quiet
from api.house import House
from bench.processes import SEED
from core import migrations
from core.clock import SystemClock
from core.crypto import load_keys
from core.settings import Settings
from services.plugins.contract import Manifest, Operation
from services.plugins.contract.keys import SigningKey
from services.plugins.plugin import Plugin
from services.plugins.registry.documents import Documents, Ground, published_plugin
from services.sandbox.population.store import ensure

HOME: Final = Path(__file__).parents[1] / "api" / "pages" / "home.graphql"
BEAT_SECONDS: Final = 0.001
TYPES: Final = 10
_KEY: Final = SigningKey.of(Ed25519PrivateKey.generate())


@dataclass(frozen=True, slots=True)
class CompositionSize:
    plugins: int
    swaps: int
    rounds: int
    requests: int
    """Home queries with and without them, in each round."""


@dataclass
class Beat:
    """A task that wants to run every millisecond, and remembers how long it had to wait at worst."""

    worst: float = 0.0
    gaps: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            self.worst = max(self.gaps, default=0.0)

    @property
    def p99(self) -> float:
        return sorted(self.gaps)[len(self.gaps) * 99 // 100] if self.gaps else 0.0

    async def _run(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(BEAT_SECONDS)
            self.gaps.append(time.perf_counter() - began - BEAT_SECONDS)


def documents_of(number: int) -> Documents:
    """A plugin of ten types of three to five fields, of an agency of its own."""
    name = _word(number)
    parts = TYPES - 1
    below = {n: [one for one in (2 * n + 1, 2 * n + 2) if one < parts] for n in range(parts)}
    types = [
        f"type {name}Part{n} {{\n  id: ID!\n  amount: Money\n  since: Date\n"
        + "".join(f"  part{one}: {name}Part{one}\n" for one in below[n])
        + "}\n"
        for n in range(parts)
    ]
    root = f"type {name}Open {{\n  look(id: ID!): {name}Part0\n}}\n"
    sdl = "\n".join([f"extend type Query {{\n  {name.lower()}: {name}Open\n}}\n", root, *types])
    slug = name.lower()
    manifest = {
        "contract": 1, "slug": slug, "version": "1.0.0",
        "agency": {"slug": slug, "title": {"th": "หน่วยงานตัวอย่าง", "en": "Example agency"}},
        "category": "environment",
        "title": {"th": f"บริการตัวอย่าง {name}", "en": f"Example service {name}"},
        "description": {"th": "ดูข้อมูลตัวอย่าง", "en": "See what is only an example."},
        "keywords": {"th": ["ตัวอย่าง"], "en": ["example"]},
        "hours": {"th": "ตลอด 24 ชั่วโมง", "en": "Around the clock"},
        "contact": {"email": "help@agency.example"},
        "namespace": name.lower(), "prefix": name,
        "operations": {"look": {"kind": "query", "access": "public", "time_limit_seconds": 2}},
        "endpoint": {"url": "https://agency.example", "keys": [_KEY.jwk]},
    }  # fmt: skip
    example = {"operation": "look", "arguments": {"id": "1"}, "answer": None}
    files = {"manifest.json": json.dumps(manifest), "graph.graphql": sdl, "examples/look.json": json.dumps(example)}
    return Documents(files)


def _word(number: int) -> str:
    """`Zaaa`, `Zaab` and so on: of one length, so that none is another's beginning."""
    letters = ""
    for _ in range(3):
        number, letter = divmod(number, 26)
        letters = chr(ord("a") + letter) + letters
    return f"Zq{letters}"


async def bench(folder: Path, size: CompositionSize, *, say: Callable[[str], None]) -> dict[str, float]:
    """Measures and prints; answers the figures by name, in seconds, megabytes or milliseconds."""
    settings = Settings(data=folder, demo_citizens=200, rate_limit_scale=0)
    await asyncio.to_thread(migrations.upgrade, settings.sqlalchemy_url, keys=lambda: load_keys(settings))
    await asyncio.to_thread(ensure, folder, settings.demo_citizens, SEED, SystemClock().today())
    app = create_app(settings, SystemClock())
    figures: dict[str, float] = {}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=settings.issuer) as http,
    ):
        house: House = app.state.house
        with quiet():  # as the follower does it
            await _composing(house, size, figures, say)
        token = (await sign_in(settings, "elder", transport=httpx2.ASGITransport(app=app)))["access_token"]
        await _home(house, size, figures, http, token, say)
    print(f"\n{size.plugins} plugins of {TYPES} types each, beside our own, on {os.cpu_count()} processors")
    for name, value in figures.items():
        print(f"  {name:<58} {value:10.3f}")
    return figures


async def _composing(
    house: House, size: CompositionSize, figures: dict[str, float], say: Callable[[str], None]
) -> None:
    holder, registry = house.schemas, house.registry
    ours = registry.plugins
    ground = Ground(registry.host, registry.attributes, lambda _: [], _functions)
    gc.collect()
    figures["resident before, MB"] = _resident()
    say(f"loading {size.plugins} plugins")
    async with (beat := Beat()).beating():
        began = time.perf_counter()
        plugins = await asyncio.to_thread(_load, size.plugins, ground)
        figures["loading their documents, s"] = time.perf_counter() - began
    figures["  the event loop waited at worst, ms"] = beat.worst * 1000
    figures["resident with them loaded, MB"] = _resident()
    everybody = [*ours, *plugins]
    for name, chosen in (("composing all, s", everybody), ("composing all again, s", everybody)):
        say(name)
        async with (beat := Beat()).beating():
            began, cpu = time.perf_counter(), time.process_time()
            schema = await holder.composed(chosen)
            figures[name] = time.perf_counter() - began
            figures[f"  CPU of {name.rpartition(',')[0]}, s"] = time.process_time() - cpu
        figures[f"  the loop waited meanwhile at worst ({name.rpartition(',')[0]}), ms"] = beat.worst * 1000
        figures[f"  the loop waited meanwhile at p99 ({name.rpartition(',')[0]}), ms"] = beat.p99 * 1000
        registry.swap(chosen)
        holder.swap(schema)
    gc.collect()
    figures["resident with them in the graph, MB"] = _resident()
    say(f"{size.swaps} swaps")
    former = []
    schema = holder.current
    for number in range(size.swaps):
        former.append(weakref.ref(holder.current._schema))  # noqa: SLF001 - the graph itself, shown nowhere else
        chosen = everybody if number % 2 else everybody[:-1]
        schema = await holder.composed(chosen)
        registry.swap(chosen)
        holder.swap(schema)
    del schema
    gc.collect()
    figures[f"resident after {size.swaps} swaps, MB"] = _resident()
    figures["  former graphs still there"] = sum(one() is not None for one in former)


async def _home(
    house: House, size: CompositionSize, figures: dict[str, float], http: httpx2.AsyncClient, token: str,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """With and without them in turn: the whole registry and graph are swapped between."""
    everybody = house.registry.plugins
    ours = tuple(one for one in everybody if not one.slug.startswith("zq"))
    graphs = {
        "none": (ours, await house.schemas.composed(ours)),
        "all": (everybody, await house.schemas.composed(everybody)),
    }
    body = orjson.dumps({"query": HOME.read_text()})
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    found: dict[str, list[float]] = {name: [] for name in graphs}

    async def ask(times: int) -> float:
        """Milliseconds of CPU each."""
        began = time.process_time()
        for _ in range(times):
            answer = await http.post("/graphql", content=body, headers=headers)
            assert "errors" not in answer.json(), answer.text
        return (time.process_time() - began) / times * 1000

    gc.collect()
    gc.freeze()
    for number in range(size.rounds + 1):
        say(f"home query, round {number} of {size.rounds}")
        for name, (plugins, schema) in graphs.items():
            house.registry.swap(plugins)
            house.schemas.swap(schema)
            await ask(3)  # warms it up
            took = await ask(size.requests)
            if number:
                found[name].append(took)
    for name, values in found.items():
        figures[f"home query with {name} of them, CPU ms"] = median(values)
    figures["  ratio, median of the rounds'"] = median(
        [many / few for many, few in zip(found["all"], found["none"], strict=True)]
    )


def _load(count: int, ground: Ground) -> list[Plugin]:
    return [published_plugin(documents_of(number), ground) for number in range(count)]


def _functions(manifest: Manifest) -> Mapping[str, Operation]:
    async def ask(*_: Any) -> None:
        return None

    return dict.fromkeys(manifest.operations, ask)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000
