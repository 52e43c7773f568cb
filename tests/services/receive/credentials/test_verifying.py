"""What is not believed, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.receive.credentials import jws
from services.receive.credentials.disclosures import Disclosable, digest_of, packed, unpacked
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.sd_jwt import LENGTH_MAX, TYPE, SdJwt, issue, present, prove
from services.receive.credentials.verifying import LEEWAY, PROOF_FRESH, Asked, Verified, verify
from tests.services.receive.credentials.issuers import (
    AGENCY,
    AUDIENCE,
    ISSUER,
    NONCE,
    NOW,
    VCT,
    WALLET,
    Trusted,
    transcript,
)

ASKED: Final = Asked(AUDIENCE, NONCE)
STEP: Final = timedelta(seconds=1)


def shown(credential: SdJwt | None = None, **changed: Any) -> SdJwt:
    """A presentation of two claims that proves its wallet."""
    made = credential or present(issue(transcript(), AGENCY), [("given_name",), ("gpax", "at_least_2_00")])
    return prove(made, **{"holder": WALLET, "audience": AUDIENCE, "nonce": NONCE, "at": NOW, **changed})


def why(text: str, trust: Any = None, **given: Any) -> Why:
    with pytest.raises(CredentialRefused) as refused:
        told(text, trust, **given)
    return refused.value.why


def told(text: str, trust: Any = None, **given: Any) -> Verified:
    return verify(text, trust or Trusted(), given.pop("now", NOW), **{"asked": ASKED, **given})


def signed(payload: Mapping[str, Any], *disclosures: str, **header: Any) -> str:
    """Of an issuer of ours whose program is wrong."""
    claims = {"iss": ISSUER, "vct": VCT, "iat": int(NOW.timestamp()), **payload}
    return str(SdJwt(jws.sign({"typ": TYPE, **header}, claims, AGENCY), disclosures))


def disclosure(*parts: Any) -> str:
    return packed(orjson.dumps(list(parts)))


def with_header(credential: SdJwt, **changed: Any) -> str:
    head, body, signature = credential.signed.split(".")
    header = {**json.loads(unpacked(head)), **changed}
    return f"{packed(json.dumps(header).encode())}.{body}.{signature}~"


NAME: Final = disclosure("salt-1", "name", "ก")


def test_what_its_wallet_shows_is_believed() -> None:
    found = told(str(shown()))
    assert (found.claims["given_name"], found.holder) == ("สมหญิง", found.claims["cnf"]["jwk"])


def test_a_disclosure_that_was_made_up_is_refused() -> None:
    # what `sd_hash` covers is only what the wallet says it shows: the holder is whoever makes things up
    made_up = disclosure("salt-9", "degrees", [{"title": "Doctor of Medicine"}])
    held = issue(transcript(), AGENCY)
    forged = SdJwt(held.signed, (*held.disclosures[:1], made_up))
    assert why(str(shown(forged))) is Why.DISCLOSURE_INVENTED


def test_a_disclosure_that_was_altered_is_refused() -> None:
    credential = issue({**transcript(), "gpax": Disclosable("2.01")}, AGENCY)
    salt, _, _ = next(
        found
        for found in (json.loads(unpacked(one)) for one in credential.disclosures)
        if found[1:] == ["gpax", "2.01"]
    )
    altered = tuple(
        disclosure(salt, "gpax", "3.99") if b'"gpax"' in unpacked(one) else one for one in credential.disclosures
    )
    assert why(str(shown(SdJwt(credential.signed, altered)))) is Why.DISCLOSURE_INVENTED


def test_the_same_disclosure_in_another_spelling_is_refused() -> None:
    credential = present(issue(transcript(), AGENCY), [("given_name",)])
    respelt = packed(json.dumps(json.loads(unpacked(credential.disclosures[0]))).encode())
    assert respelt != credential.disclosures[0]
    assert why(str(shown(SdJwt(credential.signed, (respelt,))))) is Why.DISCLOSURE_INVENTED


def test_a_disclosure_without_that_within_which_it_stands_is_refused() -> None:
    whole = present(issue(transcript(), AGENCY), [("degrees", 0, "courses", 1)])
    outer = [one for one in whole.disclosures if b"PH102" not in unpacked(one)]
    assert outer
    for missing in outer:
        left = tuple(one for one in whole.disclosures if one != missing)
        assert why(str(shown(SdJwt(whole.signed, left)))) is Why.DISCLOSURE_INVENTED


def test_a_disclosure_that_comes_twice_is_refused() -> None:
    credential = present(issue(transcript(), AGENCY), [("given_name",)])
    assert why(str(shown(SdJwt(credential.signed, credential.disclosures * 2)))) is Why.DISCLOSURE_REPEATED


REFUSED: Final[Mapping[str, tuple[str, Why]]] = {
    "one digest in two places": (
        signed({"_sd": [digest_of(NAME)], "also": {"_sd": [digest_of(NAME)]}}, NAME),
        Why.DIGEST_REPEATED,
    ),
    "one digest twice, of which nothing is shown": (signed({"_sd": ["x" * 43, "x" * 43]}), Why.DIGEST_REPEATED),
    "one digest in an object and an array": (
        signed({"_sd": ["x" * 43], "list": [{"...": "x" * 43}]}),
        Why.DIGEST_REPEATED,
    ),
    "a claim named _sd": (
        signed({"_sd": [digest_of(one := disclosure("s", "_sd", ["y" * 43]))]}, one),
        Why.CLAIM_NAME,
    ),
    "a claim named ...": (signed({"_sd": [digest_of(one := disclosure("s", "...", "y"))]}, one), Why.CLAIM_NAME),
    "a plain claim named ...": (signed({"...": 1}), Why.CLAIM_NAME),
    "a claim that is there in the open": (signed({"name": "ข", "_sd": [digest_of(NAME)]}, NAME), Why.CLAIM_OVERWRITTEN),
    "two disclosures of one name": (
        signed({"_sd": [digest_of(NAME), digest_of(one := disclosure("s", "name", "ค"))]}, NAME, one),
        Why.CLAIM_OVERWRITTEN,
    ),
    "an element where a member belongs": (
        signed({"_sd": [digest_of(one := disclosure("s", "ก"))]}, one),
        Why.DISCLOSURE_MALFORMED,
    ),
    "a member where an element belongs": (
        signed({"list": [{"...": digest_of(NAME)}]}, NAME),
        Why.DISCLOSURE_MALFORMED,
    ),
    "a disclosure that is no array": (
        signed({"_sd": [digest_of(one := packed(b'{"a":1}'))]}, one),
        Why.DISCLOSURE_MALFORMED,
    ),
    "a disclosure that is no JSON": (
        signed({"_sd": [digest_of(one := packed(b"[1,"))]}, one),
        Why.DISCLOSURE_MALFORMED,
    ),
    "a name that is no text": (
        signed({"_sd": [digest_of(one := disclosure("s", 1, 2))]}, one),
        Why.DISCLOSURE_MALFORMED,
    ),
    "a salt that is no text": (
        signed({"_sd": [digest_of(one := disclosure(1, "a", 2))]}, one),
        Why.DISCLOSURE_MALFORMED,
    ),
    "an element with more in it": (signed({"list": [{"...": "x" * 43, "a": 1}]}), Why.MALFORMED),
    "digests that are no list": (signed({"_sd": "x"}), Why.MALFORMED),
    "a digest that is no text": (signed({"_sd": [1]}), Why.MALFORMED),
    "another hash": (signed({"_sd_alg": "sha-1"}), Why.ALGORITHM),
    "a hidden issuer's word": (
        signed({"_sd": [digest_of(one := disclosure("s", "exp", 1))]}, one),
        Why.CLAIM_HIDDEN,
    ),
    "no type": (signed({"vct": ""}), Why.TYPE),
    "a type that is no text": (signed({"vct": 1}), Why.TYPE),
    "another typ": (signed({}, typ="jwt"), Why.TYPE),
    "the typ of before": (signed({}, typ="vc+sd-jwt"), Why.TYPE),
    "an extension": (signed({}, crit=["b64"], b64=False), Why.ALGORITHM),
    "no issuer": (signed({"iss": None}), Why.MALFORMED),
    "another issuer": (signed({"iss": "https://university.example"}), Why.ISSUER_UNKNOWN),
    "a time that is no time": (signed({"exp": "tomorrow"}), Why.MALFORMED),
    "a time outside all calendars": (signed({"exp": 1e300}), Why.MALFORMED),
    "a status of another kind": (signed({"status": {"list": 1}}), Why.STATUS_UNKNOWN),
    "a place before the first": (
        signed({"status": {"status_list": {"uri": "https://a.example", "idx": -1}}}),
        Why.STATUS_UNKNOWN,
    ),
    "a proof with nothing to prove": (signed({}) + (shown().proof or ""), Why.PROOF_MALFORMED),
    "nothing": ("", Why.MALFORMED),
    "a JWT alone": (signed({}).removesuffix("~"), Why.MALFORMED),
    "an empty disclosure": (signed({}) + "~", Why.MALFORMED),
    "what is no JWS": ("a.b~", Why.MALFORMED),
    "too much": ("x" * (LENGTH_MAX + 1), Why.TOO_LARGE),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_each_break_of_a_rule_has_its_name(text: str, expected: Why) -> None:
    assert why(text) is expected


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "RS256", None])
def test_no_other_algorithm_is_taken(alg: str | None) -> None:
    assert why(with_header(issue(transcript(), AGENCY), alg=alg)) is Why.ALGORITHM


def test_a_signature_that_is_left_out_is_none() -> None:
    head, body, _ = issue(transcript(), AGENCY).signed.split(".")
    assert why(f"{head}.{body}.~") is Why.MALFORMED


def test_an_unknown_key_and_another_key_of_that_name_are_told_apart() -> None:
    stranger = SigningKey.fresh()
    assert why(str(issue(transcript(), stranger))) is Why.KEY_UNKNOWN
    impostor = SigningKey(AGENCY.kid, stranger.private)
    assert why(str(issue(transcript(), impostor))) is Why.SIGNATURE


def test_it_is_believed_until_the_second_in_which_it_expires() -> None:
    ends = NOW + timedelta(days=1)
    credential = shown(issue(transcript(exp=int(ends.timestamp())), AGENCY), at=ends)
    assert told(str(credential), now=ends - STEP).expires_at == ends
    assert why(str(credential), now=ends) is Why.EXPIRED


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_it_is_believed_from_when_it_begins_give_or_take_a_clock(name: str) -> None:
    begins = NOW + timedelta(days=1)
    credential = shown(issue(transcript(**{name: int(begins.timestamp())}), AGENCY), at=begins - LEEWAY)
    assert told(str(credential), now=begins - LEEWAY).issuer == ISSUER
    assert why(str(credential), now=begins - LEEWAY - STEP) is Why.NOT_YET_VALID


def test_whose_it_is_must_be_proved() -> None:
    credential = issue(transcript(), AGENCY)
    assert why(str(credential)) is Why.HOLDER_UNPROVEN
    assert why(str(shown()), asked=None) is Why.HOLDER_UNPROVEN
    assert told(str(credential), unproven=True).holder is None


def test_a_proof_for_somebody_else_or_another_time_proves_nothing() -> None:
    assert why(str(shown(audience="https://other.example"))) is Why.PROOF_AUDIENCE
    assert why(str(shown(nonce="another"))) is Why.PROOF_NONCE
    assert told(str(shown(at=NOW - PROOF_FRESH))).holder is not None
    assert why(str(shown(at=NOW - PROOF_FRESH - STEP))) is Why.PROOF_TIME
    assert why(str(shown(at=NOW + LEEWAY + STEP))) is Why.PROOF_TIME


def test_a_proof_by_another_wallet_proves_nothing() -> None:
    assert why(str(shown(holder=SigningKey.fresh()))) is Why.PROOF_SIGNATURE


def test_a_proof_covers_what_is_shown_with_it() -> None:
    credential = issue(transcript(), AGENCY)
    less, more = (present(credential, paths) for paths in ([("given_name",)], [("given_name",), ("family_name",)]))
    assert why(more.bare + (shown(less).proof or "")) is Why.PROOF_HASH


@pytest.mark.parametrize(
    ("header", "expected"),
    [({"typ": "JWT"}, Why.PROOF_MALFORMED), ({"typ": "kb+jwt", "alg": "none"}, Why.PROOF_MALFORMED)],
)
def test_a_proof_of_another_kind_proves_nothing(header: dict[str, Any], expected: Why) -> None:
    credential = present(issue(transcript(), AGENCY), [])
    claims = {"aud": AUDIENCE, "nonce": NONCE, "sd_hash": digest_of(credential.bare), "iat": int(NOW.timestamp())}
    assert why(credential.bare + jws.sign(header, claims, WALLET)) is expected


@pytest.mark.parametrize("jwk", [None, {}, {"kty": "OKP"}, {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}])
def test_a_key_that_is_none_cannot_be_proved(jwk: Any) -> None:
    credential = issue(transcript(cnf={"jwk": jwk}), AGENCY)
    assert why(str(shown(credential))) is Why.PROOF_MALFORMED


@given(at=st.integers(0, 10**6), sign=st.sampled_from("AZaz09-_~."))
def test_whoever_changes_a_single_sign_of_it_is_not_believed(at: int, sign: str) -> None:
    text = str(SHOWN)
    where = at % len(text)
    changed = text[:where] + sign + text[where + 1 :]
    if changed != text:
        assert why(changed)


SHOWN: Final = shown()
