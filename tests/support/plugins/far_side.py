"""A remote agency that is honest, and the way to it: for tests that break one of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from graphql import ObjectTypeDefinitionNode, parse

from core.clock import Clock
from core.crypto import KeyRing
from core.ids import NationalId
from services.plugins.contract import Access, Call, Host, Manifest, Operation, parse_manifest
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.wire import LIVE
from services.plugins.kit import kit_app
from services.plugins.plugin import Origin, Plugin, PluginGraph
from services.plugins.runner import LaneLimits, Runner, ServiceKeys, Wire, remote_functions

URL: Final = "https://harbour.example/sitthi"
PERSON: Final = NationalId("0000000000001")
OTHER: Final = NationalId("0000000000019")
_TITLE: Final = {"th": "ท่าเรือตัวอย่าง", "en": "Example Harbour"}
_EVERY_KIND: Final[dict[str, dict[str, Any]]] = {
    "berths": {"kind": "query"},
    "tides": {"kind": "query", "access": "public"},
    "skipper": {"kind": "source"},
    "crew": {"kind": "source", "batch": 3},
    "apply": {"kind": "submit"},
    "progress": {"kind": "status"},
    "withdraw": {"kind": "cancel"},
    "arrivals": {"kind": "ingest", "record": {"type": "object"}},
    "licence": {"kind": "issue"},
    "heard": {"kind": "notify", "events": ["data.erased"]},
}
MANIFEST: Final[dict[str, Any]] = {
    "contract": 1,
    "slug": "harbour",
    "agency": {"slug": "harbour", "title": _TITLE},
    "category": "environment",
    "title": _TITLE,
    "description": _TITLE,
    "keywords": {"th": ["ท่าเรือ"], "en": ["harbour"]},
    "hours": _TITLE,
    "contact": {"email": "desk@harbour.example"},
    "prefix": "Harbour",
    "namespace": "harbour",
    "operations": {name: {"time_limit_seconds": 2, **spec} for name, spec in _EVERY_KIND.items()},
    "provides": {"skipper_licence": "skipper", "sea_days": "crew"},
    "errors": {"BERTH_TAKEN": {"th": "ที่จอดไม่ว่าง", "en": "The berth is taken."}},
}
SDL: Final = """
type Harbour { berths: [HarbourBerth!] tides: [Int!] }
type HarbourBerth { number: Int! until: Date rent: Money }
"""


def manifest_of(**changes: Any) -> Manifest:
    return parse_manifest({**MANIFEST, **changes}, plugin="harbour")


def key_ring(*names: str) -> KeyRing:
    """The last is current."""
    keys = {name: name.encode().ljust(32, b"\x01") for name in names or ("k1",)}
    return KeyRing(next(reversed(keys)), keys, b"\x02" * 32)


async def nothing(host: Host, call: Call) -> Any:
    return None


class NoAgency:
    """The functions of these tests ask nobody further."""

    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        raise AssertionError(path)

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        raise AssertionError(path)


@dataclass
class Between:
    """Stands between the host and the far side: sees each request, may change it, and may change its reply."""

    far: httpx2.AsyncClient
    requests: list[httpx2.Request] = field(default_factory=list)
    replies: list[httpx2.Response] = field(default_factory=list)
    before: Callable[[httpx2.Request], httpx2.Request] = lambda request: request
    after: Callable[[httpx2.Response], httpx2.Response] = lambda reply: reply

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        reply = await self.far.send(self.before(request))
        self.replies.append(reply)
        return self.after(reply)


def changed(
    message: httpx2.Request | httpx2.Response,
    *,
    headers: Mapping[str, str | None] | None = None,
    more: list[tuple[str, str]] | None = None,
    content: bytes | None = None,
) -> list[tuple[bytes, bytes]]:
    """The raw headers of a message with some of them set, or (None) left out, and `more` at their end."""
    told = {name.lower().encode(): value for name, value in (headers or {}).items()}
    kept = [(name, value) for name, value in message.headers.raw if name.lower() not in told]
    kept += [(name, value.encode()) for name, value in told.items() if value is not None]
    kept += [(name.encode(), value.encode()) for name, value in more or ()]
    if content is not None:
        kept = [(name, value) for name, value in kept if name.lower() != b"content-length"]
        kept.append((b"content-length", str(len(content)).encode()))
    return kept


def request_like(
    request: httpx2.Request, *, url: str | None = None, method: str = "POST", **changes: Any
) -> httpx2.Request:
    content = changes.get("content")
    return httpx2.Request(
        method,
        url or request.url,
        headers=changed(request, **changes),
        content=request.content if content is None else content,
    )


def reply_like(reply: httpx2.Response, *, status: int | None = None, **changes: Any) -> httpx2.Response:
    content = changes.get("content")
    return httpx2.Response(
        status or reply.status_code,
        headers=changed(reply, **changes),
        content=reply.content if content is None else content,
    )


class FarSide:
    """A plugin whose functions run behind the kit, and the runner that asks it. Use as a context."""

    def __init__(
        self,
        clock: Clock,
        functions: Mapping[str, Operation] | None = None,
        *,
        manifest: Manifest | None = None,
        key: SigningKey | None = None,
        mode: str = LIVE,
        limits: LaneLimits | None = None,
    ) -> None:
        self.clock, self.manifest = clock, manifest or manifest_of()
        self.ours = ServiceKeys(key_ring())
        self.key = key or SigningKey.of(Ed25519PrivateKey.generate())
        self.kit = kit_app(
            self.manifest,
            {**dict.fromkeys(self.manifest.operations, nothing), **(functions or {})},
            url=URL,
            host=Host(clock, NoAgency()),
            trusted_keys=self.ours,
            signing_key=self.key,
        )
        self.between = Between(httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.kit)))
        self.http = httpx2.AsyncClient(transport=httpx2.MockTransport(self.between))
        self.wire = Wire(self.http, URL, {self.key.keyid: self.key.verifying}, self.ours, clock, mode=mode)
        self.plugin = Plugin(
            self.manifest,
            graph_of(SDL),
            remote_functions(self.manifest, self.wire),
            origin=Origin.REMOTE,
        )
        self.runner = Runner(lambda _: Host(clock, NoAgency()), limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()
        await self.between.far.aclose()

    async def ask(self, operation: str, arguments: Mapping[str, Any] | None = None, **more: Any) -> Any:
        """By the wire alone: what goes wrong is raised as it is."""
        spec = self.manifest.operations[operation]
        if spec.access is Access.CITIZEN and not spec.batch:
            more.setdefault("person", PERSON)
        more.setdefault("person", None)
        return await self.wire.ask(self.manifest, Call(operation, arguments=arguments or {}, asker="test", **more))

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """To the far side, past whatever stands between."""
        return await self.between.far.send(request)

    @property
    def request(self) -> httpx2.Request:
        """The last one."""
        return self.between.requests[-1]


def graph_of(sdl: str) -> PluginGraph:
    document = parse(sdl)
    objects = {node.name.value: node for node in document.definitions if isinstance(node, ObjectTypeDefinitionNode)}
    return PluginGraph(document.definitions, objects, namespaces={"Citizen": "Harbour"})
