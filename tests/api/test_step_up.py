"""RFC 9470 over HTTP: what a sign-in lacks, where the answer says it, and that no sibling is hidden by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest

from api.graphql import challenge
from services.pay.destinations.graph import FRESH
from tests.support.acting import PASSKEY, act, delegated, signed_in_with
from tests.support.app import Served

CHANGE: Final = (
    "mutation($input: ChangePayoutDestinationInput!) { changePayoutDestination(input: $input)"
    " { payoutDestination { method masked bank { code name } title since }"
    " problems { code stepUp { acrValues maxAge } } } }"
)
MOBILE: Final = {"method": "PROMPTPAY_MOBILE", "mobile": "081-234-5678", "idempotencyKey": "a-key-of-a-test"}
CHALLENGE: Final = 'Bearer error="insufficient_user_authentication", acr_values="ial2.3-aal2.2", max_age="300"'


async def change(sitthi: Served, who: str = "elder", query: str = CHANGE, **given: Any) -> httpx2.Response:
    return await sitthi.post(query, {"input": {**MOBILE, **given}}, persona=who)


async def test_too_weak_a_sign_in_is_challenged_and_nothing_changed(sitthi: Served) -> None:
    answer = await change(sitthi)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert answer.json() == {
        "data": {
            "changePayoutDestination": {
                "payoutDestination": None,
                "problems": [{"code": "STEP_UP_REQUIRED", "stepUp": {"acrValues": "ial2.3-aal2.2", "maxAge": 300}}],
            }
        }
    }
    seen = await sitthi.graph("{ viewer { payoutDestination { method since } } }", persona="elder")
    assert seen["viewer"]["payoutDestination"] == {"method": "PROMPTPAY_NATIONAL_ID", "since": None}


@pytest.mark.parametrize(("seconds", "status"), [(300, 200), (301, 401)])
async def test_a_passkey_is_good_for_five_minutes(sitthi: Served, seconds: int, status: int) -> None:
    signed_in_with(sitthi, PASSKEY)
    await sitthi.token("elder")
    sitthi.clock.advance(timedelta(seconds=seconds))
    answer = await change(sitthi)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_the_new_destination_is_shown_masked_and_told_in_the_inbox(sitthi: Served) -> None:
    signed_in_with(sitthi, PASSKEY)
    told = (await change(sitthi)).json()["data"]["changePayoutDestination"]
    assert told["problems"] == []
    shown = told["payoutDestination"]
    assert (shown["method"], shown["masked"], shown["bank"], shown["title"]) == (
        "PROMPTPAY_MOBILE", "••• 5678", None, "PromptPay ••• 5678",
    )  # fmt: skip
    given: dict[str, Any] = {"method": "BANK_ACCOUNT", "mobile": None, "bank": "006", "account": "123-4-56789-0"}
    told = (await change(sitthi, **given, idempotencyKey="another-key")).json()["data"]["changePayoutDestination"]
    assert told["payoutDestination"]["bank"] == {"code": "006", "name": "Krung Thai Bank"}
    data = await sitthi.graph("{ viewer { payoutDestination { masked } inbox { nodes { body } } } }", persona="elder")
    assert data["viewer"]["payoutDestination"]["masked"] == "••• 7890"
    bodies = [message["body"] for message in data["viewer"]["inbox"]["nodes"]]
    assert any("Krung Thai Bank ••• 7890" in body for body in bodies)
    assert not any("1234567890" in body or "812345678" in body for body in bodies)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"mobile": None}, "BAD_INPUT"),
        ({"mobile": "+6612345678"}, "NOT_A_MOBILE_NUMBER"),
        ({"mobile": "+66512345678"}, "NOT_A_MOBILE_NUMBER"),
        ({"mobile": "+668123456789"}, "NOT_A_MOBILE_NUMBER"),
        ({"mobile": "+6681234567"}, "NOT_A_MOBILE_NUMBER"),
        ({"bank": "006"}, "BAD_INPUT"),
        ({"method": "PROMPTPAY_NATIONAL_ID"}, "BAD_INPUT"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "006"}, "BAD_INPUT"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "999", "account": "1234567890"}, "UNKNOWN_BANK"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "006", "account": "123456789"}, "NOT_AN_ACCOUNT_NUMBER"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "030", "account": "1234567890"}, "NOT_AN_ACCOUNT_NUMBER"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "006", "account": "0000000000"}, "NOT_AN_ACCOUNT_NUMBER"),
        ({"method": "BANK_ACCOUNT", "mobile": None, "bank": "006", "account": "๑๒๓๔๕๖๗๘๙๐"}, "NOT_AN_ACCOUNT_NUMBER"),
    ],
)
async def test_what_is_no_destination_is_refused_by_its_name(sitthi: Served, given: dict[str, Any], code: str) -> None:
    signed_in_with(sitthi, PASSKEY)
    answer = await change(sitthi, **given)
    assert [p["code"] for p in answer.json()["data"]["changePayoutDestination"]["problems"]] == [code]
    assert "1234567890" not in answer.text


async def test_beside_an_answered_sibling_the_status_stays_200(sitthi: Served) -> None:
    query = (
        "mutation($input: ChangePayoutDestinationInput!, $seen: EndDelegationInput!) {"
        " pay: changePayoutDestination(input: $input) { problems { code } }"
        " other: changePayoutDestination(input: $input) { payoutDestination { method } }"
        " end: endDelegation(input: $seen) { delegation { status } problems { code } } }"
    )
    delegation = await delegated(sitthi, "elder", "worker")
    variables = {"input": MOBILE, "seen": {"delegation": delegation, "idempotencyKey": "another-key"}}
    answer = await sitthi.post(query, variables, persona="elder")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (200, CHALLENGE)
    assert answer.json()["data"] == {
        "pay": {"problems": [{"code": "STEP_UP_REQUIRED"}]},
        "other": {"payoutDestination": None},
        "end": {"delegation": {"status": "ENDED"}, "problems": []},
    }


async def test_an_agencys_service_asks_for_the_level_of_its_manifest(sitthi: Served) -> None:
    query = "{ viewer { insurance { policies { number } } profile { name { state } } } }"
    signed_in_with(sitthi, "ial2.2-aal2.2")
    answer = await sitthi.post(query, persona="elder")
    body = answer.json()
    assert body["data"]["viewer"]["insurance"] is None
    assert body["data"]["viewer"]["profile"]["name"]["state"] == "FRESH", "a failing sibling hides no other"
    [error] = body["errors"]
    assert error["path"] == ["viewer", "insurance"]
    assert error["extensions"] == {"code": "STEP_UP_REQUIRED", "acrValues": "ial2.3-aal1", "maxAge": None}
    assert answer.status_code == 200
    assert answer.headers["www-authenticate"].endswith('acr_values="ial2.3-aal1"')
    alone = await sitthi.post("{ viewer { insurance { policies { number } } } }", persona="elder")
    assert alone.status_code == 401
    signed_in_with(sitthi, "ial2.3-aal1")
    assert "errors" not in (await sitthi.post(query, persona="elder")).json()


async def test_to_apply_one_must_be_known_as_thaid_knows_people(sitthi: Served) -> None:
    signed_in_with(sitthi, "ial2.2-aal2.2")
    refused = await sitthi.do("apply", "application { id }", "elder", programme="old-age-allowance")
    assert [p["code"] for p in refused["problems"]] == ["STEP_UP_REQUIRED"]
    signed_in_with(sitthi, "ial2.3-aal1")
    assert (await sitthi.do("apply", "application { id }", "elder", programme="old-age-allowance"))["problems"] == []


@pytest.mark.parametrize(("seconds", "codes"), [(900, []), (901, ["STEP_UP_REQUIRED"])])
async def test_to_let_somebody_act_asks_for_a_sign_in_of_a_quarter_of_an_hour(
    sitthi: Served, seconds: int, codes: list[str]
) -> None:
    await sitthi.token("elder")
    sitthi.clock.advance(timedelta(seconds=seconds))
    given = {"kind": "CARER", "direction": "ACTS_FOR_ME", "scopes": ["VIEW"], "nationalId": "1112034563562"}
    told = await sitthi.do("proposeDelegation", "delegation { id }", "elder", **given)
    assert [p["code"] for p in told["problems"]] == codes


async def test_a_delegate_never_changes_where_money_goes_however_sure_the_sign_in(sitthi: Served) -> None:
    acting = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker"))
    signed_in_with(sitthi, "ial3-aal3")
    answer = await change(sitthi, acting)
    assert answer.status_code == 200, "no better sign-in would help"
    [problem] = answer.json()["data"]["changePayoutDestination"]["problems"]
    assert problem == {"code": "NOT_DELEGATED", "stepUp": None}


def test_the_challenge_comes_under_the_scheme_of_the_request() -> None:
    assert challenge("dpop", FRESH).startswith("DPoP error=")
    assert challenge("", FRESH) == CHALLENGE
