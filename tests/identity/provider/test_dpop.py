"""DPoP proofs (RFC 9449): what one must say, what it may not, and that each works once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from starlette.datastructures import Headers

from core.cache import open_redis
from core.clock import FixedClock
from core.crypto import KeyRing, load_keys
from core.errors import ServiceUnavailable
from core.settings import Settings
from identity.provider.dpop import IAT_SECONDS, NONCE_SECONDS, DPoP, InvalidDPoPProof, UseDPoPNonce
from identity.provider.replay import Replays
from tests.conftest import NOW
from tests.identity.provider.key_holders import WITHOUT, KeyHolder, base64url, by_secret, signed, unsigned

URL = "http://localhost:8000/oauth/token"
TOKEN = "an.access.token"
HOLDER = KeyHolder.make()


@pytest.fixture
def keys(settings: Settings) -> KeyRing:
    return load_keys(settings)


@pytest.fixture
def dpop(clock: FixedClock, keys: KeyRing, redis: Redis) -> DPoP:
    return DPoP(clock, keys, Replays(redis, keys))


async def refused(dpop: DPoP, proof: str, *, method: str = "POST", access_token: str | None = None) -> str:
    with pytest.raises(InvalidDPoPProof) as caught:
        await dpop.proof({"dpop": proof}, method=method, url=URL, access_token=access_token)
    assert caught.value.status_code == 400
    return str(caught.value.description)


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
async def test_a_good_proof_tells_the_thumbprint_of_its_key(dpop: DPoP, clock: FixedClock, algorithm: str) -> None:
    holder = KeyHolder.make(algorithm)
    given = {"DPoP": holder.proof(clock, "POST", URL)}
    assert await dpop.proof(given, method="POST", url=URL) == holder.jkt


async def test_the_thumbprint_is_that_of_rfc_9449(redis: Redis, keys: KeyRing) -> None:
    """The example of its §5, proof and `jkt` (§6.1), which was made in 2019."""
    proof = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rs"
        "cEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2"
        "In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2Vu"
        "IiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    )
    then = FixedClock(NOW - timedelta(seconds=NOW.timestamp() - 1_562_262_616))
    dpop = DPoP(then, keys, Replays(redis, keys))
    jkt = await dpop.check(proof, method="POST", url="https://server.example.com/token")
    assert jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


async def test_without_the_header_nothing_is_proven(dpop: DPoP) -> None:
    assert await dpop.proof({}, method="POST", url=URL) is None


async def test_two_proofs_are_none(dpop: DPoP, clock: FixedClock) -> None:
    proof = HOLDER.proof(clock, "POST", URL)
    twice = Headers(raw=[(b"dpop", proof.encode()), (b"dpop", HOLDER.proof(clock, "POST", URL).encode())])
    with pytest.raises(InvalidDPoPProof):
        await dpop.proof(twice, method="POST", url=URL)
    await refused(dpop, f"{proof}, {proof}")
    assert await dpop.proof({"dpop": proof}, method="POST", url=URL), "neither was used up"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"typ": "JWT"}, "it was made for something else"),
        ({"typ": WITHOUT}, "it does not say what it is"),
        ({"typ": ["dpop+jwt"]}, "its type is a list"),
        ({"alg": "none"}, "nobody signed it"),
        ({"alg": "HS256"}, "a public key is no secret"),
        ({"alg": "RS256"}, "that padding is not allowed"),
        ({"alg": "ES384"}, "that curve is not allowed"),
        ({"alg": "es256"}, "names of algorithms have one spelling"),
        ({"alg": "PS256"}, "the key is of another kind"),
        ({"alg": WITHOUT}, "no algorithm"),
        ({"alg": ["ES256"]}, "a list of algorithms"),
        ({"jwk": WITHOUT}, "no key"),
        ({"jwk": "key"}, "a key that is a text"),
        ({"jwk": []}, "a list of keys"),
        ({"jwk": HOLDER.private_jwk}, "the private half was sent along"),
        ({"jwk": {**HOLDER.jwk, "d": ""}}, "a private half that is empty"),
        ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, "a symmetric key"),
        ({"jwk": {**HOLDER.jwk, "use": "enc"}}, "a key for encryption"),
        ({"jwk": {**HOLDER.jwk, "key_ops": ["sign"]}}, "a key that does not verify"),
        ({"jwk": {**HOLDER.jwk, "alg": "ES384"}}, "a key for another algorithm"),
        ({"jwk": {**HOLDER.jwk, "crv": "secp256k1"}}, "another curve"),
        ({"jwk": {**HOLDER.jwk, "crv": WITHOUT}}, "no curve"),
        ({"jwk": {**HOLDER.jwk, "y": HOLDER.jwk["x"]}}, "a point that is not on the curve"),
        ({"jwk": {**HOLDER.jwk, "x": HOLDER.jwk["x"] + "="}}, "padding, so another thumbprint"),
        ({"jwk": {**HOLDER.jwk, "x": 5}}, "a number for a coordinate"),
        ({"jwk": KeyHolder.make().jwk}, "another's key"),
        ({"crit": ["exp"]}, "an extension we must know and do not"),
        ({"b64": False}, "a payload in another form"),
    ],
)
async def test_a_proof_with_another_header_is_refused(
    dpop: DPoP, clock: FixedClock, headers: Mapping[str, Any], why: str
) -> None:
    jwk = headers.get("jwk")
    if isinstance(jwk, dict):
        headers = {"jwk": {name: value for name, value in jwk.items() if value is not WITHOUT}}
    proof = HOLDER.proof(clock, "POST", URL, headers=headers)
    assert await refused(dpop, proof), why


@pytest.mark.parametrize(
    "claims",
    [
        {"jti": WITHOUT},
        {"jti": ""},
        {"jti": 7},
        {"jti": "x" * 257},
        {"htm": WITHOUT},
        {"htm": "GET"},
        {"htm": "post"},
        {"htm": ["POST"]},
        {"htu": WITHOUT},
        {"htu": "http://localhost:8000/oauth/par"},
        {"htu": "http://localhost:8000/oauth/token/"},
        {"htu": "https://localhost:8000/oauth/token"},
        {"htu": "http://127.0.0.1:8000/oauth/token"},
        {"htu": "http://localhost/oauth/token"},
        {"htu": "http://localhost:8000@evil.example/oauth/token"},
        {"htu": "/oauth/token"},
        {"htu": ["http://localhost:8000/oauth/token"]},
        {"iat": WITHOUT},
        {"iat": None},
        {"iat": "now"},
        {"iat": True},
        {"iat": -1},
        {"iat": 10**40},
    ],
)
async def test_a_proof_with_another_claim_is_refused(dpop: DPoP, clock: FixedClock, claims: dict[str, Any]) -> None:
    await refused(dpop, HOLDER.proof(clock, "POST", URL, **claims))


async def test_a_spelling_of_our_address_is_our_address(dpop: DPoP, clock: FixedClock) -> None:
    proof = HOLDER.proof(clock, "POST", "HTTP://LocalHost:8000/oauth/./token?x=1#y")
    assert await dpop.check(proof, method="POST", url=URL) == HOLDER.jkt


async def test_a_proof_that_nobody_signed_is_refused(dpop: DPoP, clock: FixedClock) -> None:
    await refused(dpop, unsigned(HOLDER.proof(clock, "POST", URL)))


async def test_a_public_key_used_as_a_shared_secret_is_refused(dpop: DPoP, clock: FixedClock) -> None:
    claims = {"jti": "1", "htm": "POST", "htu": URL, "iat": int(clock.now().timestamp())}
    for algorithm in ("HS256", "ES256"):
        header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": HOLDER.jwk}
        await refused(dpop, by_secret(header, claims, json.dumps(HOLDER.jwk).encode()))


async def test_a_proof_that_was_changed_is_refused(dpop: DPoP, clock: FixedClock) -> None:
    header, _, signature = HOLDER.proof(clock, "POST", "http://evil.example/").split(".")
    payload = base64url(json.dumps({"jti": "1", "htm": "POST", "htu": URL, "iat": clock.now().timestamp()}).encode())
    await refused(dpop, f"{header}.{payload}.{signature}")


async def test_a_claim_given_twice_is_refused(dpop: DPoP, clock: FixedClock) -> None:
    now = int(clock.now().timestamp())
    payload = f'{{"jti":"1","htm":"POST","htu":"http://evil.example/","htu":"{URL}","iat":{now}}}'
    await refused(dpop, signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": HOLDER.jwk}, payload.encode(), HOLDER))


async def test_weak_and_giant_rsa_keys_are_refused(dpop: DPoP, clock: FixedClock) -> None:
    holder = KeyHolder.make("PS256")
    for n in ("AQAB", base64url(b"\xff" * 128), base64url(b"\xff" * 600)):
        await refused(dpop, holder.proof(clock, "POST", URL, headers={"jwk": {**holder.jwk, "n": n}}))
    await refused(
        dpop, holder.proof(clock, "POST", URL, headers={"jwk": {**holder.jwk, "e": base64url(b"\xff" * 200)}})
    )


async def test_a_giant_proof_is_refused_before_it_is_read(dpop: DPoP, clock: FixedClock) -> None:
    await refused(dpop, HOLDER.proof(clock, "POST", URL, padding="x" * 5_000))


async def test_a_proof_works_once(dpop: DPoP, clock: FixedClock) -> None:
    proof = HOLDER.proof(clock, "POST", URL)
    await dpop.check(proof, method="POST", url=URL)
    assert "before" in await refused(dpop, proof)


async def test_a_refused_proof_is_not_used_up(dpop: DPoP, clock: FixedClock) -> None:
    proof = HOLDER.proof(clock, "POST", URL)
    await refused(dpop, proof, method="GET")
    assert await dpop.check(proof, method="POST", url=URL)


async def test_the_same_jti_of_another_key_is_another_proof(dpop: DPoP, clock: FixedClock) -> None:
    """Or whoever guesses an identifier could use it up for its owner."""
    for holder in (HOLDER, KeyHolder.make()):
        assert await dpop.check(holder.proof(clock, "POST", URL, jti="same"), method="POST", url=URL)


async def test_of_fifty_parallel_uses_one_passes(dpop: DPoP, clock: FixedClock) -> None:
    proof = HOLDER.proof(clock, "POST", URL)

    async def use() -> str:
        try:
            return await dpop.check(proof, method="POST", url=URL)
        except InvalidDPoPProof:
            return "refused"

    assert Counter(await asyncio.gather(*(use() for _ in range(50)))) == {HOLDER.jkt: 1, "refused": 49}


@pytest.mark.valkey_only
async def test_a_proof_used_at_one_process_is_used_at_every_other(
    redis_url: str, settings: Settings, clock: FixedClock, keys: KeyRing
) -> None:
    clients = [open_redis(redis_url) for _ in range(2)]
    one, other = (DPoP(clock, keys, Replays(client, keys)) for client in clients)
    proof = HOLDER.proof(clock, "POST", URL)
    await one.check(proof, method="POST", url=URL)
    await refused(other, proof)
    for client in clients:
        await client.aclose()


@pytest.mark.valkey_only
async def test_what_was_used_is_remembered_longer_than_it_is_good(dpop: DPoP, clock: FixedClock, redis: Redis) -> None:
    await dpop.check(HOLDER.proof(clock, "POST", URL), method="POST", url=URL)
    [name] = await redis.keys("once:dpop:*")
    assert await redis.ttl(name) > max(2 * IAT_SECONDS, 2 * NONCE_SECONDS)
    assert HOLDER.jkt not in str(name)


async def test_without_redis_no_proof_is_believed(clock: FixedClock, keys: KeyRing) -> None:
    nowhere = open_redis("redis://127.0.0.1:1/0")
    dpop = DPoP(clock, keys, Replays(nowhere, keys))
    with pytest.raises(ServiceUnavailable):
        await dpop.check(HOLDER.proof(clock, "POST", URL), method="POST", url=URL)
    await nowhere.aclose()


@pytest.mark.parametrize("seconds", [-IAT_SECONDS, 0, IAT_SECONDS])
async def test_a_clock_a_minute_off_is_right_enough(dpop: DPoP, clock: FixedClock, seconds: int) -> None:
    proof = HOLDER.proof(clock, "POST", URL, iat=int(clock.now().timestamp()) + seconds)
    assert await dpop.check(proof, method="POST", url=URL)


@pytest.mark.parametrize("seconds", [-IAT_SECONDS - 1, IAT_SECONDS + 1, -(10**9), 10**9])
async def test_a_wrong_clock_gets_a_nonce_and_with_it_is_believed(dpop: DPoP, clock: FixedClock, seconds: int) -> None:
    iat = int(clock.now().timestamp()) + seconds
    with pytest.raises(UseDPoPNonce) as caught:
        await dpop.check(HOLDER.proof(clock, "POST", URL, iat=iat, jti="one"), method="POST", url=URL)
    nonce = dict(caught.value.get_headers())["DPoP-Nonce"]
    assert caught.value.status_code == 400
    assert await dpop.check(HOLDER.proof(clock, "POST", URL, iat=iat, jti="one", nonce=nonce), method="POST", url=URL)


async def test_a_nonce_works_until_the_next_but_one(dpop: DPoP, clock: FixedClock) -> None:
    clock.advance(timedelta(seconds=NONCE_SECONDS - clock.now().timestamp() % NONCE_SECONDS))
    nonce = dpop.nonce()
    clock.advance(timedelta(seconds=2 * NONCE_SECONDS - 1))
    assert await dpop.check(HOLDER.proof(clock, "POST", URL, nonce=nonce), method="POST", url=URL)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(UseDPoPNonce) as caught:
        await dpop.check(HOLDER.proof(clock, "POST", URL, nonce=nonce), method="POST", url=URL)
    assert caught.value.nonce not in (nonce, "")


@pytest.mark.parametrize("nonce", ["", "guess", "A" * 24, 7, ["x"]])
async def test_a_nonce_that_is_not_ours_is_answered_with_one(dpop: DPoP, clock: FixedClock, nonce: object) -> None:
    with pytest.raises(UseDPoPNonce):
        await dpop.check(HOLDER.proof(clock, "POST", URL, nonce=nonce), method="POST", url=URL)


async def test_processes_agree_on_the_nonce(dpop: DPoP, clock: FixedClock, keys: KeyRing, redis: Redis) -> None:
    assert DPoP(clock, keys, Replays(redis, keys)).nonce() == dpop.nonce()


async def test_at_a_resource_the_proof_names_its_token(dpop: DPoP, clock: FixedClock) -> None:
    good = HOLDER.proof(clock, "POST", URL, access_token=TOKEN)
    assert await dpop.check(good, method="POST", url=URL, access_token=TOKEN) == HOLDER.jkt


@pytest.mark.parametrize("ath", [WITHOUT, "", TOKEN, 7, base64url(b"\0" * 32)])
async def test_a_proof_for_another_token_is_refused_at_a_resource(dpop: DPoP, clock: FixedClock, ath: object) -> None:
    await refused(dpop, HOLDER.proof(clock, "POST", URL, ath=ath), access_token=TOKEN)


@pytest.mark.parametrize("name", ["jti", "nonce", "ath", "htm", "htu", "x"])
async def test_half_a_character_is_no_text(dpop: DPoP, clock: FixedClock, name: str) -> None:
    """JSON can spell half of a surrogate pair (RFC 8259 §8.2), which no encoding can."""
    claims: dict[str, Any] = {name: "\ud800"}
    await refused(dpop, HOLDER.proof(clock, "POST", URL, **claims))


async def test_a_character_that_is_spelt_as_a_surrogate_pair_is_whole(dpop: DPoP, clock: FixedClock) -> None:
    assert await dpop.check(HOLDER.proof(clock, "POST", URL, jti="\U0001f511"), method="POST", url=URL) == HOLDER.jkt


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(["typ", "alg", "jwk", "jti", "htm", "htu", "iat", "nonce", "ath", "kid", "crit", "x"])


@given(
    headers=st.dictionaries(NAMES, JSON, max_size=3),
    claims=st.dictionaries(NAMES, JSON, max_size=3),
    key=st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "use", "key_ops", "alg", "n", "e"]), JSON, max_size=2),
)
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.fakeredis_only
async def test_whatever_json_is_in_it_a_proof_is_believed_or_refused(
    dpop: DPoP, clock: FixedClock, headers: dict[str, Any], claims: dict[str, Any], key: dict[str, Any]
) -> None:
    good = {"typ": "dpop+jwt", "alg": "ES256", "jwk": {**HOLDER.jwk, **key}, **headers}
    right = {"jti": "1", "htm": "POST", "htu": URL, "iat": int(clock.now().timestamp()), **claims}
    proof = signed(good, json.dumps(right).encode(), HOLDER)
    with contextlib.suppress(InvalidDPoPProof, UseDPoPNonce):
        assert await dpop.check(proof, method="POST", url=URL, access_token=TOKEN) == HOLDER.jkt


@given(text=st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: f"{base64url(raw)}.{base64url(raw)}.AA"))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.fakeredis_only
async def test_what_is_not_a_proof_at_all_is_refused(dpop: DPoP, text: str) -> None:
    with pytest.raises(InvalidDPoPProof):
        await dpop.check(text, method="POST", url=URL)


async def test_deep_nesting_is_refused(dpop: DPoP) -> None:
    deep = base64url(b'{"a":' + b"[" * 1_400 + b"]" * 1_400 + b"}")
    await refused(dpop, f"{deep[:3_000]}.{deep[:900]}.AA")
    await refused(dpop, f"{base64url(b'[' * 2_000)}.e30.AA")
