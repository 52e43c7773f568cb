"""Garbage and forged signatures: each is refused by its status, and the agency is well afterwards."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.plugins.conformance.bench import NONE_HELD, Bench
from services.plugins.conformance.line import ATTACK_SECONDS, Signed
from services.plugins.conformance.rules import RULES
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import content_digest
from services.plugins.contract.wire import (
    CONTENT_DIGEST,
    DECLARED,
    FRESH_SECONDS,
    IDEMPOTENCY_KEY,
    MALFORMED,
    SIGNATURE,
    SIGNATURE_INPUT,
    TRACEPARENT,
    UNKNOWN_OPERATION,
    UNSIGNED,
)
from services.plugins.plugin import Example

OVERSIZED_BYTES: Final = 4_000_000
"""Twice what our own kit takes; a call of the host is never as long."""
BEYOND_SECONDS: Final = 30
_UNKNOWN: Final = "conformanceAsksForNothing"
_TRACE: Final = "00-00000000000000000000000000000001-0000000000000001-00"
_MARKS: Final = ("garbage.", "signature.")


class Attacks:
    """Made of the call of one example that holds."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def run(self) -> None:
        probe = self._bench.probe
        for rule in RULES:
            if rule.id.startswith(_MARKS):
                self._bench.book.not_applicable(rule.id, NONE_HELD)
        if probe is None:
            return
        for look in (self._garbage, self._forged_keys, self._altered, self._times):
            await look(probe)

    async def _garbage(self, probe: Example) -> None:
        caller, whole = self._bench.caller, self._bench.caller.envelope(probe)
        key = self._call(probe).headers.get(IDEMPOTENCY_KEY, "")

        def signed(body: Mapping[str, Any] | bytes) -> Signed:
            return caller.signed(probe.operation, body, key=key)

        written = json.dumps(whole).encode()
        cut = {"a body cut in the middle": signed(written[: len(written) // 2]), "an empty body": signed(b"")}
        await self._each("garbage.truncated", cut, {MALFORMED})
        wrong = {
            "a list": signed(b"[]"),
            "an object without anything": signed(b"{}"),
            "a call of another contract": signed({**whole, "contract": 99}),
            "a call of another operation": signed({**whole, "operation": _UNKNOWN}),
            "arguments that are a list": signed({**whole, "arguments": []}),
            "a mode that there is not": signed({**whole, "mode": "conformance"}),
            "`about` that is a text": signed({**whole, "about": "conformance"}),
        }
        await self._each("garbage.type", wrong, {MALFORMED})
        unknown = caller.signed(_UNKNOWN, {**whole, "operation": _UNKNOWN}, key=key)
        await self._each("garbage.unknown-operation", {"an operation that there is not": unknown}, {UNKNOWN_OPERATION})
        large = signed({**whole, "arguments": {**whole["arguments"], "conformance": "0" * OVERSIZED_BYTES}})
        statuses = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, MALFORMED}
        await self._each("garbage.oversized", {"a body of 4 MB": large}, statuses, may_break_off=True)

    async def _each(
        self, rule: str, calls: Mapping[str, Signed], statuses: Collection[int], *, may_break_off: bool = False
    ) -> None:
        if not self._bench.book.asks_for(rule):
            return
        for name, call in calls.items():
            await self._refused(rule, name, call, statuses, may_break_off=may_break_off)
        await self._bench.still_well(rule, "garbage")

    async def _forged_keys(self, probe: Example) -> None:
        caller, signed = self._bench.caller, self._call(probe)
        without = {name: value for name, value in signed.headers.items() if name not in (SIGNATURE, SIGNATURE_INPUT)}
        await self._forged("signature.missing", "a call without a signature", replace(signed, headers=without))
        stranger, body = Ed25519PrivateKey.generate(), self._bench.caller.envelope(probe)
        key = signed.headers.get(IDEMPOTENCY_KEY, "")
        for name, keyid in (("a key of our key's name", caller.line.key.keyid), ("a key that nobody knows", None)):
            forged = caller.signed(probe.operation, body, key=key, by=SigningKey.of(stranger, keyid))
            await self._forged("signature.wrong-key", f"a call signed by {name}", forged)
        other = caller.signed(_UNKNOWN, body, key=key)
        await self._forged(
            "signature.other-target", "a call signed for another target", replace(other, operation=probe.operation)
        )

    async def _altered(self, probe: Example) -> None:
        signed = self._call(probe)
        body = json.dumps(self._bench.caller.envelope(probe)).encode()  # another id
        digest = {**signed.headers, CONTENT_DIGEST: content_digest(body)}
        for name, forged in (
            ("another body under the digest", replace(signed, body=body)),
            ("another body and its digest", replace(signed, body=body, headers=digest)),
        ):
            await self._forged("signature.altered-body", name, forged)
        for name, headers in (
            ("another trace", {TRACEPARENT: _TRACE}),
            ("another idempotency key", {IDEMPOTENCY_KEY: "conformance-altered"}),
        ):
            forged = replace(signed, headers={**signed.headers, **headers})
            await self._forged("signature.altered-header", name, forged)

    async def _times(self, probe: Example) -> None:
        caller = self._bench.caller
        key = self._call(probe).headers.get(IDEMPOTENCY_KEY, "")
        beyond = timedelta(seconds=FRESH_SECONDS + BEYOND_SECONDS)
        for name, at in (("the past", caller.now - beyond), ("the future", caller.now + beyond)):
            forged = caller.signed(probe.operation, caller.envelope(probe), key=key, at=at)
            await self._forged("signature.stale", f"a call of {name}", forged)
        call = self._call(probe)
        first = await caller.send(call)
        if first.status in (HTTPStatus.OK, DECLARED):
            await self._forged("signature.replayed", "a call that came before", call)
        else:
            self._bench.book.failed("signature.replayed", "a call that it should have taken was not taken")

    async def _forged(self, rule: str, name: str, call: Signed) -> None:
        await self._refused(rule, name, call, {UNSIGNED})

    async def _refused(
        self, rule: str, name: str, call: Signed, statuses: Collection[int], *, may_break_off: bool = False
    ) -> None:
        book = self._bench.book
        book.looked(rule)
        reply = await self._bench.caller.send(call, seconds=ATTACK_SECONDS)
        if reply.lost and may_break_off and not reply.timed_out:
            return
        if reply.lost or reply.status not in statuses:
            wanted = " or ".join(str(int(status)) for status in sorted(statuses))
            book.failed(rule, f"{name}: {reply.lost or f'status {reply.status}'} instead of {wanted}")

    def _call(self, probe: Example) -> Signed:
        return self._bench.caller.call(probe)
