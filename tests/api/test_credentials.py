"""A citizen asks for a credential, a wallet fetches it, and others believe it: through the whole application."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from services.plugins.contract import AgencyError, Credential, Document, Titles
from services.receive.credentials.errors import CredentialRefused, Why
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.kept_types import KeptTypes
from services.receive.credentials.proofs import COPIES_MAX, NONCE_LIVES
from services.receive.credentials.sd_jwt import SdJwt, present, prove
from services.receive.credentials.service import MISSES_MAX, OFFER_LIVES, OFFERS_MAX, TOKEN_LIVES, Credentials
from services.receive.credentials.status import Status, read_status
from services.receive.credentials.verifying import Asked, Verified, verify
from services.receive.service import svg_of
from tests.services.receive.credentials.office import (
    AGENCY,
    CLAIMS,
    CONFIGURATION,
    DAYS,
    NAME,
    SERVICE,
    SLUG,
    Office,
    ask,
    manifest_of,
    offered,
    wallet_of,
)
from tests.support.acting import act, delegated
from tests.support.app import Served

KEY = "key-of-this-test"
MINE = "{ viewer { credentials { nodes { id title issuer status issuedAt expiresAt } } } }"
SECOND = timedelta(seconds=1)


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


async def believed(sitthi: Served, text: str, **given: Any) -> Verified:
    """By the issuers of this Sitthi, and with a look at its list."""
    room = sitthi.house.rooms.get(Credentials)
    await room.issuers.follow()
    told = verify(text, room.issuers, sitthi.clock.now(), **given)
    assert told.status is not None
    answer = await sitthi.http.get(told.status.uri.removeprefix(sitthi.house.settings.issuer))
    status = read_status(answer.text, told.status, told.issuer, room.issuers, sitthi.clock.now())
    if status is not Status.VALID:
        raise CredentialRefused(Why.REVOKED)
    return told


def codes(payload: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in payload["problems"]]


async def test_a_credential_goes_into_a_wallet_and_one_course_of_it_is_believed_elsewhere(
    sitthi: Served, office: Office
) -> None:
    wallet = wallet_of(sitthi)
    [text] = await wallet.fetch(await offered(sitthi))
    whole = await believed(sitthi, text, unproven=True)
    assert {name: whole.claims[name] for name in CLAIMS} == CLAIMS
    assert whole.issuer == f"{sitthi.house.settings.issuer}/issuers/{AGENCY}"
    assert whole.expires_at == _today(sitthi) + timedelta(days=DAYS)
    shown = present(SdJwt.parse(text), [("courses", 1)])
    asked = Asked("https://employer.example", "nonce-1")
    bound = prove(shown, wallet.keys[0], audience=asked.audience, nonce=asked.nonce, at=sitthi.clock.now())
    told = await believed(sitthi, str(bound), asked=asked)
    assert told.claims["courses"] == [{"code": "PH102", "grade": "B"}]
    assert "gpax_at_least_3_00" not in told.claims
    [call] = office.calls
    assert (call.operation, call.person is not None) == ("degreeCredential", True)


async def test_an_offer_is_a_qr_code_too(sitthi: Served, office: Office) -> None:
    payload = await sitthi.do(
        "offerCredential", "offer { uri qrSvg }", "graduate", service=SERVICE, credential="degree"
    )
    assert payload["offer"]["qrSvg"] == svg_of(payload["offer"]["uri"])
    assert payload["offer"]["qrSvg"].startswith("<svg")
    assert office.calls


async def test_the_catalogue_lists_what_a_service_gives_by_the_name_and_type_under_which_it_comes(
    sitthi: Served, office: Office
) -> None:
    gives = "query($id: ID!) { node(id: $id) { ... on Service { credentials { name vct keyBound } } } }"
    shown = (await sitthi.graph(gives, {"id": SERVICE}))["node"]
    [first] = await wallet_of(sitthi).fetch(await offered(sitthi))
    claims = (await believed(sitthi, first, unproven=True)).claims
    assert {"name": "degree", "vct": claims["vct"], "keyBound": True} in shown["credentials"]


async def test_a_type_stays_as_it_was_whatever_the_manifest_says_since(sitthi: Served, office: Office) -> None:
    def integrity(document: bytes) -> str:
        return f"sha256-{base64.b64encode(hashlib.sha256(document).digest()).decode()}"

    [first] = await wallet_of(sitthi).fetch(await offered(sitthi))
    claims = (await believed(sitthi, first, unproven=True)).claims
    path = claims["vct"].removeprefix(sitthi.house.settings.issuer)
    document = (await sitthi.http.get(path)).content
    assert claims["vct#integrity"] == integrity(document)
    assert {one["locale"] for one in orjson.loads(document)["display"]} == {"th-TH", "en"}
    spec = manifest_of().credentials[NAME].model_dump(mode="json")
    for changed in ({"version": 2}, {"title": {"th": "ใบปริญญา", "en": "A degree"}}):
        sitthi.house.registry.remove(SLUG)
        assert (await sitthi.http.get(path)).content == document, "no service gives it any more"
        sitthi.house.registry.add(office.plugin(credentials={NAME: {**spec, **changed}}))
        assert (await sitthi.http.get(path)).content == document
    room = sitthi.house.rooms.get(Credentials)
    again = KeptTypes(sitthi.house.db, sitthi.clock, room.issuers)  # of another process
    [degree] = [one for one in room.offerings.of(AGENCY) if one.configuration == CONFIGURATION]
    assert (await again.keep(degree)).document == document
    assert (await sitthi.http.get(path.replace(".1", ".9"))).status_code == 404


async def test_the_look_at_the_agency_is_in_the_access_log(sitthi: Served, office: Office) -> None:
    await offered(sitthi)
    log = "{ viewer { accessLog { nodes { attributes { id } } } } }"
    found = (await sitthi.graph(log, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    assert {"attributes": [{"id": f"{AGENCY}:degreeCredential"}]} in found
    assert office.calls


async def test_the_same_key_is_the_same_offer_and_asks_the_agency_once(sitthi: Served, office: Office) -> None:
    await sitthi.token("graduate")
    offers = await asyncio.gather(*(offered(sitthi, idempotencyKey=KEY) for _ in range(4)))
    assert all(one == offers[0] for one in offers)
    assert len({call.key for call in office.calls}) == 1
    assert await offered(sitthi, idempotencyKey=KEY) == offers[0]
    other = await ask(sitthi, idempotencyKey=KEY, arguments={"year": 1})
    assert codes(other) == ["IDEMPOTENCY_CONFLICT"]


async def test_an_offer_that_was_fetched_is_told_no_more(sitthi: Served, office: Office) -> None:
    offer = await offered(sitthi, idempotencyKey=KEY)
    await wallet_of(sitthi).fetch(offer)
    assert await ask(sitthi, idempotencyKey=KEY) == {"offer": None, "problems": []}
    assert (await sitthi.http.get(_path(sitthi, offer))).status_code == 404
    assert len(office.calls) == 1


async def test_a_code_is_used_once_however_many_bring_it(sitthi: Served, office: Office) -> None:
    wallet, offer = wallet_of(sitthi), await offered(sitthi)
    found = await wallet.offer(offer["uri"])
    answers = await asyncio.gather(*(wallet.token(found, offer["digits"]) for _ in range(5)))
    assert sorted(one.status_code for one in answers) == [200, 400, 400, 400, 400]
    assert {one.json()["error"] for one in answers if one.status_code == 400} == {"invalid_grant"}
    assert office.calls


async def test_an_offer_ends_after_five_minutes(sitthi: Served, office: Office) -> None:
    wallet = wallet_of(sitthi)
    first, second = await offered(sitthi), await offered(sitthi)
    late, later = await wallet.offer(first["uri"]), await wallet.offer(second["uri"])
    sitthi.clock.advance(OFFER_LIVES - SECOND)
    assert (await wallet.token(late, first["digits"])).status_code == 200
    sitthi.clock.advance(SECOND)
    assert (await wallet.token(later, second["digits"])).json()["error"] == "invalid_grant"
    assert len(office.calls) == 2


async def test_wrong_digits_are_counted_and_then_the_offer_is_over(sitthi: Served, office: Office) -> None:
    wallet, offer = wallet_of(sitthi), await offered(sitthi)
    found = await wallet.offer(offer["uri"])
    wrong = f"{(int(offer['digits']) + 1) % 1_000_000:06}"
    for _ in range(MISSES_MAX):
        assert (await wallet.token(found, wrong)).json()["error"] == "invalid_grant"
    assert (await wallet.token(found, offer["digits"])).json()["error"] == "invalid_grant"
    again = await offered(sitthi)
    assert (await wallet.token(await wallet.offer(again["uri"]), again["digits"])).status_code == 200
    assert office.calls


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"pre-authorized_code": "made-up"}, "invalid_grant"),
        ({"tx_code": ""}, "invalid_request"),
    ],
)
async def test_what_is_no_grant_gets_no_token(
    sitthi: Served, office: Office, changed: dict[str, str], error: str
) -> None:
    wallet, offer = wallet_of(sitthi), await offered(sitthi)
    answer = await wallet.token(await wallet.offer(offer["uri"]), offer["digits"], **changed)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert office.calls


async def test_copies_are_bound_to_keys_of_their_own_and_cannot_be_told_to_be_twins(
    sitthi: Served, office: Office
) -> None:
    wallet = wallet_of(sitthi, keys=3)
    copies = await wallet.fetch(await offered(sitthi))
    told = [await believed(sitthi, one, unproven=True) for one in copies]
    assert len({one.claims["cnf"]["jwk"]["x"] for one in told}) == 3
    assert len({one.status.index for one in told if one.status}) == 3
    salts = [set(SdJwt.parse(one).disclosures) for one in copies]
    assert not salts[0] & salts[1] & salts[2]
    assert office.calls


async def test_a_token_gives_so_many_copies_and_no_more(sitthi: Served, office: Office) -> None:
    wallet, offer = wallet_of(sitthi, keys=COPIES_MAX - 1), await offered(sitthi)
    found = await wallet.offer(offer["uri"])
    token = (await wallet.token(found, offer["digits"])).json()["access_token"]
    issuer = found["credential_issuer"]
    assert (await wallet.credential(issuer, token)).status_code == 200
    wallet.keys = [SigningKey.fresh(), SigningKey.fresh()]
    assert (await wallet.credential(issuer, token)).json()["error"] == "credential_request_denied"
    wallet.keys = wallet.keys[:1]
    assert (await wallet.credential(issuer, token)).status_code == 200
    sitthi.clock.advance(TOKEN_LIVES)
    wallet.now = sitthi.clock.now()
    over = await wallet.credential(issuer, token)
    assert (over.status_code, over.json()["error"]) == (401, "invalid_token")
    assert over.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert office.calls


async def test_each_wrong_request_of_a_wallet_has_its_error(sitthi: Served, office: Office) -> None:
    wallet, offer = wallet_of(sitthi), await offered(sitthi)
    found = await wallet.offer(offer["uri"])
    token = (await wallet.token(found, offer["digits"])).json()["access_token"]
    issuer, key = found["credential_issuer"], wallet.keys[0]
    nonce = await wallet.nonce(issuer)
    good = wallet.proof(issuer, nonce, key)
    refused: list[tuple[dict[str, Any], str]] = [
        ({"credential_configuration_id": "other.1"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": None}, "invalid_credential_request"),
        ({"credential_identifier": "x"}, "unknown_credential_identifier"),
        ({"credential_response_encryption": {}}, "invalid_encryption_parameters"),
        ({"proofs": {}}, "invalid_proof"),
        ({"proofs": {"jwt": []}}, "invalid_proof"),
        ({"proofs": {"jwt": [good] * (COPIES_MAX + 1)}}, "invalid_proof"),
        ({"proofs": {"jwt": [good, good]}}, "invalid_proof"),
        (
            {"proofs": {"jwt": [good, wallet.proof(issuer, nonce, key, {"jwk": _otherwise_spelled(key)})]}},
            "invalid_proof",
        ),
        ({"proofs": {"ldp_vp": [{}]}}, "invalid_proof"),
        ({"proofs": {"jwt": ["a.b.c"]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof("https://other.example", nonce, key)]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof(issuer, nonce, key, iat=1)]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof(issuer, nonce, key, {"typ": "JWT"})]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof(issuer, nonce, key, {"kid": "did:example:1"})]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof(issuer, nonce, key, {"jwk": _other_key()})]}}, "invalid_proof"),
        ({"proofs": {"jwt": [wallet.proof(issuer, "made-up", key)]}}, "invalid_nonce"),
        ({"proofs": {"jwt": [wallet.proof(issuer, None, key)]}}, "invalid_nonce"),
    ]
    for changed, error in refused:
        answer = await wallet.credential(issuer, token, **changed)
        assert (answer.status_code, answer.json()["error"]) == (400, error), changed
    assert (await wallet.credential(issuer, token, proofs={"jwt": [good]})).status_code == 200
    replayed = await wallet.credential(issuer, token, proofs={"jwt": [wallet.proof(issuer, nonce, key)]})
    assert replayed.json()["error"] == "invalid_nonce"
    assert (await wallet.credential(issuer, "made-up")).status_code == 401
    assert office.calls


async def test_a_nonce_ends_after_five_minutes(sitthi: Served, office: Office) -> None:
    nonces = sitthi.house.rooms.get(Credentials).nonces
    early, late = nonces.make(), nonces.make()
    sitthi.clock.advance(NONCE_LIVES - SECOND)
    assert await nonces.use(early)
    sitthi.clock.advance(SECOND)
    assert not await nonces.use(late)
    assert not office.calls


async def test_what_a_citizen_takes_back_is_believed_no_more_with_all_its_copies(
    sitthi: Served, office: Office
) -> None:
    copies = await wallet_of(sitthi, keys=2).fetch(await offered(sitthi))
    kept = await wallet_of(sitthi).fetch(await offered(sitthi))
    nodes = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"]
    assert [(one["title"], one["status"]) for one in nodes] == [("Degree", "VALID")] * 3
    payload = await sitthi.do(
        "revokeCredential", "credential { id status }", "graduate", credential=nodes[-1]["id"], idempotencyKey=KEY
    )
    assert payload["credential"] == {"id": nodes[-1]["id"], "status": "INVALID"}
    for copy in copies:
        with pytest.raises(CredentialRefused):
            await believed(sitthi, copy, unproven=True)
    assert (await believed(sitthi, kept[0], unproven=True)).issuer
    nodes = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"]
    assert [one["status"] for one in nodes] == ["VALID", "INVALID", "INVALID"]
    assert len(office.calls) == 2


async def test_nobody_takes_back_or_sees_what_is_another_s(sitthi: Served, office: Office) -> None:
    await wallet_of(sitthi).fetch(await offered(sitthi))
    [mine] = (await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"]
    payload = await sitthi.do("revokeCredential", "credential { id }", "elder", credential=mine["id"])
    assert (payload["credential"], codes(payload)) == (None, ["CREDENTIAL_NOT_FOUND"])
    query = f'{{ node(id: "{mine["id"]}") {{ id }} }}'
    assert await sitthi.graph(query, persona="elder") == {"node": None}
    assert await sitthi.graph(query, persona="graduate") == {"node": {"id": mine["id"]}}
    assert (await sitthi.graph(MINE, persona="elder"))["viewer"]["credentials"]["nodes"] == []
    assert office.calls


async def test_who_acts_for_a_citizen_gets_no_credential_of_theirs(sitthi: Served, office: Office) -> None:
    carer = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", "VIEW", "APPLY"))
    assert codes(await ask(sitthi, carer)) == ["NOT_DELEGATED"]
    assert not office.calls


@pytest.mark.parametrize(
    "says",
    [
        Credential(claims={**CLAIMS, "salary": 1}),
        Credential(claims={"courses": [{"_sd": ["x"]}]}),
        Document(name="a.pdf", media_type="application/pdf", title=Titles(th="ก", en="a"), content=b"%PDF-"),
        {"claims": {}},
        {"claims": "all"},
    ],
)
async def test_what_the_manifest_does_not_name_is_not_signed(sitthi: Served, office: Office, says: Any) -> None:
    office.says = says
    assert codes(await ask(sitthi)) == ["SERVICE_UNAVAILABLE"]


async def test_what_an_agency_declares_is_told_in_its_words(sitthi: Served, office: Office) -> None:
    office.fail = AgencyError("NO_DEGREES")
    payload = await ask(sitthi)
    assert payload["problems"][0]["message"] == "There is no degree"


async def test_what_is_not_given_cannot_be_asked_for(sitthi: Served, office: Office) -> None:
    assert codes(await ask(sitthi, credential="salary")) == ["CREDENTIAL_NOT_OFFERED"]
    document = await sitthi.do(
        "issueDocument", "document { id }", "graduate", service=SERVICE, operation="degreeCredential"
    )
    assert codes(document) == ["NOT_ISSUED_HERE"]
    assert not office.calls


async def test_so_many_offers_wait_and_no_more(sitthi: Served, office: Office) -> None:
    for _ in range(OFFERS_MAX):
        await offered(sitthi)
    assert codes(await ask(sitthi)) == ["TOO_MANY_OFFERS"]
    sitthi.clock.advance(OFFER_LIVES)
    sitthi.forget_tokens()
    await offered(sitthi)
    assert len(office.calls) == OFFERS_MAX + 1


async def test_what_ended_is_forgotten(sitthi: Served, office: Office) -> None:
    offer = await offered(sitthi, idempotencyKey=KEY)
    await wallet_of(sitthi).fetch(offer)
    sitthi.clock.advance(OFFER_LIVES + TOKEN_LIVES)
    room = sitthi.house.rooms.get(Credentials)
    await room.forget()
    sitthi.forget_tokens()
    assert len((await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"]) == 1
    sitthi.clock.advance(timedelta(days=DAYS))
    await room.forget()
    sitthi.forget_tokens()
    assert (await sitthi.graph(MINE, persona="graduate"))["viewer"]["credentials"]["nodes"] == []
    assert office.calls


async def test_metadata_say_what_wallets_need(sitthi: Served, office: Office) -> None:
    await offered(sitthi)
    issuer = f"{sitthi.house.settings.issuer}/issuers/{AGENCY}"
    wallet = wallet_of(sitthi)
    told = await wallet.metadata(issuer)
    configuration = told["credential_configurations_supported"][CONFIGURATION]
    assert (told["credential_issuer"], configuration["format"]) == (issuer, "dc+sd-jwt")
    assert ["courses", None] in [claim["path"] for claim in configuration["credential_metadata"]["claims"]]
    type_ = (await sitthi.http.get(configuration["vct"].removeprefix(sitthi.house.settings.issuer))).json()
    assert (type_["vct"], type_["claims"][0]["sd"], type_["claims"][1]["sd"]) == (
        configuration["vct"],
        "never",
        "always",
    )
    keys = await wallet.metadata(issuer, "jwt-vc-issuer")
    assert keys["issuer"] == issuer
    assert "d" not in keys["jwks"]["keys"][0]
    nobody = await sitthi.http.get("/.well-known/openid-credential-issuer/issuers/nobody")
    assert nobody.status_code == 404
    assert office.calls


async def test_a_list_that_was_never_made_is_answered_and_holds_nothing_valid(sitthi: Served, office: Office) -> None:
    [text] = await wallet_of(sitthi).fetch(await offered(sitthi))
    told = await believed(sitthi, text, unproven=True)
    assert told.status is not None
    address = told.status.uri.removeprefix(sitthi.house.settings.issuer)
    made = await sitthi.http.get(address)
    assert (made.headers["content-type"], made.headers["cache-control"]) == (
        "application/statuslist+jwt",
        "public, max-age=300",
    )
    again = await sitthi.http.get(address, headers={"if-none-match": made.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for number in (2, 999_999):
        other = await sitthi.http.get(address.rsplit("/", 1)[0] + f"/{number}")
        assert other.status_code == 200
        reference = type(told.status)(told.status.uri.rsplit("/", 1)[0] + f"/{number}", told.status.index)
        room = sitthi.house.rooms.get(Credentials)
        status = read_status(other.text, reference, told.issuer, room.issuers, sitthi.clock.now())
        assert status is Status.INVALID
    assert office.calls


async def test_the_trust_list_names_issuers_and_keys_and_is_signed(sitthi: Served, office: Office) -> None:
    await offered(sitthi)
    answer = await sitthi.http.get("/.well-known/credential-issuers.jwt")
    told = await sitthi.house.attestor.verify(answer.text, typ="sitthi-trust-list+jwt")
    [issuer] = told["issuers"]
    assert (issuer["agency"], told["version"], len(issuer["keys"])) == (AGENCY, 1, 1)
    assert office.calls


def _today(sitthi: Served) -> datetime:
    return sitthi.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _path(sitthi: Served, offer: dict[str, str]) -> str:
    address = parse_qs(urlsplit(offer["uri"]).query)["credential_offer_uri"][0]
    return address.removeprefix(sitthi.house.settings.issuer)


def _other_key() -> dict[str, str]:
    return bare_jwk(SigningKey.fresh().public_jwk())


def _otherwise_spelled(key: SigningKey) -> dict[str, str]:
    """The same key: readers of base64 skip what is none."""
    jwk = bare_jwk(key.public_jwk())
    return {**jwk, "x": f"!{jwk['x']}=="}
