"""A remote agency that is honest, behind its documents, and the ways to break one thing of it at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.clock import Clock
from services.plugins.conformance import Report, Suite
from services.plugins.conformance.line import Line
from services.plugins.contract import AgencyError, Call, Host, Known, Money, Operation
from services.plugins.contract.keys import SigningKey
from services.plugins.kit import ServiceKit
from services.plugins.plugin import Plugin
from services.plugins.registry.documents import Documents, Ground, load_documents
from tests.support.plugins import HOST
from tests.support.plugins.far_side import NoAgency

FOLDER: Final = Path(__file__).parent / "waterworks"
URL: Final = "https://waterworks.example/sitthi"
CATALOGUE: Final = {"annual_income": "waterworks", "motor_insurance": "waterworks"}
ME, OTHER, SEALED = "0000000000001", "0000000000027", "0000000000035"
HASH: Final = "00"

_BILLS: Final[dict[str, list[dict[str, Any]]]] = {
    ME: [{"meter": "M-1", "due": "2026-11-30", "amount": Money(25050)}],
    OTHER: [
        {"meter": "M-2", "due": "2026-12-01", "amount": Money(900)},
        {"meter": "M-3", "due": "2026-12-01", "amount": Money(100)},
    ],
}
_OPENED: Final = "2026-11-10T09:00:00+07:00"


class Waterworks:
    """Its functions. What they change is counted, so that an effect that happens twice is seen."""

    def __init__(self) -> None:
        self.opened: dict[str, int] = {}

    @property
    def functions(self) -> dict[str, Operation]:
        return {
            "bills": self.bills,
            "prices": self.prices,
            "income": self.income,
            "member": self.member,
            "openMeter": self.open_meter,
            "meterState": self.meter_state,
            "closeMeter": self.close_meter,
            "paper": self.paper,
            "take": self.take,
            "hear": self.hear,
        }

    async def bills(self, _: Host, call: Call) -> Any:
        if call.citizen.digits == SEALED:
            raise AgencyError("METER_SEALED")
        return _BILLS.get(call.citizen.digits)

    async def prices(self, host: Host, call: Call) -> Any:
        return [{"name": "บ้านอยู่อาศัย", "amount": Money(1000)}]

    async def income(self, host: Host, call: Call) -> Any:
        now = host.clock.now()
        return {p: {"annual_income": Known(Money(12_000_000), now)} for p in call.people if p.digits == ME}

    async def member(self, host: Host, call: Call) -> Any:
        return {"motor_insurance": Known(value=True, as_of=host.clock.now())} if call.citizen.digits == ME else {}

    async def open_meter(self, _: Host, call: Call) -> Any:
        told = call.arguments["application"]
        self.opened[told["id"]] = self.opened.get(told["id"], 0) + 1
        return {
            "reference": f"W-{told['id']}-{self.opened[told['id']]}",
            "state": "RECEIVED",
            "at": told["submittedAt"],
        }

    async def meter_state(self, _: Host, call: Call) -> Any:
        if call.citizen.digits != ME:
            raise AgencyError("NOT_YOURS")
        return {"reference": call.arguments["reference"], "state": "IN_PROGRESS", "at": _OPENED}

    async def close_meter(self, _: Host, call: Call) -> Any:
        at = "2026-11-16T10:00:00+07:00"
        return {"reference": call.arguments["reference"], "state": "CANCELLED", "at": at}

    async def paper(self, host: Host, call: Call) -> Any:
        title = {"th": "ใบแจ้งหนี้", "en": "Bill"}
        return {"name": "bill.txt", "mediaType": "text/plain", "title": title, "content": "สิทธิ์".encode()}

    async def take(self, _: Host, call: Call) -> Any:
        empty = [number for number, record in enumerate(call.arguments["records"]) if not record["meter"]]
        return {"rejected": [{"record": number, "code": "METER_SEALED", "path": "meter"} for number in empty]}

    async def hear(self, host: Host, call: Call) -> None:
        """It has heard."""


@dataclass
class Stand:
    """The agency, the way to it, and the suite. What a test gives replaces the honest part."""

    clock: Clock
    functions: Mapping[str, Operation] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    kit: type[ServiceKit] = ServiceKit
    kit_options: Mapping[str, Any] = field(default_factory=dict)
    around: Any = None
    """An ASGI middleware: app → app."""
    url: str = URL
    http: httpx2.AsyncClient | None = None
    signs_by: SigningKey | None = None
    trusts: Any = None
    """Where it finds the keys of calls, if not among the stand's own."""
    learns_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.ours, self.key = (SigningKey.of(Ed25519PrivateKey.generate()) for _ in range(2))
        document = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
        document |= {"endpoint": {"url": self.url, "keys": [self.key.jwk]}, **self.manifest}
        files = Documents.of_folder(FOLDER).files
        ground = Ground(HOST, CATALOGUE, lambda _: (), lambda _: {})
        self.plugin: Plugin = load_documents(Documents({**files, "manifest.json": json.dumps(document)}), ground)

    @property
    def app(self) -> Any:
        kit = self.kit(
            self.plugin.manifest,
            {**Waterworks().functions, **self.functions},
            url=self.url,
            host=Host(self.clock, NoAgency()),
            trusted_keys=self.trusts or {self.ours.keyid: self.ours.verifying},
            signing_key=self.signs_by or self.key,
            **self.kit_options,
        )
        return kit if self.around is None else self.around(kit)

    async def check(self, plugin: Plugin | None = None, **options: Any) -> Report:
        http = self.http or httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app, raise_app_exceptions=False))
        async with http:
            keys = {self.key.keyid: self.key.verifying}
            line = Line(self.url, http, self.ours, keys, calls_a_second=100_000, learns_seconds=self.learns_seconds)
            suite = Suite(self.clock, lambda _: Opened(line), **options)
            return await suite.check(plugin or self.plugin, documents_hash=HASH)


class Opened:
    def __init__(self, line: Line) -> None:
        self._line = line

    async def __aenter__(self) -> Line:
        return self._line

    async def __aexit__(self, *_: object) -> None:
        return None


def shown(report: Report) -> dict[str, tuple[str, ...]]:
    """What failed, for a test that says what must."""
    return {finding.rule.id: finding.what + finding.details for finding in report.failed}
