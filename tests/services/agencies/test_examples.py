from __future__ import annotations

from pathlib import Path

import pytest

from services.exchange.catalogue import load_catalogue
from services.plugins.plugin import Example, Plugin
from services.plugins.registry import Registry
from services.plugins.runner import run_example
from tests.support.plugins import AGENCIES, HOST

OWNED = {a.id: a.steward for a in load_catalogue().attributes.values() if a.derived is None}


def our_plugins() -> tuple[Plugin, ...]:
    return Registry(HOST, OWNED).load_all(AGENCIES)


CASES = [(plugin, example) for plugin in our_plugins() for example in plugin.examples]


@pytest.mark.parametrize(("plugin", "example"), CASES, ids=[f"{p.slug}-{e.name}" for p, e in CASES])
async def test_the_example_holds(plugin: Plugin, example: Example) -> None:
    await run_example(plugin, example)


def test_every_fact_that_is_neither_derived_nor_planned_has_exactly_one_source_its_owner() -> None:
    given = [(attribute, p.manifest.agency.slug) for p in our_plugins() for attribute in p.manifest.provides]
    planned = {a.id for a in load_catalogue().attributes.values() if a.about.planned is not None}
    told = {a.id for a in load_catalogue().attributes.values() if a.steward == "citizen"}
    assert sorted(given) == sorted(item for item in OWNED.items() if item[0] not in planned | told)


def test_an_agency_of_ours_that_the_catalogue_knows_bears_the_same_name_there() -> None:
    agencies = load_catalogue().agencies
    named = {p.manifest.agency.slug: p.manifest.agency.title.text for p in our_plugins()}
    assert {slug: name for slug, name in named.items() if slug in agencies} == {
        slug: name for slug, name in agencies.items() if slug in named
    }


def test_a_source_belongs_to_an_agency_that_the_catalogue_knows() -> None:
    agencies = load_catalogue().agencies
    assert {p.manifest.agency.slug for p in our_plugins() if p.manifest.provides} <= set(agencies)


def test_those_that_show_a_citizen_something_are_services_and_the_pure_sources_are_not() -> None:
    services = {p.slug for p in our_plugins() if p.manifest.is_service}
    assert services == {p.slug for p in our_plugins() if p.manifest.namespace}
    assert {"oic", "mhesi"} <= services
    assert "rd" not in services


def test_each_agency_folder_holds_a_plugin() -> None:
    folders = {path.name for path in Path(AGENCIES).iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == {p.slug for p in our_plugins()}
