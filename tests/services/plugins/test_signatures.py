from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import http_sf
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import HTTPSignatureKeyResolver
from hypothesis import given
from hypothesis import strategies as st

from services.plugins.contract.keys import KeyUnusable, SigningKey, VerifyingKey, verifying_keys
from services.plugins.contract.signatures import (
    FIELD_LENGTH_MAX,
    NotSigned,
    Refusal,
    SignedCall,
    content_digest,
    sign_answer,
    sign_call,
    signature_base,
    signature_of,
    verify_answer,
    verify_call,
)
from services.plugins.contract.wire import FRESH_SECONDS
from tests.conftest import NOW

URL = "https://harbour.example/sitthi/operations/berths"
BODY = b'{"contract":1}'
HEADERS = {"content-type": "application/json", "traceparent": f"00-{'a' * 32}-{'b' * 16}-00"}
OURS = SigningKey.of(Ed25519PrivateKey.generate())
AGENCYS = {
    "ed25519": SigningKey.of(Ed25519PrivateKey.generate(), "a-1"),
    "p256": SigningKey.of(ec.generate_private_key(ec.SECP256R1()), "a-2"),
}
KEYS = {key.keyid: key.verifying for key in (OURS, *AGENCYS.values())}
Headers = Mapping[str, str]


def raw(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def call(**more: str) -> dict[str, str]:
    return sign_call(URL, {**HEADERS, **more}, BODY, OURS, at=NOW)


def verified(
    headers: Headers, *, method: str = "POST", url: str = URL, body: bytes = BODY, now: datetime = NOW
) -> SignedCall:
    return verify_call(method, url, raw(headers), body, KEYS, now=now)


def refusal(check: Callable[[], object]) -> Refusal:
    with pytest.raises(NotSigned) as caught:
        check()
    return caught.value.why


class TestTheStandard:
    def test_the_signature_of_the_standards_own_example_fits(self) -> None:
        """RFC 9421 App. B.1.4 (key) and B.2.6 (message)."""
        key = VerifyingKey.of(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "kid": "test-key-ed25519",
                "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
            }
        )
        parameters = (
            '("date" "@method" "@path" "@authority" "content-type" "content-length")'
            ';created=1618884473;keyid="test-key-ed25519"'
        )
        values = {
            "date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "@method": "POST",
            "@path": "/foo",
            "@authority": "example.com",
            "content-type": "application/json",
            "content-length": "18",
        }
        base = signature_base(((f'"{name}"', value) for name, value in values.items()), parameters)
        signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
        assert key.verify(base64.b64decode(signature), base)
        assert not key.verify(base64.b64decode(signature), base + b" ")

    def test_the_digest_is_that_of_the_standards_own_example(self) -> None:
        """RFC 9530 App. B.1."""
        assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


class Resolver(HTTPSignatureKeyResolver):
    """Our keys, as the other implementation takes them."""

    def resolve_public_key(self, key_id: str) -> bytes:
        return KEYS[key_id]._public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def resolve_private_key(self, key_id: str) -> bytes:
        key = next(key for key in (OURS, *AGENCYS.values()) if key.keyid == key_id)
        return key._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Message:
    """As the other implementation takes one."""

    def __init__(self, headers: Headers, *, method: str = "POST", url: str = URL) -> None:
        self.method, self.url, self.headers = method, url, dict(headers)


class Answer:
    def __init__(self, headers: Headers, request: Message, status: int = 200) -> None:
        self.status_code, self.headers, self.request = status, dict(headers), request


ALGORITHMS = {"ed25519": algorithms.ED25519, "p256": algorithms.ECDSA_P256_SHA256}


