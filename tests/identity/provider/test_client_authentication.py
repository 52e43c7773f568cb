"""Clients prove who they are with a key of their own (RFC 7523, FAPI 2.0), and are refused alike when they do not."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.cache import open_redis
from core.clock import FixedClock
from core.crypto import KeyRing, load_keys
from core.database import Database
from core.settings import Settings
from identity.provider.client_authentication import (
    CLOCK_SKEW_SECONDS,
    LIFE_SECONDS_MAX,
    ClientAuthentication,
    ClientRefused,
    TemporarilyUnavailable,
)
from identity.provider.client_keys import Unverified
from identity.provider.known_clients import KnownClients
from identity.provider.replay import Replays
from identity.provider.server import Parameters
from tests.identity.provider.key_holders import (
    ASSERTION_TYPE,
    WITHOUT,
    KeyHolder,
    base64url,
    by_secret,
    register,
    signed,
    unsigned,
)

ISSUER = "http://localhost:8000"
HOLDER = KeyHolder.make()
STRANGER = KeyHolder.make()


@pytest.fixture
def keys(settings: Settings) -> KeyRing:
    return load_keys(settings)


@pytest.fixture
async def clients(database: Database, clock: FixedClock, keys: KeyRing) -> ClientAuthentication:
    """With a bank held to FAPI, an agency's system that is not, and a public client."""
    await register(database, clock, jwks=HOLDER.registered)
    await register(database, clock, id="agency", jwks=HOLDER.registered, fapi=False, dpop_bound=False)
    await register(database, clock, id="app", auth_method="none", fapi=False, dpop_bound=False)
    return ClientAuthentication(ISSUER, KnownClients(database, ISSUER), clock, Replays(open_redis(None), keys))


async def authenticated(clients: ClientAuthentication, given: dict[str, str], **headers: str) -> str:
    found = await clients.authenticate(Parameters(list(given.items())), headers, endpoint="token")
    return str(found.get_client_id())


async def refused(clients: ClientAuthentication, given: dict[str, str], **headers: str) -> ClientRefused:
    with pytest.raises(ClientRefused) as caught:
        await authenticated(clients, given, **headers)
    assert (caught.value.status_code, dict(caught.value.get_body())) == (401, {"error": "invalid_client"})
    return caught.value


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256"])
async def test_a_client_proves_itself_with_its_key(
    clients: ClientAuthentication, database: Database, clock: FixedClock, algorithm: str
) -> None:
    holder = KeyHolder.make(algorithm)
    await register(database, clock, id="other", jwks=holder.registered)
    assert await authenticated(clients, holder.assertion(clock, "other", ISSUER)) == "other"
    given = {**holder.assertion(clock, "other", ISSUER), "client_id": "other"}
    assert await authenticated(clients, given) == "other"


async def test_a_public_client_says_who_it_is(clients: ClientAuthentication) -> None:
    assert await authenticated(clients, {"client_id": "app"}) == "app"


@pytest.mark.parametrize(
    "given",
    [
        {}, {"client_id": ""}, {"client_id": "nobody"}, {"client_id": "bank"}, {"client_id": "agency"},
        {"client_id": "app\x00"}, {"client_id": "a" * 65},
        {"client_id": "app", "client_secret": ""}, {"client_id": "app", "client_secret": "guess"},
        {"client_id": "app", "client_assertion": ""},
        {"client_id": "app", "client_assertion_type": ASSERTION_TYPE},
        {"client_id": "bank", "client_assertion_type": ASSERTION_TYPE},
        {"client_id": "bank", "client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE},
    ],
)  # fmt: skip
async def test_who_does_not_prove_it_is_refused(clients: ClientAuthentication, given: dict[str, str]) -> None:
    assert "WWW-Authenticate" not in dict((await refused(clients, given)).get_headers())


async def test_a_password_is_never_right_and_is_told_its_scheme(clients: ClientAuthentication) -> None:
    """RFC 6749 §5.2: who came with an `Authorization` header is challenged in its scheme."""
    for value in ("Basic YXBwOg==", "basic YmFuazpndWVzcw=="):
        error = await refused(clients, {"client_id": "app"}, authorization=value)
        assert dict(error.get_headers())["WWW-Authenticate"].startswith("Basic ")


async def test_two_of_anything_are_refused(clients: ClientAuthentication, clock: FixedClock) -> None:
    good = HOLDER.assertion(clock, "bank", ISSUER)
    for name in (*good, "client_id"):
        pairs = [*good.items(), (name, good.get(name, "bank")), (name, good.get(name, "bank"))]
        with pytest.raises(ClientRefused):
            await clients.authenticate(Parameters(pairs), {}, endpoint="token")
    assert await authenticated(clients, good) == "bank"


@pytest.mark.parametrize(
    "headers",
    [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "RS256"}, {"alg": "PS256"}, {"alg": WITHOUT}, {"alg": ["ES256"]},
        {"kid": "another"}, {"kid": ["one"]}, {"kid": ""}, {"typ": "dpop+jwt"}, {"typ": "at+jwt"}, {"crit": ["exp"]},
    ],
)  # fmt: skip
async def test_an_assertion_with_another_header_is_refused(
    clients: ClientAuthentication, clock: FixedClock, headers: dict[str, Any]
) -> None:
    await refused(clients, HOLDER.assertion(clock, "bank", ISSUER, headers=headers))


