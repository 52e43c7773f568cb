"""The far side as the kit serves it: what it takes, and what it refuses. Its answers are read in test_remote.py."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest

from core.clock import FixedClock
from core.money import Money
from services.plugins.contract import (
    AgencyError,
    AgencyRefusal,
    ApplicationState,
    Call,
    Document,
    Host,
    Known,
    PartialDate,
    State,
    Titles,
)
from services.plugins.contract.signatures import sign_call
from services.plugins.contract.wire import KEY_REPEATED_DAYS_MAX
from services.plugins.kit import CALL_BYTES_MAX, FollowedKeys, KeyReused, MemoryFull, Nonces, Runs, kit_app, memory
from services.plugins.kit.followed import ASK_SECONDS
from services.plugins.kit.memory import LARGE_TOTAL_BYTES, NONCE_SECONDS, REMEMBERED_FOR
from services.plugins.runner import MalformedReply, ServiceKeys
from services.plugins.values import as_wire
from tests.conftest import NOW
from tests.support.plugins.far_side import OTHER, PERSON, URL, FarSide, NoAgency, key_ring, manifest_of, request_like

AT = datetime(2026, 11, 1, 3, tzinfo=UTC)
NOTE = Titles(th="ขอเอกสารเพิ่ม", en="Send one more document")


class Harbour:
    """Functions that count, and do what the test says."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Any = None
        self.error: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.began = asyncio.Event()

    async def __call__(self, host: Host, call: Call) -> Any:
        self.calls.append(call)
        self.began.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def harbour() -> Harbour:
    return Harbour()


@pytest.fixture
async def far(clock: FixedClock, harbour: Harbour) -> AsyncIterator[FarSide]:
    async with FarSide(clock, dict.fromkeys(manifest_of().operations, harbour)) as far:
        yield far


def envelope(operation: str = "berths", **changes: Any) -> dict[str, Any]:
    kind = {"berths": "query", "tides": "query", "crew": "source", "apply": "submit", "heard": "notify"}.get(
        operation, "issue"
    )
    return {
        "contract": 1,
        "id": "0" * 32,
        "plugin": "harbour",
        "version": "1.0.0",
        "operation": operation,
        "kind": kind,
        "mode": "live",
        "at": "2026-11-16T03:00:00.000Z",
        "asker": "test",
        "about": {"nationalId": PERSON.digits},
        "arguments": {},
        **changes,
    }


def signed(far: FarSide, document: Any, operation: str = "berths", **headers: str) -> httpx2.Request:
    url = f"{URL}/operations/{operation}"
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return httpx2.Request(
        "POST", url, headers=sign_call(url, told, body, far.ours.current, at=far.clock.now()), content=body
    )


async def status_and_code(far: FarSide, request: httpx2.Request) -> tuple[int, str]:
    reply = await far.send(request)
    told = reply.json()
    return reply.status_code, told.get("why") or told.get("code") or ""


