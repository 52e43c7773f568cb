"""The way to an endpoint under check: what to call, how it is signed, and within which bounds.

What calls leave here is bounded: made-up people alone, in mode `test`, so many calls a second and so many in all.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import httpx2
import orjson

from core.clock import Clock
from services.plugins.conformance.people import is_made_up
from services.plugins.contract import CONTRACT_VERSION, OperationKind
from services.plugins.contract.keys import KeysOf, SigningKey
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.signatures import sign_call, signature_of
from services.plugins.contract.wire import (
    CONTENT_TYPE,
    DECLARED,
    IDEMPOTENCY_KEY,
    JSON,
    OPERATIONS_PATH,
    TEST,
    TRACEPARENT,
)
from services.plugins.plugin import Example, Plugin
from services.plugins.runner.errors import AddressRefused, MalformedReply, Trouble
from services.plugins.runner.replies import ACCEPTS, body_of
from services.plugins.runner.trace import traceparent

ASKER: Final = "sitthi-conformance"
CALLS_MAX: Final = 3_000
"""Of one check."""
CALLS_A_SECOND: Final = 50.0
CALLS_AT_ONCE: Final = 50
"""As many as an operation may have places."""
ATTACK_SECONDS: Final = 10.0
"""For an answer to what is no call."""
_ERROR_BYTES_MAX: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """What a check needs of an endpoint. `http` connects only where it may."""

    url: str
    """As the manifest writes it: calls are signed for it, and sent there unless `sent_to` says otherwise."""
    http: httpx2.AsyncClient
    key: SigningKey
    """By which calls are signed; the agency finds its public half among ours."""
    keys: KeysOf
    """By which its answers are signed."""
    sent_to: str = ""
    """Where the server under check listens, on a developer's own machine."""
    calls_a_second: float = CALLS_A_SECOND
    """What the agency is asked at most, :data:`CALLS_AT_ONCE` at the beginning apart."""
    replayed: bool = False
    """Whether the agency behind it is that of the examples: how it refuses somebody whom it does not know, in words of
    its own, nobody recorded, so that an honest plugin may end in trouble there."""
    learns_seconds: float = 12.0
    """How long a server gets that does not know our key yet: it looks for it, though not more often than it likes."""


