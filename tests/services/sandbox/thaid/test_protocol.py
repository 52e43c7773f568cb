"""The stand-in of ThaID speaks OpenID Connect as ThaID does, quirks included."""

from __future__ import annotations

import base64
import hashlib
import sqlite3
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from api.commands.walk import Form, forms_of
from core.clock import FixedClock
from core.ids import NationalId
from services.sandbox.population.personas import PERSONAS, persona
from services.sandbox.population.store import ensure
from services.sandbox.thaid import Keys, Registration, RegistryCitizens, SandboxThaID, thaid_app
from services.sandbox.thaid.changes import Barred, ChangeOrder
from services.sandbox.thaid.citizens import Shown

ISSUER: Final = "http://localhost:8000/sandbox/thaid"
REDIRECT: Final = "http://localhost:8000/signin/return"
CLIENT: Final = Registration("sitthi", "s:e/c r%et", frozenset({REDIRECT}))
ENCODED_SECRET: Final = "s%3Ae%2Fc%20r%25et"
"""Form-encoded before it goes into the Basic header (RFC 6749 §2.3.1)."""
VERIFIER: Final = "v" * 43
CHALLENGE: Final = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ELDER: Final = persona("elder")
WANTED: Final = {
    "response_type": "code",
    "client_id": "sitthi",
    "redirect_uri": REDIRECT,
    "scope": "openid pid name name_en birthdate ial",
    "state": "<s>",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class OnePerson:
    def personas(self) -> Sequence[Shown]:
        return [Shown(ELDER.slug, ELDER.name, ELDER.description)]

    def national_id_of(self, slug: str) -> NationalId | None:
        return NationalId(ELDER.national_id) if slug == ELDER.slug else None

    def claims(self, national_id: NationalId) -> Mapping[str, Any] | None:
        if national_id.digits != ELDER.national_id:
            return None
        return {
            "pid": ELDER.national_id,
            "name": ELDER.name.th,
            "birthdate": "25010516",
            "ial": "2.3",
            "gender": "female",
        }


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory.mktemp("thaid") / "key.pem")


@pytest.fixture
def thaid(keys: Keys, clock: FixedClock) -> SandboxThaID:
    return SandboxThaID(ISSUER, {CLIENT.id: CLIENT}, OnePerson(), keys, clock)


@pytest.fixture
async def browser(thaid: SandboxThaID) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(thaid_app(thaid)), base_url=ISSUER) as browser:
        # The app is at the root here, so addresses below the issuer lose its path.
        browser.base_url = httpx2.URL("http://localhost:8000")
        yield browser


async def forms(browser: httpx2.AsyncClient) -> Sequence[Form]:
    return forms_of((await browser.get("/authorize", params=WANTED)).text)


async def code(browser: httpx2.AsyncClient) -> str:
    form = next(f for f in await forms(browser) if f.fields.get("persona") == "elder")
    location = (await browser.post("/authorize", data=form.fields)).headers["location"]
    return parse_qs(urlsplit(location).query)["code"][0]


async def redeem(browser: httpx2.AsyncClient, secret: str = ENCODED_SECRET, **changes: str) -> httpx2.Response:
    fields = {
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        **changes,
    }
    return await browser.post("/token", data=fields, auth=("sitthi", secret))


