"""An ASGI application that answers calls as `services.plugins.contract.wire` says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import orjson
import structlog

from services.plugins.contract import (
    AgencyError,
    AgencyRefusal,
    Call,
    Host,
    Manifest,
    Operation,
    OperationKind,
    OperationSpec,
)
from services.plugins.contract.keys import KeysOf, SigningKey
from services.plugins.contract.kinds import EFFECTS
from services.plugins.contract.signatures import (
    NotSigned,
    Refusal,
    SignedCall,
    sign_answer,
    verify_call,
)
from services.plugins.contract.wire import (
    BUSY,
    CONTENT_TYPE,
    DECLARED,
    IDEMPOTENCY_KEY,
    JSON,
    KEY_PATTERN,
    KEY_REUSED,
    MALFORMED,
    OPERATIONS_PATH,
    TOKEN,
    UNKNOWN_OPERATION,
    UNSIGNED,
)
from services.plugins.kit.calls import answer_document, error_document, read_call, same_call
from services.plugins.kit.memory import LARGE_BYTES, KeyReused, MemoryFull, Nonces, Runs

Scope: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

CALL_BYTES_MAX: Final = 2_000_000
RUNNING_MAX: Final = 200
RETRY_AFTER_SECONDS: Final = 1
_IS_KEY: Final = re.compile(KEY_PATTERN)

log = structlog.get_logger("plugin-kit")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    body: bytes
    retry_after: int | None = None
    is_document: bool = False

    @property
    def is_signed(self) -> bool:
        return self.status in (HTTPStatus.OK, DECLARED)


def _size(reply: _Reply) -> int:
    """See :class:`Runs`."""
    return len(reply.body) if reply.is_document or len(reply.body) > LARGE_BYTES else 0


class _Refused(Exception):
    """The call is not taken: status and code of the answer."""

    def __init__(self, status: int, code: str, why: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.why = status, code, why


class ServiceKit:
    """Serves the functions of one plugin; see :func:`kit_app`."""

    def __init__(
        self,
        manifest: Manifest,
        functions: Mapping[str, Operation],
        *,
        url: str,
        host: Host,
        trusted_keys: KeysOf,
        signing_key: SigningKey,
        look_for_keys: Callable[[], Awaitable[None]] | None = None,
        nonces: Nonces | None = None,
        runs: Runs[_Reply] | None = None,
    ) -> None:
        self._manifest, self._functions, self._url, self._host = manifest, dict(functions), url.rstrip("/"), host
        self._trusted, self._key, self._look = trusted_keys, signing_key, look_for_keys
        self._nonces, self._runs = nonces or Nonces(), runs or Runs(size_of=_size)
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"no calls come by {scope['type']}")
        call: SignedCall | None = None
        try:
            body = await _body(receive)
            operation = self._operation_of(scope)
            call = await self._verified(scope, operation, body)
            reply = await self._answered(scope, operation, body)
        except _Refused as refused:
            told = {"code": refused.code, **({"why": refused.why} if refused.why else {})}
            retry_after = RETRY_AFTER_SECONDS if refused.status == BUSY else None
            reply = _Reply(refused.status, orjson.dumps(told), retry_after)
        await self._send(reply, call, send)

    def _operation_of(self, scope: Scope) -> str:
        _, _, operation = scope["path"].rpartition(OPERATIONS_PATH)
        if scope["method"] != "POST" or scope.get("query_string"):
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD", "a call is a POST without a query")
        return str(operation)

    async def _verified(self, scope: Scope, operation: str, body: bytes) -> SignedCall:
        url = f"{self._url}{OPERATIONS_PATH}{operation}"
        try:
            try:
                signed = self._verify(url, scope, body)
            except NotSigned as unknown:
                if unknown.why is not Refusal.KEY or self._look is None:
                    raise
                await self._look()
                signed = self._verify(url, scope, body)
            is_new = self._nonces.first(signed.keyid, signed.nonce, self._host.clock.now())
        except NotSigned as refused:
            raise _Refused(UNSIGNED, "UNSIGNED", refused.why) from None
        except MemoryFull:
            raise _Refused(BUSY, "BUSY") from None
        if not is_new:
            raise _Refused(UNSIGNED, "UNSIGNED", Refusal.REPLAYED)
        return signed

    def _verify(self, url: str, scope: Scope, body: bytes) -> SignedCall:
        return verify_call(scope["method"], url, scope["headers"], body, self._trusted, now=self._host.clock.now())

    async def _answered(self, scope: Scope, operation: str, body: bytes) -> _Reply:
        spec = self._manifest.operations.get(operation)
        if spec is None or operation not in self._functions:
            raise _Refused(UNKNOWN_OPERATION, "UNKNOWN_OPERATION")
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        key = headers.get(IDEMPOTENCY_KEY, "")
        if headers[CONTENT_TYPE].partition(";")[0].strip().lower() != JSON or (key and not _IS_KEY.fullmatch(key)):
            raise _Refused(MALFORMED, "MALFORMED", "Content-Type or Idempotency-Key")
        try:
            call, about = read_call(body, self._manifest, operation, key=key, token=headers.get(TOKEN, ""))
        except ValueError as error:
            raise _Refused(MALFORMED, "MALFORMED", str(error)) from None
        if self._running >= RUNNING_MAX:
            raise _Refused(BUSY, "BUSY")
        self._running += 1
        try:
            return await self._ran(spec, call, about)
        finally:
            self._running -= 1

    async def _ran(self, spec: OperationSpec, call: Call, about: Any) -> _Reply:
        if spec.kind not in EFFECTS:
            return await self._run(spec, call, about)
        try:
            return await self._runs.once(
                call.key, same_call(call), lambda: self._run(spec, call, about), self._host.clock.now()
            )
        except KeyReused:
            raise _Refused(KEY_REUSED, "KEY_REUSED") from None
        except MemoryFull:
            raise _Refused(BUSY, "BUSY") from None

    async def _run(self, spec: OperationSpec, call: Call, about: Any) -> _Reply:
        try:
            async with asyncio.timeout(None if spec.kind in EFFECTS else spec.time_limit_seconds):
                answer = await self._functions[call.operation](self._host, call)
            body = answer_document(about, answer, spec, call)
            return _Reply(HTTPStatus.OK, body, is_document=spec.kind is OperationKind.ISSUE)
        except AgencyError as error:
            if error.code in self._manifest.errors:
                return _Reply(DECLARED, error_document(about, error.code))
            log.warning("undeclared_error", operation=call.operation, code=error.code)
        except AgencyRefusal as refusal:
            log.warning("refused", operation=call.operation, status=refusal.status)
            if refusal.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                raise _Refused(BUSY, "BUSY") from None
        except Exception as error:  # noqa: BLE001 - the function's trouble is told by status, its text may be personal
            log.warning("failed", operation=call.operation, error=type(error).__name__)
        raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "FAILED")

    async def _send(self, reply: _Reply, call: SignedCall | None, send: Send) -> None:
        headers = {CONTENT_TYPE: JSON}
        if reply.is_signed:
            assert call is not None, "what was not verified is not answered"
            headers = sign_answer(
                reply.status, headers, reply.body, call.signature, self._key, at=self._host.clock.now()
            )
        headers["content-length"] = str(len(reply.body))
        if reply.retry_after is not None:
            headers["retry-after"] = str(reply.retry_after)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(reply.status), "headers": raw})
        await send({"type": "http.response.body", "body": reply.body})


def kit_app(
    manifest: Manifest,
    functions: Mapping[str, Operation],
    *,
    url: str,
    host: Host,
    trusted_keys: KeysOf,
    signing_key: SigningKey,
    look_for_keys: Callable[[], Awaitable[None]] | None = None,
) -> ServiceKit:
    """An ASGI application that serves the functions (by operation) of the plugin.

    `url` is the endpoint as the host knows it, to which calls are signed; `host` is what the functions get, and its
    clock is ours. `trusted_keys` are the host's, `signing_key` is ours, whose public half the manifest names.
    `look_for_keys` is called when a call names a key that is not known (:meth:`FollowedKeys.look`).

    Statuses are those of the wire; a call that is not taken is told why as `{"code", "why"}`, unsigned.
    """
    return ServiceKit(
        manifest,
        functions,
        url=url,
        host=host,
        trusted_keys=trusted_keys,
        signing_key=signing_key,
        look_for_keys=look_for_keys,
    )


async def _body(receive: Receive) -> bytes:
    taken = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(MALFORMED, "MALFORMED", "the call broke off")
        taken += message.get("body", b"")
        if len(taken) > CALL_BYTES_MAX:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TOO_LARGE")
        if not message.get("more_body", False):
            return bytes(taken)


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