class TestAnotherImplementation:
    """What http-message-signatures signs by the profile is accepted here, and the other way round."""

    @pytest.fixture(autouse=True)
    def _of_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # it asks the machine for the time, so freshness is left to our own tests
        monkeypatch.setattr(HTTPMessageVerifier, "validate_created_and_expires", lambda *_, **__: None)

    @pytest.mark.parametrize(
        "more", [{}, {"idempotency-key": "12345678"}, {"idempotency-key": "12345678", "sitthi-token": "a.b.c"}]
    )
    def test_it_takes_our_calls(self, more: dict[str, str]) -> None:
        verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Resolver())
        (result,) = verifier.verify(Message(call(**more)), expect_tag="sitthi-call-1", max_age=None, body=BODY)
        assert result.body == BODY
        assert list(result.covered_components)[:4] == [
            '"@method"',
            '"@target-uri"',
            '"content-type"',
            '"content-digest"',
        ]
        assert set(more) <= {name.strip('"') for name in result.covered_components}

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_it_takes_our_answers(self, algorithm: str) -> None:
        asked = call()
        answer = sign_answer(
            200, {"content-type": "application/json"}, b"{}", signature_of(asked), AGENCYS[algorithm], at=NOW
        )
        verifier = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[algorithm], key_resolver=Resolver())
        (result,) = verifier.verify(
            Answer(answer, Message(asked)), expect_tag="sitthi-answer-1", max_age=None, body=b"{}"
        )
        assert result.body == b"{}"

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_we_take_its_answers(self, algorithm: str) -> None:
        asked = call()
        answer = Answer({"content-type": "application/json", "content-digest": content_digest(b"{}")}, Message(asked))
        signer = HTTPMessageSigner(signature_algorithm=ALGORITHMS[algorithm], key_resolver=Resolver())
        signer.sign(
            answer,
            key_id=AGENCYS[algorithm].keyid,
            created=NOW,
            label="sitthi",
            tag="sitthi-answer-1",
            include_alg=True,
            body=b"{}",
            use_existing_digest=True,
            covered_component_ids=["@status", "content-type", "content-digest", '"signature";req;key="sitthi"'],
        )
        verify_answer(200, raw(answer.headers), b"{}", signature_of(asked), KEYS, now=NOW)

    @given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40), st.integers(0, 400))
    def test_no_input_that_we_take_is_read_differently_by_it(self, put: str, at: int) -> None:
        """Whatever is put anywhere into the field: we refuse it, or both read the same members of it."""
        headers = call()
        written = headers["signature-input"]
        at = min(at, len(written))
        told = {**headers, "signature-input": written[:at] + put + written[at:]}
        try:
            found = verified(told)
        except NotSigned:
            return
        parsed: Any = http_sf.parse(told["signature-input"].encode(), tltype="dictionary")
        (label,) = parsed
        components, parameters = parsed[label]
        assert label == "sitthi"
        assert [name for name, _ in components] == [
            "@method",
            "@target-uri",
            "content-type",
            "content-digest",
            "traceparent",
        ]
        assert parameters["keyid"] == found.keyid == OURS.keyid
        assert parameters["nonce"] == found.nonce


