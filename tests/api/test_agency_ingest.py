"""An agency's system sends records to its own service over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx2
import jsonschema_rs
import pytest

from core.ids import NationalId
from services.plugins.records.routes import BODY_BYTES_MAX, PLACES
from services.plugins.registry.routes import PREFIX
from services.plugins.standing import Standing
from tests.api.test_agency_services import DESCRIBED, fits
from tests.services.plugins.records.register import Register, manifest_of, ndjson, policies
from tests.support.agency import AgencySystem, code_of
from tests.support.app import Served

POLICIES: Final = Path(__file__).parents[1] / "support" / "plugins" / "policies"
PATH: Final = "/agency/v1/services/register/ingest/policies"


DESCRIPTION: Final = f"{PREFIX}/{{slug}}/ingest/{{operation}}"


@pytest.fixture
def register(sitthi: Served) -> Register:
    register = Register()
    sitthi.house.registry.add(register.plugin())
    return register


async def system(sitthi: Served, agency: str = "register", scope: str = "agency.ingest") -> AgencySystem:
    return await AgencySystem.registered(sitthi, agency, scopes=(scope,))


async def send(agency: AgencySystem, body: Any, path: str = PATH, **changed: str | None) -> httpx2.Response:
    given = {
        **await agency.headers(),
        "content-type": "application/x-ndjson",
        "idempotency-key": "sending-0001",
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    headers = {name: value for name, value in given.items() if value is not None}
    return await agency.sitthi.http.post(path, content=body, headers=headers)


async def test_records_reach_the_plugin_and_each_line_that_does_not_says_why(
    sitthi: Served, register: Register
) -> None:
    agency = await system(sitthi)
    first = await send(agency, policies(1, 91) + b"{\n")
    assert first.status_code == 200, first.text
    assert first.json() == {
        "taken": 1,
        "rejected": [
            {
                "line": 2,
                "code": "POLICY_UNKNOWN",
                "path": "/policy",
                "keyword": None,
                "computed": None,
                "other": None,
                "message": {"th": "ไม่พบกรมธรรม์", "en": "There is no such policy."},
            },
            {
                "line": 3,
                "code": "RECORD_UNREADABLE",
                "path": None,
                "keyword": None,
                "computed": None,
                "other": None,
                "message": {"th": "บรรทัดนี้ไม่ใช่ JSON ที่ใช้ได้", "en": "The line is not plain JSON."},
            },
        ],
    }
    assert (await send(agency, policies(1, 91) + b"{\n")).json() == first.json()
    assert code_of(await send(agency, policies(2))) == (409, "IDEMPOTENCY_CONFLICT")
    assert register.kept == ["P-1"]


async def test_an_interrupted_sending_says_how_far_it_came_and_goes_on(sitthi: Served, register: Register) -> None:
    agency = await system(sitthi)
    register.lost = [TimeoutError()]
    broken = await send(agency, policies(1, 2, 3))
    assert code_of(broken) == (503, "INGEST_INTERRUPTED")
    told = broken.json()["errors"][0]["extensions"]
    assert (told["settled"], told["uncertain"], told["taken"], told["rejected"]) == (0, 2, 0, [])
    assert broken.headers["retry-after"] == "10"
    assert (await send(agency, policies(1, 2, 3))).json() == {"taken": 3, "rejected": []}
    assert register.kept == ["P-1", "P-2", "P-3"]


async def test_more_than_a_question_may_hold_is_taken_and_too_much_is_not(sitthi: Served, register: Register) -> None:
    agency = await system(sitthi)

    async def parts(size: int) -> AsyncIterator[bytes]:
        yield policies(1)
        for _ in range(size // 50_000):
            yield b" " * 49_999 + b"\n"

    assert (await send(agency, parts(1_000_000))).json() == {"taken": 1, "rejected": []}
    too_much = await send(agency, parts(BODY_BYTES_MAX), idempotency_key="sending-0002")
    assert code_of(too_much) == (413, "BODY_TOO_LARGE")
    assert register.kept == ["P-1"]


async def test_more_sendings_at_once_than_are_held_are_sent_away_and_no_agency_takes_anothers_place(
    sitthi: Served, register: Register
) -> None:
    goes_on, inside, others = asyncio.Event(), asyncio.Semaphore(0), [Register() for _ in range(3)]
    agencies, paths = [await system(sitthi)], [PATH]
    for number, other in enumerate(others):
        sitthi.house.registry.add(other.plugin(manifest_of(f"register-{number}")))
        agencies.append(await system(sitthi, f"register-{number}"))
        paths.append(PATH.replace("register", f"register-{number}"))

    async def hold() -> None:
        inside.release()
        await goes_on.wait()

    async def another(whose: int, number: int) -> httpx2.Response:
        return await send(agencies[whose], policies(number), paths[whose], idempotency_key=f"sending-{number:04}")

    held = list[asyncio.Task[httpx2.Response]]()
    for one in (register, *others):
        one.gate = hold
    for whose, number in ((0, 1), (0, 2), (1, 3), (2, 4)):
        held.append(asyncio.create_task(another(whose, number)))
        await inside.acquire()
        if number == 2:  # it sends as much as it may: the places that are left are for others
            assert code_of(await another(0, 99)) == (503, "SERVICE_UNAVAILABLE")
    assert len(held) == PLACES
    assert code_of(await another(3, 5)) == (503, "SERVICE_UNAVAILABLE")
    goes_on.set()
    assert [(await one).status_code for one in held] == [200] * PLACES
    assert (await another(0, 98)).status_code == 200
    assert (await another(3, 5)).status_code == 200


async def test_nobody_else_sends_to_it(sitthi: Served, register: Register) -> None:
    other = await system(sitthi, "lake")
    assert code_of(await send(other, policies(1))) == (404, "NOT_FOUND")
    registrar = await system(sitthi, scope="agency.services")
    assert code_of(await send(registrar, policies(1))) == (403, "SCOPE_MISSING")
    own = await system(sitthi)
    assert code_of(await own.get("/agency/v1/services")) == (403, "SCOPE_MISSING")
    for authorization in (None, f"Bearer {await sitthi.token('elder')}"):
        assert (await send(own, policies(1), authorization=authorization)).status_code == 401
    assert register.calls == []


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"idempotency_key": None}, (400, "BAD_INPUT")),
        ({"idempotency_key": "short"}, (400, "BAD_INPUT")),
        ({"content_type": "application/json"}, (415, "NDJSON_WANTED")),
        ({"content_type": None}, (415, "NDJSON_WANTED")),
        ({"path": PATH.replace("policies", "other")}, (404, "NOT_FOUND")),
        ({"body": b"\n"}, (400, "BAD_INPUT")),
    ],
)
async def test_what_is_out_of_form_is_refused_before_anybody_is_asked(
    sitthi: Served, register: Register, changed: dict[str, Any], refused: tuple[int, str]
) -> None:
    given = {"body": policies(1), **changed}
    assert code_of(await send(await system(sitthi), given.pop("body"), **given)) == refused
    assert register.calls == []


async def test_a_register_of_our_tree_keeps_what_it_is_sent_in_tables_of_its_own(sitthi: Served) -> None:
    plugin = sitthi.house.registry.load(POLICIES)
    agency = await system(sitthi, "policies")
    path, until = "/agency/v1/services/policies/ingest/arrivals", "2027-01-01"
    body = ndjson(*({"number": f"P-{n}", "holder": f"000000000000{n}", "until": until} for n in (1, 1, 9)))
    assert (await send(agency, body, path)).json() == {"taken": 3, "rejected": []}
    told = await sitthi.house.runner.run(plugin, "mine", asker="citizen", person=NationalId("0000000000001"))
    assert told == [{"number": "P-1", "until": date(2027, 1, 1)}]


async def test_every_answer_has_the_shape_that_the_description_names(sitthi: Served, register: Register) -> None:
    agency, other = await system(sitthi), await system(sitthi, "lake")
    register.lost = [TimeoutError()]
    served = (await sitthi.http.get(f"{PREFIX}/openapi.json")).json()
    assert served["paths"][DESCRIPTION] == json.loads(json.dumps(DESCRIBED["paths"][DESCRIPTION]))
    flow = served["components"]["securitySchemes"]["agency"]["flows"]["clientCredentials"]
    assert flow["scopes"].keys() == {"agency.services", "agency.ingest"}
    answers = {
        503: await send(agency, policies(1, 2, 3)),
        200: await send(agency, policies(1, 2, 3)),
        409: await send(agency, policies(4)),
        400: await send(agency, policies(4), idempotency_key="short"),
        401: await send(agency, policies(4), authorization=None),
        403: await send(await system(sitthi, scope="agency.services"), policies(4)),
        404: await send(other, policies(4)),
        413: await send(agency, b" " * (BODY_BYTES_MAX + 1), idempotency_key="sending-0002"),
        415: await send(agency, policies(4), content_type=None),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        fits(answer, DESCRIPTION, "post")
    rejected = fits(await send(agency, policies(5, 91) + b"{\n", idempotency_key="sending-0003"), DESCRIPTION, "post")
    assert len(rejected["rejected"]) == 2
    named = {"$ref": "#/components/schemas/InterruptedAnswer", "components": DESCRIBED["components"]}
    jsonschema_rs.validator_for(named).validate(answers[503].json())


@pytest.mark.sqlite_only  # a suspended service is refused before anything is looked at
@pytest.mark.parametrize(("standing", "status"), [(Standing.SUSPENDED, 503), (Standing.RETIRED, 410)])
async def test_a_service_that_is_not_open_says_so_in_the_shape_that_is_described(
    sitthi: Served, register: Register, standing: Standing, status: int
) -> None:
    plugin = sitthi.house.registry.get("register")
    assert plugin is not None
    object.__setattr__(plugin, "standing", standing)
    answer = await send(await system(sitthi), policies(1))
    assert answer.status_code == status
    fits(answer, DESCRIPTION, "post")


def test_the_description_says_what_to_send_and_its_examples_are_right() -> None:
    described = DESCRIBED["paths"][DESCRIPTION]["post"]
    assert described["security"] == [{"agency": ["agency.ingest"]}]
    [key, agent] = [one for one in described["parameters"] if one["in"] == "header"]
    assert (agent["name"], agent["required"]) == ("AgentID", False), "of juristic persons alone"
    assert re.fullmatch(agent["schema"]["pattern"], agent["example"])
    assert (key["name"], key["required"]) == ("Idempotency-Key", True)
    assert re.fullmatch(key["schema"]["pattern"], key["example"])
    assert {one["name"] for one in described["parameters"] if one["in"] == "path"} == {"slug", "operation"}
    [(kind, body)] = described["requestBody"]["content"].items()
    assert kind == "application/x-ndjson"
    assert [json.loads(line)["policy"] for line in body["example"].splitlines()] == ["P-1", "P-2"]
    seen = 0
    for status, answer in described["responses"].items():
        content = answer["content"]["application/json"]
        validator = jsonschema_rs.validator_for({**content["schema"], "components": DESCRIBED["components"]})
        for example in content.get("examples", {}).values():
            validator.validate(example["value"])
            seen += 1
        assert status == "200" or "Error" in json.dumps(content["schema"])
    assert seen == 5


async def test_a_format_that_is_declared_is_taken_another_is_not_and_a_hostile_file_is_refused_whole(
    sitthi: Served,
) -> None:
    xml = {"root": "Policies", "namespace": "urn:p", "each": "Policy", "fields": {"policy": "Number"}}
    register = Register()
    sitthi.house.registry.add(register.plugin(manifest_of(formats={"xml": xml})))
    agency = await system(sitthi)
    body = b'<Policies xmlns="urn:p">\n<Policy><Number>P-1</Number></Policy>\n<Policy><Number>x</Number></Policy>'
    body += b"</Policies>"
    assert code_of(await send(agency, b"number\nP-1\n", content_type="text/csv")) == (415, "NDJSON_WANTED")
    hostile = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body.replace(b">x<", b">&x;<")
    refused = await send(agency, hostile, content_type="application/xml")
    assert code_of(refused) == (422, "RECORDS_UNREADABLE")
    fits(refused, DESCRIPTION, "post")
    assert register.calls == []
    told = (await send(agency, body, content_type="application/xml; charset=utf-8")).json()
    assert (told["taken"], [(one["line"], one["path"]) for one in told["rejected"]]) == (1, [(3, "/policy")])
    assert register.kept == ["P-1"]