class CallsSpent(Exception):
    """The check has made as many calls as one may."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A call that is ready to be sent, or to be tampered with."""

    operation: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def signature(self) -> str:
        return signature_of(self.headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a call. `lost` says why nothing did; `timed_out` whether it was the time limit."""

    status: int = 0
    fields: tuple[tuple[bytes, bytes], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lost: str = ""
    timed_out: bool = False
    too_large: bool = False


class Caller:
    """Makes the calls of one check."""

    def __init__(self, plugin: Plugin, line: Line, clock: Clock) -> None:
        self._manifest, self._line, self._clock = plugin.manifest, line, clock
        self._tokens, self._filled_at = float(CALLS_AT_ONCE), 0.0
        self.made = 0

    @property
    def line(self) -> Line:
        return self._line

    @property
    def now(self) -> datetime:
        return self._clock.now()

    def envelope(self, example: Example, **changed: Any) -> dict[str, Any]:
        """The call of an example; `at` is the instant at which the example holds, or now if it holds at any."""
        spec = self._manifest.operations[example.operation]
        is_batch = spec.kind is OperationKind.SOURCE and spec.batch
        about: dict[str, Any] | None = None
        if example.person is not None:
            about = {"nationalIds": [example.person]} if is_batch else {"nationalId": example.person}
        at = (datetime.fromisoformat(example.now) if example.now else self._clock.now()).astimezone(UTC)
        return {
            "contract": CONTRACT_VERSION,
            "id": secrets.token_hex(16),
            "plugin": self._manifest.slug,
            "version": self._manifest.version,
            "operation": example.operation,
            "kind": str(spec.kind),
            "mode": TEST,
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "asker": ASKER,
            "about": about,
            "arguments": dict(example.arguments),
            **({} if example.reporter is None else {"reporter": asdict(example.reporter)}),
            **changed,
        }

    def signed(
        self,
        operation: str,
        body: Mapping[str, Any] | bytes,
        *,
        key: str = "",
        at: datetime | None = None,
        by: SigningKey | None = None,
    ) -> Signed:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        headers = {CONTENT_TYPE: JSON, TRACEPARENT: traceparent()}
        if key:
            headers[IDEMPOTENCY_KEY] = key
        told = sign_call(self._url(operation), headers, content, by or self._line.key, at=at or self._clock.now())
        return Signed(operation, content, told)

    def call(self, example: Example, *, key: str = "", **changed: Any) -> Signed:
        """The signed call of an example, with a key of its own if it has an effect and none is given."""
        body = self.envelope(example, **changed)
        if self._manifest.operations[example.operation].kind in EFFECTS:
            key = key or key_of(body["arguments"]) or new_key()
        return self.signed(example.operation, body, key=key)

    async def send(self, call: Signed, *, seconds: float | None = None) -> Reply:
        """Sends it and reads the reply in bounds. Raises :class:`CallsSpent`; whatever else goes wrong is a reply."""
        _only_made_up(call.body)
        await self._pace()
        spec = self._manifest.operations.get(call.operation)
        limit = seconds or (spec.time_limit_seconds if spec else ATTACK_SECONDS)
        bytes_max = spec.answer_bytes_max if spec else _ERROR_BYTES_MAX
        try:
            async with asyncio.timeout(limit):
                return await self._sent(call, bytes_max)
        except (TimeoutError, httpx2.TimeoutException):
            return Reply(lost=f"no answer within {limit:g} seconds", timed_out=True)
        except MalformedReply as malformed:
            return Reply(lost="an answer that cannot be read", too_large=malformed.why is Trouble.TOO_LARGE)
        except (AddressRefused, httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return Reply(lost=f"no answer ({type(error).__name__})")

    async def _sent(self, call: Signed, bytes_max: int) -> Reply:
        where = self._line.sent_to or self._line.url
        async with self._line.http.stream(
            "POST",
            f"{where.rstrip('/')}{OPERATIONS_PATH}{call.operation}",
            content=call.body,
            headers={**ACCEPTS, **call.headers},
            follow_redirects=False,
        ) as reply:
            status = reply.status_code
            body = await body_of(reply, bytes_max if status in (HTTPStatus.OK, DECLARED) else _ERROR_BYTES_MAX)
            return Reply(status, tuple(reply.headers.raw), dict(reply.headers), body)

    def _url(self, operation: str) -> str:
        return f"{self._line.url.rstrip('/')}{OPERATIONS_PATH}{operation}"

    async def _pace(self) -> None:
        if self.made >= CALLS_MAX:
            raise CallsSpent
        self.made += 1
        now = asyncio.get_running_loop().time()
        self._tokens = min(float(CALLS_AT_ONCE), self._tokens + (now - self._filled_at) * self._line.calls_a_second)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._line.calls_a_second)


def key_of(arguments: Mapping[str, Any]) -> str:
    """The idempotency key that the arguments themselves are known by: an application's id, or an event's."""
    named = arguments.get("application") or arguments.get("event")
    told = named.get("id") if isinstance(named, dict) else None
    return told if isinstance(told, str) and 8 <= len(told) <= 128 and told.isascii() and told.isprintable() else ""


def new_key() -> str:
    return secrets.token_urlsafe(18)


def _only_made_up(body: bytes) -> None:
    """No call leaves about anybody who might exist, whatever a rule of ours would like to try."""
    try:
        about = orjson.loads(body)["about"] or {}
        people = [about.get("nationalId"), *about.get("nationalIds", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return  # no call, and so about nobody
    assert all(is_made_up(digits) for digits in people if digits is not None)
