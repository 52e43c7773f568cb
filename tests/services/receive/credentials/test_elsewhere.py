"""Libraries that are not ours read what we issue, and we read what they issue."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from jwcrypto.jwk import JWK
from jwt.algorithms import ECAlgorithm
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from services.receive.credentials.disclosures import Disclosable, packed, unpacked
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.issuing import Filling, Mould
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.sd_jwt import TYPE, SdJwt, issue, present, prove
from services.receive.credentials.verifying import Asked, verify
from tests.services.receive.credentials.issuers import (
    AGENCY,
    AUDIENCE,
    NONCE,
    NOW,
    WALLET,
    Trusted,
    plain,
    transcript,
)
from tests.support import node

ASKED: Final = Asked(AUDIENCE, NONCE)
COURSE: Final = ("degrees", 0, "courses", 1)
SHOWN: Final = [{"title": "Bachelor of Science", "courses": [{"code": "PH102", "grade": "A"}]}]
FRAME: Final = {"given_name": True, "gpax": {"at_least_3_00": True}}
"""Nothing from within an array: with a proof, version 0.16 of the library leaves out what it hashed."""


PATTERNS: Final = (
    ("given_name",),
    ("family_name",),
    ("degrees",),
    ("degrees", None),
    ("degrees", None, "courses"),
    ("degrees", None, "courses", None),
)


def of_a_batch() -> list[SdJwt]:
    """Three times the transcript, made at once."""
    claims = plain(transcript())
    common = {name: claims.pop(name) for name in ("iss", "iat", "exp", "vct") if name in claims}
    opened = {name: claims.pop(name) for name in ("cnf", "status") if name in claims}
    made = Mould(PATTERNS, decoys=2).cast(common, [Filling(claims, opened)] * 3, AGENCY)
    return [SdJwt.parse(one.decode("ascii")) for one in made]


def private(key: SigningKey) -> dict[str, Any]:
    return {**ECAlgorithm.to_jwk(key.private, as_dict=True), "kid": key.kid}


def of_the_reference(key: SigningKey) -> JWK:
    return JWK(**private(key))


def marked(value: Any) -> Any:
    """The claims, hidden in the reference library's way."""
    if isinstance(value, dict):
        return {
            SDObj(name) if isinstance(inner, Disclosable) else name: marked(
                inner.value if isinstance(inner, Disclosable) else inner
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [SDObj(marked(inner.value)) if isinstance(inner, Disclosable) else marked(inner) for inner in value]
    return value


def test_the_reference_library_believes_what_we_issue_and_a_wallet_of_ours_shows() -> None:
    shown = prove(present(issue(transcript(), AGENCY, decoys=2), [COURSE]), WALLET, **_asked())
    found = SDJWTVerifier(str(shown), lambda *_: of_the_reference(AGENCY), AUDIENCE, NONCE).get_verified_payload()
    assert found["degrees"] == SHOWN
    assert "given_name" not in found


def test_the_reference_library_believes_each_of_a_batch() -> None:
    for made in of_a_batch():
        shown = prove(present(made, [COURSE]), WALLET, **_asked())
        found = SDJWTVerifier(str(shown), lambda *_: of_the_reference(AGENCY), AUDIENCE, NONCE).get_verified_payload()
        assert found["degrees"] == SHOWN
        assert "given_name" not in found


def test_a_wallet_of_the_reference_library_shows_what_a_batch_holds() -> None:
    wallet = SDJWTHolder(str(of_a_batch()[1]))
    wallet.create_presentation({"degrees": [{"courses": [False, True]}]}, NONCE, AUDIENCE, of_the_reference(WALLET))
    told = verify(wallet.sd_jwt_presentation, Trusted(), _now(wallet.sd_jwt_presentation), asked=ASKED)
    assert told.claims["degrees"] == SHOWN


def test_a_wallet_of_the_reference_library_shows_what_we_issue() -> None:
    wallet = SDJWTHolder(str(issue(transcript(), AGENCY)))
    wallet.create_presentation({"degrees": [{"courses": [False, True]}]}, NONCE, AUDIENCE, of_the_reference(WALLET))
    told = verify(wallet.sd_jwt_presentation, Trusted(), _now(wallet.sd_jwt_presentation), asked=ASKED)
    assert told.claims["degrees"] == SHOWN
    assert told.holder is not None


def test_we_believe_what_the_reference_library_issues() -> None:
    claims = transcript()
    made = SDJWTIssuer(
        marked(claims),
        of_the_reference(AGENCY),
        add_decoy_claims=True,
        extra_header_parameters={"typ": TYPE, "kid": AGENCY.kid},
    )
    assert verify(made.sd_jwt_issuance, Trusted(), NOW, unproven=True).claims == plain(claims)
    shown = prove(present(SdJwt.parse(made.sd_jwt_issuance), [COURSE]), WALLET, **_asked())
    assert verify(str(shown), Trusted(), NOW, asked=ASKED).claims["degrees"] == SHOWN


def with_honours() -> SdJwt:
    """What a holder makes of their credential with a text editor, and then proves with their own wallet."""
    credential = present(issue(transcript(), AGENCY), [COURSE])
    made_up = packed(b'["a-salt","honours","first class"]')
    return prove(SdJwt(credential.signed, (*credential.disclosures, made_up)), WALLET, **_asked())


def test_the_reference_library_lets_a_disclosure_through_that_was_made_up_and_we_do_not() -> None:
    shown = str(with_honours())
    found = SDJWTVerifier(shown, lambda *_: of_the_reference(AGENCY), AUDIENCE, NONCE).get_verified_payload()
    assert found["degrees"] == SHOWN, "it says nothing against it"
    with pytest.raises(CredentialRefused) as refused:
        verify(shown, Trusted(), NOW, asked=ASKED)
    assert refused.value.why is Why.DISCLOSURE_INVENTED


async def test_a_library_in_javascript_lets_a_disclosure_through_that_was_made_up(library: node.Program) -> None:
    told = await library.ask(
        "verify",
        presented=str(with_honours()),
        key=AGENCY.public_jwk(),
        holder=WALLET.public_jwk(),
        nonce=NONCE,
        at=int(NOW.timestamp()),
    )
    assert told["payload"]["degrees"] == SHOWN, "it says nothing against it"


@pytest.fixture
async def library() -> AsyncIterator[node.Program]:
    async with node.program("credentials.mjs") as running:
        yield running


async def test_a_library_in_javascript_believes_what_we_issue(library: node.Program) -> None:
    shown = prove(present(issue(transcript(), AGENCY), [COURSE]), WALLET, **_asked())
    told = await library.ask(
        "verify",
        presented=str(shown),
        key=AGENCY.public_jwk(),
        holder=WALLET.public_jwk(),
        nonce=NONCE,
        at=int(NOW.timestamp()),
    )
    assert told["payload"]["degrees"] == SHOWN
    assert told["kb"]["payload"]["nonce"] == NONCE


async def test_a_library_in_javascript_believes_each_of_a_batch(library: node.Program) -> None:
    for made in of_a_batch():
        told = await library.ask(
            "verify",
            presented=str(prove(present(made, [COURSE]), WALLET, **_asked())),
            key=AGENCY.public_jwk(),
            holder=WALLET.public_jwk(),
            nonce=NONCE,
            at=int(NOW.timestamp()),
        )
        assert told["payload"]["degrees"] == SHOWN


async def test_a_library_in_javascript_refuses_it_once_it_is_changed(library: node.Program) -> None:
    credential = issue(transcript(), AGENCY)
    for changed in (credential.signed[:-4] + "AAAA", credential.signed.replace("e", "f", 1)):
        with pytest.raises(node.Refused):
            await library.ask("verify", presented=f"{changed}~", key=AGENCY.public_jwk(), at=int(NOW.timestamp()))


async def test_a_wallet_in_javascript_shows_what_we_issue(library: node.Program) -> None:
    shown = await library.ask(
        "present",
        credential=str(issue(transcript(), AGENCY)),
        frame=FRAME,
        holder=private(WALLET),
        audience=AUDIENCE,
        nonce=NONCE,
        at=int(NOW.timestamp()),
    )
    told = verify(shown, Trusted(), NOW, asked=ASKED)
    assert (told.claims["given_name"], told.claims["gpax"]) == ("สมหญิง", {"at_least_3_00": True})
    assert not {"family_name", "degrees"} & told.claims.keys()


async def test_we_believe_what_a_library_in_javascript_issues(library: node.Program) -> None:
    claims = plain(transcript())
    frame = {"_sd": ["given_name", "degrees"], "_sd_decoy": 2, "degrees": {"_sd": [0]}}
    made = await library.ask("issue", claims=claims, frame=frame, key=private(AGENCY))
    assert verify(made, Trusted(), NOW, unproven=True).claims == claims
    shown = present(SdJwt.parse(made), [("given_name",)])
    told = verify(str(shown), Trusted(), NOW, unproven=True)
    assert ("degrees" in told.claims, told.claims["given_name"]) == (False, "สมหญิง")


def _asked() -> dict[str, Any]:
    return {"audience": AUDIENCE, "nonce": NONCE, "at": NOW}


def _now(presented: str) -> datetime:
    """The reference library asks the machine for the time of its proof."""
    body = presented.rpartition("~")[2].split(".")[1]
    return datetime.fromtimestamp(json.loads(unpacked(body))["iat"], UTC)
