"""An agency that is made up and issues documents: one for each key, however often it is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from core.graph import global_id
from services.know.entries import service_id
from services.plugins.contract import Call, Document, Host, Manifest, Titles, parse_manifest
from services.plugins.plugin import Plugin, PluginGraph

SLUG = "certificates"
WORDS = {"th": "ทดสอบ", "en": "test"}
SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
OPERATION = "certificate"
TITLE = Titles(th="หนังสือรับรอง", en="A certificate")
NAME, CONTENT = "หนังสือรับรอง.pdf", b"%PDF-1.7 what nobody else may read"


def manifest_of(**changed: Any) -> Manifest:
    document: dict[str, Any] = {
        "contract": 1,
        "slug": SLUG,
        "agency": {"slug": "oic", "title": {"th": "สำนักทดสอบ", "en": "Office of tests"}},
        "category": "smes",
        "title": {"th": "หนังสือรับรอง", "en": "Certificates"},
        "description": WORDS,
        "keywords": {"th": ["รับรอง"], "en": ["certificate"]},
        "operations": {
            OPERATION: {"kind": "issue", "time_limit_seconds": 5, "answer_bytes_max": 5_000_000},
            "brochure": {"kind": "issue", "access": "public", "time_limit_seconds": 5},
            "tell": {"kind": "status", "time_limit_seconds": 5},
        },
        "errors": {"NOT_READY": {"th": "ยังไม่พร้อม", "en": "It is not ready yet"}},
        "hours": WORDS,
        "contact": {"email": "desk@certificates.example"},
    }
    return parse_manifest(document | changed, plugin=SLUG)


@dataclass
class Office:
    """Its system. `fail` is raised before a call has an effect; `says` stands in place of a true answer."""

    calls: list[Call] = field(default_factory=list)
    issued: dict[str, Document] = field(default_factory=dict)
    """By the key of the call."""
    fail: Exception | None = None
    says: Any = None
    name: str = NAME
    media_type: str = "application/pdf"
    content: bytes = CONTENT
    meanwhile: Callable[[], Awaitable[None]] | None = None

    def plugin(self, **changed: Any) -> Plugin:
        manifest = manifest_of(**changed)
        return Plugin(manifest, PluginGraph(), dict.fromkeys(manifest.operations, self.issue))

    async def issue(self, _: Host, call: Call) -> Any:
        self.calls.append(call)
        if self.fail is not None:
            raise self.fail
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.says is not None:
            return self.says
        made = Document(name=self.name, media_type=self.media_type, title=TITLE, content=self.content)
        return self.issued.setdefault(call.key, made).model_dump(mode="json", by_alias=True)
