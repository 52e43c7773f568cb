"""Whatever is consumed is in the catalogue, and whatever is in it somebody provides, or there is a reason why not."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import AskerRole, Kind, RegisteredPurpose, load_catalogue
from services.exchange.catalogue.model import BIRTH_DATE, CHILDREN
from services.exchange.evidence.loader import load_requirements
from services.exchange.facts import Basis
from services.plugins.contract import Manifest, read_manifest
from services.plugins.registry.form_walk import FormWalk, Property
from tests.welfare.programmes.case_files import PROGRAMMES
from welfare.programmes import Programme

ROOT: Final = Path(__file__).parents[3]
CATALOGUE: Final = load_catalogue()
MANIFESTS: Final = sorted((ROOT / "services/agencies").glob("*/manifest.toml"))

NOT_PROVIDED: Final = {
    "household_income": "the exchange sums it over the household",
    "household_size": "the exchange counts it",
    "lives_with_applicant": "the exchange looks for the child in the household",
    "without_support": "only the citizen can say so",
    "insurance_licence": "planned: no source of the register of intermediaries is connected",
}


def manifest(path: Path) -> Manifest:
    form = path.parent / "form.json"
    schema: Any = json.loads(form.read_text("utf-8")) if form.is_file() else None
    return read_manifest(path.read_text("utf-8"), plugin=path.parent.name, form=schema)


def consumed() -> Iterator[tuple[str, str]]:
    """Who names an attribute, and which."""
    for programme in PROGRAMMES:
        for version in (*programme.versions, *programme.proposed):
            yield from ((programme.slug, name.removeprefix("child.")) for name in version.needs)
    for path in MANIFESTS:
        found = manifest(path)
        yield from ((found.slug, name) for name in found.provides)
        yield from ((found.slug, need.attribute) for need in found.needs)
        for one in FormWalk(found.form or {}).all():
            if isinstance(one, Property) and one.first("x-attribute") is not None:
                yield found.slug, str(one.first("x-attribute"))
    for purpose in CATALOGUE.purposes.values():
        yield from ((purpose.purpose.id, name) for name in purpose.attributes or ())
    for kind in load_requirements().evidence_types.values():
        yield from ((kind.id, name) for name in kind.attributes)
    yield from _of_the_graph()


def _of_the_graph() -> Iterator[tuple[str, str]]:
    """What resolvers load: `self._fact(info, "name")`."""
    for path in (ROOT / "services/exchange/graph").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="_fact"), args=[_, ast.Constant(value=str(name))]):
                    yield path.name, name


def test_the_graph_is_read_for_what_it_loads() -> None:
    assert {"name", "birth_date", "address"} <= {name for _, name in _of_the_graph()}


@pytest.mark.parametrize(("who", "name"), sorted(set(consumed())), ids=str)
def test_whatever_is_consumed_is_in_the_catalogue(who: str, name: str) -> None:
    assert name in CATALOGUE.attributes, f"{who} names what the catalogue does not know"


def read_by(programmes: Iterable[Programme]) -> set[str]:
    versions = [one for programme in programmes for one in (*programme.versions, *programme.proposed)]
    return {name.removeprefix("child.") for version in versions for name in version.needs}


def test_a_look_at_ones_rights_reads_what_is_put_to_everyone_and_nothing_beyond() -> None:
    read = read_by(PROGRAMMES.put_to_everyone())
    assert CATALOGUE.purposes["welfare-check"].attributes == frozenset(read | {BIRTH_DATE, CHILDREN, "name"})
    assert {"highest_degree", "vehicle_owned", "aids_certified", "without_support", "address"}.isdisjoint(read)


def test_decisions_read_what_the_programmes_read_and_nothing_beyond() -> None:
    read = read_by(PROGRAMMES)
    assert CATALOGUE.purposes["welfare-decision"].attributes == frozenset(read | {BIRTH_DATE, CHILDREN})
    assert {"highest_degree", "vehicle_owned", "address"}.isdisjoint(read)


@pytest.mark.parametrize("one", CATALOGUE.purposes.values(), ids=lambda one: one.purpose.id)
def test_a_purpose_that_names_no_attributes_is_ones_own_or_leaves_them_to_agreements(one: RegisteredPurpose) -> None:
    own = one.purpose.basis is Basis.OWN_DATA and not one.bulk
    assert one.attributes is not None or own or one.askers <= {AskerRole.AGENCY, AskerRole.SERVICE}


@pytest.mark.parametrize("terms", CATALOGUE.standing, ids=lambda one: one.id)
def test_no_standing_agreement_names_what_none_of_its_purposes_covers(terms: Terms) -> None:
    covering = [CATALOGUE.purposes[name] for name in terms.purposes]
    idle = {name for name in terms.attributes if not any(p.covers(CATALOGUE.attribute(name)) for p in covering)}
    assert idle == set()


@pytest.mark.parametrize("name", CATALOGUE.attributes)
def test_whatever_is_in_the_catalogue_somebody_provides(name: str) -> None:
    providers = [found.slug for path in MANIFESTS for found in [manifest(path)] if name in found.provides]
    attribute = CATALOGUE.attributes[name]
    if name in NOT_PROVIDED:
        assert providers == [], "it is provided now: take it off the list"
        assert attribute.derived is not None or attribute.about.planned is not None or attribute.steward == "citizen"
    else:
        assert len(providers) == 1, "nobody provides it: connect its steward, or say that it is planned, and why"


def test_nobody_is_on_the_list_who_is_not_in_the_catalogue() -> None:
    assert set(NOT_PROVIDED) <= set(CATALOGUE.attributes)


@pytest.mark.parametrize("attribute", CATALOGUE.attributes.values(), ids=lambda one: one.id)
def test_every_attribute_may_lawfully_be_asked_for_by_somebody(attribute: Any) -> None:
    lawful = [purpose for purpose in CATALOGUE.purposes.values() if purpose.covers(attribute)]
    assert lawful


@pytest.mark.parametrize("attribute", CATALOGUE.attributes.values(), ids=lambda one: one.id)
def test_every_attribute_is_described_in_both_languages(attribute: Any) -> None:
    about = attribute.about
    assert re.search(r"[\u0e01-\u0e2e]", about.description.th)
    assert not re.search(r"[\u0e01-\u0e2e]", about.description.en)
    assert len(about.description.en) > 10
    assert about.since is not None
    assert (about.unit is not None) == (attribute.type.kind in (Kind.INT, Kind.MONEY))
