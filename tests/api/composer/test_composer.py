"""The graph of our rooms, here a small one, with plugins in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, cast

import pytest
import strawberry
from graphql import validate_schema

from api.composer import compose, host_names
from core.clock import FixedClock
from core.errors import NotAllowed, NotSignedIn, ServiceUnavailable
from core.graph import global_id
from core.money import Money
from core.text import Language
from services.exchange.facts import AskerKind
from services.plugins.contract import AgencyError, PluginRefused, Rule
from services.plugins.registry.graph_check import check_graph
from services.plugins.runner import AgencyDeclined
from tests.support.plugins import AGENCIES, LIBRARY
from tests.support.plugins.small_graph import DEGREE, HOME, ME, PID, POLICY, World, both, small_base


@pytest.fixture(scope="module")
def base() -> strawberry.Schema:
    return small_base()


@pytest.fixture
def world(base: strawberry.Schema, clock: FixedClock) -> World:
    return World(base, clock)


async def test_two_agencies_answer_beside_the_hosts_own_fields(world: World) -> None:
    data, errors = await world.ask(both(world, [POLICY], [DEGREE]), HOME)
    assert errors == []
    assert data == {
        "viewer": {
            "profile": {"name": "ตัวอย่าง"},
            "insurance": {
                "policies": [
                    {
                        "number": "1",
                        "covered": True,
                        "end": "2027-01-01T09:30:00+00:00",
                        "status": "ACTIVE",
                        "__typename": "InsurancePolicy",
                    }
                ]
            },
            "transcripts": {
                "degrees": [{"title": "ก", "awardedOn": "2024-05-31", "gpax": 3.5, "level": "MASTER", "courses": []}]
            },
        }
    }


async def test_one_agency_down_leaves_the_rest_whole_with_the_error_at_its_path(world: World) -> None:
    data, errors = await world.ask(both(world, RuntimeError("down"), [DEGREE]), HOME)
    assert data["viewer"]["insurance"] == {"policies": None}
    assert len(data["viewer"]["transcripts"]["degrees"]) == 1
    assert data["viewer"]["profile"] == {"name": "ตัวอย่าง"}
    (error,) = errors
    assert error.path == ["viewer", "insurance", "policies"]
    assert isinstance(error.original_error, ServiceUnavailable)
    assert error.original_error.code == "SERVICE_UNAVAILABLE"


async def test_an_answer_that_is_not_as_the_sdl_says_is_an_agency_down(world: World) -> None:
    data, errors = await world.ask(both(world, [POLICY | {"covered": "yes"}], []), HOME)
    assert data["viewer"]["insurance"] == {"policies": None}
    assert [getattr(error.original_error, "reason", None) for error in errors] == ["ANSWER_MALFORMED"]


async def test_a_declared_error_keeps_its_words(world: World) -> None:
    schema = compose(world.base, [world.plugin(LIBRARY, loans=AgencyError("CARD_BLOCKED"))], world.runner)
    _, errors = await world.ask(schema, "{ viewer { library { loans { id } } } }")
    declined = errors[0].original_error
    assert isinstance(declined, AgencyDeclined)
    assert declined.message(Language.TH).startswith("บัตรสมาชิก")


async def test_every_look_at_a_citizens_records_goes_through_the_gate(world: World) -> None:
    await world.ask(both(world, [], []), HOME)
    assert [(subject, what, agency) for subject, what, agency, _ in world.gate.looks] == [
        (ME, "oic:policies", "oic"),
        (ME, "mhesi:degrees", "mhesi"),
    ]
    assert {(asker.kind, asker.id, asker.agency) for *_, asker in world.gate.looks} == {
        (AskerKind.CITIZEN, ME.hex, None)
    }
    assert len({asker.request for *_, asker in world.gate.looks}) == 1
    assert [call.person for call in world.calls] == [PID, PID]


async def test_what_the_gate_refuses_no_agency_is_asked(world: World) -> None:
    world.gate.refuses = NotAllowed()
    data, errors = await world.ask(both(world, [POLICY], []), "{ viewer { insurance { policies { number } } } }")
    assert data == {"viewer": {"insurance": {"policies": None}}}
    assert isinstance(errors[0].original_error, NotAllowed)
    assert world.calls == []


async def test_a_namespace_that_is_only_named_asks_nobody(world: World) -> None:
    data, errors = await world.ask(both(world, [], []), "{ viewer { insurance { __typename } } }")
    assert (data, errors) == ({"viewer": {"insurance": {"__typename": "Insurance"}}}, [])
    assert (world.calls, world.gate.looks) == ([], [])


@pytest.mark.parametrize(("signed_in", "error"), [(True, NotAllowed), (False, NotSignedIn)])
async def test_nobody_sees_anothers_records(world: World, signed_in: bool, error: type[Exception]) -> None:
    world.signed_in = signed_in
    query = "{ someoneElse { insurance { policies { number } } } }"
    data, errors = await world.ask(both(world, [POLICY], []), query)
    assert data == {"someoneElse": {"insurance": {"policies": None}}}
    assert isinstance(errors[0].original_error, error)
    assert world.calls == []


async def test_one_question_under_two_aliases_is_one_look_and_one_call(world: World) -> None:
    query = """{ viewer {
      a: insurance { policies { number } b: policies { plate } }
      c: insurance { policies(covered: true) { number } }
    } }"""
    data, errors = await world.ask(both(world, [POLICY], []), query)
    assert errors == []
    assert data["viewer"]["a"] == {"policies": [{"number": "1"}], "b": [{"plate": "1กข 1234"}]}
    assert sorted(str(call.arguments) for call in world.calls) == ["{'covered': True}", "{}"]
    assert len(world.gate.looks) == 2


async def test_one_question_that_fails_fails_at_each_alias(world: World) -> None:
    query = "{ viewer { insurance { a: policies { number } b: policies { number } } } }"
    data, errors = await world.ask(both(world, RuntimeError("down"), []), query)
    assert data == {"viewer": {"insurance": {"a": None, "b": None}}}
    assert sorted(error.path or [] for error in errors) == [["viewer", "insurance", "a"], ["viewer", "insurance", "b"]]
    assert len(world.calls) == 1


async def test_the_same_question_later_is_asked_anew_even_on_one_connection(world: World) -> None:
    schema, connection = both(world, [POLICY], []), world.context()
    for _ in range(2):
        result = await schema.execute("{ viewer { insurance { policies { number } } } }", context_value=connection)
        assert not result.errors
    assert len(world.calls) == 2
    assert connection.memo == {}


async def test_arguments_reach_the_operation_as_the_sdl_types_them(world: World) -> None:
    schema = compose(world.base, [world.plugin(LIBRARY, loans=[], searchShelves=[])], world.runner)
    query = """query($due: Date!, $q: LibraryQuery!) {
      viewer { library { loans(state: OUT, dueBefore: $due) { id } } }
      library { searchShelves(query: $q) { title } }
    }"""
    data, errors = await world.ask(schema, query, due="2026-12-01", q={"words": "เสือ"})
    assert errors == []
    assert data == {"viewer": {"library": {"loans": []}}, "library": {"searchShelves": []}}
    assert {call.operation: call.arguments for call in world.calls} == {
        "loans": {"state": "OUT", "dueBefore": date(2026, 12, 1)},
        "searchShelves": {"query": {"words": "เสือ", "first": 10}},
    }


async def test_a_public_operation_needs_nobody_and_leaves_no_trace_of_anybody(world: World) -> None:
    world.signed_in = False
    schema = compose(world.base, [world.plugin(LIBRARY, searchShelves=[{"title": "t", "rating": 4}])], world.runner)
    data, errors = await world.ask(schema, '{ library { searchShelves(query: {words: "a"}) { title rating } } }')
    assert (data, errors) == ({"library": {"searchShelves": [{"title": "t", "rating": 4.0}]}}, [])
    assert world.gate.looks == []
    assert [call.person for call in world.calls] == [None]


async def test_money_dates_and_instants_are_written_as_the_host_writes_them(world: World) -> None:
    loan = {
        "id": 1, "title": "t", "due": "2026-11-20", "borrowedAt": "2026-11-01T09:00:00+07:00", "state": "OUT",
        "fine": Money(3_000_000_000), "copies": [{"prices": [{"satang": 1, "currency": "THB"}]}, None],
    }  # fmt: skip
    schema = compose(world.base, [world.plugin(LIBRARY, loans=[loan])], world.runner)
    fields = "id due borrowedAt fine { satang currency } copies { prices { satang } }"
    data, errors = await world.ask(schema, f"{{ viewer {{ library {{ loans {{ {fields} }} }} }} }}")
    assert errors == []
    assert data["viewer"]["library"]["loans"] == [
        {
            "id": "1",
            "due": "2026-11-20",
            "borrowedAt": "2026-11-01T09:00:00+07:00",
            "fine": {"satang": 3_000_000_000, "currency": "THB"},
            "copies": [{"prices": [{"satang": 1}]}, None],
        }
    ]


async def test_node_finds_a_citizen_with_its_plugins(world: World) -> None:
    query = "query($id: ID!) { node(id: $id) { id ... on Citizen { insurance { policies { number } } } } }"
    key = global_id("Citizen", ME)
    data, errors = await world.ask(both(world, [POLICY], []), query, id=key)
    assert errors == []
    assert data == {"node": {"id": key, "insurance": {"policies": [{"number": "1"}]}}}


async def test_the_hosts_enums_are_read_and_written_as_before(world: World) -> None:
    query = "query($after: Season) { seasons(after: $after) default: seasons viewer { profile { season } } }"
    expected = {"seasons": ["HOT"], "default": ["RAINY"], "viewer": {"profile": {"season": "RAINY"}}}
    for schema in (world.base, both(world, [], [])):
        assert await world.ask(schema, query, after="RAINY") == (expected, [])


def test_the_base_schema_stays_as_it_was(world: World) -> None:
    before = world.base.as_str()
    composed = both(world, [], [])
    assert world.base.as_str() == before
    assert composed is not world.base
    assert cast("Any", world.base)._schema._strawberry_schema is world.base
    assert cast("Any", composed)._schema._strawberry_schema is composed


def test_the_composed_schema_is_valid_and_prints_with_the_plugins_types(world: World) -> None:
    composed = both(world, [], [])
    assert validate_schema(cast("Any", composed)._schema) == []
    printed = composed.as_str()
    assert "insurance: Insurance" in printed
    assert "type TranscriptDegree {" in printed
    assert "profile: Profile" in printed


def test_composing_is_the_same_whatever_the_order(world: World) -> None:
    plugins = [world.plugin(AGENCIES / slug) for slug in ("oic", "mhesi")]
    one, other = (compose(world.base, order, world.runner) for order in (plugins, plugins[::-1]))
    assert one.as_str() == other.as_str()


def test_no_plugins_at_all_is_the_base_alone(world: World) -> None:
    assert compose(world.base, [], world.runner).as_str() == world.base.as_str()


def test_the_host_names_hold_what_is_ours_and_not_what_is_shared(base: strawberry.Schema) -> None:
    names = host_names(base)
    assert {"Citizen", "Profile", "Node", "Satang"} <= names.types
    assert not names.types & {"Money", "Date", "String"}
    assert "profile" in names.citizen
    assert "viewer" in names.query


def test_the_registry_refuses_the_real_hosts_names(world: World, tmp_path: Any) -> None:
    manifest = world.plugin(LIBRARY).manifest
    with pytest.raises(PluginRefused) as caught:
        check_graph(
            "extend type Citizen { profile: Library } type Library { loans: Int }", manifest, host_names(world.base)
        )
    assert Rule.OWNERSHIP in caught.value.rules


def test_the_composer_does_not_take_the_registrys_word_for_it(world: World) -> None:
    """A plugin checked against another host, or twice under two slugs, is refused by name all the same."""
    library = world.plugin(LIBRARY)
    twin = replace(library, manifest=library.manifest.model_copy(update={"slug": "twin"}))
    with pytest.raises(PluginRefused) as caught:
        compose(world.base, [library, twin], world.runner)
    assert (caught.value.plugin, set(caught.value.rules)) == ("twin", {Rule.OWNERSHIP})
    composed_host = compose(world.base, [library], world.runner)
    with pytest.raises(PluginRefused):
        compose(composed_host, [library], world.runner)
