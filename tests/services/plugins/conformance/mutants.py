"""Remote agencies that are honest but for one thing, each named for the rule that it breaks."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.clock import Clock
from services.plugins.contract import AgencyError, Call, Host, Known, Money
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import NotSigned, Refusal, SignedCall
from services.plugins.kit import Nonces, Runs, ServiceKit
from services.plugins.kit.memory import _Run
from tests.services.plugins.conformance.stand import ME, SEALED, Stand, Waterworks

Mutant = Callable[[Clock], Stand]
REAL: Final = "1000000000009"
"""A number of a form that real people have."""


# Functions that answer something else


async def other_bills(_: Host, call: Call) -> Any:
    told = await Waterworks().bills(_, call)
    return None if told is None else [*told, {"meter": "M-9", "due": "2027-01-01", "amount": Money(1)}]


async def never_sealed(host: Host, call: Call) -> Any:
    return [] if call.citizen.digits == SEALED else await Waterworks().bills(host, call)


async def income_in_words(host: Host, call: Call) -> Any:
    now = host.clock.now()
    return {p: {"annual_income": Known("a lot", now)} for p in call.people if p.digits == ME}


async def too_many_prices(host: Host, call: Call) -> Any:
    return (await Waterworks().prices(host, call)) * 200


async def breaks_for_strangers(host: Host, call: Call) -> Any:
    if call.citizen.digits not in (ME, SEALED, "0000000000027"):
        raise KeyError(call.operation)
    return await Waterworks().bills(host, call)


async def everybody_is_me(host: Host, call: Call) -> Any:
    return {"motor_insurance": Known(value=True, as_of=host.clock.now())}


async def tells_anybody(_: Host, call: Call) -> Any:
    me = replace(call, person=type(call.citizen)(ME)) if call.citizen.digits.startswith("09") else call
    return await Waterworks().meter_state(_, me)


class SharesTheCall:
    """Keeps whom it was asked about where all calls do."""

    def __init__(self) -> None:
        self.call: Call | None = None

    async def bills(self, host: Host, call: Call) -> Any:
        self.call = call
        await asyncio.sleep(0.002)
        return await Waterworks().bills(host, self.call)


class MixesRows:
    """Of a batch of several it tells the last what the first is."""

    async def income(self, host: Host, call: Call) -> Any:
        told = await Waterworks().income(host, call)
        return {call.people[0]: next(iter(told.values()))} if len(call.people) > 1 else told


class OneAtATime:
    def __init__(self, places: int) -> None:
        self.running, self.places = 0, places

    async def prices(self, host: Host, call: Call) -> Any:
        self.running += 1
        try:
            await asyncio.sleep(0.005)
            if self.running > self.places:
                raise RuntimeError("full")
            return await Waterworks().prices(host, call)
        finally:
            self.running -= 1


# Memories that forget


class Forgetful(Runs[Any]):
    """Of applications it knows only what is under way."""

    async def once(self, key: str, call: bytes, run: Callable[[], Awaitable[Any]], now: Any) -> Any:
        try:
            return await super().once(key, call, run, now)
        finally:
            if b"openMeter" in call:
                self._runs.pop(key, None)


class Slow(Runs[Any]):
    """Knows only what is over."""

    async def once(self, key: str, call: bytes, run: Callable[[], Awaitable[Any]], now: Any) -> Any:
        found = self._runs.get(key)
        if found is not None:
            return await super().once(key, call, run, now)
        await asyncio.sleep(0)
        answer = await run()

        async def again() -> Any:
            return answer

        self._runs[key] = _Run(hashlib.sha256(call).digest(), now, asyncio.ensure_future(again()))
        return answer


class ByKeyAlone(Runs[Any]):
    async def once(self, key: str, call: bytes, run: Callable[[], Awaitable[Any]], now: Any) -> Any:
        return await super().once(key, b"", run, now)


class AnyNonce(Nonces):
    def first(self, keyid: str, nonce: str, now: Any) -> bool:
        return True


# Servers that believe too much, or break


def forgiving(*why: Refusal) -> type[ServiceKit]:
    class Forgiving(ServiceKit):
        def _verify(self, url: str, scope: Mapping[str, Any], body: bytes) -> SignedCall:
            try:
                return super()._verify(url, scope, body)
            except NotSigned as refused:
                if refused.why not in why:
                    raise
                return SignedCall("anybody", str(id(scope)), 0, ":" + "A" * 86 + "==:")

    return Forgiving


class AnyTarget(ServiceKit):
    def _verify(self, url: str, scope: Mapping[str, Any], body: bytes) -> SignedCall:
        try:
            return super()._verify(url, scope, body)
        except NotSigned:
            base = url.rpartition("/")[0]
            return super()._verify(f"{base}/conformanceAsksForNothing", scope, body)


class AboutAnother(ServiceKit):
    async def _run(self, spec: Any, call: Call, about: Any) -> Any:
        wrong = {"nationalId": SEALED} if call.operation == "member" else about
        return await super()._run(spec, call, wrong)


def answers(status: int, when: Callable[[str, bytes], bool]) -> Callable[[Any], Any]:
    """A server that answers so to bodies of a kind, before it looks at their signature."""

    def around(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            body = b""
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    break
            if when(scope["path"], body):
                await send({"type": "http.response.start", "status": status, "headers": []})
                await send({"type": "http.response.body", "body": b""})
                return
            whole = iter([{"type": "http.request", "body": body, "more_body": False}])

            async def again() -> Any:
                return next(whole)

            await app(scope, again, send)

        return serve

    return around


def is_no_json(_: str, body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


def is_no_call(path: str, body: bytes) -> bool:
    if is_no_json(path, body):
        return False
    told = json.loads(body)
    return not isinstance(told, dict) or told.get("contract") != 1


def dawdles(path: str, seconds: float) -> Callable[[Any], Any]:
    def around(app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"].endswith(path):
                await asyncio.sleep(seconds)
            await app(scope, receive, send)

        return serve

    return around


def about_a_real_person(clock: Clock) -> Stand:
    stand = Stand(clock)
    first = stand.plugin.examples[0]
    real = replace(first, name="real.json", operation="bills", person=REAL, arguments={}, error=None, answer=None)
    stand.plugin = replace(stand.plugin, examples=(*stand.plugin.examples, real))
    return stand


def exempt(clock: Clock, rule: str) -> Stand:
    reason = {"th": "ระบบเดิมทำไม่ได้", "en": "Our old system cannot."}
    return Stand(clock, manifest={"exempt": {rule: reason}})


def nobody_there(_: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("nobody is there")


def unreachable(clock: Clock) -> Stand:
    return Stand(clock, http=httpx2.AsyncClient(transport=httpx2.MockTransport(nobody_there)))


def other_key(clock: Clock) -> Stand:
    return Stand(clock, signs_by=SigningKey.of(Ed25519PrivateKey.generate()))


async def raises_undeclared(host: Host, call: Call) -> Any:
    if call.citizen.digits == SEALED:
        raise AgencyError("SOMETHING_ELSE")
    return await Waterworks().bills(host, call)


MUTANTS: Final[dict[str, tuple[str, Mutant]]] = {
    "nobody answers": ("endpoint.reachable", unreachable),
    "an example about a number that somebody may have": ("examples.personas", about_a_real_person),
    "another answer than the example's": ("examples.operations", lambda c: Stand(c, {"bills": other_bills})),
    "an empty answer instead of a declared error": ("examples.errors", lambda c: Stand(c, {"bills": never_sealed})),
    "an error that is not declared": ("examples.errors", lambda c: Stand(c, {"bills": raises_undeclared})),
    "signed by a key that the manifest does not name": ("answer.signed", other_key),
    "about somebody else": ("answer.subject", lambda c: Stand(c, kit=AboutAnother)),
    "an income in words": ("answer.typed", lambda c: Stand(c, {"income": income_in_words})),
    "larger than the manifest says": ("answer.bounded", lambda c: Stand(c, {"prices": too_many_prices})),
    "slower than the manifest says": ("time.limit", lambda c: Stand(c, around=dawdles("/prices", 2.5))),
    "fewer at once than it says": ("time.parallel", lambda c: Stand(c, {"prices": OneAtATime(2).prices})),
    "500 to half a body": ("garbage.truncated", lambda c: Stand(c, around=answers(500, is_no_json))),
    "200 to what is no call": ("garbage.type", lambda c: Stand(c, around=answers(200, is_no_call))),
    "400 to an unknown operation": (
        "garbage.unknown-operation",
        lambda c: Stand(c, around=answers(400, lambda path, _: path.endswith("Nothing"))),
    ),
    "500 to a body that is too large": (
        "garbage.oversized",
        lambda c: Stand(c, around=answers(500, lambda _, body: len(body) > 2_000_000)),
    ),
    "forgets what is over": ("duplicates.same-key", lambda c: Stand(c, kit_options={"runs": Forgetful()})),
    "forgets what is under way": ("duplicates.parallel", lambda c: Stand(c, kit_options={"runs": Slow()})),
    "knows a call by its key alone": ("duplicates.other-call", lambda c: Stand(c, kit_options={"runs": ByKeyAlone()})),
    "keeps the person where all calls do": ("person.wrong", lambda c: Stand(c, {"bills": SharesTheCall().bills})),
    "mixes the rows of a batch up": ("person.wrong", lambda c: Stand(c, {"income": MixesRows().income})),
    "tells anybody of an application": ("person.wrong", lambda c: Stand(c, {"meterState": tells_anybody})),
    "breaks for people it does not know": ("person.unknown", lambda c: Stand(c, {"bills": breaks_for_strangers})),
    "knows everybody": ("person.unknown", lambda c: Stand(c, {"member": everybody_is_me})),
    "believes calls without a signature": ("signature.missing", lambda c: Stand(c, kit=forgiving(Refusal.MISSING))),
    "believes any key": ("signature.wrong-key", lambda c: Stand(c, kit=forgiving(Refusal.KEY))),
    "does not compare the digest": ("signature.altered-body", lambda c: Stand(c, kit=forgiving(Refusal.DIGEST))),
    "believes uncovered headers": ("signature.altered-header", lambda c: Stand(c, kit=forgiving(Refusal.PROFILE))),
    "does not look at the target": ("signature.other-target", lambda c: Stand(c, kit=AnyTarget)),
    "does not look at the time": ("signature.stale", lambda c: Stand(c, kit=forgiving(Refusal.STALE))),
    "forgets nonces": ("signature.replayed", lambda c: Stand(c, kit_options={"nonces": AnyNonce()})),
    "exempts itself from what protects people": ("exemptions.known", lambda c: exempt(c, "person.wrong")),
    "exempts itself from what there is not": ("exemptions.known", lambda c: exempt(c, "person.right")),
}
"""What is wrong → the one rule that it breaks, and the agency."""
