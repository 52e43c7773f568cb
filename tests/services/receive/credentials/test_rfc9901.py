"""The example of RFC 9901 §5, by the key of its appendix A.5."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pytest

from services.receive.credentials import jws
from services.receive.credentials.disclosures import digest_of, packed, reveal
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.sd_jwt import SdJwt

KEY: Final = {
    "kty": "EC",
    "crv": "P-256",
    "x": "b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ",
    "y": "Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8",
}
SIGNED: Final = (
    "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImV4YW1wbGUrc2Qtand0In0."
    "eyJfc2QiOiBbIkNyUWU3UzVrcUJBSHQtbk1ZWGdjNmJkdDJTSDVhVFkxc1VfTS1QZ2tq"
    "UEkiLCAiSnpZakg0c3ZsaUgwUjNQeUVNZmVadTZKdDY5dTVxZWhabzdGN0VQWWxTRSIs"
    "ICJQb3JGYnBLdVZ1Nnh5bUphZ3ZrRnNGWEFiUm9jMkpHbEFVQTJCQTRvN2NJIiwgIlRH"
    "ZjRvTGJnd2Q1SlFhSHlLVlFaVTlVZEdFMHc1cnREc3JaemZVYW9tTG8iLCAiWFFfM2tQ"
    "S3QxWHlYN0tBTmtxVlI2eVoyVmE1TnJQSXZQWWJ5TXZSS0JNTSIsICJYekZyendzY002"
    "R242Q0pEYzZ2Vks4QmtNbmZHOHZPU0tmcFBJWmRBZmRFIiwgImdiT3NJNEVkcTJ4Mkt3"
    "LXc1d1BFemFrb2I5aFYxY1JEMEFUTjNvUUw5Sk0iLCAianN1OXlWdWx3UVFsaEZsTV8z"
    "Smx6TWFTRnpnbGhRRzBEcGZheVF3TFVLNCJdLCAiaXNzIjogImh0dHBzOi8vaXNzdWVy"
    "LmV4YW1wbGUuY29tIiwgImlhdCI6IDE2ODMwMDAwMDAsICJleHAiOiAxODgzMDAwMDAw"
    "LCAic3ViIjogInVzZXJfNDIiLCAibmF0aW9uYWxpdGllcyI6IFt7Ii4uLiI6ICJwRm5k"
    "amtaX1ZDem15VGE2VWpsWm8zZGgta284YUlLUWM5RGxHemhhVllvIn0sIHsiLi4uIjog"
    "IjdDZjZKa1B1ZHJ5M2xjYndIZ2VaOGtoQXYxVTFPU2xlclAwVmtCSnJXWjAifV0sICJf"
    "c2RfYWxnIjogInNoYS0yNTYiLCAiY25mIjogeyJqd2siOiB7Imt0eSI6ICJFQyIsICJj"
    "cnYiOiAiUC0yNTYiLCAieCI6ICJUQ0FFUjE5WnZ1M09IRjRqNFc0dmZTVm9ISVAxSUxp"
    "bERsczd2Q2VHZW1jIiwgInkiOiAiWnhqaVdXYlpNUUdIVldLVlE0aGJTSWlyc1ZmdWVj"
    "Q0U2dDRqVDlGMkhaUSJ9fX0."
    "MczwjBFGtzf-6WMT-hIvYbkb11NrV1WMO-jTijpMPNbswNzZ87wY2uHz"
    "-CXo6R04b7jYrpj9mNRAvVssXou1iw"
)
GIVEN_NAME: Final = "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"
FAMILY_NAME: Final = "WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd"
UPDATED_AT: Final = "WyJHMDJOU3JRZmpGWFE3SW8wOXN5YWpBIiwgInVwZGF0ZWRfYXQiLCAxNTcwMDAwMDAwXQ"
UNITED_STATES: Final = "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0"
MOEBIUS: Final = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
"""Of §4.2.1."""
GERMANY: Final = "WyJuUHVvUW5rUkZxM0JJZUFtN0FuWEZBIiwgIkRFIl0"


def claims(*disclosures: str) -> dict[str, Any]:
    shown = SdJwt.parse("~".join((SIGNED, *disclosures, "")))
    signed = jws.read(shown.signed)
    signed.verify(jws.public_key(KEY))
    return reveal(signed.payload, shown.disclosures).claims


def test_the_signature_of_the_example_fits() -> None:
    signed = jws.read(SIGNED)
    signed.verify(jws.public_key(KEY))
    assert signed.typ == "example+sd-jwt"
    assert datetime.fromtimestamp(signed.payload["iat"], UTC).year == 2023


@pytest.mark.parametrize(
    ("disclosure", "digest"),
    [
        (UNITED_STATES, "pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo"),
        (GERMANY, "7Cf6JkPudry3lcbwHgeZ8khAv1U1OSlerP0VkBJrWZ0"),
        (GIVEN_NAME, "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"),
        (MOEBIUS, "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"),
        ("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0", "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs"),
    ],
)  # fmt: skip
def test_digests_of_the_example_are_ours(disclosure: str, digest: str) -> None:
    assert digest_of(disclosure) == digest


def test_what_the_example_shows_is_what_we_read() -> None:
    told = claims(FAMILY_NAME, GIVEN_NAME, UPDATED_AT, UNITED_STATES)
    assert {name: told[name] for name in ("family_name", "given_name", "updated_at", "nationalities", "sub")} == {
        "family_name": "Doe",
        "given_name": "John",
        "updated_at": 1_570_000_000,
        "nationalities": ["US"],
        "sub": "user_42",
    }
    assert not {"_sd", "_sd_alg", "email", "address"} & told.keys()


def test_without_disclosures_an_array_is_empty() -> None:
    assert claims()["nationalities"] == []
    assert claims(GERMANY)["nationalities"] == ["DE"]


def test_what_the_example_does_not_name_is_refused() -> None:
    with pytest.raises(CredentialRefused) as refused:
        claims(GIVEN_NAME, packed(orjson.dumps(["salt", "given_name", "Jane"])))
    assert refused.value.why is Why.DISCLOSURE_INVENTED
