"""The whole way of one benefit, as people go it: a server, a citizen over HTTP, officers at the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.commands.walk import sign_in
from core.clock import SystemClock
from core.settings import Settings
from tests.conftest import run_directory
from tests.support.population import furnish
from tests.support.server import Process, running

APPLY = """
mutation($input: ApplyInput!) {
  apply(input: $input) { application { id status reasons { outcome law } } problems { code } } }
"""
PAYMENTS = """
{ viewer { payments(first: 5) { nodes { status amount { satang } programme settledOn
    receipt { id number verifyUrl qrSvg confirmedAt } } }
  entitlements(status: [RECEIVING]) { programme { slug } }
  inbox { nodes { title } }
  accessLog(first: 50) { nodes { asker { kind } purpose { id } decision } } } }
"""
CONFIRM = """
mutation($confirm: ConfirmReceiptInput!, $rate: RateInput!) {
  confirmReceipt(input: $confirm) { receipt { confirmedAt } problems { code } }
  rate(input: $rate) { problems { code } } }
"""


@pytest.fixture
def server(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[Process]:
    data = tmp_path / "data"
    data.mkdir()
    furnish(run_directory(request.config), data, SystemClock().today())
    with running(data, SITTHI_DATABASE_URL=database_url) as process:
        yield process


def ask(server: Process, token: str, query: str, variables: dict[str, Any] | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    answer = httpx2.post(f"{server.url}/graphql", json={"query": query, "variables": variables or {}}, headers=headers)
    read = answer.json()
    assert "errors" not in read, read["errors"]
    return read["data"]


def token_of(server: Process, persona: str) -> str:
    settings = Settings(port=server.port, data=Path(server.environment["SITTHI_DATA"]))
    return str(asyncio.run(sign_in(settings, persona))["access_token"])


def entitled(server: Process, token: str) -> Any:
    query = "{ viewer { entitlements(status: [ENTITLED]) { programme { slug } reasons { text outcome law } } } }"
    return ask(server, token, query)["viewer"]["entitlements"]


def add_officers(server: Process) -> None:
    for officer in ("officer-one", "officer-two"):
        roles = ("--role", "pay.plan", "--role", "pay.approve")
        server.command("officer", "add", "--persona", officer, "--agency", "dla", *roles)
        server.command("officer", "sign-in", "--persona", officer)


def test_the_elder_goes_from_sign_in_to_a_confirmed_receipt(server: Process) -> None:
    elder = token_of(server, "elder")
    [allowance] = [e for e in entitled(server, elder) if e["programme"]["slug"] == "old-age-allowance"]
    assert {reason["outcome"] for reason in allowance["reasons"]} == {"MET"}
    given = {"input": {"programme": "old-age-allowance", "idempotencyKey": "the-elder-applies"}}
    applied = ask(server, elder, APPLY, given)["apply"]
    assert applied["problems"] == []
    assert applied["application"]["status"] == "APPROVED"
    assert ask(server, elder, APPLY, given)["apply"] == applied

    add_officers(server)
    planned = server.command("pay", "plan", "--period", "this-month", "--as", "officer-one")
    run = planned.split()[0]
    assert "600.00 baht" in planned
    refused = server.command("pay", "approve", run, "--as", "officer-one", ok=False)
    assert "SAME_OFFICER" in refused
    server.command("pay", "approve", run, "--as", "officer-two")
    server.command("pay", "send", run, "--as", "officer-one")
    assert "1 settled" in server.command("pay", "reconcile", "--as", "officer-one")
    assert server.command("pay", "ledger", "--as", "officer-two").split()[-1] == "0.00"

    viewer = ask(server, elder, PAYMENTS)["viewer"]
    [payment] = viewer["payments"]["nodes"]
    assert (payment["status"], payment["amount"]["satang"]) == ("SETTLED", 60_000)
    assert payment["receipt"]["qrSvg"].startswith("<svg")
    assert viewer["entitlements"] == [{"programme": {"slug": "old-age-allowance"}}]
    assert len(viewer["inbox"]["nodes"]) == 2
    purposes = {entry["purpose"]["id"] for entry in viewer["accessLog"]["nodes"]}
    assert purposes == {"sign-in", "welfare-decision", "payment", "welfare-check"}
    assert "600.00" in httpx2.get(payment["receipt"]["verifyUrl"]).text

    confirm = {"receipt": payment["receipt"]["id"], "idempotencyKey": "the-elder-confirms"}
    rate = {"receipt": payment["receipt"]["id"], "score": 5, "idempotencyKey": "the-elder-rates-it"}
    done = ask(server, elder, CONFIRM, {"confirm": confirm, "rate": rate})
    assert done["confirmReceipt"]["receipt"]["confirmedAt"]
    assert done["rate"]["problems"] == []