class TestCalls:
    def test_a_call_is_what_was_signed(self) -> None:
        headers = call(**{"idempotency-key": "abcd1234", "sitthi-token": "a.b.c"})
        found = verified(headers)
        assert (found.keyid, found.created) == (OURS.keyid, int(NOW.timestamp()))
        assert found.signature == signature_of(headers)

    def test_no_two_calls_have_one_nonce(self) -> None:
        assert len({verified(call()).nonce for _ in range(50)}) == 50

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"method": "PUT"}, Refusal.WRONG),
            ({"url": URL + "x"}, Refusal.WRONG),
            ({"url": URL.replace("https", "http")}, Refusal.WRONG),
            ({"url": URL.replace("harbour", "customs")}, Refusal.WRONG),
            ({"url": URL + "?a=1"}, Refusal.WRONG),
            ({"body": BODY + b" "}, Refusal.DIGEST),
            ({"body": b""}, Refusal.DIGEST),
        ],
    )
    def test_nothing_of_it_can_be_exchanged(self, changes: dict[str, Any], why: Refusal) -> None:
        assert refusal(lambda: verified(call(), **changes)) is why

    @pytest.mark.parametrize("name", ["content-type", "traceparent", "idempotency-key", "sitthi-token"])
    def test_no_header_of_the_profile_can_be_altered_left_out_or_doubled(self, name: str) -> None:
        headers = call(**{"idempotency-key": "abcd1234", "sitthi-token": "a.b.c"})
        assert refusal(lambda: verified({**headers, name: headers[name] + "x"})) is Refusal.WRONG
        without = {key: value for key, value in headers.items() if key != name}
        assert refusal(lambda: verified(without)) in (Refusal.PROFILE, Refusal.MISSING)
        twice = [*raw(headers), (name.title().encode(), headers[name].encode())]
        assert refusal(lambda: verify_call("POST", URL, twice, BODY, KEYS, now=NOW)) is Refusal.REPEATED

    @pytest.mark.parametrize("name", ["idempotency-key", "traceparent", "sitthi-token"])
    def test_no_header_of_the_profile_can_be_added(self, name: str) -> None:
        headers = sign_call(URL, {"content-type": "application/json"}, BODY, OURS, at=NOW)
        assert refusal(lambda: verified({**headers, name: "abcdefgh"})) is Refusal.PROFILE

    @pytest.mark.parametrize("name", ["content-digest", "signature", "signature-input", "content-type"])
    def test_what_is_not_signed_is_refused(self, name: str) -> None:
        headers = call()
        assert refusal(lambda: verified({k: v for k, v in headers.items() if k != name})) is Refusal.MISSING
        twice = [*raw(headers), (name.encode(), headers[name].encode())]
        assert refusal(lambda: verify_call("POST", URL, twice, BODY, KEYS, now=NOW)) is Refusal.REPEATED

    @pytest.mark.parametrize(
        ("seconds", "taken"),
        [
            (0, True),
            (FRESH_SECONDS, True),
            (FRESH_SECONDS + 1, False),
            (-FRESH_SECONDS, True),
            (-FRESH_SECONDS - 1, False),
        ],
    )
    def test_a_call_is_fresh_for_a_minute_either_way(self, seconds: int, taken: bool) -> None:
        now = NOW + timedelta(seconds=seconds)
        if taken:
            verified(call(), now=now)
        else:
            assert refusal(lambda: verified(call(), now=now)) is Refusal.STALE

    def test_the_key_of_another_is_not_ours(self) -> None:
        stranger = SigningKey.of(Ed25519PrivateKey.generate())
        assert refusal(lambda: verified(sign_call(URL, HEADERS, BODY, stranger, at=NOW))) is Refusal.KEY
        claimed = SigningKey.of(Ed25519PrivateKey.generate(), OURS.keyid)
        assert refusal(lambda: verified(sign_call(URL, HEADERS, BODY, claimed, at=NOW))) is Refusal.WRONG

    def test_no_other_algorithm_than_the_keys_own_is_tried(self) -> None:
        headers = call()
        for told in ("ecdsa-p256-sha256", "hmac-sha256", "rsa-v1_5-sha256", "none"):
            downgraded = headers["signature-input"].replace('alg="ed25519"', f'alg="{told}"')
            assert refusal(lambda told=downgraded: verified({**headers, "signature-input": told})) is Refusal.KEY  # type: ignore[misc] # a lambda of a loop

    def test_an_answer_is_no_call(self) -> None:
        asked = call()
        answer = sign_answer(200, {"content-type": "application/json"}, BODY, signature_of(asked), OURS, at=NOW)
        assert refusal(lambda: verified(answer)) is Refusal.PROFILE

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("sitthi=(", "other=("),
            ("sitthi=(", "Sitthi=("),
            ("sitthi=(", "sitthi= ("),
            ("sitthi=(", 'x=("@method");created=1, sitthi=('),
            ('"@method" ', ""),
            ('"@method"', '"@METHOD"'),
            ('"@method" "@target-uri"', '"@target-uri" "@method"'),
            ('"@method" ', '"@method"  '),
            ('("@method"', '( "@method"'),
            ('"@target-uri"', '"@path"'),
            ('"content-digest"', '"content-digest";sf'),
            ('"content-digest"', '"content-digest" "date"'),
            ('"traceparent")', '"traceparent" "traceparent")'),
            ('"traceparent")', '"traceparent";bs)'),
            (' "traceparent")', ")"),
            (";created=", ";created=0"),
            (";created=", ";created=-"),
            (";created=", ";created=1.0;x="),
            (";created=", ";created=1;created="),
            (";created=", "; created="),
            (";nonce=", ";expires=1;nonce="),
            (';nonce="', ';nonce="\\"'),
            (';nonce="', ";nonce=:"),
            (";tag=", ";Tag="),
            ('tag="sitthi-call-1"', 'tag="sitthi-answer-1"'),
            ('tag="sitthi-call-1"', 'tag="sitthi-call-1";tag="sitthi-call-1"'),
            (';tag="sitthi-call-1"', ""),
            (';alg="ed25519"', ""),
            ('tag="sitthi-call-1"', 'tag="sitthi-call-1" '),
            ('tag="sitthi-call-1"', 'tag="sitthi-call-1", '),
            ('tag="sitthi-call-1"', 'tag="sitthi-call-1";' + "a" * 2_000),
        ],
    )
    def test_a_signature_input_outside_the_profile_is_refused(self, old: str, new: str) -> None:
        headers = call()
        assert old in headers["signature-input"]
        told = {**headers, "signature-input": headers["signature-input"].replace(old, new, 1)}
        if told["signature-input"].rstrip() == headers["signature-input"]:  # blanks at the end are no part of a value
            verified(told)
        else:
            assert refusal(lambda: verified(told)) in (Refusal.MALFORMED, Refusal.PROFILE, Refusal.WRONG, Refusal.STALE)

    @pytest.mark.parametrize(
        "parameter", ["created=[0-9]+", 'nonce="[^"]+"', 'keyid="[^"]+"', 'alg="[^"]+"', 'tag="[^"]+"']
    )
    def test_every_parameter_is_needed_once(self, parameter: str) -> None:
        headers = call()
        (found,) = re.findall(f";{parameter}", headers["signature-input"])
        for written in (headers["signature-input"].replace(found, ""), headers["signature-input"] + found):
            told = {**headers, "signature-input": written}
            assert refusal(lambda told=told: verified(told)) is Refusal.PROFILE  # type: ignore[misc] # a lambda of a loop

    @pytest.mark.parametrize("nonce", ["short", "a" * 65, "a b c d e f g h i j", "ก" * 20, "a" * 15 + "."])
    def test_a_nonce_is_16_to_64_plain_characters(self, nonce: str) -> None:
        parameters = call()["signature-input"]
        told = re.sub('nonce="[^"]+"', f'nonce="{nonce}"', parameters)
        headers = [(name, value) for name, value in raw(call()) if name != b"signature-input"]
        with pytest.raises(NotSigned):
            verify_call("POST", URL, [*headers, (b"signature-input", told.encode())], BODY, KEYS, now=NOW)

    @pytest.mark.parametrize(
        "signature",
        [
            "",
            "sitthi",
            "sitthi=::",
            "sitthi=:AAAA:",
            "other=:{}:",
            "sitthi=:{}:, x=:{}:",
            "sitthi=:{}:;a",
            "sitthi=:{}",
            "sitthi=:=:",
        ],
    )
    def test_a_signature_is_64_bytes_under_our_label(self, signature: str) -> None:
        headers = call()
        told = signature.replace("{}", signature_of(headers).strip(":"))
        assert refusal(lambda: verified({**headers, "signature": told})) is Refusal.MALFORMED

    def test_what_is_huge_is_refused_before_it_is_read(self) -> None:
        headers = call()
        huge = {**headers, "signature-input": "sitthi=" + "(" * 10_000_000}
        assert refusal(lambda: verified(huge)) is Refusal.MALFORMED
        token = "a" * FIELD_LENGTH_MAX
        assert verified(call(**{"sitthi-token": token})).keyid == OURS.keyid
        assert refusal(lambda: verified({**headers, "sitthi-token": token + "a"})) is Refusal.MALFORMED

    @pytest.mark.parametrize("value", ["a\nb", "a\r\nb", "a\x00b", "ก", "\x7f", ""])
    def test_no_value_can_hold_a_line_of_the_base(self, value: str) -> None:
        fields = [(name, b) for name, b in raw(call()) if name != b"traceparent"]
        why = refusal(
            lambda: verify_call("POST", URL, [*fields, (b"traceparent", value.encode())], BODY, KEYS, now=NOW)
        )
        assert why is Refusal.MALFORMED

    @given(
        st.binary(min_size=1, max_size=8),
        st.sampled_from(["content-type", "content-digest", "signature", "signature-input"]),
    )
    def test_garbage_is_refused_and_nothing_worse(self, garbage: bytes, name: str) -> None:
        fields = [(key, value) for key, value in raw(call()) if key != name.encode()]
        with pytest.raises(NotSigned):
            verify_call("POST", URL, [*fields, (name.encode(), garbage)], BODY, KEYS, now=NOW)


