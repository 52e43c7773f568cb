"""`/agency/v1/openapi.json` describes what is: what fits it is read, what does not is refused, every answer is of the
shape it names, and nothing that anybody sends is our own fault."""

from __future__ import annotations

import copy
import json
from typing import Any, Final
from uuid import uuid4

import httpx2
import jsonschema_rs
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from services.exchange.catalogue import load_catalogue
from services.exchange.rest.openapi import document_of
from services.exchange.rest.routes import OPENAPI_PATH, agency_router
from services.sandbox.population.personas import PERSONAS
from tests.support.agency import BATCH, FACTS, SERVICE, AgencySystem, consents, named
from tests.support.app import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRIES: Final = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class _Nobody:
    async def caller(self) -> None:
        """Lets nobody in: the description needs no door."""


ROUTES: Final = agency_router(_Nobody(), None, None, "http://localhost").routes  # type: ignore[arg-type]
DESCRIBED: Final = document_of(ROUTES, "http://localhost")
SCHEMA: Final = schemathesis.openapi.from_dict(copy.deepcopy(DESCRIBED))
VALIDATORS: Final = {
    path: jsonschema_rs.validator_for(
        {"$ref": f"#/components/schemas/{model}", "components": DESCRIBED["components"]}, validate_formats=True
    )
    for path, model in ((FACTS, "FactsRequest"), (BATCH, "BatchRequest"))
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def system(house: Served) -> AgencySystem:
    return await AgencySystem.registered(house, "dopa")


def fits(answer: httpx2.Response, path: str, method: str = "post") -> dict[str, Any]:
    """The answer, which is one that the description names, in the shape that it names."""
    described = DESCRIBED["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, (answer.status_code, answer.text)
    schema = described[str(answer.status_code)]["content"]["application/json"]["schema"]
    jsonschema_rs.validator_for({**schema, "components": DESCRIBED["components"]}).validate(answer.json())
    told: dict[str, Any] = answer.json()
    return told


async def test_the_description_is_served_to_everybody_and_names_this_server(house: Served) -> None:
    answer = await house.http.get(OPENAPI_PATH)
    told = answer.json()
    assert told["openapi"].startswith("3.1.")
    assert told["servers"] == [{"url": house.house.settings.issuer}]
    assert set(told["paths"]) == {FACTS, BATCH, "/agency/v1/agreements", "/agency/v1/purposes"}
    flows = told["components"]["securitySchemes"]["agency"]["flows"]
    assert flows["clientCredentials"]["tokenUrl"] == f"{house.house.settings.issuer}/oauth/token"


async def test_the_schemas_are_json_schemas() -> None:
    for name, schema in DESCRIBED["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


async def test_answers_have_the_shape_that_is_described(house: Served) -> None:
    await consents(house, "graduate")
    slf = await AgencySystem.registered(house)
    fits(await slf.ask("graduate", "name", "birth_date", "nationality", "annual_income"), FACTS)
    fits(await slf.ask("elder", "name"), FACTS)
    fits(await slf.ask_all([named("graduate"), {"nationalId": "1"}], "name"), BATCH)
    refused = await slf.ask("1", "name")
    assert fits(refused, FACTS)["errors"][0]["extensions"]["code"] == "PERSON_MALFORMED"
    fits(await house.http.post(FACTS, json={}), FACTS)
    for path in ("/agency/v1/agreements", "/agency/v1/purposes"):
        assert fits(await slf.get(path), path, "get")


async def test_an_agency_is_told_what_it_may_ask_and_under_which_agreements(house: Served) -> None:
    slf = await AgencySystem.registered(house)
    agreements = fits(await slf.get("/agency/v1/agreements"), "/agency/v1/agreements", "get")["agreements"]
    assert {one["requester"] for one in agreements} == {"slf"}
    assert {one["steward"] for one in agreements} == {"dopa", "mhesi", "rd"}
    purposes = fits(await slf.get("/agency/v1/purposes"), "/agency/v1/purposes", "get")["purposes"]
    [screening] = [one for one in purposes if one["basis"] == "CONSENT"]
    assert set(screening["attributes"]) == {"name", "birth_date", "nationality", "annual_income"}
    dopa = await AgencySystem.registered(house, "dopa")
    given_away = fits(await dopa.get("/agency/v1/agreements"), "/agency/v1/agreements", "get")["agreements"]
    assert {"slf", "dla"} <= {one["requester"] for one in given_away}, "a steward sees who may ask for its facts"
    purposes = fits(await dopa.get("/agency/v1/purposes"), "/agency/v1/purposes", "get")["purposes"]
    assert "welfare-decision" not in {one["id"] for one in purposes}
    [own] = [one for one in purposes if one["id"] == SERVICE]
    assert (own["boundKey"], own["boundKeyIfSensitive"]) == (False, True)
    assert "nationality" in own["attributes"]
    assert "annual_income" not in own["attributes"]
    assert "children" not in own["attributes"], "ties between people are told to nobody"


def cases(mode: GenerationMode) -> st.SearchStrategy[tuple[str, Any]]:
    """A path, and a body for it."""
    return st.one_of(
        *(st.tuples(st.just(path), SCHEMA[path]["POST"].as_strategy(mode)) for path in (FACTS, BATCH))
    ).map(lambda case: (case[0], case[1].body))


def is_json(body: Any) -> bool:
    """Whether it can be sent as such: the strategies make bytes and halves of characters too."""
    try:
        return bool(json.dumps(body, allow_nan=False).encode())
    except (TypeError, ValueError):
        return False


@TRIES
@given(cases(GenerationMode.POSITIVE))
async def test_whatever_fits_the_description_is_read(system: AgencySystem, case: tuple[str, Any]) -> None:
    path, body = case
    answer = await system.post(path, body)
    fits(answer, path)
    assert answer.status_code in {403, 422}, "it is read, and names nobody, or nothing that there is"


@TRIES
@given(cases(GenerationMode.NEGATIVE))
async def test_whatever_does_not_fit_the_description_is_refused(system: AgencySystem, case: tuple[str, Any]) -> None:
    path, body = case
    assume(is_json(body) and not VALIDATORS[path].is_valid(body))
    answer = await system.post(path, body)
    assert answer.status_code == 400, (body, answer.text)
    fits(answer, path)


ATTRIBUTES: Final = sorted(load_catalogue().attributes)
PURPOSES: Final = sorted(load_catalogue().purposes)
PEOPLE: Final = st.one_of(
    st.sampled_from([{"nationalId": one.national_id} for one in PERSONAS]),
    st.text(min_size=1, max_size=64).map(lambda text: {"nationalId": text}),
    st.text(alphabet="abcXYZ019-_", min_size=43, max_size=43).map(lambda text: {"reference": text}),
)
GOOD: Final = st.fixed_dictionaries(
    {
        "requestId": st.uuids().map(str),
        "purpose": st.sampled_from(PURPOSES),
        "attributes": st.lists(st.sampled_from(ATTRIBUTES), min_size=1, max_size=6, unique=True),
        "agent": st.just({"kind": "SYSTEM", "id": "fuzz"}),
        "people": st.lists(PEOPLE, min_size=1, max_size=5),
    }
)


@TRIES
@given(GOOD)
async def test_whatever_is_asked_each_person_has_an_outcome(system: AgencySystem, body: dict[str, Any]) -> None:
    answer = await system.post(BATCH, {**body, "requestId": str(uuid4())})
    told = fits(answer, BATCH)
    if answer.status_code == 200:
        assert len(told["answers"]) == len(body["people"])
        for one in told["answers"]:
            if "facts" in one:
                assert [fact["attribute"] for fact in one["facts"]["facts"]] == body["attributes"]
