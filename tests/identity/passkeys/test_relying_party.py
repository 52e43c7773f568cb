"""Whatever a browser may send, it is a verified answer or PASSKEY_NOT_VERIFIED; and without Redis nobody is let in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from core.ids import new_id
from identity.passkeys.challenge import Ceremony, Challenge
from identity.passkeys.errors import PasskeyNotVerified
from identity.passkeys.relying_party import RelyingParty, credential_id_of
from identity.provider.replay import Replays
from tests.identity.conftest import House
from tests.identity.passkeys.authenticator import Authenticator, Lies, decoded, encoded
from tests.identity.passkeys.seat import code_of, seat
from tests.support.server import free_port

ISSUER = "http://localhost:8000"
PARTY = RelyingParty(ISSUER)
CHALLENGE = Challenge.make(Ceremony.SIGN_IN, None, datetime(2026, 11, 16, tzinfo=UTC))
KEY = Authenticator(counts=False)
ENROLLED = KEY.create(
    {"challenge": CHALLENGE.value, "rp": {"id": "localhost"}, "user": {"id": encoded(b"handle"), "name": "x"}}, ISSUER
)
COSE = KEY.held[0].cose

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
PART = st.binary(max_size=300).map(encoded) | JSON
SHAPED = st.fixed_dictionaries(
    {
        "id": PART, "rawId": PART, "type": st.just("public-key") | PART,
        "response": st.fixed_dictionaries(
            dict.fromkeys(("clientDataJSON", "authenticatorData", "signature", "attestationObject"), PART),
            optional={"userHandle": PART, "transports": JSON},
        )
        | JSON,
    }
)  # fmt: skip


def asserted() -> dict[str, Any]:
    return KEY.get({"challenge": CHALLENGE.value}, ISSUER)


@given(SHAPED | JSON)
def test_no_shape_of_json_breaks_the_verification(credential: Any) -> None:
    with pytest.raises(PasskeyNotVerified):
        PARTY.asserted(credential, CHALLENGE, COSE)
    with pytest.raises(PasskeyNotVerified):
        PARTY.enrolled(credential, CHALLENGE)


@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.integers(0, 999), st.integers(1, 255))
def test_an_assertion_with_one_changed_byte_is_none(part: str, place: int, change: int) -> None:
    credential = asserted()
    whole = bytearray(decoded(credential["response"][part]))
    whole[place % len(whole)] ^= change
    credential["response"][part] = encoded(bytes(whole))
    with pytest.raises(PasskeyNotVerified):
        PARTY.asserted(credential, CHALLENGE, COSE)


@given(st.integers(0, 250))
def test_an_enrolment_that_is_cut_off_is_none(length: int) -> None:
    whole = decoded(ENROLLED["response"]["attestationObject"])
    cut = {**ENROLLED, "response": {**ENROLLED["response"], "attestationObject": encoded(whole[:length])}}
    assert length >= len(whole) or _is_refused(cut)


def _is_refused(credential: dict[str, Any]) -> bool:
    with pytest.raises(PasskeyNotVerified):
        PARTY.enrolled(credential, CHALLENGE)
    return True


@given(JSON | st.dictionaries(st.just("rawId"), PART))
def test_an_id_is_bytes_within_bounds_or_refused(credential: Any) -> None:
    try:
        found = credential_id_of(credential)
    except PasskeyNotVerified:
        return
    assert 0 < len(found) <= 1_023


@given(st.binary(max_size=200) | JSON.map(cbor2.dumps))
def test_a_stored_key_that_is_none_lets_nobody_in(cose: bytes) -> None:
    with pytest.raises(PasskeyNotVerified):
        PARTY.asserted(asserted(), CHALLENGE, cose)


def test_the_truth_is_believed() -> None:
    """Or the tests above would prove nothing."""
    assert PARTY.asserted(asserted(), CHALLENGE, COSE).user_handle == b"handle"
    assert PARTY.enrolled(ENROLLED, CHALLENGE).public_key == COSE


def test_a_challenge_prints_nothing_and_is_of_its_session() -> None:
    challenge = Challenge.make(Ceremony.ENROL, new_id(), datetime(2026, 11, 16, tzinfo=UTC))
    assert challenge.value not in repr(challenge)
    assert len(challenge.bytes) == 32


async def test_without_redis_nobody_is_let_in_by_passkey_and_thaid_still_works(house: House) -> None:
    key = Authenticator()
    async with seat(house) as here:
        await here.sign_in()
        await here.enrol(key)
    replays: Replays = house.identity._replays
    away = Redis(port=free_port(), socket_connect_timeout=1)
    replays._redis = away
    async with seat(house) as here:
        assert code_of(await here.by_passkey(key)) == (503, "SERVICE_UNAVAILABLE")
        assert not await here.is_signed_in()
        await here.sign_in()
        assert await here.is_signed_in()
    await away.aclose()


async def test_a_lie_about_the_counter_is_looked_at_after_the_signature() -> None:
    lied = KEY.get({"challenge": CHALLENGE.value}, ISSUER, Lies(count=7))
    assert PARTY.asserted(lied, CHALLENGE, COSE).sign_count == 7
