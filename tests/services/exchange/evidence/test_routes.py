"""The public catalogue over HTTP and in the graph: whole, the same in both, described, and of nobody."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from services.exchange.catalogue import load_catalogue
from services.exchange.evidence.broker import EvidenceBroker
from services.exchange.evidence.directory import DataDirectory, Provision
from services.exchange.evidence.loader import load_requirements
from services.exchange.evidence.published import PublishedCatalogue
from services.exchange.evidence.routes import KEPT_SECONDS, catalogue_router
from services.sandbox.population.personas import PERSONAS
from tests.support.app import Served

PREFIX = "/catalogue/v1"
PATHS = ("/attributes", "/attributes/birth_date", "/requirements", "/requirements/of-age", "/purposes")


async def told(sitthi: Served, path: str) -> Any:
    answer = await sitthi.http.get(f"{PREFIX}{path}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


async def test_every_attribute_is_told_with_its_purposes_and_who_holds_it(sitthi: Served) -> None:
    listed = (await told(sitthi, "/attributes"))["attributes"]
    assert [one["id"] for one in listed] == list(load_catalogue().attributes)
    birth = await told(sitthi, "/attributes/birth_date")
    assert birth in listed
    assert birth["steward"]["slug"] == "dopa"
    assert {"welfare-check", "sign-in", "payment"} <= set(birth["purposes"])
    assert {"of-age", "born"} <= set(birth["proves"])
    [provider] = birth["providers"]
    assert (provider["service"], provider["operation"], provider["availability"]) == ("dopa", "person", "AVAILABLE")
    assert birth["pattern"] == "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


async def test_an_attribute_is_told_for_no_purpose_that_does_not_cover_it(sitthi: Served) -> None:
    catalogue = load_catalogue()
    for one in (await told(sitthi, "/attributes"))["attributes"]:
        attribute = catalogue.attributes[one["id"]]
        lawful = [p.purpose.id for p in catalogue.purposes.values() if p.covers(attribute)]
        assert one["purposes"] == ([] if attribute.is_tie else lawful)
        assert one["askable"] is not attribute.is_tie


async def test_requirements_are_told_with_evidence_and_providers(sitthi: Served) -> None:
    listed = {one["id"]: one for one in (await told(sitthi, "/requirements"))["requirements"]}
    assert list(listed) == list(load_requirements().requirements)
    card = listed["valid-disability-card"]
    assert card == await told(sitthi, "/requirements/valid-disability-card")
    assert card["usedBy"] == ["programme:disability-allowance"]
    [[evidence]] = card["evidenceTypeLists"]
    assert evidence["replaces"] == ["disability_card"]
    assert [p["agency"]["slug"] for p in evidence["providers"]] == ["dep"]
    assert listed["health-care-right"]["provable"]
    assert listed["no-student-loan-debt"]["provable"]
    assert not listed["insurance-licence"]["provable"]
    assert listed["in-need"]["provable"], "by a welfare card, if not by one's own word"


async def test_purposes_are_told_with_what_they_cover(sitthi: Served) -> None:
    purposes = {one["id"]: one for one in (await told(sitthi, "/purposes"))["purposes"]}
    assert purposes["payment"]["basis"] == "PUBLIC_TASK"
    assert "children" not in purposes["delegation"]["attributes"]
    assert purposes["student-loan-screening"]["requester"]["slug"] == "slf"


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json"])
async def test_who_has_the_answer_already_is_told_so(sitthi: Served, path: str) -> None:
    first = await sitthi.http.get(f"{PREFIX}{path}")
    tag = first.headers["etag"]
    for named in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = await sitthi.http.get(f"{PREFIX}{path}", headers={"if-none-match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await sitthi.http.get(f"{PREFIX}{path}", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)
    assert first.headers["cache-control"] == "public, no-cache"


@pytest.mark.parametrize("path", ["/attributes/shoe_size", "/requirements/of-good-cheer", "/attributes/" + "a" * 60])
async def test_what_is_not_there_is_not_found(sitthi: Served, path: str) -> None:
    answer = await sitthi.http.get(f"{PREFIX}{path}")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] in {"NOT_FOUND", "UNKNOWN_REQUIREMENT"}


async def test_answers_are_as_the_openapi_document_describes_them(sitthi: Served) -> None:
    document = await told(sitthi, "/openapi.json")
    assert document["openapi"] == "3.1.0"
    described = {path.removeprefix(PREFIX): one["get"] for path, one in document["paths"].items()}
    assert set(described) == {"/attributes", "/attributes/{id}", "/requirements", "/requirements/{id}", "/purposes"}
    for path in PATHS:
        route = path.replace("/birth_date", "/{id}").replace("/of-age", "/{id}")
        schema = described[route]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for({**schema, "components": document["components"]}).validate(await told(sitthi, path))
        assert "304" in described[route]["responses"]


async def test_whether_a_provider_answers_is_told_a_second_later() -> None:
    answers, now = [True], [0.0]

    def provisions() -> list[Provision]:
        return [Provision("dopa", "dopa", "person", frozenset({"birth_date"}), answers=answers[0])]

    catalogue = load_catalogue()
    broker = EvidenceBroker(load_requirements(), DataDirectory(catalogue, provisions))
    app = FastAPI()
    app.include_router(catalogue_router(PublishedCatalogue(catalogue, broker), "http://here", lambda: now[0]))
    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://here") as http:

        async def availability() -> str:
            [provider] = (await http.get(f"{PREFIX}/attributes/birth_date")).json()["providers"]
            return str(provider["availability"])

        assert await availability() == "AVAILABLE"
        answers[0], now[0] = False, KEPT_SECONDS - 0.01
        assert await availability() == "AVAILABLE"
        now[0] = KEPT_SECONDS
        assert await availability() == "INTERRUPTED"


async def test_the_catalogue_is_of_nobody(sitthi: Served) -> None:
    for path in PATHS:
        text = (await sitthi.http.get(f"{PREFIX}{path}")).text
        assert not any(persona.national_id in text for persona in PERSONAS)


GRAPH = """{
  attributes(ids: ["birth_date", "annual_income", "birth_date"]) {
    id title description type subject steward { slug } range { minimum maximum } purposes proves synonyms planned since
    providers { agency { slug } service operation availability freshnessSeconds }
  }
  requirements(ids: ["person-of-little-means"]) {
    id title open kind provable usedBy evidence { id title attributes replaces provable providers { attribute } }
  }
  purposes { id title basis askers subjects attributes requester { slug } }
}"""


async def test_the_graph_tells_the_same_to_everybody(sitthi: Served) -> None:
    data = await sitthi.graph(GRAPH, language="th")
    assert [one["id"] for one in data["attributes"]] == ["birth_date", "annual_income"]
    birth, income = data["attributes"]
    over_http = await told(sitthi, "/attributes/birth_date")
    assert birth["purposes"] == over_http["purposes"]
    assert birth["type"] == "DATE"
    assert income["range"] == {"minimum": "0", "maximum": "100000000000000"}
    assert birth["title"] == over_http["title"]["th"]
    [means] = data["requirements"]
    assert [[e["id"] for e in way] for way in means["evidence"]] == [
        ["welfare-card-record"], ["income-assessment", "asset-statement"],
    ]  # fmt: skip
    assert {p["id"] for p in data["purposes"]} == set(load_catalogue().purposes)


async def test_the_graph_names_what_is_not_there(sitthi: Served) -> None:
    answer = await sitthi.http.post("/graphql", json={"query": '{ attributes(ids: ["shoe_size"]) { id } }'})
    body = answer.json()
    assert body["data"] == {"attributes": None}
    assert body["errors"][0]["extensions"]["code"] == "UNKNOWN_ATTRIBUTE"
    answer = await sitthi.http.post("/graphql", json={"query": '{ requirements(ids: ["x"]) { id } }'})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNKNOWN_REQUIREMENT"
