"""A service that an agency registers: made-up documents, and a registry over a database of the test's own."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.clock import Clock
from core.database import Database
from services.exchange.catalogue import load_catalogue
from services.plugins.conformance.rules import SUITE_VERSION
from services.plugins.contract import Call, Fault, Host, Manifest, Operation
from services.plugins.contract.keys import SigningKey
from services.plugins.kit import kit_app
from services.plugins.plugin import Plugin
from services.plugins.registry import Registry
from services.plugins.registry.checking import Checks
from services.plugins.registry.desk import ReviewDesk, ServiceDesk
from services.plugins.registry.documents import Documents, Ground, read_remote_manifest
from services.plugins.registry.examining import Examiner
from services.plugins.registry.lifecycle import Actor, Lifecycle
from services.plugins.registry.limits import Limits
from services.plugins.registry.operation_check import consents_of
from services.plugins.registry.passing import Owing
from services.plugins.registry.repository import Name, ServiceRepository
from tests.support.plugins import HOST
from tests.support.plugins.far_side import NoAgency

WATER: Final = "waterworks"
NAME: Final = Name(WATER, WATER)
SYSTEM: Final = Actor(WATER, "registrar", "waterworks-client")
REVIEWER: Final = Actor("dga", "0" * 32)
SDL: Final = """extend type Query {
  water: WaterOpen
}

type WaterOpen {
  price(size: WaterSize = SMALL): WaterPrice
}

type WaterPrice {
  amount: Money!
  since: Date
}

enum WaterSize {
  SMALL
  LARGE
}
"""
KEY: Final = SigningKey.of(Ed25519PrivateKey.generate())


def manifest_of(version: str = "1.0.0", slug: str = WATER, **changed: Any) -> dict[str, Any]:
    """`changed` replaces members; None removes one."""
    document: dict[str, Any] = {
        "contract": 1,
        "slug": slug,
        "version": version,
        "agency": {"slug": slug, "title": {"th": "การประปาตัวอย่าง", "en": "Example Waterworks"}},
        "category": "environment",
        "title": {"th": "ค่าน้ำประปา", "en": "Water prices"},
        "description": {"th": "ดูค่าน้ำ", "en": "See what water costs."},
        "keywords": {"th": ["น้ำประปา"], "en": ["water"]},
        "hours": {"th": "ตลอด 24 ชั่วโมง", "en": "Around the clock"},
        "contact": {"email": "help@waterworks.example"},
        "namespace": "water",
        "prefix": "Water",
        "operations": {"price": {"kind": "query", "access": "public", "time_limit_seconds": 2}},
        "endpoint": {"url": "https://water.example", "keys": [KEY.jwk]},
    }
    return {name: value for name, value in (copy.deepcopy(document) | changed).items() if value is not None}


def documents_of(
    version: str = "1.0.0",
    slug: str = WATER,
    *,
    sdl: str | None = SDL,
    examples: Mapping[str, Any] | None = None,
    form: Mapping[str, Any] | None = None,
    **changed: Any,
) -> Documents:
    manifest = manifest_of(version, slug, **changed)
    shown = {"amount": {"satang": 1050, "currency": "THB"}, "since": "2026-01-01"}
    default = {f"{name}.json": {"operation": name, "answer": shown} for name in manifest["operations"]}
    given = default if examples is None else dict(examples)
    return Documents.of(manifest, sdl, given, form)


def written(documents: Documents, folder: Path) -> str:
    """The same as files in that folder."""
    for name, text in documents.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


def answering(answer: Any) -> Callable[[Manifest], Mapping[str, Operation]]:
    """Functions for any manifest, in this process, which all answer that."""

    async def run(_: Host, call: Call) -> Any:
        await asyncio.sleep(0)
        return answer(call) if callable(answer) else answer

    return lambda manifest: dict.fromkeys(manifest.operations, run)


def far_side(house: Any, documents: Documents, answer: Any) -> None:
    """From now on this house reaches an honest agency of these documents, in the test's own process."""
    manifest = read_remote_manifest(documents)
    assert manifest.endpoint is not None
    app = kit_app(
        manifest,
        answering(answer)(manifest),
        url=manifest.endpoint.url,
        host=Host(house.clock, NoAgency()),
        trusted_keys=house.service_keys,
        signing_key=KEY,
    )
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    house.outside._clients[manifest.slug] = httpx2.AsyncClient(transport=transport)


def no_faults(_: str) -> list[Fault]:
    return []


@dataclass
class Report:
    """What a conformance suite would say."""

    passed: bool = True
    hash: str = ""

    @property
    def document(self) -> dict[str, Any]:
        return {"passed": self.passed, "documents": self.hash}


@dataclass
class Suite:
    """Stands in for the conformance suite: answers what the test says, when it says so."""

    passed: bool = True
    checked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def check(self, plugin: Plugin, *, documents_hash: str) -> Report:
        self.checked.append(f"{plugin.slug} {plugin.manifest.version}")
        if self.meanwhile is not None:
            await self.meanwhile()
        return Report(self.passed, documents_hash)


async def signed(document: Mapping[str, Any]) -> str:
    return "signed " + json.dumps(dict(document), sort_keys=True)


async def fits_always(_: Plugin) -> None:
    """Every graph holds together."""


class Registering:
    """A registry of services over a database; `suite` is what checks them."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        officers: Any = None,
        *,
        limits: Limits | None = None,
        suite: str = SUITE_VERSION,
        owing: Owing | None = None,
    ) -> None:
        catalogue = load_catalogue()
        owners = {one.id: one.steward for one in catalogue.attributes.values() if one.derived is None}
        self.db, self.clock, self.suite = db, clock, Suite()
        self.registry = Registry(HOST, owners)
        self.ground = Ground(HOST, owners, no_faults, answering(None), consents_of(catalogue))
        self.lifecycle = Lifecycle(clock, limits, suite=suite, owing=owing)
        self.examiner = Examiner(db, clock, catalogue, lambda: self.registry, lambda: self.ground, fits_always)
        self.desk = ServiceDesk(db, self.examiner, self.lifecycle)
        self.reviews = ReviewDesk(db, clock, officers, self.examiner, self.lifecycle)
        self.checks = self.checks_with(self.suite)

    def checks_with(self, suite: Any, **given: Any) -> Checks:
        return Checks(self.db, self.clock, self.lifecycle, self.examiner, suite, signed, **given)

    async def checked(self, documents: Documents, actor: Actor = SYSTEM) -> None:
        """A version that has passed its check."""
        row, _ = await self.desk.register(actor, documents)
        await self.desk.check(actor, Name(row.agency, row.slug), row.version)
        assert await self.checks.run() == 1

    async def published(self, documents: Documents, actor: Actor = SYSTEM) -> None:
        """A version in force, with whatever a reviewer had to say to it."""
        await self.checked(documents, actor)
        manifest = json.loads(documents.files["manifest.json"])
        name, version = Name(actor.agency, manifest["slug"]), manifest["version"]
        row = await self.desk.submit(actor, name, version)
        if row.state == "IN_REVIEW":
            await self.approved(name, version)

    async def approved(self, name: Name, version: str, reviewer: Actor = REVIEWER) -> None:
        row = await self.desk._row(name, version)
        examined = await self.examiner.examine(name, Documents(row.files))
        async with self.db.write() as session:
            review = await ServiceRepository(session).open_review(name, version)
            assert review is not None
            await self.lifecycle.approve(session, reviewer, review, examined, "")

    async def state(self, version: str, name: Name = NAME) -> str:
        return (await self.desk._row(name, version)).state
