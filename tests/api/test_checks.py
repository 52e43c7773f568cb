"""A juristic person asks whether what candidates claim is so; each candidate decides: through the whole application."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import select
from sqlmodel import col

from core.clock import bangkok_day
from core.ids import GlobalId
from services.receive.shares.checks.asking import (
    DAYS_MAX,
    KEPT,
    LINES_A_DAY_MAX,
    RESULT_TYPE,
    WAITING_MAX,
    WAITING_OF_ONE_MAX,
    Asking,
)
from services.receive.shares.checks.models import CheckAsked, CheckLine, CheckRequest
from services.receive.shares.checks.routes import PATH
from services.receive.shares.checks.sheet import LINES_MAX
from services.sandbox.population.personas import persona
from tests.api.test_juristic_ingest import Company
from tests.identity.officers_of_tests import number
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served

POWER: Final = "verify:bulk"
MINE: Final = (
    "{ viewer { checksAsked { nodes { id status employer employerNumber purpose claim { institution level title year } "
    "words until wouldSay { answer { result differs } tag } told { result differs } receipts } } } }"
)
CHECK: Final = "check { id status told { result differs } receipts }"
NOBODY: Final = number(991).digits
PURPOSE: Final = {"th": "พิจารณารับเข้าทำงาน", "en": "Considering you for a job"}
DAY: Final = timedelta(days=1)


class Employer(Company):
    officer: str

    async def enter(self, *, agency: str = "mhesi") -> Employer:
        await super().enter(agency=agency)
        self.officer = await self.appoint(20, POWER)
        return self

    def sheet(self, *lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
        until = bangkok_day(self.sitthi.clock.now()) + 7 * DAY
        return {"reference": uuid4().hex, "purpose": PURPOSE, "until": until.isoformat(), "lines": lines, **changed}

    async def post(self, sheet: Any, **headers: str) -> httpx2.Response:
        return await self.system.post(PATH, sheet, **{"AgentID": self.officer, **headers})

    async def ask(self, *lines: dict[str, Any], **changed: Any) -> str:
        """The key of the check, once its candidates were asked."""
        answer = await self.post(self.sheet(*lines, **changed))
        assert answer.status_code == 200, answer.text
        await self.sitthi.house.rooms.get(Asking).ask()
        return str(answer.json()["check"])

    async def get(self, check: str, officer: str | None = None) -> httpx2.Response:
        headers = {**await self.system.headers(), "AgentID": officer or self.officer}
        return await self.sitthi.http.get(f"{PATH}/{check}", headers=headers)

    async def results(self, check: str) -> list[tuple[str, list[str]]]:
        answer = await self.get(check)
        assert answer.status_code == 200, answer.text
        return [(one["result"], one["differs"]) for one in answer.json()["lines"]]


@pytest.fixture
async def employer(sitthi: Served) -> Employer:
    return await Employer(sitthi, 31).enter()


async def degree(sitthi: Served) -> dict[str, Any]:
    query = "{ viewer { transcripts { degrees { institution level title titleEn awardedOn } } } }"
    found = await sitthi.graph(query, persona="graduate")
    [first, *_] = found["viewer"]["transcripts"]["degrees"]
    return dict(first)


async def claim_of(sitthi: Served, **changed: Any) -> dict[str, Any]:
    told = await degree(sitthi)
    year = int(told["awardedOn"][:4])
    return {"institution": told["institution"], "level": told["level"], "title": told["title"], "year": year} | changed


def line(reference: str = "C-1", who: str = "graduate", claim: dict[str, Any] | None = None) -> dict[str, Any]:
    national_id = who if who.isdigit() else persona(who).national_id
    return {"reference": reference, "nationalId": national_id, "claim": claim or {"level": "MASTER"}}


async def mine(sitthi: Served, who: str = "graduate") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sitthi.graph(MINE, persona=who))["viewer"]["checksAsked"]["nodes"]
    return found


async def answer(sitthi: Served, check: dict[str, Any], *, agrees: bool = True, **given: Any) -> dict[str, Any]:
    if agrees:
        given = {"saying": (check["wouldSay"] or {}).get("tag"), **given}
    return await sitthi.do("answerCheck", CHECK, "graduate", check=check["id"], agrees=agrees, **given)


def codes(payload: dict[str, Any]) -> list[str]:
    return [problem["code"] for problem in payload["problems"]]


async def test_a_candidate_sees_who_asks_and_what_would_be_said_and_agrees_and_it_is_told(
    sitthi: Served, employer: Employer
) -> None:
    check = await employer.ask(line(claim=await claim_of(sitthi)))
    assert await employer.results(check) == [("WAITING", [])]
    [one] = await mine(sitthi)
    assert (one["employer"], one["employerNumber"], one["purpose"]) == (
        "Company",
        employer.number.digits,
        PURPOSE["en"],
    )
    assert one["wouldSay"]["answer"] == {"result": "CONFIRMED", "differs": []}
    assert one["told"] is None
    inbox = await sitthi.graph("{ viewer { inbox { nodes { title body } } } }", persona="graduate")
    assert [m for m in inbox["viewer"]["inbox"]["nodes"] if m["title"] == "Somebody asks to check your qualifications"]
    payload = await answer(sitthi, one)
    assert (codes(payload), payload["check"]["status"]) == ([], "AGREED")
    assert payload["check"]["told"] == {"result": "CONFIRMED", "differs": []}
    assert await employer.results(check) == [("CONFIRMED", [])]
    log = "{ viewer { accessLog { nodes { asker { label } purpose { id title } basis attributes { id } } } } }"
    nodes = (await sitthi.graph(log, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    [entry] = [node for node in nodes if node["purpose"]["id"] == "employer-check"]
    assert entry["basis"] == "CONSENT"
    assert entry["attributes"] == [{"id": "mhesi:degrees"}]
    assert entry["asker"]["label"] == f"Company, number {employer.number.digits}, whom you agreed to have answered"


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ({"year": 1999}, ["year"]),
        ({"institution": "มหาวิทยาลัยอื่น"}, ["institution"]),
        ({"title": "วิศวกรรมศาสตรบัณฑิต", "year": 1999}, ["title", "year"]),
    ],
)
async def test_what_differs_is_named_and_nothing_of_the_register_is_told(
    sitthi: Served, employer: Employer, changed: dict[str, Any], differs: list[str]
) -> None:
    check = await employer.ask(line(claim=await claim_of(sitthi, **changed)))
    [one] = await mine(sitthi)
    assert one["wouldSay"]["answer"] == {"result": "DIFFERS", "differs": differs}
    await answer(sitthi, one)
    told = (await employer.get(check)).json()
    [told_line] = told["lines"]
    today = bangkok_day(sitthi.clock.now()).isoformat()
    assert told_line == {"line": 1, "reference": "C-1", "result": "DIFFERS", "differs": differs, "since": today}
    assert (await degree(sitthi))["institution"] not in str(told)


async def test_nobody_learns_who_is_known_who_declined_and_who_says_nothing(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("graduate")
    await sitthi.token("worker")
    sheet = employer.sheet(line("declines"), line("unknown", NOBODY), line("silent", "worker"))
    taken = (await employer.post(sheet)).json()
    assert (taken["taken"], taken["rejected"]) == (3, [])
    await sitthi.house.rooms.get(Asking).ask()
    [one] = await mine(sitthi)
    assert codes(await answer(sitthi, one, agrees=False)) == []

    async def told() -> list[dict[str, Any]]:
        lines = (await employer.get(taken["check"])).json()["lines"]
        return [{name: value for name, value in x.items() if name not in ("line", "reference")} for x in lines]

    assert await told() == [{"result": "WAITING", "differs": [], "since": None}] * 3
    sitthi.clock.advance(8 * DAY)
    sitthi.forget_tokens()
    employer.system = AgencySystem(sitthi, "", employer.system.client, employer.system.holder)
    assert await told() == [{"result": "NO_ANSWER", "differs": [], "since": None}] * 3


async def test_the_results_prove_themselves_and_the_page_says_so(sitthi: Served, employer: Employer) -> None:
    check = await employer.ask(line(claim=await claim_of(sitthi)), line("C-2", NOBODY))
    await answer(sitthi, (await mine(sitthi))[0])
    told = (await employer.get(check)).json()
    claims = await sitthi.house.attestor.verify(told["signed"], typ=RESULT_TYPE)
    assert {name: claims[name] for name in told if name != "signed"} == {
        name: value for name, value in told.items() if name != "signed"
    }
    verified = await sitthi.http.post("/verify/check", json={"check": told["signed"]})
    assert verified.json()["check"]["lines"] == told["lines"]
    page = await sitthi.http.post("/verify/check", data={"check": told["signed"]})
    assert "These results are genuine" in page.text
    head, body, signature = told["signed"].split(".")
    forged = f"{head}.{body[:-2]}AA.{signature}"
    refused = await sitthi.http.post("/verify/check", json={"check": forged})
    assert code_of(refused) == (422, "ATTESTATION_INVALID")


async def test_who_agrees_agrees_to_what_they_saw(sitthi: Served, employer: Employer) -> None:
    await employer.ask(line(claim=await claim_of(sitthi)))
    [one] = await mine(sitthi)
    assert codes(await answer(sitthi, one, saying="other")) == ["CHECK_SAYS_OTHERWISE"]
    assert codes(await answer(sitthi, one, saying=None)) == ["CHECK_SAYS_OTHERWISE"]
    assert [node["status"] for node in await mine(sitthi)] == ["ASKED"]


async def test_what_was_agreed_to_is_taken_back_at_any_time_and_the_receipts_prove_both(
    sitthi: Served, employer: Employer
) -> None:
    check = await employer.ask(line(claim=await claim_of(sitthi)))
    [one] = await mine(sitthi)
    [given] = (await answer(sitthi, one))["check"]["receipts"]
    verified = (await sitthi.http.post("/verify/consent-receipt", json={"receipt": given})).json()
    assert (verified["active"], verified["receipt"]["event"]) == (True, "GRANTED")
    assert verified["receipt"]["controller"]["name"]["en"] == "Company"
    assert codes(await answer(sitthi, one)) == ["CHECK_DECIDED"]
    sitthi.clock.advance(8 * DAY)
    sitthi.forget_tokens()
    payload = await answer(sitthi, one, agrees=False)
    assert (payload["check"]["status"], payload["check"]["told"]) == ("WITHDRAWN", None)
    [_, taken_back] = payload["check"]["receipts"]
    page = await sitthi.http.post("/verify/consent-receipt", data={"receipt": taken_back})
    assert "this consent is good no more" in page.text
    verified = (await sitthi.http.post("/verify/consent-receipt", json={"receipt": given})).json()
    assert verified["active"] is False
    employer.system = AgencySystem(sitthi, "", employer.system.client, employer.system.holder)
    assert await employer.results(check) == [("NO_ANSWER", [])]
    for agrees in (True, False):
        assert codes(await answer(sitthi, one, agrees=agrees)) == ["CHECK_DECIDED"]


async def test_the_register_is_asked_once_in_a_request_however_many_checks_there_are(
    sitthi: Served, employer: Employer
) -> None:
    await sitthi.token("graduate")
    await employer.ask(line("C-1"), line("C-2", claim={"year": 1999}), line("C-3", claim={"level": "BACHELOR"}))
    before = await looks(sitthi)
    assert len({one["wouldSay"]["tag"] for one in await mine(sitthi)}) == 3
    assert await looks(sitthi) == before + 1


async def looks(sitthi: Served) -> int:
    """How often the viewer's degrees were looked at."""
    query = "{ viewer { accessLog(first: 50) { nodes { attributes { id } } } } }"
    nodes = (await sitthi.graph(query, persona="graduate"))["viewer"]["accessLog"]["nodes"]
    return sum({"id": "mhesi:degrees"} in node["attributes"] for node in nodes)


