"""What the host believes of a far side, and what it does not."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest
import stamina
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from opentelemetry import trace

from core.clock import FixedClock
from core.money import Money
from services.exchange.errors import SourceSilent
from services.exchange.facts import Reading
from services.plugins.contract import (
    AgencyError,
    AgencyRefusal,
    Call,
    Host,
    Known,
    PartialDate,
    Precision,
)
from services.plugins.contract.keys import SigningKey
from services.plugins.contract.signatures import sign_answer
from services.plugins.runner import (
    AgencyDeclined,
    MalformedReply,
    ServiceKeys,
    Trouble,
    Wire,
    WrongSubject,
    remote_functions,
    sources_of,
)
from services.plugins.runner.replies import ATTEMPTS
from tests.support.plugins.far_side import (
    MANIFEST,
    OTHER,
    PERSON,
    URL,
    FarSide,
    key_ring,
    manifest_of,
    reply_like,
)

AT = datetime(2026, 11, 1, 3, tzinfo=UTC)


async def berths(host: Host, call: Call) -> Any:
    return [{"number": 7, "until": date(2026, 12, 31), "rent": Money(25_050)}]


async def skipper(host: Host, call: Call) -> Any:
    return {"skipper_licence": Known("full", AT)}


async def sea_days(host: Host, call: Call) -> Any:
    return {person: {"sea_days": Known(12, AT)} for person in call.people if person != OTHER}


async def taken(host: Host, call: Call) -> Any:
    raise AgencyError("BERTH_TAKEN")


FUNCTIONS = {"berths": berths, "skipper": skipper, "crew": sea_days, "tides": taken}


@pytest.fixture
async def far(clock: FixedClock) -> AsyncIterator[FarSide]:
    with stamina.set_testing(True, attempts=ATTEMPTS, cap=True):
        async with FarSide(clock, FUNCTIONS) as far:
            yield far


def says(far: FarSide, document: Any, *, status: int = 200, key: SigningKey | None = None) -> None:
    """The far side's answer holds this instead, signed by the key (its own unless said), to the very call."""

    def after(reply: httpx2.Response) -> httpx2.Response:
        body = document if isinstance(document, bytes) else orjson.dumps(document)
        signature = far.request.headers["signature"].partition("=")[2]
        headers = sign_answer(
            status, {"content-type": "application/json"}, body, signature, key or far.key, at=far.clock.now()
        )
        return httpx2.Response(status, headers=headers, content=body)

    far.between.after = after


ABOUT = {"nationalId": PERSON.digits}


