"""What we believe of ThaID's answer, and what not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from core.clock import FixedClock
from core.errors import ServiceUnavailable
from core.jose import half_hash
from identity.upstream.attempt import Attempt
from identity.upstream.errors import ProofingTooWeak, UpstreamNotBelieved
from identity.upstream.thaid import ThaID
from tests.identity.people_of_tests import PEOPLE

ISSUER: Final = "https://thaid.example"
INSIDE: Final = "http://127.0.0.1:9/thaid"
ELDER: Final = PEOPLE["elder"]
KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
THEIRS: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Answers = Callable[[httpx2.Request], httpx2.Response]


@dataclass
class Upstream:
    """Answers as ThaID would, with what a test changes."""

    attempt: Attempt
    now: datetime
    claims: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, Any] = field(default_factory=lambda: {"pid": ELDER.national_id, "name": ELDER.name.th})
    key: rsa.RSAPrivateKey = KEY
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "k", "typ": "JWT"})
    algorithm: str = "RS256"
    discovery: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        match request.url.path:
            case "/thaid/.well-known/openid-configuration":
                return httpx2.Response(200, json=self._discovery())
            case "/thaid/jwks":
                jwk = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
                return httpx2.Response(200, json={"keys": [{**jwk, "kid": "k", "use": "sig"}]})
            case "/thaid/token":
                return httpx2.Response(self.token_status, json=self._token())
        return httpx2.Response(404)

    def _discovery(self) -> dict[str, Any]:
        endpoints = {name: f"{ISSUER}/{name.partition('_')[0]}" for name in ("token_endpoint", "jwks_uri")}
        return {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/auth", **endpoints, **self.discovery}

    def _token(self) -> dict[str, Any]:
        seconds = int(self.now.timestamp())
        good = {
            "iss": ISSUER,
            "sub": "pseudonym",
            "aud": "sitthi",
            "iat": seconds,
            "exp": seconds + 600,
            "nonce": self.attempt.nonce,
            "at_hash": half_hash("access"),
            "ial": "2.3",
        }
        claims = {name: value for name, value in {**good, **self.claims}.items() if value is not None}
        key = self.key if self.algorithm == "RS256" else ""
        token = jwt.encode(claims, key, self.algorithm, headers=self.header)
        return {"access_token": "access", "id_token": token, **self.beside}


@pytest.fixture
def upstream(clock: FixedClock) -> Upstream:
    return Upstream(Attempt.begin("/", clock.now()), clock.now())


@pytest.fixture
async def thaid(upstream: Upstream, clock: FixedClock) -> AsyncIterator[ThaID]:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(upstream)) as http:
        yield ThaID(
            http,
            issuer=ISSUER,
            url=INSIDE,
            client_id="sitthi",
            secret="secret",
            redirect_uri="http://localhost:8000/signin/return",
            clock=clock,
        )


async def test_the_browser_goes_to_the_issuer_and_the_server_to_the_address_inside(
    thaid: ThaID, upstream: Upstream
) -> None:
    assert (await thaid.address(upstream.attempt)).startswith(f"{ISSUER}/auth?")
    await thaid.redeem("code", upstream.attempt)
    assert all(address.startswith(INSIDE) for address in upstream.asked)
    assert len(upstream.asked) == 3, "discovery and keys are remembered"


async def test_pid_may_come_beside_the_id_token_or_in_it(thaid: ThaID, upstream: Upstream) -> None:
    assert (await thaid.redeem("code", upstream.attempt)).national_id.digits == ELDER.national_id
    upstream.beside, upstream.claims = {}, {"pid": ELDER.national_id, "name": "ก"}
    vouched = await thaid.redeem("code", upstream.attempt)
    assert vouched.national_id.digits == ELDER.national_id
    assert (vouched.name.th, vouched.name.en, vouched.acr) == ("ก", "ก", "ial2.3-aal2.1")
    assert "pid" not in vouched.claims


@pytest.mark.parametrize(("ial", "acr"), [("2.3", "ial2.3-aal2.1"), ("3", "ial3-aal2.1"), (None, "ial2.3-aal2.1")])
async def test_the_assurance_is_thaids_own_where_it_says_nothing(
    thaid: ThaID, upstream: Upstream, ial: object, acr: str
) -> None:
    upstream.claims = {"ial": ial}
    assert (await thaid.redeem("code", upstream.attempt)).acr == acr


@pytest.mark.parametrize("ial", ["2.2", "1.3", "1.1", "9", 2, ""])
async def test_a_weaker_proofing_is_refused_and_so_is_a_level_that_nobody_knows(
    thaid: ThaID, upstream: Upstream, ial: object
) -> None:
    upstream.claims = {"ial": ial}
    with pytest.raises(ProofingTooWeak) as caught:
        await thaid.redeem("code", upstream.attempt)
    assert caught.value.fields == {"wanted": "IAL 2.3"}


async def test_the_english_names_come_along(thaid: ThaID, upstream: Upstream) -> None:
    upstream.beside["name_en"] = ELDER.name.en
    upstream.claims = {"title_en": "Mrs.", "given_name_en": "B", "family_name_en": "R", "middle_name_en": "M"}
    vouched = await thaid.redeem("code", upstream.attempt)
    assert vouched.name == ELDER.name
    assert {"title_en", "given_name_en", "family_name_en", "middle_name_en"} <= set(vouched.claims)


@pytest.mark.parametrize(
    "changes",
    [
        {"claims": {"iss": "https://elsewhere.example"}},
        {"claims": {"aud": "another"}},
        {"claims": {"aud": ["sitthi", "another"]}},
        {"claims": {"azp": "another"}},
        {"claims": {"nonce": "of another sign-in"}},
        {"claims": {"nonce": None}},
        {"claims": {"at_hash": half_hash("another token")}},
        {"claims": {"exp": 1}},
        {"claims": {"exp": None}},
        {"claims": {"iat": 4_000_000_000}},
        {"claims": {"pid": PEOPLE["officer-one"].national_id}},
        {"beside": {}},
        {"beside": {"pid": "1234567890123"}},
        {"beside": {"pid": 7}},
        {"beside": {"pid": None}},
        {"beside": {"id_token": None}},
        {"beside": {"access_token": "é"}},
        {"beside": {"id_token": "x.y.z"}},
        {"key": THEIRS},
        {"header": {"kid": "unknown"}},
        {"header": {"typ": "at+jwt", "kid": "k"}},
        {"algorithm": "none"},
        {"token_status": 400},
        {"discovery": {"issuer": "https://elsewhere.example"}},
        {"discovery": {"token_endpoint": None}},
    ],
)
async def test_anything_else_is_not_believed_and_not_repeated(
    thaid: ThaID, upstream: Upstream, changes: dict[str, Any]
) -> None:
    for name, value in changes.items():
        setattr(upstream, name, value)
    with pytest.raises(UpstreamNotBelieved) as caught:
        await thaid.redeem("code", upstream.attempt)
    assert caught.value.fields == {}
    assert caught.value.__cause__ is None


async def test_within_half_a_minute_a_clock_may_differ(thaid: ThaID, upstream: Upstream, clock: FixedClock) -> None:
    seconds = int(clock.now().timestamp())
    upstream.claims = {"iat": seconds + 30, "exp": seconds - 29}
    await thaid.redeem("code", upstream.attempt)
    upstream.claims = {"iat": seconds + 31}
    with pytest.raises(UpstreamNotBelieved):
        await thaid.redeem("code", upstream.attempt)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_broken_thaid_is_a_service_that_is_away(thaid: ThaID, upstream: Upstream, status: int) -> None:
    upstream.token_status = status
    with pytest.raises(ServiceUnavailable):
        await thaid.redeem("code", upstream.attempt)


async def test_a_silent_thaid_is_too(clock: FixedClock, upstream: Upstream) -> None:
    def silent(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectTimeout("no answer", request=request)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(silent)) as http:
        thaid = ThaID(http, issuer=ISSUER, url=INSIDE, client_id="s", secret="s", redirect_uri="x", clock=clock)
        with pytest.raises(ServiceUnavailable):
            await thaid.address(upstream.attempt)
