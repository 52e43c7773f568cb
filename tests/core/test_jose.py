"""Tokens are read in one way: whatever is believed here, PyJWT's own reader believes alike."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from core.jose import Expired, NotVerified, base64url, key_id, usable_keys, verified_claims
from tests.conftest import NOW

SIGNED_BY: Final = ec.generate_private_key(ec.SECP256R1())
KID: Final = "k-1"
JWK: Final = {**ECAlgorithm.to_jwk(SIGNED_BY.public_key(), as_dict=True), "kid": KID, "alg": "ES256"}
KEY: Final = usable_keys({"keys": [JWK]}, ["ES256"])[KID]
ISSUER, AUDIENCE = "https://issuer.example", "https://issuer.example/graphql"
AT: Final = int(NOW.timestamp())
CLAIMS: Final[Mapping[str, Any]] = {
    "iss": ISSUER, "sub": "somebody", "aud": AUDIENCE, "iat": AT, "exp": AT + 60, "jti": "one", "n": 1,
}  # fmt: skip
HEADER: Final[Mapping[str, Any]] = {"alg": "ES256", "kid": KID, "typ": "at+jwt"}


def signed(head: bytes, body: bytes) -> str:
    """Whatever it says, by the right key."""
    whole = f"{base64url(head)}.{base64url(body)}"
    return f"{whole}.{base64url(ECAlgorithm(ECAlgorithm.SHA256).sign(whole.encode(), SIGNED_BY))}"


def token(header: Mapping[str, Any] = HEADER, **claims: Any) -> str:
    return signed(json.dumps(header).encode(), json.dumps({**CLAIMS, **claims}).encode())


def believed(given: str, audiences: tuple[str, ...] | None = (AUDIENCE, "another")) -> Mapping[str, Any]:
    return verified_claims(
        given, KEY, types=("at+jwt",), issuer=ISSUER, audiences=audiences, now=NOW, required=("iss", "sub", "n")
    )


def by_pyjwt(given: str) -> Mapping[str, Any]:
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    found: Mapping[str, Any] = jwt.decode(
        given, KEY, algorithms=["ES256"], issuer=ISSUER, audience=[AUDIENCE, "another"], options=options
    )
    return found


def test_a_good_token_says_what_pyjwt_reads_in_it() -> None:
    made = token()
    assert key_id(made) == KID
    assert believed(made) == by_pyjwt(made) == CLAIMS


@given(at=st.integers(0, 400), letter=st.sampled_from("Aa0-_.=+/ \n\x00é"), cut=st.integers(0, 3))
def test_a_letter_more_less_or_other_is_believed_only_where_pyjwt_believes_it(at: int, letter: str, cut: int) -> None:
    made = token()
    at %= len(made)
    changed = made[:at] + (letter if cut != 1 else "") + made[at + (cut > 0) + (cut > 2) :]
    try:
        claims = believed(changed)
    except NotVerified:
        return
    assert changed == made, "a token has one spelling"
    assert claims == by_pyjwt(changed)


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "HS256"},
        {**HEADER, "alg": "ES384"},
        {**HEADER, "alg": ["ES256"]},
        {**HEADER, "crit": ["exp"]},
        {**HEADER, "crit": []},
        {**HEADER, "b64": False},
        {**HEADER, "b64": 1},
        {**HEADER, "kid": 7},
        {**HEADER, "typ": "jwt"},
        {**HEADER, "typ": None},
        {"kid": KID, "typ": "at+jwt"},
    ],
    ids=str,
)
def test_a_header_that_asks_for_something_else_is_refused_though_it_is_signed(header: Mapping[str, Any]) -> None:
    with pytest.raises(NotVerified):
        believed(token(header))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"aud": "https://another.example"},
        {"aud": []},
        {"aud": [AUDIENCE, 7]},
        {"aud": {AUDIENCE: 1}},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"jti": 7},
        {"n": None},
        {"exp": None},
        {"exp": str(AT + 60)},
        {"exp": 1e300},
        {"exp": True},
        {"exp": 2**40},
        {"exp": 2**60},
        {"exp": 2**63},
        {"iat": AT + 1},
        {"nbf": AT + 1},
        {"nbf": "now"},
        {"auth_time": 1.5},
    ],
    ids=str,
)
def test_a_claim_that_is_not_as_it_must_be_is_refused_though_it_is_signed(claims: Mapping[str, Any]) -> None:
    with pytest.raises(NotVerified):
        believed(token(**claims))


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b"\xff", b'{"n": NaN}', b"[" * 5_000], ids=repr)
def test_what_is_no_object_is_refused_though_it_is_signed(body: bytes) -> None:
    with pytest.raises(NotVerified):
        believed(signed(json.dumps(HEADER).encode(), body))
    with pytest.raises(NotVerified):
        key_id(signed(body, b"{}"))


def test_one_audience_of_several_is_enough_and_none_is_asked_for_where_the_caller_looks() -> None:
    assert believed(token(aud=["elsewhere", "another"]))["aud"] == ["elsewhere", "another"]
    assert believed(token(aud="elsewhere"), audiences=None)["aud"] == "elsewhere"


def test_it_ends_at_its_second() -> None:
    assert believed(token(exp=AT + 1))["exp"] == AT + 1
    with pytest.raises(Expired):
        believed(token(exp=AT))


@pytest.mark.parametrize("made", ["", ".", "..", "a.b", "a.b.c.d", "e30.e30.", f"{'a' * 9_000}.b.c"], ids=len)
def test_what_is_no_token_is_refused(made: str) -> None:
    with pytest.raises(NotVerified):
        key_id(made)
    with pytest.raises(NotVerified):
        believed(made)


def test_a_signature_by_another_key_or_of_another_length_is_refused() -> None:
    head, body, mark = token().split(".")
    raw = base64.urlsafe_b64decode(mark + "==")
    other = ECAlgorithm(ECAlgorithm.SHA256).sign(f"{head}.{body}".encode(), ec.generate_private_key(ec.SECP256R1()))
    for wrong in (other, raw[:-1], raw + b"\0", raw[::-1], bytes(64)):
        with pytest.raises(NotVerified):
            believed(f"{head}.{body}.{base64url(wrong)}")


def test_headers_are_remembered_by_what_they_say() -> None:
    assert [key_id(token({**HEADER, "kid": kid})) for kid in ("a", "b", "a")] == ["a", "b", "a"]
    with pytest.raises(NotVerified):
        key_id(token({"alg": "ES256", "typ": "at+jwt"}))
