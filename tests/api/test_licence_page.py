"""ForSure for everybody: a licence by number, name and QR code, on a page and offline."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import jwt
import pytest

from tests.support.app import Served

GOOD, EXPIRED, SUSPENDED, REVOKED = "0001000011", "0001000022", "0001000033", "0001000044"
"""Of services/agencies/oic/sandbox.py."""
HOLDER = "นางสาวสุดา ตัวอย่างดี"
CHECK = "query($number: String, $qr: String, $name: String) { insurance { licence(number: $number, qr: $qr, name: $name) { status nameMatches messageEn signed licence { name } } } }"  # noqa: E501 - one question


async def checked(sitthi: Served, **given: str) -> dict[str, Any]:
    found: dict[str, Any] = (await sitthi.graph(CHECK, given))["insurance"]["licence"]
    return found


async def page(sitthi: Served, **given: str) -> str:
    answer = await sitthi.http.post("/verify/licence", data=given)
    assert answer.status_code == 200
    return answer.text


async def test_a_signed_code_is_verified_by_the_trust_list_alone_and_by_our_page(sitthi: Served) -> None:
    signed = (await checked(sitthi, number=GOOD))["signed"]
    address, _, statement = signed.partition("#")
    assert address == f"{sitthi.house.settings.issuer}/verify/credential"
    # without us: any JOSE library and a copy of the list
    listed = (await sitthi.http.get("/.well-known/credential-issuers.jwt")).text
    issuers = jwt.decode(listed, options={"verify_signature": False})["issuers"]
    header = jwt.get_unverified_header(statement.rstrip("~"))
    [key] = [key for one in issuers for key in one["keys"] if one["agency"] == "oic" and key["kid"] == header["kid"]]
    claims = jwt.decode(
        statement.rstrip("~"), jwt.PyJWK(key), algorithms=["ES256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert (claims["number"], claims["name"], claims["role"], claims["expires"]) == (
        GOOD,
        HOLDER,
        "agent",
        "2099-05-31",
    )
    assert claims["exp"] - claims["iat"] == 7 * 86_400
    # by our own page
    told = (await sitthi.http.post("/verify/credential", json={"credential": statement})).json()
    assert (told["valid"], told["holder"], told["agency"], told["claims"]["number"]) == (True, "NOT_BOUND", "oic", GOOD)
    changed = statement[:60] + ("A" if statement[60] != "A" else "B") + statement[61:]
    assert (await sitthi.http.post("/verify/credential", json={"credential": changed})).status_code == 422
    # and what the register says now
    now = await checked(sitthi, qr=signed)
    assert (now["status"], now["nameMatches"], now["licence"]) == ("VALID", True, {"name": HOLDER})


@pytest.mark.parametrize(("number", "status"), [(EXPIRED, "EXPIRED"), (SUSPENDED, "SUSPENDED"), (REVOKED, "REVOKED")])
async def test_what_is_over_is_plain_and_signed_for_nobody(sitthi: Served, number: str, status: str) -> None:
    told = await checked(sitthi, number=number)
    assert (told["status"], told["signed"]) == (status, None)
    shown = await page(sitthi, number=number)
    assert 'class="bad"' in shown
    assert told["messageEn"] in shown


async def test_an_impostor_is_plain_and_the_right_name_is_not_told(sitthi: Served) -> None:
    told = await checked(sitthi, number=GOOD, name="นายปลอม ตัวจริง")
    assert (told["nameMatches"], told["licence"], told["signed"]) == (False, None, None)
    for given in ({"number": GOOD}, {"qr": (await checked(sitthi, number=GOOD))["signed"]}):
        shown = await page(sitthi, name="<b>นายปลอม</b>", **given)
        assert "ตัวอย่างดี" not in shown
        assert "Tuayangdi" not in shown
        assert "<b>" not in shown
        assert "somebody else&#39;s licence" in shown


def forged(**claims: Any) -> str:
    """Signed by nobody whom anybody knows."""
    return jwt.encode(claims, "a secret that is long enough for HS256 .....", algorithm="HS256") + "~"


async def test_a_forged_code_proves_nothing_and_is_held_against_the_register(sitthi: Served) -> None:
    kind = "https://anywhere.example/statements/insurance-licence"
    impostor = forged(vct=kind, number=GOOD, name="นายปลอม ตัวจริง")
    told = await checked(sitthi, qr=impostor)
    assert (told["nameMatches"], told["licence"]) == (False, None)
    assert (await sitthi.http.post("/verify/credential", json={"credential": impostor})).status_code == 422
    revived = forged(vct=kind, number=REVOKED, name="นายวีระ สมมุติ")
    assert (await checked(sitthi, qr=revived))["status"] == "REVOKED"
    for nonsense in (
        forged(vct=kind, number=GOOD),
        forged(vct="other", number=GOOD, name=HOLDER),
        forged(vct=kind, number=[GOOD], name=HOLDER),
        "a.W10.c~",
        "a." + "W" * 3_900 + ".c",
        "x" * 5_000,
        "…",
    ):
        assert (await checked(sitthi, qr=nonsense))["status"] == "NOT_FOUND"


async def test_the_page_answers_programs_alike_and_refuses_what_it_cannot_read(sitthi: Served) -> None:
    answer = await sitthi.http.post("/verify/licence", json={"number": GOOD, "name": HOLDER})
    told = answer.json()
    assert (told["status"], told["nameMatches"], told["licence"]["expiresOn"]) == ("VALID", True, "2099-05-31")
    assert answer.headers["cache-control"] == "no-store"
    bad: list[Any] = [{}, {"name": HOLDER}, {"number": 1}, {"number": "1" * 41}, {"number": GOOD, "x": "y"}, [], "x"]
    for one in bad:
        refused = await sitthi.http.post("/verify/licence", json=one)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_INPUT")
    assert (await sitthi.http.post("/verify/licence", content=b"\xff")).status_code == 400
    assert (await sitthi.http.get("/verify/licence")).text.count("<form") == 1


async def test_the_page_and_the_graph_share_one_bound(sitthi: Served) -> None:
    transport = httpx2.ASGITransport(app=sitthi.app, client=("203.0.113.50", 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url=sitthi.house.settings.issuer) as http:
        codes = [(await http.post("/verify/licence", json={"number": f"{n:010d}"})).status_code for n in range(30)]
        many = " ".join(f'a{n}: licence(number: "{n:010d}") {{ status }}' for n in range(20))
        await http.post("/graphql", json={"query": f"{{ insurance {{ {many} }} }}"})
        answer = (await http.post("/graphql", json={"query": f"{{ insurance {{ {many} }} }}"})).json()
        codes.append((await http.post("/verify/licence", json={"number": GOOD})).status_code)
    assert (codes[:30], codes[30]) == ([200] * 30, 429)
    assert json.dumps(answer).count("RATE_LIMITED") == 10