@pytest.mark.parametrize("headers", [{"kid": WITHOUT}, {"typ": WITHOUT}, {"typ": "client-authentication+jwt"}])
async def test_what_the_standards_leave_open_is_accepted(
    clients: ClientAuthentication, clock: FixedClock, headers: dict[str, Any]
) -> None:
    assert await authenticated(clients, HOLDER.assertion(clock, "bank", ISSUER, headers=headers)) == "bank"


NOW_SECONDS = 1_794_798_000
"""Where the clock of the tests stands."""


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": WITHOUT},
        {"iss": "agency"},
        {"iss": ["bank"]},
        {"sub": WITHOUT},
        {"sub": "agency"},
        {"sub": ["bank"]},
        {"sub": "nobody", "iss": "nobody"},
        {"sub": "app", "iss": "app"},
        {"aud": WITHOUT},
        {"aud": ""},
        {"aud": "https://other.example"},
        {"aud": f"{ISSUER}/"},
        {"aud": [ISSUER, "https://other.example"]},
        {"jti": WITHOUT},
        {"jti": ""},
        {"jti": 1},
        {"jti": "x" * 257},
        {"exp": WITHOUT},
        {"exp": "soon"},
        {"exp": None},
        {"exp": NOW_SECONDS},
        {"exp": NOW_SECONDS - 1},
        {"iat": WITHOUT, "exp": NOW_SECONDS + LIFE_SECONDS_MAX + CLOCK_SKEW_SECONDS + 1},
        {"exp": NOW_SECONDS + LIFE_SECONDS_MAX + 1},
        {"iat": NOW_SECONDS - LIFE_SECONDS_MAX},
        {"iat": NOW_SECONDS + CLOCK_SKEW_SECONDS + 1},
        {"iat": "now"},
        {"nbf": NOW_SECONDS + CLOCK_SKEW_SECONDS + 1},
        {"nbf": True},
    ],
)
async def test_an_assertion_with_another_claim_is_refused(
    clients: ClientAuthentication, clock: FixedClock, claims: dict[str, Any]
) -> None:
    assert clock.now().timestamp() == NOW_SECONDS
    await refused(clients, HOLDER.assertion(clock, "bank", ISSUER, **claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW_SECONDS + 1},
        {"exp": NOW_SECONDS + LIFE_SECONDS_MAX},
        {"iat": NOW_SECONDS + 10, "nbf": NOW_SECONDS + 10, "exp": NOW_SECONDS + 10 + LIFE_SECONDS_MAX},
        {"iat": WITHOUT},
        {"iat": NOW_SECONDS - 0.5},
    ],
)
async def test_an_assertion_at_the_edge_of_its_time_is_good(
    clients: ClientAuthentication, clock: FixedClock, claims: dict[str, Any]
) -> None:
    assert await authenticated(clients, HOLDER.assertion(clock, "bank", ISSUER, **claims)) == "bank"


@pytest.mark.parametrize("audience", [f"{ISSUER}/oauth/token", f"{ISSUER}/oauth/par", [f"{ISSUER}/oauth/token"]])
async def test_the_address_of_an_endpoint_is_no_audience(
    clients: ClientAuthentication, clock: FixedClock, audience: Any
) -> None:
    """Of nobody's assertion: an endpoint's address can be one that another server made the client believe in."""
    for client in ("bank", "agency"):
        await refused(clients, HOLDER.assertion(clock, client, ISSUER, aud=audience))


async def test_a_list_is_no_audience_under_fapi(clients: ClientAuthentication, clock: FixedClock) -> None:
    await refused(clients, HOLDER.assertion(clock, "bank", ISSUER, aud=[ISSUER]))
    assert await authenticated(clients, HOLDER.assertion(clock, "agency", ISSUER, aud=[ISSUER])) == "agency"


