"""`/agency/v1/services` over HTTP: an agency's system registers a service, and everybody's graph has it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx2
import jsonschema_rs
import pytest
from typer.testing import CliRunner

from api.commands import plugin
from api.commands.agency_line import AgencyLine
from core.assurance import StepUpRequired
from core.ids import new_id
from core.text import Text
from identity.officers.errors import RoleMissing
from identity.officers.register import Officer, SignIn
from identity.proposals.errors import MakerIsChecker
from services.exchange.rest.openapi import document_of
from services.plugins.notices.agency import usage_routes
from services.plugins.operating.routes import BODIES as MAINTENANCE_BODIES
from services.plugins.operating.routes import maintenance_routes
from services.plugins.records.routes import records_routes
from services.plugins.registry.desk import EVENTS, ServiceDesk
from services.plugins.registry.documents import Documents
from services.plugins.registry.errors import RemedyMissing
from services.plugins.registry.models import ServiceEvent
from services.plugins.registry.repository import Name, ServiceRepository
from services.plugins.registry.routes import BODIES, EVENTS_MAX, PREFIX, services_router
from services.plugins.registry.schemas import FILES_MAX
from tests.identity.officers_of_tests import PASSKEY, THAID, number
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served
from tests.support.services import SDL, documents_of, far_side, written

REGISTRAR: Final = {"kind": "SYSTEM", "id": "registrar"}
ACT: Final = {"agent": REGISTRAR}
REASON: Final = "ทดสอบการทำงาน"
WHY: Final = {**ACT, "reason": REASON}
ONE: Final = f"{PREFIX}/waterworks"
FIRST: Final = f"{ONE}/versions/1.0.0"
PRICE: Final = {"amount": {"satang": 1050, "currency": "THB"}, "since": "2026-01-01"}
ASK: Final = "{ water { price { amount { satang } } } programmes { id } }"


class _Nobody:
    async def caller(self) -> None:
        """Lets nobody in: the description needs no door."""

    machine = caller


_NOBODY: Final[Any] = (_Nobody(), ServiceDesk(*[None] * 3), None)  # type: ignore[arg-type]  # it is only described
DESCRIBED: Final = document_of(
    services_router(
        _NOBODY[0],
        _NOBODY[1],
        _NOBODY[2],
        "http://localhost",
        more=[
            maintenance_routes(_NOBODY[0], _NOBODY[2], _NOBODY[2]),
            usage_routes(_NOBODY[0], _NOBODY[2], _NOBODY[2], _NOBODY[2]),
            records_routes(_NOBODY[0], _NOBODY[2], _NOBODY[2]),
        ],
    ).routes,
    "http://localhost",
    bodies=(*BODIES, *MAINTENANCE_BODIES),
)


class Waterworks(AgencySystem):
    """The agency's system, which registers services."""

    @classmethod
    async def at(cls, sitthi: Served, agency: str = "waterworks", scope: str = "agency.services") -> Waterworks:
        system = await cls.registered(sitthi, agency, scopes=(scope,))
        assert isinstance(system, cls)
        return system

    async def send(self, documents: Documents, path: str = PREFIX) -> httpx2.Response:
        return await self.post(path, {**ACT, "files": dict(documents.files)})

    async def put(self, path: str, body: Any) -> httpx2.Response:
        headers = {**await self.headers(), "content-type": "application/json"}
        return await self.sitthi.http.put(path, json=body, headers=headers)

    async def until(self, state: str, path: str = FIRST) -> dict[str, Any]:
        """The version, once it is in that state."""
        while True:
            told: dict[str, Any] = (await self.get(path)).json()
            if told["state"] == state:
                return told
            assert told["state"] == "CHECKING", (await self.get(f"{path}/report")).text
            await asyncio.sleep(0.05)


@pytest.fixture
async def waterworks(sitthi: Served) -> Waterworks:
    system = await Waterworks.at(sitthi)
    far_side(sitthi.house, documents_of(), PRICE)
    return system


async def reviewer(sitthi: Served, running: int = 1) -> Officer:
    """An officer who reviews services, just signed in by passkey."""
    house = sitthi.house
    async with house.db.write() as session:
        added = await house.identity.office.officers.add(
            session,
            number(running),
            agency="dga",
            roles=["services.review"],
            name=Text(th="ผู้ตรวจ", en="A reviewer"),
            by="command line: tests",
        )
    return replace(added, sign_in=SignIn(PASSKEY, house.clock.now()))