class TestWhoCalls:
    async def test_a_call_of_ours_is_taken(self, far: FarSide, harbour: Harbour) -> None:
        reply = await far.send(signed(far, envelope()))
        assert reply.status_code == 200
        assert reply.json() == {"about": {"nationalId": PERSON.digits}, "answer": None}
        assert harbour.calls == [Call("berths", PERSON, {}, "test")]

    async def test_nothing_runs_for_a_call_that_is_not_signed(self, far: FarSide, harbour: Harbour) -> None:
        bare = httpx2.Request("POST", f"{URL}/operations/berths", json=envelope())
        assert await status_and_code(far, bare) == (401, "MISSING")
        stranger = signed(far, envelope())
        far.ours._ring._held = key_ring("another")._held
        assert await status_and_code(far, stranger) == (401, "KEY")
        assert harbour.calls == []

    async def test_a_call_that_comes_again_is_refused(self, far: FarSide, harbour: Harbour) -> None:
        request = signed(far, envelope())
        assert (await far.send(request)).status_code == 200
        assert await status_and_code(far, request_like(request)) == (401, "REPLAYED")
        assert len(harbour.calls) == 1

    async def test_of_twenty_copies_at_once_one_is_taken(self, far: FarSide, harbour: Harbour) -> None:
        request = signed(far, envelope())
        replies = await asyncio.gather(*(far.send(request_like(request)) for _ in range(20)))
        assert sorted(reply.status_code for reply in replies) == [200] + [401] * 19
        assert len(harbour.calls) == 1

    async def test_a_nonce_is_remembered_for_as_long_as_its_call_is_fresh(
        self, far: FarSide, clock: FixedClock
    ) -> None:
        early = sign_call(
            f"{URL}/operations/berths",
            {"content-type": "application/json"},
            orjson.dumps(envelope()),
            far.ours.current,
            at=clock.now() + timedelta(seconds=60),
        )
        request = httpx2.Request("POST", f"{URL}/operations/berths", headers=early, content=orjson.dumps(envelope()))
        assert (await far.send(request)).status_code == 200
        for seconds, why in ((120, "REPLAYED"), (1, "STALE")):
            clock.advance(timedelta(seconds=seconds))
            assert await status_and_code(far, request_like(request)) == (401, why)

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"content": b"{}"}, "DIGEST"),
            ({"headers": {"idempotency-key": "abcdefgh"}}, "PROFILE"),
            ({"headers": {"sitthi-token": "a.b.c"}}, "PROFILE"),
            ({"headers": {"content-type": "application/json;charset=utf-8"}}, "WRONG"),
            ({"more": [("content-digest", "sha-256=:AAAA:")]}, "REPEATED"),
            ({"url": f"{URL}/operations/tides"}, "WRONG"),
            ({"headers": {"signature-input": "sitthi=(" + "x" * 100_000}}, "MALFORMED"),
        ],
    )
    async def test_a_call_that_was_changed_on_its_way(
        self, far: FarSide, harbour: Harbour, changes: dict[str, Any], why: str
    ) -> None:
        assert await status_and_code(far, request_like(signed(far, envelope()), **changes)) == (401, why)
        assert harbour.calls == []

    async def test_a_call_to_one_agency_is_none_to_another(self, far: FarSide, clock: FixedClock) -> None:
        """The target is signed, so an agency cannot pass its call on in our name."""
        other = kit_app(
            far.manifest,
            {},
            url="https://customs.example/sitthi",
            host=Host(clock, NoAgency()),
            trusted_keys=far.ours,
            signing_key=far.key,
        )
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=other)) as http:
            passed_on = request_like(signed(far, envelope()), url="https://customs.example/sitthi/operations/berths")
            reply = await http.send(passed_on)
        assert (reply.status_code, reply.json()["why"]) == (401, "WRONG")

    async def test_what_is_refused_is_not_signed_and_repeats_nothing(self, far: FarSide) -> None:
        reply = await far.send(signed(far, envelope(plugin="customs")))
        assert reply.status_code == 400
        assert "signature" not in reply.headers
        assert PERSON.digits not in reply.text


