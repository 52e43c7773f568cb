"""An agency's service from the catalogue to the decision, through the whole application."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from typer.testing import CliRunner

from api.cli import app
from core.graph import global_id
from identity.people.models import Person
from services.apply.delivery import repository
from services.apply.delivery.models import AgencyEvent, ServiceCase
from services.apply.delivery.states import LOOKED_AGAIN, STUCK_ATTEMPTS
from services.exchange.privacy.erasure import LOOKED_AT_AGAIN
from services.know.entries import service_id
from services.plugins.contract import State
from services.plugins.standing import Standing
from tests.services.apply.delivery.office import FULL, SLUG, WORDS, Office
from tests.services.exchange.privacy.world import left, lived, ran
from tests.support.acting import act, delegated
from tests.support.app import Served

SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
AT_AGENCY = "atAgency { reference state note waiting payment { amount { satang } text } }"
MADE = f"application {{ id subject status turn title {AT_AGENCY} missing {{ attribute }} reasons {{ text law }} }}"
ANSWERS = {"shopName": "ร้านข้าวแกง"}
MINE = f"{{ viewer {{ applications {{ edges {{ node {{ id status turn {AT_AGENCY} }} }} }} }} }}"


@pytest.fixture
def office(sitthi: Served) -> Office:
    made = Office(sitthi.clock)
    sitthi.house.registry.add(made.plugin())
    return made


async def apply(sitthi: Served, persona: str = "elder", **given: Any) -> dict[str, Any]:
    return await sitthi.do(
        "apply", f"{MADE} existing {{ id }}", persona, **{"service": SERVICE, "answers": ANSWERS, **given}
    )


async def mine(sitthi: Served, persona: str = "elder") -> dict[str, Any]:
    [edge] = (await sitthi.graph(MINE, persona=persona))["viewer"]["applications"]["edges"]
    node: dict[str, Any] = edge["node"]
    return node


async def carried(sitthi: Served) -> None:
    """All that is due is done: by us, or by the job that is at it."""
    async with sitthi.house.db.write() as session:
        await repository.hurry(session, SLUG, sitthi.clock.now())
    await sitthi.house.courier.tick()
    for task in [*sitthi.house.courier._under_way.values()]:
        await task


async def test_a_citizen_applies_is_told_and_sees_it_approved(sitthi: Served, office: Office) -> None:
    made = await apply(sitthi)
    assert made["problems"] == []
    application = made["application"]
    assert (application["subject"], application["status"], application["turn"]) == (
        f"service:{SLUG}", "SUBMITTED", "AGENCY"
    )  # fmt: skip
    assert application["title"] == "Permit for a stall"
    assert application["atAgency"]["reference"] is None or application["atAgency"]["reference"] == "M-1"
    await carried(sitthi)
    assert set(office.asked("takeIt")[0].arguments["application"]["facts"]) == {"name"}
    office.state = State.NEEDS_SUPPLEMENT
    office.more = {"payment": {"satang": 20000, "text": WORDS}}
    await carried(sitthi)
    seen = await mine(sitthi)
    assert (seen["status"], seen["turn"]) == ("NEEDS_INFORMATION", "CITIZEN")
    assert seen["atAgency"] == {
        "reference": "M-1", "state": "NEEDS_SUPPLEMENT", "note": "The map is missing", "waiting": False,
        "payment": {"amount": {"satang": 20000}, "text": "test"},
    }  # fmt: skip
    office.state = State.APPROVED
    await carried(sitthi)
    assert (await mine(sitthi))["status"] == "APPROVED"
    inbox = "{ viewer { inbox { edges { node { title } } } } }"
    edges = (await sitthi.graph(inbox, persona="elder"))["viewer"]["inbox"]["edges"]
    titles = [edge["node"]["title"] for edge in edges]
    for title in ("Approved by the agency", "The agency needs more", "The agency asks for a payment"):
        assert f"{title}: Permit for a stall" in titles


async def test_whoever_opens_it_sees_what_the_agency_says_now(sitthi: Served, office: Office) -> None:
    await apply(sitthi)
    await carried(sitthi)
    async with sitthi.house.db.write() as session:  # the job's own turn is far off: it must not be the one that asks
        await session.execute(update(ServiceCase).values(due_at=sitthi.clock.now() + timedelta(days=1)))
    office.state = State.APPROVED
    sitthi.clock.advance(LOOKED_AGAIN)
    assert (await mine(sitthi))["atAgency"]["state"] == "APPROVED"


async def test_the_access_log_tells_the_citizen_which_service_was_told_what(sitthi: Served, office: Office) -> None:
    await apply(sitthi)
    entry = "asker { label } agency { slug } purpose { id } attributes { id }"
    log = f"{{ viewer {{ accessLog {{ edges {{ node {{ {entry} }} }} }} }} }}"
    edges = (await sitthi.graph(log, persona="elder"))["viewer"]["accessLog"]["edges"]
    assert {
        "asker": {"label": "test: Permit for a stall"}, "agency": {"slug": "oic"},
        "purpose": {"id": "agency-service"}, "attributes": [{"id": "name"}],
    } in [edge["node"] for edge in edges]  # fmt: skip


async def test_the_same_key_answers_the_same_application_and_another_is_told_of_it(
    sitthi: Served, office: Office
) -> None:
    first = await apply(sitthi, idempotencyKey="key-00000001")
    again = await apply(sitthi, idempotencyKey="key-00000001")
    assert again["application"]["id"] == first["application"]["id"]
    second = await apply(sitthi)
    assert [problem["code"] for problem in second["problems"]] == ["ALREADY_APPLIED"]
    assert second["existing"]["id"] == first["application"]["id"]
    await carried(sitthi)
    assert len(office.asked("takeIt")) == 1


async def test_a_rejection_is_in_the_agencys_words(sitthi: Served, office: Office) -> None:
    office.fail = FULL
    await apply(sitthi)
    await carried(sitthi)
    office.fail = None
    seen = await mine(sitthi)
    assert (seen["status"], seen["atAgency"]["note"]) == ("REJECTED", "The market is full")
    payload = await sitthi.do("appeal", "application { id }", "elder", application=seen["id"], grounds="ไม่จริง")
    assert [problem["code"] for problem in payload["problems"]] == ["AT_THE_AGENCY"]


async def test_withdrawing_tells_the_agency(sitthi: Served, office: Office) -> None:
    made = await apply(sitthi)
    await carried(sitthi)
    payload = await sitthi.do("withdraw", MADE, "elder", application=made["application"]["id"])
    assert payload["application"]["status"] == "WITHDRAWN"
    await carried(sitthi)
    assert (await mine(sitthi))["atAgency"]["state"] == "CANCELLED"
    assert [call.arguments["event"]["kind"] for call in office.asked("hear")] == ["application.withdrawn"]


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ({"answers": {}}, "BAD_INPUT", ["answers", "shopName"]),
        ({"answers": {**ANSWERS, "owner": {}}}, "BAD_INPUT", ["answers", "owner"]),
        ({"service": str(global_id("Service", service_id("service:oic")))}, "NOT_OFFERED_HERE", ["service"]),
        ({"service": str(global_id("Service", service_id("service:no-such")))}, "NOT_OFFERED_HERE", ["service"]),
        ({"service": str(global_id("Person", service_id("service:oic")))}, "MALFORMED_ID", ["service"]),
    ],
)
async def test_what_is_refused_says_why_and_where(
    sitthi: Served, office: Office, given: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = await apply(sitthi, **given)
    assert [(problem["code"], problem["path"]) for problem in payload["problems"]] == [(code, path)]
    assert payload["application"] is None


@pytest.mark.sqlite_only  # what is asked of a caller does not depend on the database
async def test_a_service_that_asks_for_more_asks_for_another_sign_in(sitthi: Served) -> None:
    sitthi.house.registry.add(Office(sitthi.clock).plugin(assurance="3"))
    answer = await sitthi.post(
        "mutation($input: ApplyInput!) { apply(input: $input) { problems { code } } }",
        {"input": {"service": SERVICE, "answers": ANSWERS, "idempotencyKey": "key-00000001"}},
        persona="elder",
    )
    assert "STEP_UP_REQUIRED" in answer.text


@pytest.mark.sqlite_only
@pytest.mark.parametrize(
    ("allowed", "codes"), [("apply", []), ("view", ["NOT_DELEGATED"]), ("nothing", ["NOT_DELEGATED"])]
)
async def test_who_acts_for_the_citizen_applies_where_the_service_lets_them(
    sitthi: Served, allowed: str, codes: list[str]
) -> None:
    office = Office(sitthi.clock)
    sitthi.house.registry.add(office.plugin(delegates=allowed))
    delegation = await delegated(sitthi, "elder", "worker")
    who = await act(sitthi, "worker", delegation)
    payload = await apply(sitthi, who)
    assert [problem["code"] for problem in payload["problems"]] == codes
    await carried(sitthi)
    assert len(office.asked("takeIt")) == (not codes)


@pytest.mark.sqlite_only
async def test_a_suspended_service_takes_nothing_and_says_so(sitthi: Served, office: Office) -> None:
    plugin = sitthi.house.registry.get(SLUG)
    assert plugin is not None
    object.__setattr__(plugin, "standing", Standing.SUSPENDED)
    payload = await apply(sitthi)
    assert [problem["code"] for problem in payload["problems"]] == ["SERVICE_SUSPENDED"]


async def test_who_leaves_is_taken_off_the_agencys_list_and_forgotten_there_before_they_are_here(
    sitthi: Served, office: Office
) -> None:
    person = await lived(sitthi, applies=False)
    await apply(sitthi)
    await carried(sitthi)
    office.fail = ConnectionError()
    await left(sitthi)
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        assert await session.get(Person, person) is not None, "without the number the agency finds nothing"
        assert await session.scalar(select(func.count()).select_from(ServiceCase)) == 1
    office.fail = None
    await carried(sitthi)
    heard = [call.arguments["event"]["kind"] for call in office.calls if call.operation == "hear"]
    assert {"application.withdrawn", "data.erased"} <= set(heard)
    assert office.took_back(office.effects[0][1])
    sitthi.clock.advance(LOOKED_AT_AGAIN)
    await ran(sitthi)
    async with sitthi.house.db.read() as session:
        assert await session.get(Person, person) is None
        for table in (ServiceCase, AgencyEvent):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_operators_see_what_is_stuck_and_have_it_tried_again(
    sitthi: Served, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*given: str) -> Any:
        return CliRunner().invoke(app, ["plugin", "deliveries", *given])

    monkeypatch.setenv("SITTHI_DATABASE_URL", str(sitthi.house.settings.database_url or ""))
    monkeypatch.setenv("SITTHI_DATA", str(sitthi.house.settings.data))
    office.says = "nonsense"
    await apply(sitthi)
    for _ in range(STUCK_ATTEMPTS):
        await carried(sitthi)
    shown = await asyncio.to_thread(asked)
    assert (shown.exit_code, shown.stdout.split("  ")[:3]) == (
        3,
        [SLUG, "SUBMIT", "1 owed, 1 stuck, since 2026-11-16 10:00+07:00"],
    )
    office.says = None
    tried = await asyncio.to_thread(asked, "--retry", SLUG)
    assert tried.exit_code == 0
    await carried(sitthi)
    assert (await asyncio.to_thread(asked)).stdout == "Nothing is owed.\n"
