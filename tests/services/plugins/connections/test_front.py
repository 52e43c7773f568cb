"""The way to a real agency over real HTTP: through the guarded way out, to a front that speaks the token protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from core.clock import SystemClock
from services.plugins.connections import Agency, Connections, Named, NotConnected, Rules
from services.plugins.contract import AgencyRefusal
from services.plugins.runner.errors import AddressRefused
from services.sandbox.agencies.access import IDLE_SECONDS_MAX
from services.sandbox.agencies.front import LIFE_SECONDS, Client, Front
from tests.support.front import address_of, answering, listening, served

PID = "0000000000001"
SECRET = "handed over on paper"
KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = json.dumps(json.loads(ECAlgorithm.to_jwk(KEY)) | {"kid": "one", "alg": "ES256"})
PUBLIC = Client(json.loads(ECAlgorithm.to_jwk(KEY.public_key())) | {"alg": "ES256"})
SYSTEM = answering("/bills", {"pid": PID}, {"pid": PID, "bills": []})
BY_SECRET = 'sign_in = { way = "consumer-secret", consumer_key = "sitthi", secret = { file = "secret" } }'
BY_KEY = 'sign_in = { way = "private-key-jwt", client_id = "sitthi", secret = { file = "secret" } }'
BY_NOTHING = 'sign_in = { way = "none" }'
ANSWER = {"pid": PID, "bills": []}


class Stand:
    """A front at its own address, and the house's ways to agencies, with clocks that the test moves."""

    def __init__(
        self, folder: Path, front: Front, url: str, sign_in: str, secret: str, *, loopback: bool = True
    ) -> None:
        self.front, self.url, self._secret = front, url, folder / "secret"
        self.replace_secret(secret)
        file = folder / "agencies.toml"
        file.write_text(f'[waterworks]\nbase_url = "{url}"\n{sign_in}\n', encoding="utf-8")
        rules = Rules(loopback=loopback, is_production=False)
        self.http = httpx2.AsyncClient()
        self.connections = Connections(Named(file, rules), SystemClock(), self.http, _nobody_stands_in)

    def replace_secret(self, secret: str) -> None:
        self._secret.write_text(secret + "\n", encoding="utf-8")

    async def ask(self) -> Any:
        return await self.connections.client("waterworks").ask("/bills", {"pid": PID}, on_behalf_of="sitthi-graph")


def _nobody_stands_in(_: str) -> Agency | None:
    return None