class TestWhatIsAsked:
    @pytest.mark.parametrize("name", ["sail", "", "Berths", "berths/x", "__class__"])
    async def test_an_operation_that_there_is_not(self, far: FarSide, name: str) -> None:
        assert await status_and_code(far, signed(far, envelope(operation="berths"), name)) == (404, "UNKNOWN_OPERATION")

    async def test_only_a_post_is_a_call(self, far: FarSide) -> None:
        for request in (
            httpx2.Request("GET", f"{URL}/operations/berths"),
            request_like(signed(far, envelope()), url=f"{URL}/operations/berths?a=1"),
        ):
            assert (await far.send(request)).status_code == 405

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"[]",
            b'{"contract": 1, "contract": 1}',
            b"\xff",
            b"[" * 100_000,
            {},
            envelope(contract=2),
            envelope(contract="1"),
            envelope(id="x"),
            envelope(plugin="customs"),
            envelope(operation="tides"),
            envelope(kind="source"),
            envelope(kind="delete"),
            envelope(mode="dead"),
            envelope(at="yesterday"),
            envelope(at="2026-11-16T03:00:00"),
            envelope(asker=""),
            envelope(arguments=[]),
            envelope(about=None),
            envelope(about={}),
            envelope(about={"nationalId": "1234567890123"}),
            envelope(about={"nationalId": 1}),
            envelope(about={"nationalId": PERSON.digits, "name": "x"}),
            envelope(about={"nationalIds": [PERSON.digits]}),
            envelope(about={"nationalId": PERSON.digits, "nationalIds": [PERSON.digits]}),
        ],
    )
    async def test_what_is_no_call_of_the_contract(self, far: FarSide, harbour: Harbour, document: Any) -> None:
        reply = await far.send(signed(far, document))
        assert (reply.status_code, reply.json()["code"]) == (400, "MALFORMED")
        assert harbour.calls == []

    @pytest.mark.parametrize(
        "about",
        [
            None,
            {"nationalId": PERSON.digits},
            {"nationalIds": []},
            {"nationalIds": [PERSON.digits] * 2},
            {"nationalIds": [PERSON.digits, OTHER.digits, "0000000000027", "0000000000035"]},
        ],
    )
    async def test_a_batch_is_about_so_many_people_each_once(self, far: FarSide, about: Any) -> None:
        assert (await far.send(signed(far, envelope("crew", about=about), "crew"))).status_code == 400

    async def test_a_public_operation_is_about_nobody(self, far: FarSide, harbour: Harbour) -> None:
        assert (await far.send(signed(far, envelope("tides"), "tides"))).status_code == 400
        assert (await far.send(signed(far, envelope("tides", about=None), "tides"))).status_code == 200
        assert harbour.calls == [Call("tides", None, {}, "test")]

    async def test_more_in_a_call_than_it_knows_is_ignored(self, far: FarSide) -> None:
        assert (await far.send(signed(far, envelope(since="contract 1.1")))).status_code == 200

    async def test_a_newer_version_of_the_plugin_is_called_the_same_way(self, far: FarSide) -> None:
        assert (await far.send(signed(far, envelope(version="1.7.3")))).status_code == 200

    @pytest.mark.parametrize(
        ("operation", "key", "status"),
        [("apply", "", 400), ("apply", "short", 400), ("apply", "a" * 129, 400), ("apply", "a b c d e", 400),
         ("apply", "a" * 8, 200), ("apply", "a" * 128, 200), ("berths", "a" * 8, 400)],
    )  # fmt: skip
    async def test_a_key_belongs_to_calls_with_an_effect(
        self, far: FarSide, harbour: Harbour, operation: str, key: str, status: int
    ) -> None:
        harbour.answer = (
            ApplicationState(reference="H-1", state=State.RECEIVED, at=AT) if operation == "apply" else None
        )
        headers = {"idempotency-key": key} if key else {}
        assert (await far.send(signed(far, envelope(operation), operation, **headers))).status_code == status

    async def test_a_call_of_more_than_two_megabytes_is_not_read(self, far: FarSide) -> None:
        fits = signed(far, orjson.dumps(envelope()).ljust(CALL_BYTES_MAX))
        assert (await far.send(fits)).status_code == 200
        larger = httpx2.Request("POST", f"{URL}/operations/berths", content=b" " * (CALL_BYTES_MAX + 1))
        assert (await far.send(larger)).status_code == 413

    async def test_only_json_is_a_call(self, far: FarSide) -> None:
        body, url = orjson.dumps(envelope()), f"{URL}/operations/berths"
        headers = sign_call(url, {"content-type": "text/plain"}, body, far.ours.current, at=NOW)
        reply = await far.send(httpx2.Request("POST", url, headers=headers, content=body))
        assert reply.status_code == 400


