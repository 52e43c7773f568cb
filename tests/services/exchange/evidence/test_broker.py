"""Requirements resolve to evidence, evidence to facts, facts to who holds them; bad data is refused by line."""

from __future__ import annotations

from importlib.resources import files

import pytest

from core.strict_yaml import FileError
from services.exchange.catalogue import load_catalogue
from services.exchange.errors import UnknownAttribute
from services.exchange.evidence.broker import EvidenceBroker
from services.exchange.evidence.directory import Availability, DataDirectory, Provision
from services.exchange.evidence.loader import build_requirements, load_requirements
from services.exchange.evidence.model import UnknownRequirement

TEXT = files("services.exchange.evidence").joinpath("data", "requirements.yaml").read_text("utf-8")
DOPA = Provision("dopa", "dopa", "person", frozenset({"birth_date", "deceased"}))
RD = Provision("rd", "rd", "income", frozenset({"annual_income"}))
CGD = Provision("cgd", "cgd", "means", frozenset({"financial_assets"}), answers=False)
HOUSE = Provision("dopa", "dopa", "household", frozenset({"household_members"}))


def broker(*provisions: Provision) -> EvidenceBroker:
    used = {"of-age": ["programme:old-age-allowance", "programme:child-support-grant"]}
    return EvidenceBroker(load_requirements(), DataDirectory(load_catalogue(), lambda: provisions), lambda: used)


def test_a_requirement_resolves_to_evidence_facts_and_who_holds_them() -> None:
    resolved = broker(DOPA).resolve("of-age")
    [[offer]] = resolved.ways
    [provider] = offer.providers
    assert (offer.evidence.id, provider.attribute) == ("birth-record", "birth_date")
    assert (provider.agency, provider.service, provider.operation) == ("dopa", "dopa", "person")
    assert provider.availability is Availability.AVAILABLE
    assert resolved.provable


def test_any_one_way_proves_a_requirement() -> None:
    little_means = broker(RD, CGD).resolve("person-of-little-means")
    card, means = little_means.ways
    assert [offer.provable for offer in card] == [False]
    assert [offer.provable for offer in means] == [True, True]
    assert little_means.provable


def test_one_missing_fact_of_a_way_makes_it_none() -> None:
    assert not broker(RD).resolve("person-of-little-means").provable


def test_who_is_left_alone_for_a_moment_is_interrupted_and_still_the_one_who_knows() -> None:
    [provider] = broker(CGD).directory.providers("financial_assets")
    assert provider.availability is Availability.INTERRUPTED


def test_a_derived_fact_is_held_by_those_who_hold_what_it_is_made_of() -> None:
    providers = broker(RD, HOUSE).directory.providers("household_income")
    assert [(p.attribute, p.agency) for p in providers] == [("household_members", "dopa"), ("annual_income", "rd")]


def test_what_is_planned_differs_from_what_nobody_connected() -> None:
    directory = broker().directory
    assert directory.providers("insurance_licence")[0].availability is Availability.PLANNED
    assert directory.providers("birth_date")[0].availability is Availability.NOT_CONNECTED
    assert directory.providers("birth_date")[0].service is None


def test_the_directory_names_no_ties_between_people() -> None:
    assert {"children", "household_members"}.isdisjoint(broker(HOUSE).directory.all())


def test_who_requires_what_is_told_in_order() -> None:
    assert broker().used_by("of-age") == ("programme:child-support-grant", "programme:old-age-allowance")
    assert broker().used_by("alive") == ()


def test_what_is_unknown_is_refused_by_name() -> None:
    with pytest.raises(UnknownRequirement):
        broker().resolve("of-good-cheer")
    with pytest.raises(UnknownRequirement):
        load_requirements().attributes("of-good-cheer")
    with pytest.raises(UnknownAttribute):
        broker().directory.providers("shoe_size")


def test_every_attribute_that_may_be_asked_for_is_evidence_of_something() -> None:
    proved = {name for kind in load_requirements().evidence_types.values() for name in kind.attributes}
    assert {a.id for a in load_catalogue().attributes.values() if not a.is_tie} == proved


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("attributes: [birth_date]", "attributes: [birthday]", "no attribute `birthday`"),
        ("attributes: [birth_date]", "attributes: [children]", "no attribute `children` to ask for"),
        ("attributes: [birth_date]", "attributes: []", "at least 1 item"),
        ("replaces: [birth_certificate]", "replaces: [library_card]", "replaces no document"),
        ("evidence: [[birth-record]]", "evidence: [[birth-recrod]]", "no evidence type `birth-recrod`"),
        ("evidence: [[birth-record]]", "evidence: [[]]", "empty list"),
        ("evidence: [[birth-record]]", "evidence: []", "at least 1 item"),
        ("evidence: [[birth-record]]", "evidence: [[birth-record, birth-record]]", "twice"),
        ("evidence: [[address-record]]", "evidence: [[name-record]]", "`address-record` proves nothing"),
        ("of-age: {kind: CRITERION", "of-age: {kind: WISH", "kind"),
        ("of-age: {kind", "OfAge: {kind", "OfAge"),
        ("alive: {kind", "of-age: {kind", "given twice"),
        ("of-age: {kind: CRITERION", "of-age: {colour: red, kind: CRITERION", "colour"),
        ("{th: อายุและวันที่นับ, ", "{", "th"),
    ],
)
def test_a_mistake_is_refused_with_its_line_and_a_remedy(old: str, new: str, problem: str) -> None:
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    with pytest.raises(FileError, match=problem) as caught:
        build_requirements(text, load_catalogue(), _documents())
    assert caught.value.file == "requirements.yaml"
    assert caught.value.line > 1


def _documents() -> set[str]:
    return {name for kind in load_requirements().evidence_types.values() for name in kind.replaces}
