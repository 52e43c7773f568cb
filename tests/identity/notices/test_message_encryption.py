"""The example of RFC 8291, Appendix A, byte for byte; what is refused."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from identity.notices.message_encryption import RECORD_SIZE, TAG_BYTES, encrypt


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


DEVICE = raw("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
AUTH = raw("BTBZMqHH6r4Tts7J_aSIgg")
SENDER = ec.derive_private_key(
    int.from_bytes(raw("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
)
SALT = raw("DGv6ra1nlYgDCS1FRnbzlw")
BODY = raw(
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_standard_comes_out_byte_for_byte() -> None:
    plain = b"When I grow up, I want to be a watermelon"
    assert encrypt(plain, DEVICE, AUTH, sender=SENDER, salt=SALT) == BODY


def test_the_same_message_is_never_the_same_twice() -> None:
    one, other = encrypt(b"x", DEVICE, AUTH), encrypt(b"x", DEVICE, AUTH)
    assert one[:16] != other[:16], "the salt"
    assert one[21:86] != other[21:86], "our key"


def test_what_is_longer_than_a_record_is_refused() -> None:
    longest = RECORD_SIZE - TAG_BYTES - 1
    assert len(encrypt(bytes(longest), DEVICE, AUTH)) == 86 + RECORD_SIZE
    with pytest.raises(ValueError, match="one record"):
        encrypt(bytes(longest + 1), DEVICE, AUTH)


def test_a_key_that_is_no_point_of_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid EC key"):
        encrypt(b"x", b"\x04" + bytes(64), AUTH)