class TestAnswers:
    async def test_values_are_written_as_the_wire_says(self, far: FarSide, harbour: Harbour) -> None:
        harbour.answer = {
            "day": date(2026, 1, 2),
            "at": NOW,
            "rent": Money(5),
            "list": ({"a": None}, True, 1.5, "x"),
        }
        assert (await far.send(signed(far, envelope()))).json()["answer"] == {
            "day": "2026-01-02",
            "at": "2026-11-16T10:00:00+07:00",
            "rent": {"satang": 5, "currency": "THB"},
            "list": [{"a": None}, True, 1.5, "x"],
        }

    async def test_a_document_travels_in_base64(self, far: FarSide, harbour: Harbour) -> None:
        content = b"%PDF \x00\xff"
        harbour.answer = Document(name="a.pdf", media_type="application/pdf", title=NOTE, content=content)
        answer = await far.ask("licence", key="request-1")
        assert base64.b64decode(answer["content"]) == content
        assert (answer["name"], answer["mediaType"]) == ("a.pdf", "application/pdf")
        harbour.answer = {
            "name": "a.pdf",
            "mediaType": "application/pdf",
            "title": NOTE.model_dump(),
            "content": content,
        }
        assert (await far.ask("licence", key="request-2")) == answer

    @pytest.mark.parametrize(
        ("value", "written"),
        [(PartialDate(1955, 4), "1955-04"), (date(1955, 4, 2), "1955-04-02"), (None, None), (PERSON, PERSON.digits)],
    )
    def test_a_known_value_says_as_of_when(self, value: Any, written: Any) -> None:
        assert as_wire(Known(value, AT)) == {"value": written, "asOf": "2026-11-01T03:00:00+00:00"}

    @pytest.mark.parametrize("answer", [object(), float("nan"), float("inf"), {1, 2}, 1j])
    async def test_what_has_no_form_is_the_far_sides_own_failure(
        self, far: FarSide, harbour: Harbour, answer: Any
    ) -> None:
        harbour.answer = answer
        assert await status_and_code(far, signed(far, envelope())) == (500, "FAILED")

    @pytest.mark.parametrize(
        "answer",
        [None, {}, {"reference": "H-1", "state": "REJECTED", "at": AT}, {"reference": "H-1", "state": "?", "at": AT}],
    )
    async def test_an_answer_that_is_not_of_its_kind_is_a_failure(
        self, far: FarSide, harbour: Harbour, answer: Any
    ) -> None:
        harbour.answer = answer
        with pytest.raises(MalformedReply):
            await far.ask("apply", key="application-1")

    async def test_a_declared_error_is_signed_and_about_somebody(self, far: FarSide, harbour: Harbour) -> None:
        harbour.error = AgencyError("BERTH_TAKEN")
        reply = await far.send(signed(far, envelope()))
        assert reply.status_code == 422
        assert reply.json() == {"about": {"nationalId": PERSON.digits}, "error": {"code": "BERTH_TAKEN"}}
        assert reply.headers["signature"].startswith("sitthi=:")

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (AgencyError("NOT_DECLARED"), 500),
            (AgencyRefusal(404, None), 500),
            (AgencyRefusal(429, None), 503),
            (AgencyRefusal(503, None), 503),
            (KeyError("the file of 0000000000001"), 500),
        ],
    )
    async def test_what_goes_wrong_is_told_by_status_alone(
        self, far: FarSide, harbour: Harbour, error: Exception, status: int
    ) -> None:
        harbour.error = error
        reply = await far.send(signed(far, envelope()))
        assert reply.status_code == status
        assert PERSON.digits not in reply.text
        assert ("retry-after" in reply.headers) == (status == 503)

    async def test_a_batch_that_answers_about_another_is_a_failure(self, far: FarSide, harbour: Harbour) -> None:
        harbour.answer = {OTHER: {}}
        document = envelope("crew", about={"nationalIds": [PERSON.digits]})
        assert (await far.send(signed(far, document, "crew"))).status_code == 500