async def test_the_page_lists_personas_each_with_a_form_of_its_own(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/authorize", params=WANTED)
    assert page.status_code == 200
    assert ELDER.slug in page.text
    assert ELDER.name.th in page.text
    assert "<script" not in page.text
    assert '<html lang="th">' in page.text
    assert ELDER.national_id not in page.text
    found = forms_of(page.text)
    assert [f.fields.get("persona") for f in found] == ["elder", None, None]
    assert all(f.fields["state"] == "<s>" for f in found)
    assert 'method="post"' in page.text
    assert 'method="get"' not in page.text


async def test_the_id_token_is_signed_and_pid_and_name_come_beside_it(browser: httpx2.AsyncClient) -> None:
    answer = (await redeem(browser, code=await code(browser))).json()
    assert (answer["pid"], answer["name"]) == (ELDER.national_id, ELDER.name.th)
    [jwk] = (await browser.get("/jwks")).json()["keys"]
    claims = jwt.decode(
        answer["id_token"], jwt.PyJWK(jwk), algorithms=["RS256"], audience="sitthi", issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert (claims["nonce"], claims["birthdate"], claims["ial"]) == ("n", "25010516", "2.3")
    assert not {"pid", "name", "gender"} & set(claims), "by the quirk, and because it was not asked for"
    assert {"sub", "iat", "exp", "auth_time", "at_hash"} <= set(claims)
    assert ELDER.national_id not in claims["sub"]


async def test_without_the_quirk_everything_is_in_the_id_token(
    browser: httpx2.AsyncClient, thaid: SandboxThaID
) -> None:
    thaid._quirk = False
    answer = (await redeem(browser, code=await code(browser))).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (claims["pid"], "pid" in answer) == (ELDER.national_id, False)


async def test_discovery_names_the_endpoints_below_the_issuer(browser: httpx2.AsyncClient) -> None:
    found = (await browser.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    assert found["token_endpoint"] == f"{ISSUER}/token"
    assert "given_name_en" in found["scopes_supported"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"redirect_uri": f"{REDIRECT}/"},
        {"redirect_uri": f"{REDIRECT}?x"},
        {"redirect_uri": ""},
    ],
)
async def test_an_unregistered_address_is_never_sent_to(browser: httpx2.AsyncClient, changes: dict[str, str]) -> None:
    for answer in (
        await browser.get("/authorize", params={**WANTED, **changes}),
        await browser.post("/authorize", data={**WANTED, **changes, "persona": "elder"}),
    ):
        assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "pid"}, "invalid_scope"),
        ({"scope": "openid salary"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
async def test_other_errors_go_back_to_the_client(
    browser: httpx2.AsyncClient, changes: dict[str, str], error: str
) -> None:
    answer = await browser.get("/authorize", params={**WANTED, **changes})
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"error": [error], "state": ["<s>"]}


@pytest.mark.parametrize(
    ("typed", "says"),
    [("1234567890123", "MALFORMED"), ("", "MALFORMED"), ("1112034563562", "NOBODY"), ("<script>", "MALFORMED")],
)
async def test_a_number_of_nobody_asks_again_and_is_not_repeated(
    browser: httpx2.AsyncClient, typed: str, says: str
) -> None:
    form = next(f for f in await forms(browser) if "national_id" in f.fields)
    answer = await browser.post("/authorize", data={**form.fields, "national_id": typed})
    assert answer.status_code == 422
    assert ("ไม่ถูกต้อง" if says == "MALFORMED" else "ไม่พบบุคคลนี้") in answer.text
    assert not typed or typed not in answer.text


async def test_an_unknown_persona_asks_again(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/authorize", data={**WANTED, "persona": "nobody"})
    assert answer.status_code == 422


async def test_a_national_id_is_taken_with_or_without_dashes(browser: httpx2.AsyncClient) -> None:
    n = ELDER.national_id
    for typed in (n, f"{n[0]}-{n[1:5]}-{n[5:10]}-{n[10:12]}-{n[12]}"):
        answer = await browser.post("/authorize", data={**WANTED, "national_id": typed})
        assert answer.headers["location"].startswith(f"{REDIRECT}?code=")
        assert n not in answer.headers["location"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "00"}, "invalid_grant"),
        ({"code": "zz"}, "invalid_grant"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"redirect_uri": f"{REDIRECT}/"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"secret": "wrong"}, "invalid_client"),
    ],
)
async def test_a_wrong_redemption_is_refused(browser: httpx2.AsyncClient, changes: dict[str, str], error: str) -> None:
    answer = await redeem(browser, **{"code": await code(browser), **changes})
    assert (answer.status_code, answer.json()) == (401 if error == "invalid_client" else 400, {"error": error})


async def test_a_code_works_once_and_for_two_minutes(browser: httpx2.AsyncClient, clock: FixedClock) -> None:
    first, second = await code(browser), await code(browser)
    assert (await redeem(browser, code=first)).status_code == 200
    assert (await redeem(browser, code=first)).json() == {"error": "invalid_grant"}
    clock.advance(timedelta(seconds=120))
    assert (await redeem(browser, code=second)).json() == {"error": "invalid_grant"}