class TestAnHonestFarSide:
    async def test_a_query_is_answered_as_by_a_function_of_our_own(self, far: FarSide) -> None:
        answer = await far.runner.run(far.plugin, "berths", asker="test", person=PERSON)
        assert answer == [{"number": 7, "until": date(2026, 12, 31), "rent": Money(25_050)}]

    async def test_a_source_is_read_as_any_other(self, far: FarSide) -> None:
        one, several = sources_of(far.runner, [far.plugin])
        assert await one.read(PERSON, ["skipper_licence"]) == {"skipper_licence": Reading("full", AT)}
        assert await several.read_many([PERSON, OTHER], ["sea_days"]) == {PERSON: {"sea_days": Reading(12, AT)}}

    async def test_a_declared_error_is_told_in_the_manifests_words(self, far: FarSide) -> None:
        with pytest.raises(AgencyDeclined) as caught:
            await far.runner.run(far.plugin, "tides", asker="test")
        assert caught.value.fields["error"] == "BERTH_TAKEN"

    async def test_the_call_holds_what_the_protocol_says_and_nothing_else(self, far: FarSide) -> None:
        await far.ask("berths", {"from": date(2026, 12, 1)})
        assert str(far.request.url) == f"{URL}/operations/berths"
        document = orjson.loads(far.request.content)
        assert len(document.pop("id")) == 32
        assert document == {
            "contract": 1,
            "plugin": "harbour",
            "version": "1.0.0",
            "operation": "berths",
            "kind": "query",
            "mode": "live",
            "at": "2026-11-16T03:00:00.000Z",
            "asker": "test",
            "about": {"nationalId": PERSON.digits},
            "arguments": {"from": "2026-12-01"},
        }
        names = {"content-type", "content-digest", "signature", "signature-input", "traceparent"}
        of_http = {"accept", "accept-encoding", "host", "content-length", "connection", "user-agent"}
        assert set(far.request.headers) == names | of_http
        assert far.request.headers["accept-encoding"] == "identity"

    async def test_nobody_is_named_in_the_address_or_a_header(self, far: FarSide) -> None:
        await far.ask("berths")
        assert PERSON.digits not in str(far.request.url) + str(far.request.headers)

    async def test_key_and_token_of_the_call_are_signed_headers(self, far: FarSide) -> None:
        await far.ask("heard", key="event-0001", token="a.b.c")
        assert far.request.headers["idempotency-key"] == "event-0001"
        assert far.request.headers["sitthi-token"] == "a.b.c"
        assert '"idempotency-key" "traceparent" "sitthi-token"' in far.request.headers["signature-input"]

    @pytest.mark.parametrize(
        ("value", "known"),
        [
            ("1955", PartialDate(1955)),
            ("1955-04", PartialDate(1955, 4)),
            ("1955-04-02", "1955-04-02"),
            ({"satang": 5, "currency": "THB"}, {"satang": 5, "currency": "THB"}),
            (None, None),
            ("thai", "thai"),
            (False, False),
        ],
    )
    async def test_a_value_is_read_as_the_exchange_takes_it(self, far: FarSide, value: Any, known: Any) -> None:
        says(
            far, {"about": ABOUT, "answer": {"skipper_licence": {"value": value, "asOf": "2026-11-01T10:00:00+07:00"}}}
        )
        assert await far.ask("skipper") == {"skipper_licence": Known(known, AT)}

    async def test_a_partial_date_reaches_the_exchange_with_its_precision(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": {"skipper_licence": {"value": "1955-04", "asOf": "2026-11-01T03:00:00Z"}}})
        one, _ = sources_of(far.runner, [far.plugin])
        assert await one.read(PERSON, ["skipper_licence"]) == {
            "skipper_licence": Reading(date(1955, 4, 1), AT, Precision.MONTH)
        }

    async def test_an_agency_may_sign_by_p256(self, clock: FixedClock) -> None:
        key = SigningKey.of(ec.generate_private_key(ec.SECP256R1()))
        async with FarSide(clock, FUNCTIONS, key=key) as far:
            assert len(await far.ask("berths")) == 1

    async def test_more_in_an_answer_than_we_know_is_ignored(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": [], "since": "contract 1.1"})
        assert await far.ask("berths") == []


class TestSignatures:
    """Nothing of an answer is believed that the agency did not sign for this call."""

    async def refused(self, far: FarSide, operation: str = "berths") -> None:
        with pytest.raises(MalformedReply) as caught:
            await far.ask(operation)
        assert caught.value.why is Trouble.UNSIGNED

    @pytest.mark.parametrize("status", [200, 422])
    async def test_an_answer_without_a_signature(self, far: FarSide, status: int) -> None:
        far.between.after = lambda _: httpx2.Response(status, json={"about": ABOUT, "answer": []})
        await self.refused(far)

    @pytest.mark.parametrize("name", ["signature", "signature-input", "content-digest"])
    async def test_an_answer_that_lacks_a_part_of_it(self, far: FarSide, name: str) -> None:
        far.between.after = lambda reply: reply_like(reply, headers={name: None})
        await self.refused(far)

    async def test_an_answer_that_was_changed_on_its_way(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(reply, content=reply.content.replace(b"25050", b"25051"))
        await self.refused(far)

    async def test_a_changed_answer_with_a_fitting_digest(self, far: FarSide) -> None:
        from services.plugins.contract.signatures import content_digest  # noqa: PLC0415 - of this test alone

        def after(reply: httpx2.Response) -> httpx2.Response:
            body = reply.content.replace(b"25050", b"25051")
            return reply_like(reply, headers={"content-digest": content_digest(body)}, content=body)

        far.between.after = after
        await self.refused(far)

    async def test_a_declared_error_that_was_made_an_answer(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(reply, status=422)
        await self.refused(far)

    async def test_another_type_than_was_signed(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(reply, headers={"content-type": "application/problem+json"})
        await self.refused(far)

    async def test_two_answers_that_were_swapped(self, far: FarSide) -> None:
        """Two honest answers to the same question about the same citizen, each to the other's call."""
        both, held = asyncio.Barrier(2), list[httpx2.Response]()
        straight = far.between.far

        async def swap(request: httpx2.Request) -> httpx2.Response:
            held.append(await straight.send(request))
            mine = len(held) - 1
            await both.wait()
            other = held[1 - mine]
            return httpx2.Response(other.status_code, headers=other.headers.raw, content=other.content)

        far.between.far = httpx2.AsyncClient(transport=httpx2.MockTransport(swap))
        answers = await asyncio.gather(far.ask("berths"), far.ask("berths"), return_exceptions=True)
        assert [getattr(answer, "why", None) for answer in answers] == [Trouble.UNSIGNED] * 2
        await straight.aclose()

    async def test_an_answer_that_is_given_again(self, far: FarSide) -> None:
        await far.ask("berths")
        first = far.between.replies[0]
        far.between.after = lambda _: httpx2.Response(200, headers=first.headers.raw, content=first.content)
        await self.refused(far)

    async def test_the_key_of_another_agency(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": []}, key=SigningKey.of(Ed25519PrivateKey.generate()))
        await self.refused(far)

    async def test_another_key_under_the_agencys_id(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": []}, key=SigningKey.of(Ed25519PrivateKey.generate(), far.key.keyid))
        await self.refused(far)

    async def test_our_own_key_does_not_sign_for_an_agency(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": []}, key=far.ours.current)
        await self.refused(far)

    async def test_a_field_that_stands_twice(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(reply, more=[("signature", reply.headers["signature"])])
        await self.refused(far)

    async def test_a_signature_input_of_a_megabyte(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(
            reply, headers={"signature-input": reply.headers["signature-input"] + ";a" * 500_000}
        )
        await self.refused(far)

    async def test_an_answer_from_another_time(self, far: FarSide, clock: FixedClock) -> None:
        def after(reply: httpx2.Response) -> httpx2.Response:
            clock.advance(timedelta(minutes=5))
            return reply

        far.between.after = after
        await self.refused(far)

    async def test_it_is_a_trouble_of_its_own_and_the_agency_is_left_alone_after_a_few(self, far: FarSide) -> None:
        far.between.after = lambda reply: reply_like(reply, headers={"signature": None})
        troubles = []
        for _ in range(6):
            with pytest.raises(SourceSilent) as caught:
                await far.runner.run(far.plugin, "berths", asker="test", person=PERSON)
            troubles.append(caught.value.reason)
        assert troubles == [Trouble.UNSIGNED] * 5 + [Trouble.PAUSED]


class TestWhomItIsAbout:
    @pytest.mark.parametrize(
        "about", [None, {}, {"nationalId": OTHER.digits}, {"nationalIds": [PERSON.digits]}, PERSON.digits, [ABOUT]]
    )
    async def test_an_answer_about_anybody_else_is_not_believed(self, far: FarSide, about: Any) -> None:
        says(far, {"about": about, "answer": []})
        with pytest.raises(WrongSubject):
            await far.ask("berths")

    async def test_nor_is_an_error_about_anybody_else(self, far: FarSide) -> None:
        says(far, {"about": {"nationalId": OTHER.digits}, "error": {"code": "BERTH_TAKEN"}}, status=422)
        with pytest.raises(WrongSubject):
            await far.ask("berths")

    async def test_an_answer_must_say_it(self, far: FarSide) -> None:
        says(far, {"answer": []})
        with pytest.raises(MalformedReply) as caught:
            await far.ask("berths")
        assert caught.value.why is Trouble.MALFORMED

    async def test_an_answer_of_a_public_operation_is_about_nobody(self, far: FarSide) -> None:
        says(far, {"about": ABOUT, "answer": [1]})
        with pytest.raises(WrongSubject):
            await far.ask("tides")
        says(far, {"about": None, "answer": [1]})
        assert await far.ask("tides") == [1]

    @pytest.mark.parametrize(
        ("rows", "error"),
        [
            ([{"nationalId": "0000000000027", "answer": {}}], WrongSubject),
            ([{"nationalId": None, "answer": {}}], WrongSubject),
            ([{"answer": {}}], WrongSubject),
            ([{"nationalId": PERSON.digits, "answer": {}}] * 2, MalformedReply),
            ([{"nationalId": PERSON.digits}], MalformedReply),
            (["x"], MalformedReply),
            ({}, MalformedReply),
            (None, MalformedReply),
            ([{"nationalId": PERSON.digits, "answer": []}], TypeError),
        ],
    )
    async def test_a_batch_answers_about_those_asked_about(
        self, far: FarSide, rows: Any, error: type[Exception]
    ) -> None:
        people = (PERSON, OTHER)
        says(far, {"about": {"nationalIds": [one.digits for one in people]}, "answers": rows})
        with pytest.raises(error):
            await far.ask("crew", people=people)

    async def test_a_batch_about_others_or_in_another_order_is_not_believed(self, far: FarSide) -> None:
        says(far, {"about": {"nationalIds": [OTHER.digits, PERSON.digits]}, "answers": []})
        with pytest.raises(WrongSubject):
            await far.ask("crew", people=(PERSON, OTHER))


class TestWhatIsNoAnswer:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b'"x"',
            b"{",
            b'{"about": 1, "about": 2}',
            b'{"about": {"nationalId": "0000000000001"}, "answer": NaN}',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"about": {"nationalId": "0000000000001"}}',
            b'{"about": {"nationalId": "0000000000001"}, "answers": []}',
        ],
    )
    async def test_signed_garbage_is_garbage(self, far: FarSide, body: bytes) -> None:
        says(far, body)
        with pytest.raises(MalformedReply) as caught:
            await far.ask("berths")
        assert caught.value.why in (Trouble.UNREADABLE, Trouble.MALFORMED)

    @pytest.mark.parametrize("error", [None, {}, {"code": 7}, {"code": "NOT_DECLARED"}, "BERTH_TAKEN"])
    async def test_an_error_that_is_not_declared_is_none(self, far: FarSide, error: Any) -> None:
        says(far, {"about": ABOUT, "error": error}, status=422)
        with pytest.raises(MalformedReply) as caught:
            await far.ask("berths")
        assert caught.value.why is Trouble.MALFORMED

    @pytest.mark.parametrize(
        "reading",
        [
            None,
            True,
            {"value": 1},
            {"asOf": "2026-11-01T03:00:00Z"},
            {"value": 1, "asOf": None},
            {"value": 1, "asOf": "2026-11-01T03:00:00"},
            {"value": 1, "asOf": "yesterday"},
            {"value": 1, "asOf": "9999-12-31T23:59:59-12:00"},
            {"value": 1, "asOf": "2026-11-01T03:00:00Z", "more": 1},
            {"value": "1955-13", "asOf": "2026-11-01T03:00:00Z"},
        ],
    )
    async def test_a_reading_that_is_none_is_malformed(self, far: FarSide, reading: Any) -> None:
        says(far, {"about": ABOUT, "answer": {"skipper_licence": reading}})
        with pytest.raises(SourceSilent) as caught:
            await far.runner.run(far.plugin, "skipper", asker="test", person=PERSON, arguments={"attributes": []})
        assert caught.value.reason is Trouble.MALFORMED

    @pytest.mark.parametrize(("operation", "trouble"), [("berths", Trouble.REFUSED), ("apply", Trouble.CONFLICT)])
    async def test_a_key_that_is_known_there_with_another_call_is_a_conflict_of_calls_with_an_effect_alone(
        self, far: FarSide, operation: str, trouble: Trouble
    ) -> None:
        far.between.after = lambda _: httpx2.Response(409, json={"code": "KEY_REUSED"})
        key = "key-of-this-test" if operation == "apply" else ""
        with pytest.raises(SourceSilent) as caught:
            await far.runner.run(far.plugin, operation, asker="test", person=PERSON, key=key)
        assert caught.value.reason is trouble

    @pytest.mark.parametrize(
        ("reply", "error", "trouble"),
        [
            (httpx2.Response(401), AgencyRefusal, Trouble.REFUSED),
            (httpx2.Response(404, json={"code": "UNKNOWN_OPERATION"}), AgencyRefusal, Trouble.REFUSED),
            (httpx2.Response(409), AgencyRefusal, Trouble.REFUSED),
            (httpx2.Response(429), AgencyRefusal, Trouble.LIMITED),
            (httpx2.Response(500), MalformedReply, Trouble.ERROR),
            (httpx2.Response(503, headers={"retry-after": "7"}), MalformedReply, Trouble.ERROR),
            (httpx2.Response(204), MalformedReply, Trouble.UNREADABLE),
            (httpx2.Response(302, headers={"location": "http://169.254.169.254/"}), MalformedReply, Trouble.UNREADABLE),
            (httpx2.Response(500, content=b"x" * 20_000), MalformedReply, Trouble.TOO_LARGE),
            (
                httpx2.Response(200, content=gzip.compress(b"{}"), headers={"content-encoding": "gzip"}),
                MalformedReply,
                Trouble.UNREADABLE,
            ),
            (httpx2.Response(200, content=b"x" * 1_000_001), MalformedReply, Trouble.TOO_LARGE),
            (httpx2.ConnectError("no"), httpx2.ConnectError, Trouble.UNREACHABLE),
            (httpx2.ReadTimeout("no"), httpx2.ReadTimeout, Trouble.TIMEOUT),
            (httpx2.ReadError("no"), httpx2.ReadError, Trouble.BROKE_OFF),
        ],
    )
    async def test_every_way_of_not_answering_is_a_trouble(
        self, far: FarSide, reply: httpx2.Response | Exception, error: type[Exception], trouble: Trouble
    ) -> None:
        def after(_: httpx2.Response) -> httpx2.Response:
            if isinstance(reply, Exception):
                raise reply
            return reply

        far.between.after = after
        with pytest.raises(error):
            await far.ask("berths")
        with pytest.raises(SourceSilent) as caught:
            await far.runner.run(far.plugin, "berths", asker="test", person=PERSON)
        assert caught.value.reason is trouble

    async def test_an_answer_may_be_as_large_as_the_manifest_says_and_not_larger(self, clock: FixedClock) -> None:
        spec = {**MANIFEST["operations"]["tides"], "answer_bytes_max": 100}
        small = manifest_of(operations={**MANIFEST["operations"], "tides": spec})
        async with FarSide(clock, manifest=small) as far:
            for size, taken in ((100, True), (101, False)):
                says(far, orjson.dumps({"about": None, "answer": "x"}).ljust(size))
                if taken:
                    assert await far.ask("tides") == "x"
                else:
                    with pytest.raises(MalformedReply) as caught:
                        await far.ask("tides")
                    assert caught.value.why is Trouble.TOO_LARGE


class TestAskedAgain:
    def broken(self, far: FarSide, times: int) -> None:
        left = [None] * times

        def before(request: httpx2.Request) -> httpx2.Request:
            if left:
                left.pop()
                raise httpx2.ReadError("it broke")
            return request

        far.between.before = before

    async def test_a_read_is_asked_again_and_signed_anew(self, far: FarSide) -> None:
        self.broken(far, 2)
        assert len(await far.ask("berths")) == 1
        assert len({request.headers["signature"] for request in far.between.requests}) == 3
        assert len({request.content for request in far.between.requests}) == 1

    async def test_a_read_is_given_up_after_three_attempts(self, far: FarSide) -> None:
        self.broken(far, 3)
        with pytest.raises(httpx2.ReadError):
            await far.ask("berths")
        assert len(far.between.requests) == ATTEMPTS

    @pytest.mark.parametrize("operation", ["apply", "withdraw", "arrivals", "licence", "heard"])
    async def test_an_effect_is_never_asked_again_here(self, far: FarSide, operation: str) -> None:
        self.broken(far, 1)
        with pytest.raises(httpx2.ReadError):
            await far.ask(operation, key="application-1")
        assert len(far.between.requests) == 1


class TestMode:
    async def test_a_wire_for_tests_makes_every_call_a_test(self, clock: FixedClock) -> None:
        seen = list[bool]()

        async def tides(host: Host, call: Call) -> Any:
            seen.append(call.is_test)

        async with FarSide(clock, {"tides": tides}, mode="test") as far:
            await far.ask("tides")
            await far.ask("tides", is_test=True)
        async with FarSide(clock, {"tides": tides}) as far:
            await far.ask("tides", is_test=True)
            await far.ask("tides")
        assert seen == [True, True, True, False]


class TestTrace:
    async def test_each_call_has_a_trace_that_begins_with_it(self, far: FarSide) -> None:
        for _ in range(2):
            await far.ask("berths")
        first, second = (request.headers["traceparent"] for request in far.between.requests)
        assert first != second
        version, trace_id, parent, flags = first.split("-")
        assert (version, len(trace_id), len(parent), flags) == ("00", 32, 16, "00")

    async def test_a_span_that_is_under_way_is_continued(self, far: FarSide) -> None:
        span = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1)))
        with trace.use_span(span):
            await far.ask("berths")
        assert far.request.headers["traceparent"] == f"00-{0xABC:032x}-{0xDEF:016x}-01"


class TestOurKeys:
    def test_every_key_of_the_ring_has_one_of_its_own_and_the_current_signs(self) -> None:
        keys = ServiceKeys(key_ring("k1", "k2"))
        first, second = keys.jwks["keys"]
        assert first["kid"] != second["kid"] == keys.current.keyid
        assert ServiceKeys(key_ring("k1", "k2")).jwks == keys.jwks  # every process has them without asking
        assert "d" not in first

    def test_they_are_not_the_rings_keys(self) -> None:
        ring = key_ring()
        private = ServiceKeys(ring).current._private.private_bytes_raw()  # type: ignore[union-attr] # it is Ed25519
        assert private not in ring.keys.values()

    def test_they_follow_a_rotation_while_running(self) -> None:
        ring = key_ring("k1")
        keys = ServiceKeys(ring)
        before = keys.current
        ring._held = key_ring("k1", "k2")._held
        assert keys.current.keyid != before.keyid
        assert [key["kid"] for key in keys.jwks["keys"]] == [before.keyid, keys.current.keyid]
        ring._held = key_ring("k2")._held
        assert keys.get(before.keyid) is None
        assert keys.get(keys.current.keyid) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://HARBOUR.example/x",
        "https://harbour.example:443/x",
        "https://harbour.example/a b",
        "https://harbour.example/ก",
    ],
)
async def test_a_url_that_is_sent_otherwise_than_it_is_written_is_refused(clock: FixedClock, url: str) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(ValueError, match="normal form"):
            Wire(http, url, {}, ServiceKeys(key_ring()), clock)


def test_each_operation_has_its_function(clock: FixedClock) -> None:
    far = FarSide(clock)
    assert set(remote_functions(far.manifest, far.wire)) == set(MANIFEST["operations"])
