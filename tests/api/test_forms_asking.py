"""Of every programme and service: nothing that is asked is known, nothing that is needed is not asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.forms import CITIZEN, AllForms
from core.clock import BANGKOK, FixedClock
from core.graph import global_id
from core.money import Money
from services.apply.forms import About, FieldKind, Form, Forms, Told
from services.exchange.catalogue import Attribute, Catalogue, Subject
from services.exchange.facts import Fact, FactState
from services.know.entries import service_id
from tests.services.apply.delivery.office import FORM as STALL
from tests.services.apply.delivery.office import SLUG, WORDS, Office
from tests.support.app import Served
from tests.welfare.entitlements.drawing import AT, ON, catalogue, programmes, strategy
from welfare.entitlements.assessment import assess
from welfare.programmes import Channel, ForEach, Programme

CLOCK = FixedClock(datetime(ON.year, ON.month, ON.day, 12, tzinfo=BANGKOK))
HERE = [one for one in programmes() if one.channel is Channel.HERE and one.version_on(ON) is not None]
SERVICE = str(global_id("Service", service_id(f"service:{SLUG}")))
PROPERTIES: Mapping[str, Any] = STALL["properties"]  # type: ignore[assignment]  # a form, as JSON has it
ASK = """query F($service: ID!, $answers: JSON) { form(service: $service, answers: $answers) {
  asked version problems { path message } fields { path kind state applies required waits schema } } }"""


def asking(names: frozenset[str]) -> Catalogue:
    """The catalogue, but as if only the citizen knew these."""

    def steward(attribute: Attribute) -> Attribute:
        return replace(attribute, steward=CITIZEN) if attribute.id in names else attribute

    return replace(catalogue(), attributes={name: steward(a) for name, a in catalogue().attributes.items()})


def plain(value: Any) -> Any:
    if isinstance(value, Money):
        return {"satang": value.satang, "currency": value.currency}
    return value.isoformat() if isinstance(value, date) else value


class Case:
    """A programme in a world: what only the citizen knows there, and what the state does."""

    def __init__(self, programme: Programme, catalogue: Catalogue, told: Told) -> None:
        self.programme, self.catalogue, self.told = programme, catalogue, told
        self.forms = AllForms(catalogue, programmes(), lambda: (), CLOCK)
        form = self.forms.of_subject(f"programme:{programme.slug}")
        assert form is not None
        self.form: Form = form

    def missing(self, answers: Mapping[str, Any]) -> frozenset[str]:
        """What the law itself still needs, by the assessment that decides."""
        facts: dict[About, dict[str, Fact]] = {About.APPLICANT: {}, About.BENEFICIARY: {}}
        for (about, name), fact in self.told.items():
            facts[about][name] = fact
        for one in self.form.fields:
            if one.path in answers and one.attribute is not None:
                value = self.catalogue.attribute(one.attribute).type.accept(answers[one.path])
                facts[one.about][one.attribute] = Fact(one.attribute, value, CITIZEN, AT, FactState.FRESH)
        of_child = self.programme.for_each is ForEach.CHILD
        own = facts[About.APPLICANT if of_child else About.BENEFICIARY]
        found = assess(
            self.catalogue, self.programme, ON, UUID(int=1), own, facts[About.BENEFICIARY] if of_child else None
        )
        assert found is not None
        return frozenset(one.attribute for one in found.missing)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    programme = draw(st.sampled_from(HERE))
    needs = programme.needs_on(ON)
    about = {name: catalogue().attribute(name.removeprefix("child.")) for name in needs}
    single = [name for name, attribute in about.items() if attribute.subject is not Subject.HOUSEHOLD]
    chosen = frozenset(name.removeprefix("child.") for name in draw(st.sets(st.sampled_from(single), max_size=4)))
    chosen |= {attribute.id for attribute in about.values() if attribute.steward == CITIZEN}
    told = {}
    for name in needs:
        attribute = name.removeprefix("child.")
        if name in single and attribute not in chosen and draw(st.integers(0, 3)):
            of_applicant = programme.for_each is ForEach.CHILD and not name.startswith("child.")
            whose = About.APPLICANT if of_applicant else About.BENEFICIARY
            told[whose, attribute] = Fact(attribute, draw(strategy(name)), "dopa", AT, FactState.FRESH)
    return Case(programme, asking(chosen), told)


@given(st.data())
def test_a_programme_asks_only_what_nobody_knows_and_all_that_it_needs(data: st.DataObject) -> None:
    case = data.draw(cases())
    asked = {one.path for one in case.form.fields if one.kind is FieldKind.ASKED}
    known = {one.path for one in case.form.fields if (one.about, one.attribute or "") in case.told}
    assert not asked & known
    answers: dict[str, Any] = {}
    while True:
        standing = case.forms.standing(case.form, case.told, answers)
        applies = {path for path, one in standing.questions.items() if one.applies}
        assert applies <= asked
        assert applies - answers.keys() == case.missing(answers) & asked, "what the law needs, and no more"
        left = sorted(applies - answers.keys())
        if not left:
            break
        answers[left[0]] = plain(data.draw(strategy(left[0])))
    assert not case.missing(answers) & asked
    assert [flaw for flaw in case.form.rules.flaws(answers) if not flaw.missing] == []
    if answers:
        spoilt = data.draw(st.sampled_from(sorted(answers)))
        assert [one.place for one in case.form.rules.flaws({**answers, spoilt: ["x"]})] == [(spoilt,)]


def test_a_question_that_another_fact_has_answered_is_not_put() -> None:
    def about(**values: bool) -> Told:
        return {(About.BENEFICIARY, n): Fact(n, v, "x", AT, FactState.FRESH) for n, v in values.items()}

    forms = AllForms(catalogue(), programmes(), lambda: (), CLOCK)
    form = forms.of_subject("programme:aids-allowance")
    assert form is not None
    is_put = {
        "nothing known": about(),
        "no card": about(state_welfare_card=False, aids_certified=True),
        "a card": about(state_welfare_card=True),
        "refused anyway": about(state_welfare_card=False, household_registered=False),
    }
    found = {case: forms.standing(form, told, {}).questions["without_support"].applies for case, told in is_put.items()}
    assert found == {"nothing known": True, "no card": True, "a card": False, "refused anyway": False}
    assert forms.standing(form, is_put["a card"], {"without_support": True}).answers == {}


def test_a_form_has_another_version_when_it_asks_something_else() -> None:
    one = AllForms(catalogue(), programmes(), lambda: (), CLOCK).of_subject("programme:old-age-allowance")
    same = AllForms(catalogue(), programmes(), lambda: (), CLOCK).of_subject("programme:old-age-allowance")
    other = AllForms(asking(frozenset({"state_benefit"})), programmes(), lambda: (), CLOCK)
    changed = other.of_subject("programme:old-age-allowance")
    assert one is not None
    assert same is not None
    assert changed is not None
    assert one.version == same.version != changed.version


# A service's form whose questions hang on a fact and on each other, over the graph.


def office_asking(sitthi: Served) -> Office:
    """Of whom the register says Mrs., says where she sells; who sells at night, how they light it."""
    asked = {"type": "string", "x-citizen-only": WORDS}
    form = {
        **STALL,
        "properties": {
            **PROPERTIES,
            "where": {**asked, "title": "ขายที่ไหน", "maxLength": 9},
            "atNight": {"type": "boolean", "title": "ขายกลางคืน", "x-citizen-only": WORDS},
            "light": {**asked, "title": "ไฟ"},
        },
        "allOf": [
            {
                "if": {"properties": {"owner": {"properties": {"title_th": {"const": "นาง"}}}}, "required": ["owner"]},
                "then": {"required": ["where"]},
            },
            {
                "if": {"properties": {"atNight": {"const": True}}, "required": ["atNight"]},
                "then": {"required": ["light"]},
            },
        ],
    }
    office = Office(sitthi.clock)
    sitthi.house.registry.add(office.plugin(form=form))
    return office


async def asked_of(sitthi: Served, persona: str, **answers: Any) -> dict[str, Any]:
    found = await sitthi.graph(ASK, {"service": SERVICE, "answers": answers}, persona=persona)
    form: dict[str, Any] = found["form"]
    return {**form, "fields": {one["path"]: one for one in form["fields"]}}


async def test_a_question_hangs_on_a_fact_and_another_on_an_answer(sitthi: Served) -> None:
    office_asking(sitthi)
    old, young = await asked_of(sitthi, "elder"), await asked_of(sitthi, "graduate")
    assert (old["fields"]["where"]["applies"], old["fields"]["where"]["required"]) == (True, True)
    assert (young["fields"]["where"]["applies"], young["fields"]["where"]["required"]) == (False, False)
    assert old["asked"] == young["asked"] + 1
    assert young["fields"]["light"]["applies"] is False
    night = await asked_of(sitthi, "graduate", atNight=True, places=9)
    assert (night["fields"]["light"]["applies"], night["fields"]["light"]["required"]) == (True, True)
    assert [one["path"] for one in night["problems"]] == [["places"]]
    thai = await sitthi.graph(ASK, {"service": SERVICE, "answers": {"places": 9}}, persona="graduate", language="th")
    assert thai["form"]["problems"] == [{"path": ["places"], "message": "มากเกินไป"}]


async def test_while_an_agency_is_away_what_hangs_on_its_fact_may_be_answered_and_nobody_is_asked_the_fact(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    office_asking(sitthi)
    await sitthi.token("elder")
    monkeypatch.setattr(sitthi.house.gate._reader, "_sources", list)
    await sitthi.house.redis.flushall()
    fields = (await asked_of(sitthi, "elder"))["fields"]
    assert (fields["owner"]["state"], fields["owner"]["waits"], fields["owner"]["kind"]) == (
        "UNAVAILABLE",
        True,
        "KNOWN",
    )
    assert (fields["where"]["applies"], fields["where"]["required"]) == (None, False)


@pytest.mark.parametrize(
    ("persona", "answers", "path"),
    [
        ("elder", {"shopName": "ก"}, ["answers", "where"]),
        ("graduate", {"shopName": "ก", "atNight": True}, ["answers", "light"]),
        ("graduate", {"shopName": "ก", "owner": "x"}, ["answers", "owner"]),
        ("graduate", {"shopName": "ก"}, None),
        ("elder", {"shopName": "ก", "where": "ตลาด"}, None),
    ],
)
async def test_what_is_sent_is_taken_or_its_field_is_named(
    sitthi: Served, persona: str, answers: dict[str, Any], path: list[str] | None
) -> None:
    office_asking(sitthi)
    forms = sitthi.house.rooms.get(Forms)  # type: ignore[type-abstract]  # known by its protocol alone
    assert forms.of_subject(f"service:{SLUG}") is not None
    made = await sitthi.do("apply", "application { id }", persona, service=SERVICE, answers=answers)
    assert [one["path"] for one in made["problems"]] == ([] if path is None else [path])


@pytest.mark.parametrize("answers", [[], "x", {"a": "\x00"}, {"a": {"b": "x" * 70_000}}])
async def test_answers_that_are_none_get_no_form(sitthi: Served, answers: object) -> None:
    office_asking(sitthi)
    answer = (await sitthi.post(ASK, {"service": SERVICE, "answers": answers}, persona="elder")).json()
    assert answer["errors"][0]["extensions"]["code"] == "BAD_INPUT"