def test_processes_over_one_folder_are_the_same_thaid(tmp_path: Path) -> None:
    one, other = Keys(tmp_path / "a" / "key.pem"), Keys(tmp_path / "a" / "key.pem")
    assert one.jwk == other.jwk
    assert other.open(one.seal({"a": 1})) == {"a": 1}
    assert stat.S_IMODE((tmp_path / "a" / "key.pem").stat().st_mode) == 0o600
    assert Keys(tmp_path / "b" / "key.pem").open(one.seal({"a": 1})) is None


def test_the_registry_answers_for_every_persona_and_for_nobody_else(tmp_path: Path) -> None:
    ensure(tmp_path, 50, 1, date(2026, 11, 16))
    citizens = RegistryCitizens(tmp_path)
    assert [shown.slug for shown in citizens.personas()] == [one.slug for one in PERSONAS]
    for one in PERSONAS:
        national_id = citizens.national_id_of(one.slug)
        assert national_id is not None
        claims = citizens.claims(national_id)
        assert claims is not None
        assert (claims["name"], claims["name_en"]) == (one.name.th, one.name.en)
        assert claims["pid"] == one.national_id
        assert len(claims["birthdate"]) == 8
        assert claims["address"]["formatted"]
        assert claims["ial"] == "2.3"
    assert citizens.national_id_of("nobody") is None
    assert citizens.claims(NationalId("1112034563562")) is None


async def test_a_blocked_person_is_sent_back_and_a_code_of_before_is_worth_nothing(
    browser: httpx2.AsyncClient, thaid: SandboxThaID
) -> None:
    early = await code(browser)
    thaid.changes.set(ChangeOrder(pid=ELDER.national_id, blocked=True))
    form = next(f for f in await forms(browser) if f.fields.get("persona") == "elder")
    location = (await browser.post("/authorize", data=form.fields)).headers["location"]
    assert parse_qs(urlsplit(location).query) == {"error": ["access_denied"], "state": ["<s>"]}
    assert (await redeem(browser, code=early)).json() == {"error": "invalid_grant"}


async def test_what_befell_a_person_is_ordered_and_taken_back(browser: httpx2.AsyncClient) -> None:
    changed = {"pid": ELDER.national_id, "claims": {"name": "ใหม่", "ial": None}}
    assert (await browser.post("/_changes", json=changed)).status_code == 204
    answer = (await redeem(browser, code=await code(browser))).json()
    claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (answer["name"], answer["pid"], "ial" in claims) == ("ใหม่", ELDER.national_id, False)
    assert (await browser.post("/_changes", json={"pid": ELDER.national_id})).status_code == 204
    assert (await redeem(browser, code=await code(browser))).json()["name"] == ELDER.name.th


@pytest.mark.parametrize(
    "order",
    [b"", b"{}", b"[]", b'{"pid": "1"}', b'{"pid": 1}', b'{"pid": "%b", "more": 1}',
     b'{"pid": "%b", "claims": {"pid": "x"}}'],
)  # fmt: skip
async def test_an_order_that_makes_no_sense_is_refused(browser: httpx2.AsyncClient, order: bytes) -> None:
    answer = await browser.post("/_changes", content=order.replace(b"%b", ELDER.national_id.encode()))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


async def test_faults_are_ordered_and_taken_back(browser: httpx2.AsyncClient) -> None:
    for mode, status in (("down", 503), ("none", 200)):
        assert (await browser.post("/_faults", json={"mode": mode})).status_code == 204
        assert (await browser.get("/jwks")).status_code == status
    await browser.post("/_faults", json={"mode": "garbage"})
    assert "keys" not in (await browser.get("/jwks")).text
    await browser.post("/_faults", json={"mode": "slow", "seconds": 0})
    assert (await browser.get("/jwks")).status_code == 200
    assert (await browser.post("/_faults", json={"mode": "on fire"})).status_code == 400


def test_the_dead_are_barred(tmp_path: Path) -> None:
    ensure(tmp_path, 400, 1, date(2026, 11, 16))
    with sqlite3.connect(tmp_path / "sandbox" / "dopa.sqlite") as file:
        dead = [row[0] for row in file.execute("SELECT pid FROM person WHERE status = '1'")]
    file.close()
    assert dead
    for pid in dead:
        with pytest.raises(Barred):
            RegistryCitizens(tmp_path).claims(NationalId(pid))