class TestOnce:
    """A call with an effect runs once for its key, whatever becomes of whoever asked."""

    @pytest.fixture(autouse=True)
    def _taken(self, harbour: Harbour) -> None:
        harbour.answer = ApplicationState(reference="H-1", state=State.RECEIVED, at=AT)

    async def test_the_same_call_is_answered_the_same_and_runs_once(self, far: FarSide, harbour: Harbour) -> None:
        first = await far.ask("apply", {"application": {"id": "a"}}, key="application-1")
        harbour.answer = ApplicationState(reference="H-2", state=State.RECEIVED, at=AT)
        assert await far.ask("apply", {"application": {"id": "a"}}, key="application-1") == first
        assert len(harbour.calls) == 1
        assert far.between.replies[0].headers["signature"] != far.between.replies[1].headers["signature"]

    async def test_ten_at_once_run_once(self, far: FarSide, harbour: Harbour) -> None:
        harbour.hold = asyncio.Event()
        asked = [asyncio.create_task(far.ask("apply", key="application-1")) for _ in range(10)]
        await harbour.began.wait()
        harbour.hold.set()
        answers = await asyncio.gather(*asked)
        assert [answer["reference"] for answer in answers] == ["H-1"] * 10
        assert len(harbour.calls) == 1

    @pytest.mark.parametrize(
        "other", [{"arguments": {"application": {}}}, {"person": OTHER}, {"is_test": True}, {"operation": "withdraw"}]
    )
    async def test_the_key_of_another_call_is_refused(
        self, far: FarSide, harbour: Harbour, other: dict[str, Any]
    ) -> None:
        await far.ask("apply", key="application-1")
        asked = {"operation": "apply", **other}
        with pytest.raises(AgencyRefusal) as caught:
            await far.ask(asked.pop("operation"), asked.pop("arguments", None), key="application-1", **asked)
        assert (caught.value.status, caught.value.code) == (409, "KEY_REUSED")
        assert len(harbour.calls) == 1

    async def test_one_that_failed_may_be_tried_again(self, far: FarSide, harbour: Harbour) -> None:
        harbour.error = KeyError()
        with pytest.raises(MalformedReply):
            await far.ask("apply", key="application-1")
        harbour.error = None
        assert (await far.ask("apply", key="application-1"))["reference"] == "H-1"

    async def test_a_declared_error_is_an_answer_and_is_remembered(self, far: FarSide, harbour: Harbour) -> None:
        harbour.error = AgencyError("BERTH_TAKEN")
        for _ in range(2):
            with pytest.raises(AgencyError):
                await far.ask("apply", key="application-1")
        assert len(harbour.calls) == 1

    async def test_it_goes_on_when_whoever_asked_goes_away(self, far: FarSide, harbour: Harbour) -> None:
        harbour.hold = asyncio.Event()
        asked = asyncio.create_task(far.ask("apply", key="application-1"))
        await harbour.began.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        harbour.hold.set()
        assert (await far.ask("apply", key="application-1"))["reference"] == "H-1"
        assert len(harbour.calls) == 1


