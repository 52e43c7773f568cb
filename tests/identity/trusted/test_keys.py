"""The keys of another issuer: read from where they must be, within bounds, as rarely as may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from core.errors import ServiceUnavailable
from identity.trusted.keys import AGAIN_SECONDS, DISCOVERY, FRESH_SECONDS, STALE_SECONDS_MAX, IssuerKeys
from tests.identity.trusted.foreign import ISSUER, Foreign

ALGORITHMS = ("ES256",)


@dataclass
class Watched:
    town: Foreign
    http: httpx2.AsyncClient
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.keys = self.of(ISSUER)

    def of(self, issuer: str) -> IssuerKeys:
        return IssuerKeys("town", issuer, ALGORITHMS, self.http, lambda: self.seconds)

    async def settled(self) -> None:
        """Until the reading that is under way has ended."""
        if self.keys._reading is not None:
            await self.keys._reading


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    town = Foreign()
    async with town.client() as http:
        yield Watched(town, http)


async def test_a_known_key_is_read_once(watched: Watched) -> None:
    for _ in range(5):
        assert await watched.keys.find("k1") is not None
    assert watched.town.asked == [DISCOVERY, "/keys"]


async def test_many_who_ask_at_once_share_one_reading(watched: Watched) -> None:
    found = await asyncio.gather(*(watched.keys.find("k1") for _ in range(50)))
    assert None not in found
    assert watched.town.asked == [DISCOVERY, "/keys"]


async def test_an_unknown_key_is_looked_for_at_most_every_few_seconds(watched: Watched) -> None:
    assert await watched.keys.find("k1") is not None
    for number in range(50):
        assert await watched.keys.find(f"forged-{number}") is None
    assert watched.town.asked.count("/keys") == 1
    watched.seconds += AGAIN_SECONDS
    for number in range(50):
        assert await watched.keys.find(f"forged-{number}") is None
    assert watched.town.asked.count("/keys") == 2


async def test_a_new_key_is_found_when_its_first_token_comes(watched: Watched) -> None:
    await watched.keys.find("k1")
    watched.town.keys["k2"] = Foreign().keys["k1"]
    watched.seconds += AGAIN_SECONDS
    assert await watched.keys.find("k2") is not None


@pytest.mark.parametrize(("age", "readings"), [(FRESH_SECONDS, 1), (FRESH_SECONDS + 0.1, 2)])
async def test_keys_are_read_anew_beside_the_requests(watched: Watched, age: float, readings: int) -> None:
    known = await watched.keys.find("k1")
    watched.seconds += age
    assert await watched.keys.find("k1") is known
    await watched.settled()
    assert watched.town.asked.count("/keys") == readings
    assert await watched.keys.find("k1") is known, "the same key is the same object"


async def test_another_key_under_the_same_id_is_another_object(watched: Watched) -> None:
    known = await watched.keys.find("k1")
    watched.town.keys = Foreign().keys
    watched.seconds += FRESH_SECONDS + 1
    await watched.keys.find("k1")
    await watched.settled()
    found = await watched.keys.find("k1")
    assert found is not None
    assert found is not known


async def test_known_keys_outlive_a_silent_issuer_for_an_hour(watched: Watched) -> None:
    known = await watched.keys.find("k1")
    watched.town.answer = {DISCOVERY: lambda: httpx2.Response(503)}
    watched.seconds += STALE_SECONDS_MAX
    assert await watched.keys.find("k1") is known
    await watched.settled()
    watched.seconds += AGAIN_SECONDS
    with pytest.raises(ServiceUnavailable):
        await watched.keys.find("k1")


async def test_an_issuer_that_never_answered_is_asked_at_most_every_few_seconds(watched: Watched) -> None:
    watched.town.answer = {DISCOVERY: lambda: httpx2.Response(503)}
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            await watched.keys.find("k1")
    assert watched.town.asked == [DISCOVERY]
    watched.town.answer = {}
    watched.seconds += AGAIN_SECONDS
    assert await watched.keys.find("k1") is not None


def _broken() -> httpx2.Response:
    raise httpx2.ConnectError("no route")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (DISCOVERY, httpx2.Response(200, json={"issuer": "https://elsewhere.example", "jwks_uri": f"{ISSUER}/keys"})),
        (DISCOVERY, httpx2.Response(200, json={"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/keys"})),
        (DISCOVERY, httpx2.Response(200, json={"issuer": ISSUER})),
        (DISCOVERY, httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://id.example/keys"})),
        (DISCOVERY, httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": "file:///etc/keys"})),
        (DISCOVERY, httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": 7})),
        (DISCOVERY, httpx2.Response(200, json=[ISSUER])),
        (DISCOVERY, httpx2.Response(200, content=b"<html>")),
        (DISCOVERY, httpx2.Response(302, headers={"location": f"{ISSUER}/elsewhere"})),
        ("/keys", httpx2.Response(302, headers={"location": f"{ISSUER}/elsewhere"})),
        ("/keys", httpx2.Response(404)),
        ("/keys", httpx2.Response(200, content=b" " * 262_145 + b"{}")),
        ("/keys", httpx2.Response(200, content=b"\xff")),
        ("/keys", httpx2.Response(200, json={"keys": 7})),
        ("/keys", httpx2.Response(200, content=b"[" * 200_000)),
        ("/keys", None),
    ],
)
async def test_what_is_not_the_issuers_own_key_set_is_not_believed(
    watched: Watched, path: str, answer: httpx2.Response | None
) -> None:
    watched.town.answer = {path: _broken if answer is None else lambda: answer}
    with pytest.raises(ServiceUnavailable):
        await watched.keys.find("k1")
    assert "/elsewhere" not in watched.town.asked, "no redirect is followed"


async def test_an_issuer_without_a_usable_key_is_not_silent(watched: Watched) -> None:
    keys = [{"kty": "oct", "kid": "k1"}, 7, {"kty": "EC", "kid": "k1", "crv": "P-256", "x": 7, "y": []}]
    watched.town.answer = {"/keys": lambda: httpx2.Response(200, json={"keys": keys})}
    assert await watched.keys.find("k1") is None


@pytest.mark.parametrize(
    "odd", [{"key_ops": 7}, {"alg": ["ES256"]}, {"crv": ["P-256"]}, {"x": ["MA"]}, {"x": "é"}, {"d": {}}]
)
async def test_a_key_that_cannot_be_read_takes_no_other_with_it(watched: Watched, odd: dict[str, object]) -> None:
    """RFC 7517 §5: what an implementation does not understand it leaves out."""
    [good] = watched.town.published()["keys"]
    keys = {"keys": [{**good, "kid": "odd", **odd}, good]}
    watched.town.answer = {"/keys": lambda: httpx2.Response(200, json=keys)}
    assert await watched.keys.find("odd") is None
    assert await watched.keys.find("k1") is not None


async def test_an_issuer_with_a_slash_at_its_end_is_found_where_discovery_says(watched: Watched) -> None:
    """OpenID Connect Discovery 1.0 §4.1: a slash at the end of the issuer is taken away before the path is put on."""
    published = {"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/keys"}
    watched.town.answer = {DISCOVERY: lambda: httpx2.Response(200, json=published)}
    assert await watched.of(f"{ISSUER}/").find("k1") is not None
