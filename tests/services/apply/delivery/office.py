"""An agency that is made up: what it takes, decides, forgets and gets wrong is the test's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.clock import Clock
from services.plugins.contract import (
    AgencyError,
    ApplicationState,
    Call,
    Host,
    Manifest,
    State,
    Titles,
    parse_manifest,
)
from services.plugins.plugin import Plugin, PluginGraph

WORDS = {"th": "ทดสอบ", "en": "test"}
SLUG = "stall-permit"
OPERATIONS = {
    "takeIt": {"kind": "submit", "time_limit_seconds": 2},
    "howFar": {"kind": "status", "time_limit_seconds": 2},
    "takeBack": {"kind": "cancel", "time_limit_seconds": 2},
    "hear": {
        "kind": "notify",
        "time_limit_seconds": 2,
        "events": ["application.withdrawn", "consent.withdrawn", "data.erased"],
    },
}
FORM = {
    "type": "object",
    "properties": {
        "owner": {"type": "object", "x-attribute": "name"},
        "shopName": {"type": "string", "minLength": 1, "maxLength": 40, "x-citizen-only": WORDS},
        "places": {"type": "integer", "minimum": 1, "maximum": 5, "x-citizen-only": WORDS},
    },
    "required": ["owner", "shopName"],
    "additionalProperties": False,
}
NAME_NEED = {"attribute": "name", "purpose": WORDS, "basis": "public_task"}
NOTE = Titles(th="ขาดแผนที่", en="The map is missing")


def manifest_of(**changed: Any) -> Manifest:
    """Of an agency with a standing agreement on names (catalogue/data/agreements.yaml)."""
    document: dict[str, Any] = {
        "contract": 1,
        "slug": SLUG,
        "agency": {"slug": "oic", "title": WORDS},
        "category": "smes",
        "title": {"th": "ขอที่ขายของ", "en": "Permit for a stall"},
        "description": WORDS,
        "keywords": {"th": ["แผงลอย"], "en": ["stall"]},
        "operations": OPERATIONS,
        "needs": [NAME_NEED],
        "form": FORM,
        "errors": {"MARKET_FULL": {"th": "ตลาดเต็มแล้ว", "en": "The market is full"}},
        "hours": WORDS,
        "contact": {"email": "desk@market.example"},
    }
    return parse_manifest(document | changed, plugin=SLUG)


@dataclass
class Office:
    """Its system: idempotent, as the contract asks. `fail` is raised before a call has an effect, `lose` after it."""

    clock: Clock
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the key of the submit."""
    effects: list[tuple[str, str]] = field(default_factory=list)
    """What each call changed: operation and key, once for each key."""
    calls: list[Call] = field(default_factory=list)
    fail: Exception | None = None
    lose: Exception | None = None
    says: Any = None
    """In place of a true answer."""
    state: State = State.IN_PROGRESS
    """Of every file that is asked about."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """What it says beside the state: `note`, `payment`, `at`."""

    def plugin(self, **changed: Any) -> Plugin:
        manifest = manifest_of(**changed)
        functions = {"takeIt": self.take, "howFar": self.how_far, "takeBack": self.take_back, "hear": self.hear}
        return Plugin(manifest, PluginGraph(), {name: functions[name] for name in manifest.operations})

    def asked(self, operation: str) -> list[Call]:
        return [call for call in self.calls if call.operation == operation]

    def took_back(self, key: str) -> bool:
        """Whether it took back what was submitted under that key."""
        return any(name == "takeBack" and of.startswith(f"{key}:cancel:") for name, of in self.effects)

    async def take(self, _: Host, call: Call) -> Any:
        self._begin(call)
        file = {"reference": f"M-{len(self.files) + 1}", "document": call.arguments["application"], "of": call.person}
        known = self.files.setdefault(call.key, file)
        assert known["document"] == call.arguments["application"], "one key, one call"
        assert known["of"] == call.person
        return self._end(call, known["reference"], State.RECEIVED)

    async def how_far(self, _: Host, call: Call) -> Any:
        self._begin(call)
        return self._end(call, call.arguments["reference"], self.state)

    async def take_back(self, _: Host, call: Call) -> Any:
        self._begin(call)
        return self._end(call, call.arguments["reference"], State.CANCELLED)

    async def hear(self, _: Host, call: Call) -> Any:
        self._begin(call)
        self._effect(call)
        if self.lose is not None:
            raise self.lose

    def _begin(self, call: Call) -> None:
        self.calls.append(call)
        if self.fail is not None:
            raise self.fail

    def _effect(self, call: Call) -> None:
        if (call.operation, call.key) not in self.effects:
            self.effects.append((call.operation, call.key))

    def _end(self, call: Call, reference: str, state: State) -> Any:
        if call.operation != "howFar":
            self._effect(call)
        if self.lose is not None:
            raise self.lose
        if self.says is not None:
            return self.says
        return state_of(reference, state, self.clock, **self.more)


def state_of(reference: str, state: State, clock: Clock, **more: Any) -> dict[str, Any]:
    note = {"note": NOTE} if state in (State.NEEDS_SUPPLEMENT, State.REJECTED) else {}
    given = {"reference": reference, "state": state, "at": clock.now(), **note, **more}
    return ApplicationState(**given).model_dump(mode="json")


def earlier(clock: Clock) -> dict[str, Any]:
    return {"at": clock.now() - timedelta(days=1)}


FULL = AgencyError("MARKET_FULL")