@pytest.mark.parametrize("algorithm", AGENCYS)
class TestAnswers:
    def answer(self, algorithm: str, asked: Headers, status: int = 200) -> dict[str, str]:
        key = AGENCYS[algorithm]
        return sign_answer(status, {"content-type": "application/json"}, b"{}", signature_of(asked), key, at=NOW)

    def test_an_answer_fits_its_call_and_no_other(self, algorithm: str) -> None:
        first, second = call(), call()
        answer = raw(self.answer(algorithm, first))
        verify_answer(200, answer, b"{}", signature_of(first), KEYS, now=NOW)
        assert refusal(lambda: verify_answer(200, answer, b"{}", signature_of(second), KEYS, now=NOW)) is Refusal.WRONG

    def test_status_and_body_are_signed(self, algorithm: str) -> None:
        asked = call()
        answer, of = raw(self.answer(algorithm, asked)), signature_of(asked)
        assert refusal(lambda: verify_answer(422, answer, b"{}", of, KEYS, now=NOW)) is Refusal.WRONG
        assert refusal(lambda: verify_answer(200, answer, b"[]", of, KEYS, now=NOW)) is Refusal.DIGEST

    def test_the_key_of_another_agency_is_not_this_ones(self, algorithm: str) -> None:
        asked = call()
        answer = raw(self.answer(algorithm, asked))
        only_us = {OURS.keyid: OURS.verifying}
        assert refusal(lambda: verify_answer(200, answer, b"{}", signature_of(asked), only_us, now=NOW)) is Refusal.KEY

    def test_an_old_answer_is_no_answer(self, algorithm: str) -> None:
        asked = call()
        answer, late = raw(self.answer(algorithm, asked)), NOW + timedelta(seconds=FRESH_SECONDS + 1)
        assert refusal(lambda: verify_answer(200, answer, b"{}", signature_of(asked), KEYS, now=late)) is Refusal.STALE

    def test_a_call_is_no_answer(self, algorithm: str) -> None:
        asked = call()
        assert (
            refusal(lambda: verify_answer(200, raw(asked), BODY, signature_of(asked), KEYS, now=NOW)) is Refusal.PROFILE
        )


