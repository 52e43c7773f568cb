"""What the application offers to who was paid: statements behind their own token, disputes, figures for everybody."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pypdf
import pytest

from core.paper import font_families
from core.text import Text
from identity.officers import Officer
from services.receive.disputes.desk import ANSWER, DisputeDesk
from services.receive.disputes.states import Finding
from tests.laws.cases import dispute_of, person_of, receipt_of
from tests.support import programs
from tests.support.app import Served

STATEMENT = "query($year: Int!) { viewer { statement(year: $year) { url expiresAt } } }"
LOG = "{ viewer { accessLog { nodes { attributes { id } asker { label } purpose { id } } } } }"
HISTORY = "query($id: ID!) { node(id: $id) { ... on Dispute { status finding history { byAgency note } } } }"


@pytest.fixture(autouse=True)
def fonts() -> None:
    if not font_families():
        programs.absent("no Thai font: script/setup fetches one")


async def fetch(sitthi: Served, path: str, persona: str | None = "elder") -> Any:
    headers = {} if persona is None else {"authorization": f"Bearer {await sitthi.token(persona)}"}
    return await sitthi.http.get(path, headers=headers)


def said(content: bytes) -> Any:
    [file] = pypdf.PdfReader(io.BytesIO(content)).attachments["statement.json"]
    return json.loads(file)


async def year(sitthi: Served) -> int:
    return sitthi.clock.today().year + 543


async def test_a_statement_is_for_the_citizens_own_token_and_the_look_is_in_their_log(sitthi: Served) -> None:
    await receipt_of(sitthi, "elder")
    path = f"/statements/{await year(sitthi)}.pdf"
    told = await fetch(sitthi, path)
    assert (told.status_code, told.headers["content-type"]) == (200, "application/pdf")
    assert told.headers["cache-control"] == "no-store"
    assert "attachment" in told.headers["content-disposition"]
    assert said(told.content)["satang"] == 60_000
    nodes = (await sitthi.graph(LOG, persona="elder"))["viewer"]["accessLog"]["nodes"]
    assert [n for n in nodes if any(a["id"] == "dga:statement" for a in n["attributes"])]
    assert said((await fetch(sitthi, path, "graduate")).content)["satang"] == 0
    assert (await fetch(sitthi, path, None)).status_code == 401


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/statements/2599.pdf", 422, "STATEMENT_YEAR_NOT_BEGUN"),
        ("/statements/1900.pdf", 400, "BAD_INPUT"),
        ("/statements/๒๕๖๙.pdf", 400, "BAD_INPUT"),
        ("/statements/256.pdf", 400, "BAD_INPUT"),
        ("/statements/2569.pdf?calendar=lunar", 400, "BAD_INPUT"),
    ],
)
async def test_what_is_no_year_that_has_begun_is_refused(sitthi: Served, path: str, status: int, code: str) -> None:
    told = await fetch(sitthi, path)
    assert (told.status_code, told.json()["errors"][0]["extensions"]["code"]) == (status, code)


async def test_a_link_from_the_graph_opens_without_a_token_for_two_minutes(sitthi: Served) -> None:
    await receipt_of(sitthi, "elder")
    link = (await sitthi.graph(STATEMENT, {"year": await year(sitthi)}, persona="elder"))["viewer"]["statement"]
    path = link["url"].removeprefix(sitthi.house.settings.issuer)
    assert said((await fetch(sitthi, path, None)).content)["satang"] == 60_000
    assert (await fetch(sitthi, path[:-1], None)).status_code == 404
    sitthi.clock.advance(timedelta(minutes=2))
    over = await fetch(sitthi, path, None)
    assert (over.status_code, over.json()["errors"][0]["extensions"]["code"]) == (404, "STATEMENT_LINK_OVER")


async def test_an_officers_look_at_a_dispute_is_in_the_citizens_log_and_the_answer_with_the_citizen(
    sitthi: Served,
) -> None:
    dispute = await dispute_of(sitthi, "elder")
    desk = sitthi.house.rooms.get(DisputeDesk)
    officer = Officer(await person_of(sitthi, "graduate"), "dla", frozenset({ANSWER}), Text(th="ก", en="A"))
    [row] = await desk.listed(officer)
    case = await desk.show(officer, row.id)
    assert case.steps[0].note == "ไม่มีเงินเข้าบัญชี"
    await desk.answer(officer, row.id, Finding.PAID, "โอนเข้าพร้อมเพย์แล้ว", seen=1)
    nodes = (await sitthi.graph(LOG, persona="elder"))["viewer"]["accessLog"]["nodes"]
    [look] = [n for n in nodes if any(a["id"] == "dla:dispute" for a in n["attributes"])]
    assert look["purpose"]["id"] == "payment"
    told = (await sitthi.graph(HISTORY, {"id": dispute}, persona="elder"))["node"]
    assert (told["status"], told["finding"]) == ("ANSWERED", "PAID")
    assert told["history"][-1] == {"byAgency": True, "note": "โอนเข้าพร้อมเพย์แล้ว"}


async def test_everybody_may_ask_how_satisfied_people_are(sitthi: Served) -> None:
    told = await fetch(sitthi, "/open/satisfaction", None)
    assert (told.status_code, told.json()["months"]) == (200, [])
    assert (await fetch(sitthi, "/open/satisfaction.csv", None)).text.startswith("month,subject,province")
    assert await sitthi.graph("{ satisfaction { month } }") == {"satisfaction": []}


@pytest.mark.parametrize(
    "path", ["/verify/receipt", "/verify/statement", "/verify/decision", "/verify/consent-receipt"]
)
async def test_each_page_that_verifies_has_a_form_in_thai_first_and_says_how_to_check_offline(
    sitthi: Served, path: str
) -> None:
    page = await fetch(sitthi, path, None)
    assert page.status_code == 200
    assert f'action="{path}"' in page.text
    assert page.text.index("ตรวจสอบ") < page.text.index("Verify")
    assert "/.well-known/attestation-keys.json" in page.text
    assert "script" not in page.headers["content-security-policy"]