async def test_an_assertion_of_another_client_is_refused(clients: ClientAuthentication, clock: FixedClock) -> None:
    await refused(clients, {**HOLDER.assertion(clock, "bank", ISSUER), "client_id": "agency"})


async def test_another_type_of_assertion_is_refused(clients: ClientAuthentication, clock: FixedClock) -> None:
    good = HOLDER.assertion(clock, "bank", ISSUER)
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
    await refused(clients, {**good, "client_assertion_type": saml})
    await refused(clients, {"client_assertion": good["client_assertion"]})


async def test_a_key_that_was_not_registered_is_refused(clients: ClientAuthentication, clock: FixedClock) -> None:
    await refused(clients, STRANGER.assertion(clock, "bank", ISSUER))
    await refused(clients, STRANGER.assertion(clock, "bank", ISSUER, headers={"jwk": STRANGER.jwk, "kid": WITHOUT}))


async def test_nobodys_signature_is_refused(clients: ClientAuthentication, clock: FixedClock) -> None:
    good = HOLDER.assertion(clock, "bank", ISSUER)
    await refused(clients, {**good, "client_assertion": unsigned(good["client_assertion"])})


async def test_the_public_key_is_no_shared_secret(clients: ClientAuthentication, clock: FixedClock) -> None:
    now = int(clock.now().timestamp())
    claims = {"iss": "bank", "sub": "bank", "aud": ISSUER, "exp": now + 60, "jti": "1"}
    for algorithm in ("HS256", "ES256"):
        forged = by_secret({"alg": algorithm, "kid": "one"}, claims, json.dumps(HOLDER.registered).encode())
        await refused(clients, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": forged})


@pytest.mark.parametrize(
    "key",
    [
        {"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": []}, {"alg": "ES384"}, {"kid": "another"}, {"d": "AA"},
        {"x": None}, {"kty": "oct", "k": "AA"},
    ],
)  # fmt: skip
async def test_a_key_registered_for_something_else_proves_nothing(
    clients: ClientAuthentication, database: Database, clock: FixedClock, key: dict[str, Any]
) -> None:
    [good] = HOLDER.registered["keys"]
    await register(database, clock, id="other", jwks={"keys": [{**good, **key}]})
    await refused(clients, HOLDER.assertion(clock, "other", ISSUER))


@pytest.mark.parametrize("jwks", [None, {}, {"keys": None}, {"keys": []}, {"keys": ["x", 1, None]}, {"keys": {}}])
async def test_a_client_without_a_usable_key_proves_nothing(
    clients: ClientAuthentication, database: Database, clock: FixedClock, jwks: Any
) -> None:
    await register(database, clock, id="other", jwks=jwks)
    await refused(clients, HOLDER.assertion(clock, "other", ISSUER))


async def test_two_keys_may_share_a_name_when_their_algorithms_differ(
    clients: ClientAuthentication, database: Database, clock: FixedClock
) -> None:
    """FAPI 2.0 Security Profile §5.4.3."""
    edwards = KeyHolder.make("EdDSA")
    await register(database, clock, id="two", jwks={"keys": HOLDER.registered["keys"] + edwards.registered["keys"]})
    for holder in (HOLDER, edwards):
        assert await authenticated(clients, holder.assertion(clock, "two", ISSUER)) == "two"


async def test_while_keys_change_the_old_and_the_new_one_are_good(
    clients: ClientAuthentication, database: Database, clock: FixedClock
) -> None:
    new = KeyHolder.make(kid="two")
    await register(database, clock, id="two", jwks={"keys": HOLDER.registered["keys"] + new.registered["keys"]})
    for holder in (HOLDER, new):
        assert await authenticated(clients, holder.assertion(clock, "two", ISSUER)) == "two"
        assert await authenticated(clients, holder.assertion(clock, "two", ISSUER, headers={"kid": WITHOUT})) == "two"


async def test_an_ended_client_is_refused(clients: ClientAuthentication, database: Database, clock: FixedClock) -> None:
    await register(database, clock, id="gone", jwks=HOLDER.registered, ended_at=clock.now())
    await register(database, clock, id="gone-app", auth_method="none", fapi=False, ended_at=clock.now())
    await refused(clients, HOLDER.assertion(clock, "gone", ISSUER))
    await refused(clients, {"client_id": "gone-app"})


async def test_an_assertion_works_once(clients: ClientAuthentication, clock: FixedClock) -> None:
    given = HOLDER.assertion(clock, "bank", ISSUER)
    assert await authenticated(clients, given) == "bank"
    await refused(clients, given)
    clock.advance(timedelta(seconds=59))
    await refused(clients, given)


async def test_a_refused_assertion_is_not_used_up(clients: ClientAuthentication, clock: FixedClock) -> None:
    given = HOLDER.assertion(clock, "bank", ISSUER)
    await refused(clients, {**given, "client_id": "agency"})
    assert await authenticated(clients, given) == "bank"


async def test_a_stranger_cannot_use_up_anothers_identifiers(clients: ClientAuthentication, clock: FixedClock) -> None:
    await refused(clients, STRANGER.assertion(clock, "bank", ISSUER, jti="next"))
    for client in ("bank", "agency"):
        assert await authenticated(clients, HOLDER.assertion(clock, client, ISSUER, jti="next")) == client


async def test_of_parallel_uses_one_passes(clients: ClientAuthentication, clock: FixedClock) -> None:
    given = HOLDER.assertion(clock, "bank", ISSUER)

    async def use() -> str:
        try:
            return await authenticated(clients, given)
        except ClientRefused:
            return "refused"

    assert Counter(await asyncio.gather(*(use() for _ in range(20)))) == {"bank": 1, "refused": 19}


@pytest.mark.valkey_only
async def test_an_assertion_used_at_one_process_is_used_at_every_other(
    database: Database, clock: FixedClock, keys: KeyRing, redis_url: str
) -> None:
    await register(database, clock, jwks=HOLDER.registered)
    caches = [open_redis(redis_url) for _ in range(2)]
    one, other = (
        ClientAuthentication(ISSUER, KnownClients(database, ISSUER), clock, Replays(cache, keys)) for cache in caches
    )
    given = HOLDER.assertion(clock, "bank", ISSUER)
    assert await authenticated(one, given) == "bank"
    await refused(other, given)
    for cache in caches:
        await cache.aclose()


async def test_without_redis_nobody_with_a_key_comes_in(database: Database, clock: FixedClock, keys: KeyRing) -> None:
    await register(database, clock, jwks=HOLDER.registered)
    await register(database, clock, id="app", auth_method="none", fapi=False)
    nowhere = open_redis("redis://127.0.0.1:1/0")
    clients = ClientAuthentication(ISSUER, KnownClients(database, ISSUER), clock, Replays(nowhere, keys))
    with pytest.raises(TemporarilyUnavailable) as caught:
        await authenticated(clients, HOLDER.assertion(clock, "bank", ISSUER))
    assert (caught.value.status_code, caught.value.error) == (503, "temporarily_unavailable")
    await refused(clients, STRANGER.assertion(clock, "bank", ISSUER))
    assert await authenticated(clients, {"client_id": "app"}) == "app"
    await nowhere.aclose()


async def test_unknown_clients_and_wrong_keys_cost_the_same_work(
    clients: ClientAuthentication, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One signature is checked for each, or the time would tell which clients there are."""
    checked: list[str] = []
    real = Unverified.is_signed_by

    def counting(self: Unverified, key: Any) -> bool:
        checked.append(self.algorithm)
        return real(self, key)

    monkeypatch.setattr(Unverified, "is_signed_by", counting)
    for algorithm in ("ES256", "EdDSA", "PS256"):
        stranger = KeyHolder.make(algorithm)
        for client in ("nobody", "bank", "app"):
            checked.clear()
            await refused(clients, stranger.assertion(clock, client, ISSUER))
            assert checked == [algorithm]


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.text(max_size=3))


@given(
    headers=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]), ANYTHING, max_size=3),
    claims=st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]), ANYTHING, max_size=4),
)
@hypothesis_settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.sqlite_only
async def test_whatever_json_is_in_it_an_assertion_is_believed_or_refused(
    clients: ClientAuthentication, clock: FixedClock, headers: dict[str, Any], claims: dict[str, Any]
) -> None:
    given = HOLDER.assertion(clock, "bank", ISSUER)
    good = Unverified.read(given["client_assertion"])
    changed = json.dumps({**good.claims, **claims}).encode()
    given["client_assertion"] = signed({**good.header, **headers}, changed, HOLDER)
    try:
        assert await authenticated(clients, given) == "bank"
    except ClientRefused as error:
        assert error.status_code == 401  # noqa: PT017


@given(text=st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: f"{base64url(raw)}.{base64url(raw)}.AA"))
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.sqlite_only
async def test_what_is_not_an_assertion_at_all_is_refused(clients: ClientAuthentication, text: str) -> None:
    await refused(clients, {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text})
