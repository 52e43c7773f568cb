"""A made-up insurers' register that takes policies: what it was asked, what it keeps, and how it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from core.clock import Clock
from core.database import Database
from services.plugins.contract import AgencyError, Call, Host, Manifest, parse_manifest
from services.plugins.plugin import Plugin, PluginGraph
from services.plugins.records.lines import lines_of
from services.plugins.records.service import Outcome, RecordDesk, Sending
from services.plugins.runner import Runner
from tests.support.plugins.far_side import NoAgency, key_ring

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["policy"],
    "properties": {
        "policy": {"type": "string", "pattern": "^P-[0-9]+$"},
        "cover": {"type": "object", "properties": {"satang": {"type": "integer"}}},
    },
}
_TITLE: Final = {"th": "ทะเบียนตัวอย่าง", "en": "Example Register"}


def manifest_of(slug: str = "register", **spec: Any) -> Manifest:
    operation = {"kind": "ingest", "access": "public", "time_limit_seconds": 2, "record": SCHEMA, "batch": 2, **spec}
    document = {
        "contract": 1,
        "slug": slug,
        "agency": {"slug": slug, "title": _TITLE},
        "category": "smes",
        "title": _TITLE,
        "description": _TITLE,
        "keywords": {"th": ["ทะเบียน"], "en": ["register"]},
        "hours": _TITLE,
        "contact": {"email": "desk@register.example"},
        "operations": {"policies": operation},
        "errors": {"POLICY_UNKNOWN": {"th": "ไม่พบกรมธรรม์", "en": "There is no such policy."}},
    }
    return parse_manifest(document, plugin=slug)


class Register:
    """The agency: the same key is the same call, and has its effect once."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self.kept: list[str] = []
        self.answers: dict[str, Any] = {}
        self.troubles: list[Exception] = []
        """Raised one after the other, by the calls that come next, before anything is kept."""
        self.lost: list[Exception] = []
        """The same, after it is kept: the answer does not arrive."""
        self.gate: Callable[[], Any] | None = None

    async def take(self, _: Host, call: Call) -> Any:
        records = [one["policy"] for one in call.arguments["records"]]
        self.calls.append((call.key, records))
        if self.gate is not None:
            await self.gate()
        await asyncio.sleep(0)
        if self.troubles:
            raise self.troubles.pop(0)
        if call.key not in self.answers:
            if "P-666" in records:
                raise AgencyError("POLICY_UNKNOWN")
            bad = [
                {"record": n, "code": "POLICY_UNKNOWN", "path": "/policy"}
                for n, policy in enumerate(records)
                if policy.startswith("P-9")
            ]
            self.kept += [policy for policy in records if not policy.startswith("P-9")]
            self.answers[call.key] = {"rejected": bad}
        if self.lost:
            raise self.lost.pop(0)
        return self.answers[call.key]

    def plugin(self, manifest: Manifest | None = None) -> Plugin:
        return Plugin(manifest or manifest_of(), PluginGraph(), {"policies": self.take})


def desk_of(database: Database, clock: Clock, plugin: Plugin, **given: Any) -> RecordDesk:
    runner = Runner(lambda _: Host(clock, NoAgency()))
    return RecordDesk(database, clock, key_ring(), runner, lambda: [plugin], **given)


def ndjson(*records: Any) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def policies(*numbers: int) -> bytes:
    return ndjson(*({"policy": f"P-{number}"} for number in numbers))


async def send(desk: RecordDesk, plugin: Plugin, body: bytes, key: str = "sending-0001") -> Outcome:
    return await desk.take(Sending(plugin, "policies", "client", key, body, lines_of(body)))