class Running:
    """A clock that is later each time, as real ones are."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class Seconds:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def front_at(seconds: Callable[[], float]) -> Iterator[tuple[Front, str]]:
    listener = listening()
    url = address_of(listener)
    front = Front(
        SYSTEM,
        credentials={"sitthi": SECRET},
        clients={"sitthi": PUBLIC},
        audience=f"{url}/oauth/token",
        seconds=seconds,
    )
    with served(front, listener):
        yield front, url


@asynccontextmanager
async def standing(
    folder: Path, seconds: Callable[[], float], sign_in: str = BY_SECRET, secret: str = SECRET
) -> AsyncIterator[Stand]:
    with front_at(seconds) as (front, url):
        stand = Stand(folder, front, url, sign_in, secret)
        try:
            yield stand
        finally:
            await stand.connections.aclose()
            await stand.http.aclose()


@pytest.mark.parametrize(("sign_in", "secret"), [(BY_SECRET, SECRET), (BY_KEY, PRIVATE)])
async def test_one_token_is_bought_and_serves_many_questions(tmp_path: Path, sign_in: str, secret: str) -> None:
    async with standing(tmp_path, Running(), sign_in, secret) as stand:
        assert [await stand.ask() for _ in range(3)] == [ANSWER] * 3
        assert stand.front.sold == 1


@pytest.mark.parametrize(
    ("sign_in", "secret", "life"), [(BY_SECRET, SECRET, IDLE_SECONDS_MAX), (BY_KEY, PRIVATE, LIFE_SECONDS)]
)
async def test_a_token_that_died_at_the_agency_is_bought_anew_and_nobody_notices(
    tmp_path: Path, sign_in: str, secret: str, life: int
) -> None:
    theirs = Seconds()
    async with standing(tmp_path, theirs, sign_in, secret) as stand:
        await stand.ask()
        theirs.now += life + 1
        assert await stand.ask() == ANSWER
        assert stand.front.sold == 2


async def test_a_401_is_one_refresh_and_no_more(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds()) as stand:
        await stand.ask()
        stand.front.end_tokens()
        assert await stand.ask() == ANSWER
        assert stand.front.sold == 2
        stand.front.tokens.make = lambda: "dead on arrival"  # type: ignore[method-assign]  # an agency that is broken so
        stand.front.end_tokens()
        with pytest.raises(AgencyRefusal) as caught:
            await stand.ask()
        assert caught.value.status == 401
        assert stand.front.sold == 3, "one purchase, and not one after the other"


@pytest.mark.parametrize(("sign_in", "secret"), [(BY_SECRET, "of somebody else"), (BY_KEY, None)])
async def test_wrong_credentials_are_a_refusal_and_a_secret_that_was_put_right_is_used_at_once(
    tmp_path: Path, sign_in: str, secret: str | None
) -> None:
    another = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
    wrong = secret or json.dumps(another | {"alg": "ES256"})
    async with standing(tmp_path, Seconds(), sign_in, wrong) as stand:
        with pytest.raises(AgencyRefusal) as caught:
            await stand.ask()
        assert caught.value.status == 401
        probe = await stand.connections.probe("waterworks")
        assert (probe.answers, probe.why) == (False, "it gave no token, and answered with status 401")
        stand.replace_secret(SECRET if sign_in == BY_SECRET else PRIVATE)
        assert await stand.ask() == ANSWER


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_no_refusal_of_a_token_is_read_as_an_answer_about_somebody(tmp_path: Path, status: int) -> None:
    """404 would be «nobody of that number», and a code an error that the plugin declares."""
    async with standing(tmp_path, Seconds()) as stand:
        refused = httpx2.Response(status, json={"code": "SEALED"})
        stand.connections._http_of("waterworks")._transport = httpx2.MockTransport(lambda _: refused)
        with pytest.raises(AgencyRefusal) as caught:
            await stand.ask()
        assert (caught.value.status, caught.value.code) == (401, None)
        assert (await stand.connections.probe("waterworks")).why.endswith(f"status {status}")


async def test_a_token_that_is_refused_for_haste_says_so(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds()) as stand:
        hasty = httpx2.Response(429, json={}, headers={"retry-after": "7"})
        stand.connections._http_of("waterworks")._transport = httpx2.MockTransport(lambda _: hasty)
        with pytest.raises(AgencyRefusal) as caught:
            await stand.ask()
        assert (caught.value.status, caught.value.retry_after_seconds) == (429, 7)


async def test_an_agency_that_asks_for_no_token_is_sent_none(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds(), BY_NOTHING) as stand:
        with pytest.raises(AgencyRefusal):  # this one does ask for one
            await stand.ask()
        assert stand.front.sold == 0
        probe = await stand.connections.probe("waterworks")
        assert (probe.answers, probe.why) == (True, "something answers there with status 405; it asks for no token")


async def test_a_try_reads_nothing_of_what_a_stranger_sends(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds(), BY_NOTHING) as stand:
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            while read < 1_000:
                read += 1
                yield b"x" * 1_000

        stand.connections._http_of("waterworks")._transport = httpx2.MockTransport(
            lambda _: httpx2.Response(200, content=endless())
        )
        assert (await stand.connections.probe("waterworks")).answers
        assert read == 0


async def test_a_try_ends_where_the_agency_goes_on_and_on(tmp_path: Path) -> None:
    """Each wait is short enough; there is no end of them."""
    briefly = f"{BY_SECRET}\nlimits = {{ connect_seconds = 0.2, answer_seconds = 0.2 }}"
    async with standing(tmp_path, Seconds(), briefly) as stand:

        async def dripping() -> AsyncIterator[bytes]:
            for _ in range(1_000):
                await asyncio.sleep(0.01)
                yield b" "

        answer = {"content-type": "application/json"}
        stand.connections._http_of("waterworks")._transport = httpx2.MockTransport(
            lambda _: httpx2.Response(200, content=dripping(), headers=answer)
        )
        probe = await stand.connections.probe("waterworks")
        assert (probe.answers, probe.why) == (False, "no answer came (TIMEOUT)")


@pytest.mark.parametrize(("sign_in", "secret"), [(BY_SECRET, SECRET), (BY_KEY, PRIVATE)])
async def test_a_try_says_that_it_answers(tmp_path: Path, sign_in: str, secret: str) -> None:
    async with standing(tmp_path, Seconds(), sign_in, secret) as stand:
        probe = await stand.connections.probe("waterworks")
        assert (probe.answers, probe.why) == (True, "it gave a token")


async def test_an_assertion_that_was_seen_buys_nothing_more(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds(), BY_KEY, PRIVATE) as stand:
        sent: list[bytes] = []

        async def keep(request: httpx2.Request) -> None:
            sent.append(request.content)

        http = stand.connections._http_of("waterworks")
        http.event_hooks["request"].append(keep)
        await stand.ask()
        form = {"content-type": "application/x-www-form-urlencoded"}
        again = await stand.http.post(f"{stand.url}/oauth/token", content=sent[0], headers=form)
        assert (again.status_code, again.json()["code"]) == (401, "CLIENT_NOT_PROVED")
        assert b'"d"' not in sent[0]


async def test_a_name_that_leads_inside_is_not_connected_to(tmp_path: Path) -> None:
    """Where a name leads is looked at when it is connected to, whatever the file says."""
    with front_at(Seconds()) as (front, url):
        stand = Stand(tmp_path, front, "https://agency.example", BY_NOTHING, SECRET, loopback=False)

        async def inside(_: str) -> list[str]:
            return ["127.0.0.1"]

        http = stand.connections._http_of("waterworks")
        http._transport._resolve = inside  # type: ignore[attr-defined]  # its resolver is the test's
        with pytest.raises(AddressRefused):
            await stand.ask()
        probe = await stand.connections.probe("waterworks")
        assert not probe.answers
        assert "ADDRESS_REFUSED" in probe.why
        assert url
        await stand.connections.aclose()
        await stand.http.aclose()


async def test_nobody_there_is_a_sentence(tmp_path: Path) -> None:
    with front_at(Seconds()) as (front, url):
        pass
    stand = Stand(tmp_path, front, url, BY_SECRET, SECRET)
    probe = await stand.connections.probe("waterworks")
    assert (probe.answers, probe.why) == (False, "no answer came (SOURCE_UNREACHABLE)")
    await stand.connections.aclose()
    await stand.http.aclose()


async def test_an_agency_that_nobody_named_is_not_connected(tmp_path: Path) -> None:
    async with standing(tmp_path, Seconds()) as stand:
        with pytest.raises(NotConnected):
            stand.connections.client("library")