def without(jwk: dict[str, str], *names: str, **changes: Any) -> dict[str, Any]:
    return {**{name: value for name, value in jwk.items() if name not in names}, **changes}


class TestKeys:
    ED = AGENCYS["ed25519"].jwk
    EC = AGENCYS["p256"].jwk

    @pytest.mark.parametrize(
        "jwk", [ED, EC, without(ED, "use", "alg"), without(ED, alg="Ed25519"), without(ED, key_ops=["verify"])]
    )
    def test_ed25519_and_p256_keys_are_taken(self, jwk: dict[str, Any]) -> None:
        assert VerifyingKey.of(jwk).keyid == jwk["kid"]

    @pytest.mark.parametrize(
        "jwk",
        [
            {},
            without(ED, "kid"),
            without(ED, kid=7),
            without(ED, kid=""),
            without(ED, kid='a"b'),
            without(ED, kid="a" * 101),
            without(ED, d="AA"),
            without(ED, k="AA"),
            without(ED, use="enc"),
            without(ED, key_ops=["sign"]),
            without(ED, alg="ES256"),
            without(EC, alg="EdDSA"),
            without(ED, kty="EC"),
            without(ED, crv="X25519"),
            without(ED, crv="Ed448"),
            without(EC, crv="P-384"),
            without(ED, "x"),
            without(ED, x=7),
            without(ED, x=ED["x"] + "="),
            without(ED, x=ED["x"][:-1]),
            without(ED, x=ED["x"][:-1] + "_"),
            without(EC, "y"),
            without(EC, y=EC["x"]),
            {"kid": "a", "kty": "oct", "k": "AAAA"},
            {"kid": "a", "kty": "RSA", "n": "AQAB", "e": "AQAB"},
        ],
    )
    def test_any_other_key_is_refused(self, jwk: dict[str, Any]) -> None:
        with pytest.raises(KeyUnusable):
            VerifyingKey.of(jwk)

    @pytest.mark.parametrize(
        "point",
        [
            "01" + "00" * 31,
            "00" * 32,
            "00" * 31 + "80",
            "ec" + "ff" * 30 + "7f",
            "ee" + "ff" * 30 + "7f",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        ],
    )
    def test_a_key_by_which_anything_counts_as_signed_is_refused(self, point: str) -> None:
        x = base64.urlsafe_b64encode(bytes.fromhex(point)).decode().rstrip("=")
        with pytest.raises(KeyUnusable, match="anything"):
            VerifyingKey.of({"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": x})

    def test_two_keys_with_one_id_are_refused(self) -> None:
        assert set(verifying_keys([self.ED, self.EC])) == {"a-1", "a-2"}
        with pytest.raises(KeyUnusable):
            verifying_keys([self.ED, {**self.EC, "kid": "a-1"}])

    def test_the_id_of_a_key_is_its_thumbprint(self) -> None:
        """RFC 8037 App. A.3."""
        x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        public = VerifyingKey.of({"kid": "any", "kty": "OKP", "crv": "Ed25519", "x": x})._public

        class Private:
            def public_key(self) -> object:
                return public

        assert SigningKey.of(Private()).keyid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # type: ignore[arg-type] # its public half is all that is looked at

    def test_no_key_prints_itself(self) -> None:
        assert "private" not in repr(OURS).lower()
        assert repr(OURS) == f"SigningKey(keyid={OURS.keyid!r})"

    @pytest.mark.parametrize("algorithm", AGENCYS)
    @given(message=st.binary(max_size=64), change=st.integers(0, 511))
    def test_a_signature_fits_its_message_alone(self, algorithm: str, message: bytes, change: int) -> None:
        key = AGENCYS[algorithm]
        signature = key.sign(message)
        assert len(signature) == 64
        assert key.verifying.verify(signature, message)
        assert not key.verifying.verify(signature, message + b"\x00")
        flipped = bytearray(signature)
        flipped[change // 8] ^= 1 << change % 8
        assert not key.verifying.verify(bytes(flipped), message)
        assert not key.verifying.verify(signature[:-1], message)
