"""`/verify/credential`: whoever is shown a credential reads whether it is good, and why not, by page and by program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpx2
import orjson
import pytest

from services.receive.credentials import jws, repository
from services.receive.credentials.disclosures import digest_of, packed
from services.receive.credentials.errors import REASONS, CredentialRefused, Why
from services.receive.credentials.jws import SigningKey, bare_jwk
from services.receive.credentials.models import WalletCredential
from services.receive.credentials.proofs import NONCE_LIVES
from services.receive.credentials.sd_jwt import TYPE, SdJwt, disclosable, issue, present, prove
from services.receive.credentials.service import Credentials
from services.receive.credentials.showing import VERIFY_PATH
from services.receive.credentials.status import Status
from services.receive.credentials.verify_routes import BUNDLE_PATH, LENGTH_MAX
from services.receive.offline.reading import Bundle
from tests.services.receive.credentials.office import AGENCY, CLAIMS, CONFIGURATION, Office
from tests.support.app import Served

WALLET: Final = SigningKey.fresh()
PATTERNS: Final = [("courses",), ("courses", None), ("gpax_at_least_3_00",)]


@pytest.fixture(autouse=True)
def office(sitthi: Served) -> Office:
    made = Office()
    sitthi.house.registry.add(made.plugin())
    return made


async def given(sitthi: Served, key: SigningKey | None = None, typ: str = TYPE, **changed: Any) -> SdJwt:
    """A credential of the agency; a claim that is None is left out."""
    room = sitthi.house.rooms.get(Credentials)
    signing = await room.issuers.signing(AGENCY)
    async with sitthi.house.db.write() as session:
        [place] = await room.lists.give(session, AGENCY, 1)
    now = sitthi.clock.now()
    claims: dict[str, Any] = {
        "iss": room.issuers.issuer_of(AGENCY),
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(days=30)).timestamp()),
        "vct": f"{room.issuers.issuer_of(AGENCY)}/types/{CONFIGURATION}",
        "cnf": {"jwk": bare_jwk(WALLET.public_jwk())},
        "status": {"status_list": {"idx": place.place, "uri": room.lists.uri(AGENCY, place.list)}},
        **disclosable(CLAIMS, PATTERNS),
        **changed,
    }
    return issue({name: one for name, one in claims.items() if one is not None}, key or signing, typ=typ)


async def asking(sitthi: Served) -> dict[str, Any]:
    answer = await sitthi.http.post(f"{VERIFY_PATH}/nonce")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    found: dict[str, Any] = answer.json()
    return found


def shown(sitthi: Served, credential: SdJwt, asked: Mapping[str, Any], **changed: Any) -> str:
    told = {"holder": WALLET, "audience": asked["aud"], "nonce": asked["nonce"], "at": sitthi.clock.now(), **changed}
    return str(prove(credential, **told))


async def sent(sitthi: Served, credential: object, **more: Any) -> httpx2.Response:
    return await sitthi.http.post(VERIFY_PATH, json={"credential": str(credential), **more})


async def why(sitthi: Served, credential: object, **more: Any) -> str:
    answer = await sent(sitthi, credential, **more)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "CREDENTIAL_REFUSED"
    found: str = error["extensions"]["why"]
    assert error["message"] in (REASONS[Why(found)].th, REASONS[Why(found)].en)
    return found


async def set_status(sitthi: Served, credential: SdJwt, status: Status) -> None:
    listed = jws.read(credential.signed).payload["status"]["status_list"]
    row = WalletCredential(agency=AGENCY, list=int(listed["uri"].rpartition("/")[2]), place=listed["idx"])  # type: ignore[call-arg] # of nobody
    async with sitthi.house.db.write() as session:
        await repository.set_status(session, row, status, sitthi.clock.now())


def test_each_reason_has_its_own_words_in_both_languages() -> None:
    assert set(REASONS) == set(Why)
    for language in ("th", "en"):
        assert len({getattr(text, language) for text in REASONS.values()}) == len(Why)


async def test_one_course_is_believed_of_a_holder_who_proves_it(sitthi: Served) -> None:
    asked = await asking(sitthi)
    text = shown(sitthi, present(await given(sitthi), [("courses", 1)]), asked)
    told = (await sent(sitthi, text, nonce=asked["nonce"])).json()
    assert (told["valid"], told["holder"], told["status"], told["agency"]) == (True, "PROVED", "VALID", AGENCY)
    assert told["claims"]["courses"] == [{"code": "PH102", "grade": "B"}]
    assert "gpax_at_least_3_00" not in told["claims"]
    assert told["typeTitle"] == {"th": "ปริญญา", "en": "Degree"}
    assert sorted(told["disclosed"]) == [["courses"], ["courses", 1]]


@pytest.mark.parametrize(
    "vct", ["{base}oic/types/oic.licence.1", "{base}mhesi2/types/x", "https://other.example/x", "x"]
)
async def test_an_agencys_key_does_not_make_what_another_issuer_says(sitthi: Served, vct: str) -> None:
    base = sitthi.house.rooms.get(Credentials).issuers.base
    credential = await given(sitthi, vct=vct.format(base=base))
    assert await why(sitthi, credential) == "TYPE"
    bundle = (await sitthi.http.get(BUNDLE_PATH)).content
    now = sitthi.clock.now()
    with pytest.raises(CredentialRefused) as refused:
        Bundle.read(bundle, now).credential(str(credential), now)
    assert refused.value.why is Why.TYPE


async def test_without_a_proof_the_holder_was_not_proved(sitthi: Served) -> None:
    told = (await sent(sitthi, await given(sitthi))).json()
    assert (told["valid"], told["holder"]) == (True, "NOT_PROVED")
    unbound = (await sent(sitthi, await given(sitthi, cnf=None, status=None))).json()
    assert (unbound["holder"], unbound["status"]) == ("NOT_BOUND", None)


async def test_a_presentation_is_taken_once_however_many_bring_it(sitthi: Served) -> None:
    asked = await asking(sitthi)
    text = shown(sitthi, await given(sitthi), asked)
    answers = await asyncio.gather(*(sent(sitthi, text, nonce=asked["nonce"]) for _ in range(6)))
    assert sorted(one.status_code for one in answers) == [200, *[422] * 5]
    assert await why(sitthi, text, nonce=asked["nonce"]) == "REPLAYED"


async def test_a_nonce_is_for_one_presentation_and_not_for_one_text(sitthi: Served) -> None:
    asked = await asking(sitthi)
    first, second = [shown(sitthi, await given(sitthi), asked) for _ in range(2)]
    assert (await sent(sitthi, first, nonce=asked["nonce"])).status_code == 200
    assert await why(sitthi, second, nonce=asked["nonce"]) == "REPLAYED"


async def test_a_proof_is_believed_by_who_asked_for_it_alone(sitthi: Served) -> None:
    asked, other = await asking(sitthi), await asking(sitthi)
    credential = await given(sitthi)
    text = shown(sitthi, credential, asked)
    assert await why(sitthi, text) == "PROOF_NONCE"  # another verifier forwards what a wallet signed for them
    assert await why(sitthi, text, nonce=other["nonce"]) == "PROOF_NONCE"
    elsewhere = shown(sitthi, credential, asked, audience="https://employer.example")
    assert await why(sitthi, elsewhere, nonce=asked["nonce"]) == "PROOF_AUDIENCE"
    made_up = {**asked, "nonce": packed(b"n" * 37)}
    assert await why(sitthi, shown(sitthi, credential, made_up), nonce=made_up["nonce"]) == "PROOF_NONCE"
    by_another = shown(sitthi, credential, asked, holder=SigningKey.fresh())
    assert await why(sitthi, by_another, nonce=asked["nonce"]) == "PROOF_SIGNATURE"
    # none of these used the nonce up
    assert (await sent(sitthi, text, nonce=asked["nonce"])).status_code == 200


async def test_a_nonce_of_issuing_is_none_of_verifying(sitthi: Served) -> None:
    nonce = (await sitthi.http.post(f"/issuers/{AGENCY}/nonce")).json()["c_nonce"]
    asked = {**await asking(sitthi), "nonce": nonce}
    assert await why(sitthi, shown(sitthi, await given(sitthi), asked), nonce=nonce) == "PROOF_NONCE"


async def test_a_nonce_holds_for_five_minutes(sitthi: Served) -> None:
    first, second = await asking(sitthi), await asking(sitthi)
    credential = await given(sitthi)
    sitthi.clock.advance(NONCE_LIVES - timedelta(seconds=1))
    in_time, late = shown(sitthi, credential, first), shown(sitthi, credential, second)
    assert (await sent(sitthi, in_time, nonce=first["nonce"])).status_code == 200
    sitthi.clock.advance(timedelta(seconds=1))
    assert await why(sitthi, late, nonce=second["nonce"]) == "PROOF_TIME"


async def test_what_was_taken_back_or_suspended_is_refused_at_once(sitthi: Served) -> None:
    credential = await given(sitthi)
    for status, expected in ((Status.SUSPENDED, "SUSPENDED"), (Status.VALID, None), (Status.INVALID, "REVOKED")):
        await set_status(sitthi, credential, status)
        if expected is None:
            assert (await sent(sitthi, credential)).status_code == 200
        else:
            assert await why(sitthi, credential) == expected


async def test_a_status_that_nobody_can_tell_is_no_good_status(sitthi: Served) -> None:
    base = sitthi.house.settings.issuer
    for uri, index, expected in (
        ("https://elsewhere.example/status/1", 0, "STATUS_UNKNOWN"),
        (f"{base}/issuers/oic/status/1", 0, "STATUS_UNKNOWN"),
        (f"{base}/issuers/{AGENCY}/status/1", 1 << 40, "STATUS_UNKNOWN"),
        (f"{base}/issuers/{AGENCY}/status/\N{THAI DIGIT ONE}", 0, "STATUS_UNKNOWN"),
        (f"{base}/issuers/{AGENCY}/status/999", 0, "REVOKED"),
    ):
        listed = {"status_list": {"uri": uri, "idx": index}}
        assert await why(sitthi, await given(sitthi, status=listed)) == expected, uri


async def test_what_is_forged_is_refused_by_its_reason(sitthi: Served) -> None:
    credential, stranger = await given(sitthi), SigningKey.fresh()
    now = sitthi.clock.now()
    made_up = packed(orjson.dumps(["salt", "honours", "first class"]))
    digest = digest_of(made_up)
    head, body, signature = credential.signed.split(".")
    room = sitthi.house.rooms.get(Credentials)
    signing, payload = await room.issuers.signing(AGENCY), jws.read(credential.signed).payload
    expected = {
        str(SdJwt(credential.signed, (*credential.disclosures, made_up))): "DISCLOSURE_INVENTED",
        str(SdJwt(jws.sign({"typ": TYPE}, {**payload, "_sd": [digest] * 2}, signing), (made_up,))): "DIGEST_REPEATED",
        str(await given(sitthi, key=stranger)): "KEY_UNKNOWN",
        str(await given(sitthi, key=SigningKey(signing.kid, stranger.private))): "SIGNATURE",
        str(await given(sitthi, iss="https://degrees.example")): "ISSUER_UNKNOWN",
        str(await given(sitthi, iss=room.issuers.issuer_of("nobody"))): "ISSUER_UNKNOWN",
        str(await given(sitthi, exp=int(now.timestamp()))): "EXPIRED",
        str(await given(sitthi, nbf=int(now.timestamp()) + 3600)): "NOT_YET_VALID",
        str(await given(sitthi, typ="JWT")): "TYPE",
        f"{_header(alg='none')}.{body}.{signature}~": "ALGORITHM",
        f"{_header(alg='HS256', typ=TYPE)}.{body}.{signature}~": "ALGORITHM",
        f"{head}.{body}.{'A' * 86}~": "SIGNATURE",
        "สวัสดี~": "MALFORMED",
    }
    assert {text: await why(sitthi, text) for text in expected} == expected


async def test_the_page_works_without_a_script_in_two_languages(sitthi: Served) -> None:
    page = await sitthi.http.get(VERIFY_PATH)
    assert page.status_code == 200
    assert 'enctype="multipart/form-data"' in page.text
    assert page.text.index("ตรวจสอบเอกสารรับรองดิจิทัล") < page.text.index("Verify a credential")
    assert page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.partition("script-src")[2]


@pytest.mark.parametrize("how", ["pasted", "broken over lines", "an address", "a file"])
async def test_a_person_sends_it_as_they_have_it(sitthi: Served, how: str) -> None:
    text = str(await given(sitthi))
    fields: dict[str, Any] = {"credential": (None, text)}
    if how == "broken over lines":
        fields = {"credential": (None, "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)))}
    elif how == "an address":
        fields = {"credential": (None, f"https://sitthi.example{VERIFY_PATH}#{text}")}
    elif how == "a file":
        fields = {"credential": (None, ""), "file": ("degree.txt", text.encode(), "text/plain")}
    page = await sitthi.http.post(VERIFY_PATH, files=fields)
    assert page.status_code == 200, page.text
    assert "This credential is genuine, and good" in page.text
    assert "The holder was not proved." in page.text
    assert "รายวิชา › วิชา 2 › grade" in page.text
    assert "เกรดเฉลี่ย" in page.text


async def test_a_person_has_the_holder_prove_it_on_the_page(sitthi: Served) -> None:
    page = await sitthi.http.get(VERIFY_PATH)
    nonce = page.text.partition('name="nonce" value="')[2].partition('"')[0]
    asked = {"aud": sitthi.house.settings.issuer + VERIFY_PATH, "nonce": nonce}
    text = shown(sitthi, await given(sitthi), asked)
    fields = {"credential": (None, text), "nonce": (None, nonce)}
    told = await sitthi.http.post(VERIFY_PATH, files=fields)
    assert "Whoever showed it has proved that it is theirs." in told.text
    again = await sitthi.http.post(VERIFY_PATH, files=fields)
    assert again.status_code == 422
    assert REASONS[Why.REPLAYED].th in again.text
    assert nonce not in again.text


async def test_nothing_that_a_credential_says_becomes_a_part_of_the_page(sitthi: Served) -> None:
    evil = "<script>alert(1)</script>"
    credential = await given(sitthi, institution={evil: [evil, {evil: 1}]})
    page = await sitthi.http.post(VERIFY_PATH, files={"credential": (None, str(credential))})
    assert page.status_code == 200
    assert evil not in page.text
    assert page.text.count("&lt;script&gt;alert(1)") >= 3


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"credential": 1}', b'{"credential": " "}', b'{"credential": "a~", "nonce": 1}', b'{"x": "a"}'],
)
async def test_a_request_without_a_credential_is_none(sitthi: Served, body: bytes) -> None:
    answer = await sitthi.http.post(VERIFY_PATH, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_INPUT")


async def test_what_is_too_long_is_not_read(sitthi: Served) -> None:
    assert (await sent(sitthi, "a" * (LENGTH_MAX + 1))).status_code == 413
    assert (await sent(sitthi, "a" * 300_000)).status_code == 413
    file: Any = {"credential": (None, ""), "file": ("a.txt", b"a" * (LENGTH_MAX + 1), "text/plain")}
    assert (await sitthi.http.post(VERIFY_PATH, files=file)).status_code == 413


def _header(**told: Any) -> str:
    return packed(orjson.dumps(told))