async def test_a_check_is_answered_until_the_end_of_its_last_day(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("graduate")
    await employer.ask(line("C-1"), line("C-2"))
    first, second = await mine(sitthi)
    until = datetime.fromisoformat(first["until"])
    assert bangkok_day(until) == bangkok_day(sitthi.clock.now()) + 8 * DAY
    sitthi.clock.advance(until - sitthi.clock.now() - timedelta(seconds=1))
    sitthi.forget_tokens()
    assert codes(await answer(sitthi, first)) == []
    sitthi.clock.advance(timedelta(seconds=1))
    assert codes(await answer(sitthi, second)) == ["CHECK_DECIDED"]
    assert [one["status"] for one in await mine(sitthi)] == ["AGREED", "OVER"]


async def test_of_answers_at_once_one_is_taken(sitthi: Served, employer: Employer) -> None:
    await employer.ask(line(claim=await claim_of(sitthi)))
    [one] = await mine(sitthi)
    answers = await asyncio.gather(*(answer(sitthi, one, agrees=agrees) for agrees in (True, True, True)))
    assert sorted(codes(payload) for payload in answers) == [[], ["CHECK_DECIDED"], ["CHECK_DECIDED"]]


async def test_a_list_is_taken_once_whatever_its_spaces_and_another_under_its_name_is_refused(
    sitthi: Served, employer: Employer
) -> None:
    await sitthi.token("graduate")
    sheet = employer.sheet(line(), line("C-1"), line("C-3", "123"), reference="hr-1")
    answers = await asyncio.gather(*(employer.post(sheet) for _ in range(4)))
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    assert answers[0].json()["rejected"] == [
        {"line": 2, "code": "REFERENCE_REPEATED", "path": "/reference"},
        {"line": 3, "code": "NATIONAL_ID_INVALID", "path": "/nationalId"},
    ]
    await asyncio.gather(*(sitthi.house.rooms.get(Asking).ask() for _ in range(3)))
    assert len(await mine(sitthi)) == 1
    assert code_of(await employer.post({**sheet, "purpose": {"th": "เหตุอื่นๆ", "en": "Another reason"}})) == (
        409, "CHECK_REFERENCE_USED",
    )  # fmt: skip
    other = await Employer(sitthi, 32).enter()
    assert (await other.post(sheet)).json()["check"] != answers[0].json()["check"]


async def test_once_candidates_were_looked_for_no_number_of_theirs_is_kept(sitthi: Served, employer: Employer) -> None:
    await employer.ask(line(), line("C-2", NOBODY))
    asking = sitthi.house.rooms.get(Asking)
    async with sitthi.house.db.read() as session:
        rows = (await session.scalars(select(CheckLine))).all()
    assert [sorted(asking.claim_of(row)) for row in rows] == [["claim", "reference"]] * 2


@pytest.mark.parametrize("days", [0, DAYS_MAX + 1])
async def test_a_last_day_that_is_today_or_far_away_is_refused(employer: Employer, sitthi: Served, days: int) -> None:
    until = (bangkok_day(sitthi.clock.now()) + timedelta(days=days)).isoformat()
    assert code_of(await employer.post(employer.sheet(line(), until=until))) == (400, "BAD_INPUT")


async def test_a_list_of_which_nothing_can_be_taken_is_kept_nowhere(sitthi: Served, employer: Employer) -> None:
    told = (await employer.post(employer.sheet(line(who="123")))).json()
    assert (told["check"], told["taken"], len(told["rejected"])) == (None, 0, 1)
    async with sitthi.house.db.read() as session:
        assert (await session.scalars(select(CheckRequest))).all() == []


async def test_the_lines_of_a_day_are_bounded_and_the_next_day_begins_anew(sitthi: Served, employer: Employer) -> None:
    await employer.ask(line(who=NOBODY))
    async with sitthi.house.db.write() as session:
        row = (await session.scalars(select(CheckRequest))).one()
        row.lines = LINES_A_DAY_MAX - 1
    two = employer.sheet(line(who=NOBODY), line("C-2", NOBODY))
    assert code_of(await employer.post(two)) == (429, "TOO_MANY_CHECKS")
    assert (await employer.post(employer.sheet(line(who=NOBODY)))).status_code == 200
    sitthi.clock.advance(DAY)
    employer.system = AgencySystem(sitthi, "", employer.system.client, employer.system.holder)
    assert (await employer.post(two)).status_code == 200


async def test_nobody_is_asked_more_often_than_they_can_read(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("graduate")
    others = [await Employer(sitthi, 40 + n).enter() for n in range(WAITING_MAX // WAITING_OF_ONE_MAX)]
    for one in others:
        await one.ask(*(line(f"C-{n}") for n in range(WAITING_OF_ONE_MAX)))
    check = await employer.ask(line())
    async with sitthi.house.db.read() as session:
        assert len((await session.scalars(select(CheckAsked))).all()) == WAITING_MAX
    assert await employer.results(check) == [("WAITING", [])]


async def test_whoever_asks_about_somebody_again_and_again_keeps_nobody_else_from_asking(
    sitthi: Served, employer: Employer
) -> None:
    await sitthi.token("graduate")
    flood = await employer.ask(*(line(f"C-{n}") for n in range(WAITING_MAX + 3)))
    await employer.ask(line())
    async with sitthi.house.db.read() as session:
        assert len((await session.scalars(select(CheckAsked))).all()) == WAITING_OF_ONE_MAX
    assert await employer.results(flood) == [("WAITING", [])] * (WAITING_MAX + 3)
    other = await Employer(sitthi, 32).enter()
    check = await other.ask(line())
    [newest, *_] = await mine(sitthi)
    assert newest["employerNumber"] == other.number.digits
    assert codes(await answer(sitthi, newest)) == []
    assert (await other.results(check))[0][0] != "WAITING"


async def test_without_the_power_or_an_officer_or_of_another_register_nothing_is_asked(
    sitthi: Served, employer: Employer
) -> None:
    without = await employer.appoint(21, "report:policies")
    assert code_of(await employer.post(employer.sheet(line()), AgentID=without)) == (403, "POWER_MISSING")
    for agent in ("0" * 32, "somebody", ""):
        assert code_of(await employer.post(employer.sheet(line()), AgentID=agent)) == (403, "NOT_ITS_OFFICER")
    stranger = await Employer(sitthi, 33).enter(agency="oic")
    assert code_of(await stranger.post(stranger.sheet(line()))) == (403, "NOT_ITS_OFFICER")
    await employer.end(employer.officer)
    assert code_of(await employer.post(employer.sheet(line()))) == (403, "NOT_ITS_OFFICER")
    agency = await AgencySystem.registered(sitthi, "mhesi", ("agency.ingest",))
    refused = await agency.post(PATH, employer.sheet(line()), AgentID=without)
    assert code_of(refused) == (403, "NOT_ITS_OFFICER")
    assert (await sitthi.http.post(PATH, json=employer.sheet(line()))).status_code == 401


async def test_anothers_list_is_as_unknown_as_one_that_never_was(sitthi: Served, employer: Employer) -> None:
    check = await employer.ask(line())
    other = await Employer(sitthi, 32).enter()
    for asked in (check, "0" * 32, "x"):
        assert code_of(await other.get(asked)) == (404, "CHECK_NOT_FOUND")


async def test_a_check_of_somebody_else_is_as_unknown_as_one_that_never_was(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("graduate")
    await employer.ask(line())
    [one] = await mine(sitthi)
    for agrees in (True, False):
        payload = await sitthi.do("answerCheck", CHECK, "worker", check=one["id"], agrees=agrees, saying="x")
        assert codes(payload) == ["CHECK_NOT_FOUND"]
    other = await sitthi.graph("query($id: ID!) { node(id: $id) { id } }", {"id": one["id"]}, persona="worker")
    assert other["node"] is None


async def test_a_minor_does_not_agree_alone_and_declines_alone(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("minor")
    await employer.ask(line(who="minor"))
    [one] = await mine(sitthi, "minor")
    given = {"check": one["id"], "saying": one["wouldSay"]["tag"]}
    assert codes(await sitthi.do("answerCheck", CHECK, "minor", agrees=True, **given)) == ["CONSENT_NEEDS_PARENT"]
    assert codes(await sitthi.do("answerCheck", CHECK, "minor", agrees=False, **given)) == []


async def test_once_its_candidate_is_gone_a_line_has_no_answer(sitthi: Served, employer: Employer) -> None:
    check = await employer.ask(line(claim=await claim_of(sitthi)))
    [one] = await mine(sitthi)
    await answer(sitthi, one)
    async with sitthi.house.db.write() as session:
        key = GlobalId.parse(one["id"]).id
        await session.delete((await session.scalars(select(CheckAsked).where(col(CheckAsked.id) == key))).one())
    assert await employer.results(check) == [("WAITING", [])]


async def test_lists_are_forgotten_some_time_after_their_last_day(sitthi: Served, employer: Employer) -> None:
    await sitthi.token("graduate")
    await employer.ask(line())
    asking = sitthi.house.rooms.get(Asking)
    async with sitthi.house.db.read() as session:
        until = (await session.scalars(select(CheckRequest))).one().until
    sitthi.clock.advance(until + KEPT - sitthi.clock.now() - timedelta(seconds=1))
    await asking.forget()
    async with sitthi.house.db.read() as session:
        assert len((await session.scalars(select(CheckAsked))).all()) == 1
    sitthi.clock.advance(timedelta(seconds=1))
    await asking.forget()
    async with sitthi.house.db.read() as session:
        for model in (CheckAsked, CheckLine, CheckRequest):
            assert (await session.scalars(select(model))).all() == []


async def test_a_body_that_is_too_long_is_not_read(employer: Employer) -> None:
    sheet = employer.sheet(*(line(f"C-{n}", claim={"title": "x" * 200}) for n in range(LINES_MAX)))
    assert (await employer.post(sheet)).status_code == 200
    assert (await employer.post({**sheet, "extra": "x" * 200_000})).status_code == 413