class TestMemory:
    def test_nonces_of_two_keys_are_two(self) -> None:
        nonces = Nonces()
        assert [nonces.first(key, "n", NOW) for key in ("a", "b", "a")] == [True, True, False]

    def test_nonces_are_forgotten_in_time_and_never_for_want_of_room(self) -> None:
        nonces = Nonces(entries_max=2)
        assert nonces.first("k", "1", NOW)
        assert nonces.first("k", "2", NOW)
        with pytest.raises(MemoryFull):
            nonces.first("k", "3", NOW + timedelta(seconds=NONCE_SECONDS))
        assert nonces.first("k", "3", NOW + timedelta(seconds=NONCE_SECONDS + 1))

    async def test_what_ran_is_remembered_for_a_month_and_a_day_and_never_forgotten_for_want_of_room(
        self,
    ) -> None:
        runs, ran = Runs[int](entries_max=1), list[int]()

        async def run() -> int:
            ran.append(1)
            return len(ran)

        assert await runs.once("a", b"x", run, NOW) == 1
        assert await runs.once("a", b"x", run, NOW + REMEMBERED_FOR) == 1
        with pytest.raises(KeyReused):
            await runs.once("a", b"y", run, NOW)
        with pytest.raises(MemoryFull):
            await runs.once("b", b"x", run, NOW)
        assert await runs.once("b", b"x", run, NOW + REMEMBERED_FOR + timedelta(seconds=1)) == 2
        assert timedelta(days=KEY_REPEATED_DAYS_MAX) < REMEMBERED_FOR, "no call comes again when it is forgotten"

    async def test_of_documents_as_many_are_remembered_as_a_bounded_memory_holds_and_of_the_rest_all(self) -> None:
        sizes = {"state": 0, "huge": LARGE_TOTAL_BYTES}
        runs, ran = Runs[str](size_of=lambda key: sizes.get(key, LARGE_TOTAL_BYTES // 100)), list[str]()

        async def once(key: str) -> None:
            async def run() -> str:
                ran.append(key)
                return key

            await runs.once(key, b"x", run, NOW)

        documents = [f"document {number}" for number in range(101)]
        for key in ("state", *documents):
            await once(key)
        ran.clear()
        for key in ("state", *documents[1:]):
            await once(key)
        assert ran == []
        await once(documents[0])
        assert ran == [documents[0]]
        await once("huge")
        await once("huge")
        assert ran == [documents[0], "huge"], "the last one is remembered, however large"
        await once("state")
        await once(documents[100])
        assert ran == [documents[0], "huge", documents[100]]

    async def test_documents_of_a_common_size_do_not_fill_the_far_side_either(
        self, far: FarSide, harbour: Harbour, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "LARGE_TOTAL_BYTES", 100_000)
        harbour.answer = Document(name="a.pdf", media_type="application/pdf", title=NOTE, content=bytes(30_000))

        async def asked(key: str) -> int:
            reply = await far.send(signed(far, envelope("licence"), "licence", idempotency_key=key))
            assert reply.status_code == 200
            return len(harbour.calls)

        assert [await asked(f"document-{number}") for number in (1, 2, 3, 2, 3, 1)] == [1, 2, 3, 3, 3, 4]

    async def test_what_is_forgotten_with_its_key_makes_room_for_another_document(self) -> None:
        runs, ran, late = Runs[int](size_of=lambda size: size), list[int](), NOW + REMEMBERED_FOR + timedelta(seconds=1)

        async def once(key: str, now: datetime) -> None:
            async def run() -> int:
                ran.append(1)
                return LARGE_TOTAL_BYTES // 2

            await runs.once(key, b"x", run, now)

        for key, now in (("a", NOW), ("b", NOW), ("c", late), ("d", late), ("c", late), ("d", late)):
            await once(key, now)
        assert len(ran) == 4

    async def test_a_full_memory_takes_no_call(self, far: FarSide) -> None:
        far.kit._nonces = Nonces(entries_max=0)
        reply = await far.send(signed(far, envelope()))
        assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")


class Published:
    """The key set as an agency finds it."""

    def __init__(self, keys: ServiceKeys) -> None:
        self.keys, self.asked, self.reply = keys, 0, None

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        return self.reply or httpx2.Response(200, json=self.keys.jwks)

    reply: httpx2.Response | None


class TestFollowedKeys:
    async def test_a_key_that_is_not_known_yet_is_looked_for(self, far: FarSide, clock: FixedClock) -> None:
        published, seconds = Published(far.ours), [0.0]
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(published)) as http:
            keys = FollowedKeys(http, "https://sitthi.example/keys", seconds=lambda: seconds[0])
            far.kit._trusted, far.kit._look = keys, keys.look
            assert len([await far.ask("tides") for _ in range(2)]) == 2
            assert published.asked == 1
            far.ours._ring._held = key_ring("k2")._held
            with pytest.raises(AgencyRefusal):  # a moment ago: a flood of forged ids is no flood of look-ups
                await far.ask("tides")
            seconds[0] = ASK_SECONDS
            assert await far.ask("tides") is None
            assert published.asked == 2

    @pytest.mark.parametrize(
        "reply",
        [
            httpx2.Response(500),
            httpx2.Response(302, headers={"location": "https://elsewhere.example"}),
            httpx2.Response(200, content=b"no json"),
            httpx2.Response(200, json=[]),
            httpx2.Response(200, json={"keys": [{"kty": "oct"}]}),
            httpx2.Response(200, content=b" " * 100_000),
        ],
    )
    async def test_what_was_known_stays_where_a_look_fails(self, far: FarSide, reply: httpx2.Response) -> None:
        published, seconds = Published(far.ours), [0.0]
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(published)) as http:
            keys = FollowedKeys(http, "https://sitthi.example/keys", seconds=lambda: seconds[0])
            await keys.look()
            seconds[0], published.reply = ASK_SECONDS, reply
            await keys.look()
            assert published.asked == 2
            assert keys.get(far.ours.current.keyid) is not None


async def test_the_kit_lives_and_ends_as_an_asgi_server_asks(far: FarSide) -> None:
    told, sent = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], list[str]()

    async def receive() -> dict[str, str]:
        return told.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    await far.kit({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_function_that_is_slower_than_the_manifest_says_is_ended(clock: FixedClock, harbour: Harbour) -> None:
    harbour.hold = asyncio.Event()
    async with FarSide(clock, {"tides": harbour}) as far:
        spec = far.manifest.operations["tides"].model_copy(update={"time_limit_seconds": 0.01})
        quick = far.manifest.model_copy(update={"operations": {**far.manifest.operations, "tides": spec}})
        far.kit._manifest = quick
        assert (await far.send(signed(far, envelope("tides", about=None), "tides"))).status_code == 500