async def published(sitthi: Served, waterworks: Waterworks, documents: Documents | None = None) -> None:
    assert (await waterworks.send(documents or documents_of())).status_code == 201
    assert (await waterworks.post(f"{FIRST}/submit", ACT)).status_code == 202
    told = await waterworks.until("IN_REVIEW")
    await sitthi.house.registered.reviews.approve(await reviewer(sitthi), UUID(told["review"]["id"]))
    await followed(sitthi)


async def followed(sitthi: Served) -> None:
    """Until this process has in its graph what is published."""
    async with sitthi.house.db.read() as session:
        wanted = await ServiceRepository(session).generation()
    while sitthi.house.registered.follower.generation < wanted:  # noqa: ASYNC110 - the job looks of its own accord
        await asyncio.sleep(0.02)


async def codes(sitthi: Served) -> dict[str, str]:
    """Of an answer that has errors: path → code; the sibling of the service is whole in any case."""
    answer = (await sitthi.post(ASK)).json()
    assert answer["data"]["programmes"]
    return {".".join(map(str, one["path"])): one["extensions"]["code"] for one in answer.get("errors", [])}


def fits(answer: httpx2.Response, path: str, method: str) -> dict[str, Any]:
    """The answer, in the shape that the description names."""
    described = DESCRIBED["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, (answer.status_code, answer.text)
    schema = described[str(answer.status_code)]["content"]["application/json"]["schema"]
    jsonschema_rs.validator_for({**schema, "components": DESCRIBED["components"]}).validate(answer.json())
    told: dict[str, Any] = answer.json()
    return told


async def test_a_service_goes_from_its_documents_to_every_citizens_graph(
    sitthi: Served, waterworks: Waterworks
) -> None:
    await published(sitthi, waterworks)
    assert (await sitthi.graph(ASK))["water"] == {"price": {"amount": {"satang": 1050}}}
    listed = await sitthi.graph("{ services(first: 50) { nodes { slug title } } }")
    assert {"slug": "waterworks", "title": "Water prices"} in listed["services"]["nodes"]
    report = (await sitthi.http.get("/services/waterworks/1.0.0/conformance")).json()
    moved = await sitthi.http.get("/open/services/waterworks/versions/1.0.0/report")
    assert (moved.status_code, moved.headers["location"]) == (308, "/services/waterworks/1.0.0/conformance")
    claims = await sitthi.house.attestor.verify(report["attestation"], typ="sitthi-conformance+jwt")
    assert (report["report"]["passed"], claims["passed"], claims["plugin"]) == (True, True, "waterworks")
    assert claims["documents"] == documents_of().digest.hex()
    assert {rule["outcome"] for rule in claims["rules"]} == {"done", "not-applicable"}


async def test_suspended_resumed_rolled_back_and_over_its_names_stay_and_say_so(
    sitthi: Served, waterworks: Waterworks
) -> None:
    await published(sitthi, waterworks)
    wider = documents_of(
        "1.1.0",
        sdl=SDL.replace("  since: Date\n", "  since: Date\n  until: Date\n"),
        examples={"price.json": {"operation": "price", "answer": {**PRICE, "until": None}}},
    )
    await waterworks.send(wider)
    await waterworks.post(f"{ONE}/versions/1.1.0/submit", ACT)
    await waterworks.until("PUBLISHED", f"{ONE}/versions/1.1.0")
    await followed(sitthi)
    assert (await sitthi.graph("{ water { price { until } } }"))["water"] == {"price": {"until": None}}
    back = await waterworks.post(f"{ONE}/rollback", WHY)
    assert (back.status_code, back.json()["version"], back.json()["state"]) == (200, "1.0.0", "PUBLISHED")
    await followed(sitthi)
    assert (await sitthi.post("{ water { price { until } } }")).json()["errors"][0]["extensions"]["code"] == (
        "GRAPHQL_VALIDATION_FAILED"
    )
    assert await codes(sitthi) == {}
    for act, code in (("suspend", "SERVICE_SUSPENDED"), ("resume", None), ("retire", "SERVICE_RETIRED")):
        assert (await waterworks.post(f"{ONE}/{act}", WHY)).status_code == 200
        await followed(sitthi)
        assert await codes(sitthi) == ({} if code is None else {"water.price": code})
    listed = await sitthi.graph("{ services(first: 50) { nodes { slug } } }")
    assert {"slug": "waterworks"} not in listed["services"]["nodes"]
    told = await sitthi.graph(
        '{ __type(name: "Query") { fields(includeDeprecated: true) { name isDeprecated deprecationReason } } }'
    )
    [water] = [one for one in told["__type"]["fields"] if one["name"] == "water"]
    assert water["isDeprecated"]


async def test_sending_the_same_files_again_is_the_same_version(sitthi: Served, waterworks: Waterworks) -> None:
    first = await waterworks.put(FIRST, {**ACT, "files": dict(documents_of().files)})
    again = await waterworks.put(FIRST, {**ACT, "files": dict(documents_of().files)})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.headers["location"] == FIRST


async def test_every_fault_names_its_file_line_and_remedy(waterworks: Waterworks) -> None:
    bad = documents_of(
        contact={"email": "x"},
        sdl=SDL.replace("  since: Date", "  since: Profile"),
        endpoint={"url": "https://10.0.0.1", "keys": [{"kty": "oct", "kid": "1"}]},
    )
    answer = await waterworks.send(bad)
    assert code_of(answer) == (422, "MANIFEST_INVALID")
    [fault] = answer.json()["errors"][0]["extensions"]["faults"]
    line = bad.files["manifest.json"].splitlines()[fault["line"] - 1]
    assert (fault["rule"], fault["file"], '"email"' in line) == ("MANIFEST_FIELD", "manifest.json", True)
    good_contact = documents_of(
        sdl=SDL.replace("  since: Date", "  since: Profile"),
        endpoint={"url": "https://10.0.0.1", "keys": [{"kty": "oct", "kid": "1"}]},
    )
    answer = await waterworks.send(good_contact)
    assert code_of(answer) == (422, "PLUGIN_REFUSED")
    faults = answer.json()["errors"][0]["extensions"]["faults"]
    assert {(one["rule"], one["file"]) for one in faults} == {
        ("UNKNOWN_TYPE", "graph.graphql"),
        ("ENDPOINT", "manifest.json"),
    }
    assert all(one["line"] and one["remedy"] for one in faults)


async def test_another_agency_sees_nothing_of_it_and_changes_nothing(sitthi: Served, waterworks: Waterworks) -> None:
    await waterworks.send(documents_of())
    other = await Waterworks.at(sitthi, "riverworks")
    assert (await other.get(PREFIX)).json() == {"services": []}
    for path in (ONE, FIRST, f"{FIRST}/report", f"{ONE}/events"):
        assert code_of(await other.get(path)) == (404, "NOT_FOUND")
    for act in ("check", "submit", "withdraw", "publish"):
        assert code_of(await other.post(f"{FIRST}/{act}", ACT)) == (404, "NOT_FOUND")
    for act in ("suspend", "resume", "retire", "rollback"):
        refused = code_of(await other.post(f"{ONE}/{act}", WHY))
        assert refused in {(404, "NOT_FOUND"), (409, "NOTHING_TO_ROLL_BACK_TO")}
    assert code_of(await sitthi.http.get("/services/waterworks/1.0.0/conformance")) == (404, "NOT_FOUND")
    assert (await waterworks.get(FIRST)).json()["state"] == "DRAFT"


async def test_who_has_no_token_for_it_is_let_in_to_nothing(sitthi: Served) -> None:
    facts = await Waterworks.at(sitthi, scope="agency.facts")
    assert code_of(await facts.get(PREFIX)) == (403, "SCOPE_MISSING")
    assert code_of(await facts.send(documents_of())) == (403, "SCOPE_MISSING")
    services = await Waterworks.at(sitthi)
    assert code_of(await services.get("/agency/v1/purposes")) == (403, "SCOPE_MISSING")
    for headers in ({}, {"authorization": f"Bearer {await sitthi.token('elder')}"}):
        assert (await sitthi.http.get(PREFIX, headers=headers)).status_code == 401


OUT_OF_FORM: Final[list[tuple[str, Any, tuple[int, str]]]] = [
    (PREFIX, {}, (400, "BAD_INPUT")),
    (PREFIX, {**ACT, "files": {}}, (400, "BAD_INPUT")),
    (PREFIX, {**ACT, "files": {"manifest.json": 1}}, (400, "BAD_INPUT")),
    (PREFIX, {**ACT, "files": {"manifest.json": "{}"}, "more": 1}, (400, "BAD_INPUT")),
    (PREFIX, {**ACT, "files": {str(n): "" for n in range(FILES_MAX + 1)}}, (400, "BAD_INPUT")),
    (PREFIX, {**ACT, "files": {"manifest.json": "{}"}}, (422, "MANIFEST_INVALID")),
    (PREFIX, {**ACT, "files": {"manifest.json": "[" * 100_000}}, (422, "MANIFEST_INVALID")),
    (PREFIX, {**ACT, "files": {"manifest.json": '{"slug": "x", "slug": "y"}'}}, (422, "MANIFEST_INVALID")),
    (PREFIX, {**ACT, "files": {"../manifest.json": "{}"}}, (422, "MANIFEST_INVALID")),
    (PREFIX, {"agent": {"kind": "OFFICER", "id": "0" * 32}, "files": documents_of().files}, (403, "AGENT_UNKNOWN")),
    (f"{FIRST}/submit", {"agent": {"kind": "OFFICER", "id": "0" * 32}}, (403, "AGENT_UNKNOWN")),
    (f"{FIRST}/publish", {}, (400, "BAD_INPUT")),
    (f"{FIRST}/publish", ACT, (404, "NOT_FOUND")),
    (f"{ONE}/suspend", ACT, (400, "BAD_INPUT")),
    (f"{ONE}/suspend", {**ACT, "reason": "1103700012340 ตาย"}, (400, "BAD_INPUT")),
    (f"{ONE}/rollback", {**WHY, "version": "newest"}, (400, "BAD_INPUT")),
    (f"{ONE}/rollback", {**WHY, "version": "1.0.0"}, (404, "NOT_FOUND")),
]


async def test_what_is_out_of_form_is_refused(waterworks: Waterworks) -> None:
    for path, body, expected in OUT_OF_FORM:
        assert code_of(await waterworks.post(path, body)) == expected, (path, body)
    assert (await waterworks.get(PREFIX)).json() == {"services": []}


async def test_a_version_is_sent_to_its_own_address_alone(waterworks: Waterworks) -> None:
    for path in (f"{ONE}/versions/1.0.1", f"{PREFIX}/otherworks/versions/1.0.0"):
        answer = await waterworks.put(path, {**ACT, "files": dict(documents_of().files)})
        assert code_of(answer) == (400, "BAD_INPUT")


async def test_what_a_reviewer_refuses_comes_back_with_place_and_remedy(sitthi: Served, waterworks: Waterworks) -> None:
    await waterworks.send(documents_of())
    await waterworks.post(f"{FIRST}/submit", ACT)
    told = await waterworks.until("IN_REVIEW")
    assert [part["part"] for part in told["review"]["parts"]] == ["FIRST"]
    officer, review = await reviewer(sitthi), UUID(told["review"]["id"])
    reviews = sitthi.house.registered.reviews
    assert [one.id for one in await reviews.waiting(officer)] == [review]
    with pytest.raises(RemedyMissing):
        await reviews.refuse(officer, review, "ชื่อไม่ชัดเจน", "manifest.json:12", " ")
    await reviews.refuse(officer, review, "ชื่อไม่ชัดเจน", "manifest.json:12", "ใช้ชื่อเต็มของหน่วยงาน")
    told = (await waterworks.get(FIRST)).json()
    assert (told["state"], told["review"]["outcome"]) == ("DRAFT", "REFUSED")
    assert (told["review"]["place"], told["review"]["remedy"]) == ("manifest.json:12", "ใช้ชื่อเต็มของหน่วยงาน")


async def test_nobody_reviews_what_they_sent_and_only_reviewers_do(sitthi: Served, waterworks: Waterworks) -> None:
    officers, reviews = sitthi.house.identity.office.officers, sitthi.house.registered.reviews
    own = await Waterworks.at(sitthi, "dga")
    maker, checker = await reviewer(sitthi), await reviewer(sitthi, 2)
    documents = documents_of(agency={"slug": "dga", "title": {"th": "สำนักงาน", "en": "Office"}})
    act = {"agent": {"kind": "OFFICER", "id": maker.person.hex}}
    await own.post(PREFIX, {**act, "files": dict(documents.files)})
    await own.post(f"{FIRST}/submit", act)
    review = UUID((await own.until("IN_REVIEW"))["review"]["id"])
    with pytest.raises(MakerIsChecker):
        await reviews.approve(maker, review)
    with pytest.raises(MakerIsChecker):
        await reviews.refuse(maker, review, "ชื่อไม่ชัดเจน", "manifest.json:12", "ใช้ชื่อเต็มของหน่วยงาน")
    with pytest.raises(StepUpRequired):
        await reviews.approve(replace(checker, sign_in=SignIn(THAID, sitthi.clock.now())), review)
    async with sitthi.house.db.write() as session:
        clerk = await officers.add(
            session, number(3), agency="dga", roles=["desk.look"],
            name=Text(th="ก", en="A"), by="tests",
        )  # fmt: skip
    with pytest.raises(RoleMissing):
        await reviews.approve(replace(clerk, sign_in=checker.sign_in), review)
    assert (await reviews.approve(checker, review)).state == "PUBLISHED"


async def test_the_trail_says_who_did_what(sitthi: Served, waterworks: Waterworks) -> None:
    await published(sitthi, waterworks)
    await waterworks.post(f"{ONE}/suspend", WHY)
    events = (await waterworks.get(f"{ONE}/events")).json()["events"]
    assert [one["act"] for one in events] == ["REGISTER", "CHECK", "PASS", "SUBMIT", "APPROVE", "SUSPEND"]
    assert [one["agency"] for one in events] == ["waterworks", "waterworks", "", "waterworks", "dga", "waterworks"]
    assert events[-1]["reason"] == WHY["reason"]
    assert events[-1]["by"] == f"{waterworks.client}:registrar"


async def test_the_trail_comes_in_pages_from_the_latest_on(sitthi: Served, waterworks: Waterworks) -> None:
    await waterworks.send(documents_of())
    async with sitthi.house.db.write() as session:
        [row] = await ServiceRepository(session).events(Name("waterworks", "waterworks"), before=None, limit=2)
        for number_of_act in range(EVENTS):
            told = {**row.model_dump(), "id": new_id(), "reason": f"{number_of_act}"}
            session.add(ServiceEvent(**told))
    path = f"{PREFIX}/{{slug}}/events"
    latest = fits(await waterworks.get(f"{ONE}/events"), path, "get")
    assert [one["reason"] for one in latest["events"]] == [f"{n}" for n in range(EVENTS)]
    first = fits(await waterworks.get(latest["next"]), path, "get")
    assert ([one["act"] for one in first["events"]], first["next"]) == (["REGISTER"], None)
    exact = fits(await waterworks.get(f"{ONE}/events?first={EVENTS + 1}"), path, "get")
    assert (len(exact["events"]), exact["next"]) == (EVENTS + 1, None)
    reasons: list[str] = []
    following: str | None = f"{ONE}/events?first=40"
    while following is not None:
        page = fits(await waterworks.get(following), path, "get")
        reasons, following = [one["reason"] for one in page["events"]] + reasons, page["next"]
    assert reasons == ["", *(f"{n}" for n in range(EVENTS))]
    for query in ("first=0", f"first={EVENTS_MAX + 1}", "first=x", "after=x", "after=%00"):
        refused = await waterworks.get(f"{ONE}/events?{query}")
        fits(refused, path, "get")
        assert code_of(refused) == (400, "BAD_REQUEST"), query
    assert "next" in DESCRIBED["components"]["schemas"]["EventsAnswer"]["required"]


async def test_the_description_is_served_and_every_answer_has_the_shape_it_names(
    sitthi: Served, waterworks: Waterworks
) -> None:
    told = (await sitthi.http.get(f"{PREFIX}/openapi.json")).json()
    assert told["openapi"].startswith("3.1.")
    assert set(told["paths"]) == set(DESCRIBED["paths"])
    for name, schema in told["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name
    version = f"{PREFIX}/{{slug}}/versions/{{version}}"
    fits(await waterworks.send(documents_of()), PREFIX, "post")
    fits(await waterworks.put(FIRST, {**ACT, "files": dict(documents_of().files)}), version, "put")
    fits(await waterworks.post(PREFIX, {}), PREFIX, "post")
    fits(await waterworks.post(f"{FIRST}/submit", ACT), f"{version}/submit", "post")
    await waterworks.until("IN_REVIEW")
    fits(await waterworks.get(FIRST), version, "get")
    fits(await waterworks.get(f"{FIRST}/report"), f"{version}/report", "get")
    fits(await waterworks.post(f"{FIRST}/publish", ACT), f"{version}/publish", "post")
    fits(await waterworks.post(f"{FIRST}/withdraw", ACT), f"{version}/withdraw", "post")
    fits(await waterworks.get(PREFIX), PREFIX, "get")
    fits(await waterworks.get(ONE), f"{PREFIX}/{{slug}}", "get")
    fits(await waterworks.get(f"{ONE}/events"), f"{PREFIX}/{{slug}}/events", "get")
    for act in ("suspend", "resume", "retire", "rollback"):
        fits(await waterworks.post(f"{ONE}/{act}", WHY), f"{PREFIX}/{{slug}}/{act}", "post")


async def test_the_commands_say_what_they_did_and_every_fault_with_its_place(
    sitthi: Served, waterworks: Waterworks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {**waterworks.holder.private_jwk, "kid": waterworks.holder.kid, "alg": waterworks.holder.algorithm}
    line = AgencyLine(sitthi.house.settings.issuer, waterworks.client, key, sitthi.http, sitthi.clock)
    loop = asyncio.get_running_loop()

    def here(made: Any) -> Any:
        """The command's work in this loop, where the application is; the command itself is in a thread."""
        return asyncio.run_coroutine_threadsafe(made, loop).result()

    async def sitthi_plugin(*words: str, ok: bool = True) -> str:
        given = ["--client", waterworks.client, "--key", str(key_file), "--system", "desk"]
        given = given if words[0] != "status" else given[:-2]
        done = await asyncio.to_thread(CliRunner().invoke, plugin.app, [*words, *given])
        assert (done.exit_code == 0) is ok, done.output
        return done.output

    key_file = tmp_path / "key.json"
    key_file.write_text(json.dumps(key))
    monkeypatch.setattr(AgencyLine, "reading", lambda *_: line)
    monkeypatch.setattr("api.commands.agency_options.asyncio.run", here)
    bad = documents_of(sdl=SDL.replace("  since: Date", "  since: Profile"))
    refused = await sitthi_plugin("register", written(bad, tmp_path / "bad"), ok=False)
    assert "graph.graphql:11: UNKNOWN_TYPE: `Profile` cannot stand here" in refused
    assert refused.splitlines()[-1] == (
        "Nothing was changed: the documents have one fault. Mend them and send again (PLUGIN_REFUSED)."
    )
    assert "waterworks 1.0.0\tDRAFT" in await sitthi_plugin("register", written(documents_of(), tmp_path / "good"))
    submitted = await sitthi_plugin("submit", "waterworks", "1.0.0")
    why = "waits for a reviewer since 2026-11-16 10:00+07:00, because\n"
    assert "waterworks 1.0.0\tIN_REVIEW" in submitted
    assert f"{why}    manifest.json:3: FIRST: it was never published\n" in submitted
    assert "(SERVICE_STATE_CONFLICT)" in await sitthi_plugin("publish", "waterworks", "1.0.0", ok=False)
    status = await sitthi_plugin("status")
    assert status.startswith("waterworks\tnot published\n  1.0.0\tIN_REVIEW\n    review ")
    assert status.endswith(f"{why}      manifest.json:3: FIRST: it was never published\n")
    told = (await waterworks.get(FIRST)).json()
    await sitthi.house.registered.reviews.approve(await reviewer(sitthi), UUID(told["review"]["id"]))
    for command, state in (("suspend", "SUSPENDED"), ("resume", "PUBLISHED"), ("retire", "RETIRED")):
        assert state in await sitthi_plugin(command, "waterworks", "--reason", REASON)
    shown = await sitthi_plugin("status", "waterworks", "1.0.0")
    assert "check of 2026-11-16 10:00+07:00: passed" in shown
    assert "APPROVED 2026-11-16 10:00+07:00" in shown
    assert "because" not in shown
    assert "5 to 500 characters" in await sitthi_plugin("suspend", "waterworks", "--reason", "no", ok=False)
    nothing = await sitthi_plugin("rollback", "waterworks", "--reason", REASON, ok=False)
    assert "(NOTHING_TO_ROLL_BACK_TO)" in nothing
