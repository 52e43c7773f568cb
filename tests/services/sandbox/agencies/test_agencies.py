from __future__ import annotations

import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import httpx2
import pytest

from core.thai_dates import parse_be_yyyymmdd
from services.sandbox.agencies.access import IDLE_SECONDS_MAX, SANDBOX_CREDENTIALS
from services.sandbox.agencies.app import BODY_BYTES_MAX, PIDS_MAX, agencies_app
from services.sandbox.agencies.register import Register
from services.sandbox.folders import stand_ins
from services.sandbox.population.days import age_on
from services.sandbox.population.personas import persona
from services.sandbox.population.store import agency_file, ensure

DAY = date(2026, 11, 16)
NOBODY = "1100000000008"
KEY, SECRET = next(iter(SANDBOX_CREDENTIALS.items()))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("population")
    ensure(path, 500, 1, DAY)
    return path


class Caller:
    """A client of the agencies with a clock of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.now = 0.0
        transport = httpx2.ASGITransport(agencies_app(data_dir, seconds=lambda: self.now))
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://agencies.test")

    async def token(self, agency: str) -> str:
        answer = await self.http.post(f"/{agency}/oauth/token", json={"consumer_key": KEY, "consumer_secret": SECRET})
        return str(answer.json()["access_token"])

    async def ask(self, path: str, body: Any, **headers: str) -> httpx2.Response:
        token = await self.token(path.partition("/")[0])
        given = {"Authorization": f"Bearer {token}", "AgentID": "sitthi-tests"} | headers
        return await self.http.post(f"/{path}", json=body, headers=given)

    async def of(self, path: str, slug: str) -> Any:
        answer = await self.ask(path, {"pid": persona(slug).national_id})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said.pop("pid") == persona(slug).national_id
        return said


@pytest.fixture
async def caller(data_dir: Path) -> AsyncIterator[Caller]:
    caller = Caller(data_dir)
    async with caller.http:
        yield caller


def test_every_agency_that_keeps_data_answers_for_it() -> None:
    assert all(one.sandbox.tables and one.sandbox.answers for one in stand_ins().values())


async def test_dopa_knows_a_person_in_both_scripts_with_a_birth_date_in_be(caller: Caller) -> None:
    elder = await caller.of("dopa/person", "elder")
    assert (elder["title_th"], elder["fname_th"], elder["lname_th"]) == ("นาง", "บุญเรือน", "แก้วมงคล")
    assert (elder["title_en"], elder["fname_en"], elder["lname_en"]) == ("Mrs.", "Bunruean", "Kaeomongkhon")
    assert age_on(parse_be_yyyymmdd(elder["birth_be"]).first, DAY) == 68
    assert elder["death_be"] is None
    assert (elder["sex"], elder["nationality"], elder["status"]) == ("2", "099", "0")
    assert elder["registered"] is True
    assert elder["house"]["subdistrict"] == "450103"
    assert elder["house"]["province_th"] == "ร้อยเอ็ด"


async def test_dopa_knows_who_lives_in_the_house(caller: Caller) -> None:
    household = await caller.of("dopa/household", "disabled-child")
    assert [member["relation"] for member in household["members"]] == ["head", "spouse", "child"]
    assert persona("disabled-child-parent").national_id in {member["pid"] for member in household["members"]}


async def test_dopa_leaves_the_dead_out_of_the_household(caller: Caller, data_dir: Path) -> None:
    register = Register(agency_file(data_dir, "dopa"))
    dead = register.one("SELECT pid, house_code FROM person WHERE death_be IS NOT NULL")
    assert dead is not None
    survivor = register.one("SELECT pid FROM person WHERE house_code = ? AND death_be IS NULL", dead["house_code"])
    assert survivor is not None
    members = (await caller.ask("dopa/household", {"pid": survivor["pid"]})).json()["members"]
    assert members
    assert dead["pid"] not in {member["pid"] for member in members}
    assert (await caller.ask("dopa/person", {"pid": dead["pid"]})).json()["status"] == "1"


async def test_dopa_tells_a_mothers_twins_apart(caller: Caller) -> None:
    children = (await caller.of("dopa/children", "newborn-parent"))["children"]
    assert len({child["pid"] for child in children}) == 2
    assert len({child["birth_be"] for child in children}) == 1
    assert all(child["same_house"] for child in children)


async def test_dopa_lists_the_children_of_a_father_as_well(caller: Caller) -> None:
    assert len((await caller.of("dopa/children", "worker"))["children"]) == 2


async def test_dopa_knows_the_parents_of_a_child_and_may_know_none(caller: Caller) -> None:
    parents = await caller.of("dopa/parents", "disabled-child")
    assert parents["mother"]["pid"] == persona("disabled-child-parent").national_id
    assert parents["father"]["nationality"] == "099"
    assert await caller.of("dopa/parents", "graduate") == {"father": None, "mother": None}


async def test_the_revenue_department_answers_the_latest_tax_year_first(caller: Caller) -> None:
    incomes = (await caller.of("rd/income", "elder"))["incomes"]
    assert [row["tax_year_be"] for row in incomes] == [2568, 2567, 2566]
    assert incomes[0]["income_satang"] == 3_600_000


async def test_social_security_lists_each_month_paid(caller: Caller) -> None:
    insured = await caller.of("sso/insured", "worker")
    assert len(insured["months"]) == 60
    assert insured["months"][-1] == {"month": "2026-10", "section": "33"}
    assert insured["spells"][0]["wage_satang"] == 1_800_000


async def test_social_security_lists_months_from_a_month_on(caller: Caller) -> None:
    body = {"pid": persona("worker").national_id, "from_month": "2026-09"}
    months = (await caller.ask("sso/insured", body)).json()["months"]
    assert [month["month"] for month in months] == ["2026-09", "2026-10"]
    assert (await caller.ask("sso/insured", body | {"from_month": "September"})).status_code == 400


async def test_transport_and_insurance_agree_on_plate_and_chassis(caller: Caller) -> None:
    vehicles = (await caller.of("dlt/vehicles", "worker"))["vehicles"]
    policies = (await caller.of("oic/policies", "worker"))["policies"]
    assert {(v["plate"], v["chassis"]) for v in vehicles} == {(p["plate"], p["chassis"]) for p in policies}
    assert [policy["status"] for policy in policies] == ["active", "expired"]
    assert policies[0]["start_at"].endswith("T16:30:00+07:00")
    assert policies[0]["insurer_th"]


async def test_a_vehicle_may_have_no_policy(caller: Caller) -> None:
    assert len((await caller.of("dlt/vehicles", "disabled-adult"))["vehicles"]) == 1
    assert (await caller.of("oic/policies", "disabled-adult")) == {"policies": []}


async def test_the_ministry_of_higher_education_holds_transcripts_in_order(caller: Caller) -> None:
    degrees = (await caller.of("mhesi/transcripts", "graduate"))["degrees"]
    assert [degree["level"] for degree in degrees] == ["bachelor", "master"]
    assert len(degrees[0]["courses"]) == 20
    assert set(degrees[0]["courses"][0]) == {"session", "code", "title_th", "title_en", "credits", "grade"}
    assert isinstance(degrees[0]["gpax_hundredths"], int)


async def test_cgd_knows_officials_and_the_means_of_everyone(caller: Caller) -> None:
    official = await caller.of("cgd/benefits", "official")
    assert official["state_role"] == "official"
    assert official["state_benefits"][0]["kind"] == "salary"
    assert await caller.of("cgd/benefits", "elder") == {
        "state_role": "none",
        "state_benefits": [],
        "welfare_card": None,
    }
    means = await caller.of("cgd/means", "worker")
    assert 0 <= means.pop("deposits_2567_satang") <= means["assets_satang"]
    assert means == {
        "assets_satang": 5_400_000,
        "credit_cards": 1,
        "home_loan_satang": 0,
        "car_loan_satang": 45_000_000,
    }


async def test_sso_knows_births_savings_and_why_a_job_ended(caller: Caller) -> None:
    worker = await caller.of("sso/claims", "worker")
    assert (worker["birth"]["role"], worker["birth"]["months"]) == ("father", 15)
    assert worker["job_ended"] is None
    assert worker["old_age"]["all_satang"] == 2 * worker["old_age"]["own_satang"] > 0
    assert worker["plan"] is None
    assert await caller.of("sso/claims", "elder") == {"birth": None, "job_ended": None, "old_age": None, "plan": None}


async def test_siblings_are_those_of_either_parent_who_were_born_before(caller: Caller) -> None:
    assert (await caller.of("dopa/siblings", "minor"))["elder"] == []


async def test_there_is_a_card_or_there_is_none(caller: Caller) -> None:
    card = (await caller.of("dep/card", "disabled-child"))["card"]
    assert parse_be_yyyymmdd(card["valid_until_be"]).first > DAY
    assert await caller.of("dep/card", "elder") == {"card": None}


async def test_local_registration_and_land(caller: Caller) -> None:
    assert await caller.of("dla/registration", "elder") == {"old_age": None}
    parcels = (await caller.of("dol/land", "elder"))["parcels"]
    assert [(parcel["kind"], parcel["square_centimetres"]) for parcel in parcels] == [("farm", 320 * 40_000)]
    assert await caller.of("dol/land", "graduate") == {"parcels": []}


@pytest.mark.parametrize(
    ("agency", "path"), [(slug, path) for slug, one in stand_ins().items() for path in one.sandbox.answers]
)
async def test_a_stranger_is_a_typed_404_in_a_registry_of_people_and_nothing_in_one_of_things(
    caller: Caller, agency: str, path: str
) -> None:
    answer = await caller.ask(f"{agency}/{path}", {"pid": NOBODY})
    if agency in {"dopa", "rd", "cgd"}:
        assert answer.status_code == 404
        assert answer.json()["code"] == "PERSON_NOT_FOUND"
        assert NOBODY not in answer.text
    else:
        assert answer.status_code == 200
        said = answer.json()
        assert said.pop("pid") == NOBODY
        assert all(not value for value in said.values())


async def test_several_people_are_answered_at_once_with_null_for_a_stranger(caller: Caller) -> None:
    elder = persona("elder").national_id
    people = (await caller.ask("rd/income", {"pids": [elder, NOBODY]})).json()["people"]
    assert [one["pid"] for one in people] == [elder, NOBODY]
    assert people[0]["answer"]["incomes"]
    assert people[1]["answer"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"pid": "1234567890123"},
        {"pid": 3450000000117},
        {"pid": None},
        {"pid": "3450000000117", "pids": []},
        {"pids": "3450000000117"},
        {"pids": ["x"]},
        {"pids": ["3450000000117"] * (PIDS_MAX + 1)},
        ["3450000000117"],
        "3450000000117",
        {"pid": "3450000000117", "more": "x" * BODY_BYTES_MAX},
    ],
)
async def test_a_request_without_the_form_is_refused_without_repeating_it(caller: Caller, body: Any) -> None:
    answer = await caller.ask("dopa/person", body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "BAD_REQUEST"
    assert "34500" not in answer.text


async def test_a_body_that_is_no_json_is_refused(caller: Caller) -> None:
    token = await caller.token("rd")
    headers = {"Authorization": f"Bearer {token}", "AgentID": "x"}
    answer = await caller.http.post("/rd/income", content=b"{", headers=headers)
    assert answer.status_code == 400


async def test_a_number_in_the_url_leads_nowhere(caller: Caller) -> None:
    assert (await caller.http.get("/dopa/person?pid=3450000000117")).status_code == 405
    assert (await caller.http.post("/dopa/person/3450000000117")).status_code == 404


@pytest.mark.parametrize("secret", ["wrong", "", 1, None])
async def test_a_wrong_secret_gets_no_token(caller: Caller, secret: Any) -> None:
    answer = await caller.http.post("/rd/oauth/token", json={"consumer_key": KEY, "consumer_secret": secret})
    assert answer.status_code in {400, 401}
    assert "access_token" not in answer.json()


async def test_an_unknown_consumer_gets_no_token_even_with_an_empty_secret(caller: Caller) -> None:
    answer = await caller.http.post("/rd/oauth/token", json={"consumer_key": "x", "consumer_secret": ""})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nothing", "Basic eA=="])
async def test_no_token_no_data(caller: Caller, header: str) -> None:
    answer = await caller.ask("rd/income", {"pid": persona("elder").national_id}, Authorization=header)
    assert answer.status_code == 401
    assert answer.json()["code"] == "TOKEN_INVALID"


async def test_the_token_of_one_agency_opens_no_other(caller: Caller) -> None:
    token = await caller.token("sso")
    answer = await caller.ask("rd/income", {"pid": persona("elder").national_id}, Authorization=f"Bearer {token}")
    assert answer.status_code == 401


@pytest.mark.parametrize("agent", ["", " ", "x" * 65])
async def test_nobody_asks_without_saying_in_whose_name(caller: Caller, agent: str) -> None:
    answer = await caller.ask("rd/income", {"pid": persona("elder").national_id}, AgentID=agent)
    assert answer.status_code == 400
    assert answer.json()["code"] == "AGENT_MISSING"


@pytest.mark.parametrize(("idle", "status"), [(IDLE_SECONDS_MAX, 200), (IDLE_SECONDS_MAX + 1, 401)])
async def test_a_token_lives_while_it_is_used_within_the_hour(caller: Caller, idle: int, status: int) -> None:
    header = f"Bearer {await caller.token('rd')}"
    body = {"pid": persona("elder").national_id}
    caller.now += IDLE_SECONDS_MAX - 1
    assert (await caller.ask("rd/income", body, Authorization=header)).status_code == 200
    caller.now += idle
    assert (await caller.ask("rd/income", body, Authorization=header)).status_code == status


async def test_an_agency_that_is_down_leaves_the_others_up(caller: Caller) -> None:
    body = {"pid": persona("elder").national_id}
    token = f"Bearer {await caller.token('rd')}"
    assert (await caller.http.post("/rd/_faults", json={"mode": "down"})).status_code == 200
    answer = await caller.ask("sso/insured", body)
    assert answer.status_code == 200
    headers = {"Authorization": token, "AgentID": "x"}
    answer = await caller.http.post("/rd/income", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_DOWN")
    assert (await caller.http.post("/rd/oauth/token", json={})).status_code == 503
    await caller.http.post("/rd/_faults", json={"mode": "none"})
    assert (await caller.http.post("/rd/income", json=body, headers=headers)).status_code == 200


async def test_an_agency_that_answers_rubbish_says_200(caller: Caller) -> None:
    token = await caller.token("rd")
    await caller.http.post("/rd/_faults", json={"mode": "garbage"})
    headers = {"Authorization": f"Bearer {token}", "AgentID": "x"}
    answer = await caller.http.post("/rd/income", json={"pid": persona("elder").national_id}, headers=headers)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        answer.json()


async def test_a_slow_agency_answers_later(caller: Caller) -> None:
    await caller.http.post("/rd/_faults", json={"mode": "slow", "seconds": 0.05})
    start = time.monotonic()
    answer = await caller.http.post("/rd/oauth/token", json={"consumer_key": KEY, "consumer_secret": SECRET})
    assert answer.status_code == 200
    assert time.monotonic() - start >= 0.05


async def test_a_share_of_faults_comes_from_its_seed(caller: Caller) -> None:
    async def run() -> list[int]:
        await caller.http.post("/rd/_faults", json={"mode": "down", "share": 0.5, "seed": 3})
        answers = [await caller.http.post("/rd/oauth/token", json={}) for _ in range(30)]
        return [answer.status_code for answer in answers]

    first = await run()
    assert set(first) == {400, 503}
    assert await run() == first


@pytest.mark.parametrize("order", [{"mode": "sulking"}, {}, {"mode": "down", "share": 2}, {"mode": "down", "x": 1}, []])
async def test_an_unknown_fault_is_refused(caller: Caller, order: Any) -> None:
    answer = await caller.http.post("/rd/_faults", json=order)
    assert answer.status_code == 400


async def test_an_agency_without_its_file_is_down(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    answer = await caller.ask("dopa/person", {"pid": persona("elder").national_id})
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_DOWN")


async def test_an_agency_with_a_broken_file_is_down(tmp_path: Path) -> None:
    agency_file(tmp_path, "dopa").parent.mkdir()
    agency_file(tmp_path, "dopa").write_bytes(b"not a database at all, but long enough to be looked at as one")
    answer = await Caller(tmp_path).ask("dopa/person", {"pid": persona("elder").national_id})
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_DOWN")


async def test_a_new_population_is_seen_without_a_restart(tmp_path: Path) -> None:
    ensure(tmp_path, 200, 1, DAY)
    caller = Caller(tmp_path)
    before = await caller.of("dopa/person", "elder")
    ensure(tmp_path, 200, 1, date(2028, 2, 29))
    after = await caller.of("dopa/person", "elder")
    assert (before["birth_be"], after["birth_be"]) == ("25010516", "25020829")


def test_a_file_can_be_read_by_many_threads(data_dir: Path) -> None:
    register = Register(agency_file(data_dir, "dopa"))
    pid = persona("elder").national_id

    def read(_: int) -> Any:
        return register.one("SELECT fname_th FROM person WHERE pid = ?", pid)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(200))) == [{"fname_th": "บุญเรือน"}] * 200
