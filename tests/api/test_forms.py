"""Forms come filled with what the state knows, and nobody is asked for it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from core.graph import global_id
from core.text import Text
from services.apply.counting import QuestionFigures, questions
from services.apply.forms import FieldKind, Form, FormField, Forms, refuse_known
from services.know.entries import service_id
from services.plugins.contract.manifest import parse_manifest
from tests.laws.cases import PROGRAMME, person_of
from tests.support.acting import act, delegated
from tests.support.app import Served

FORM = """
query F($programme: String, $service: ID, $beneficiary: ID) {
  form(programme: $programme, service: $service, beneficiary: $beneficiary) {
    subject title asked notAsked
    fields { path title kind attribute value text source { slug title } asOf ageSeconds state note correctable schema }
  }
}
"""
KIND = st.sampled_from(FieldKind)


async def form_of(sitthi: Served, persona: str, **given_: Any) -> dict[str, Any]:
    language = given_.pop("language", "en")
    found: dict[str, Any] = (await sitthi.graph(FORM, given_, persona=persona, language=language))["form"]
    return found


def by_path(form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["path"]: one for one in form["fields"]}


def field(path: str, kind: FieldKind = FieldKind.KNOWN) -> FormField:
    return FormField(path, Text(th="ก", en="a"), kind, path)


async def test_a_programmes_form_is_filled_with_each_value_and_its_source(sitthi: Served) -> None:
    form = await form_of(sitthi, "elder", programme=PROGRAMME)
    assert (form["subject"], form["asked"]) == (f"programme:{PROGRAMME}", 0)
    assert form["notAsked"] == len(form["fields"]) > 3
    born = by_path(form)["birth_date"]
    assert (born["kind"], born["state"], born["source"]["slug"], born["correctable"]) == (
        "KNOWN",
        "FRESH",
        "dopa",
        True,
    )
    assert born["value"].count("-") == 2
    assert born["asOf"] is not None
    assert born["note"] is None
    assert born["text"].endswith(born["value"][:4])
    thai = by_path(await form_of(sitthi, "elder", programme=PROGRAMME, language="th"))["birth_date"]
    assert thai["text"].split()[-1] == str(int(born["value"][:4]) + 543)


async def test_what_no_agency_answers_is_never_a_blank_without_a_word(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sitthi.token("elder")
    monkeypatch.setattr(sitthi.house.gate._reader, "_sources", list)
    await sitthi.house.redis.flushall()
    form = await form_of(sitthi, "elder", programme=PROGRAMME)
    blank = [one for one in form["fields"] if one["text"] is None]
    assert blank
    assert all(one["note"] for one in blank)
    assert {one["state"] for one in blank if one["kind"] == "KNOWN"} == {"UNAVAILABLE"}
    assert form["asked"] == 0, "that an agency is away is no reason to ask the citizen"


async def test_a_sum_over_a_household_is_used_and_not_shown(sitthi: Served) -> None:
    form = await form_of(sitthi, "elder", programme="state-welfare-card")
    computed = [one for one in form["fields"] if one["kind"] == "COMPUTED"]
    assert computed
    for one in computed:
        assert (one["value"], one["text"], one["source"], one["state"], one["correctable"]) == (
            None, None, None, None, False,
        )  # fmt: skip
        assert "used" in one["note"]


async def test_a_childs_form_is_filled_for_the_parent_and_for_nobody_else(sitthi: Served) -> None:
    mother = "newborn-parent"
    data = await sitthi.graph("{ viewer { entitlements { programme { slug } beneficiary { id } } } }", persona=mother)
    child = next(
        one for one in data["viewer"]["entitlements"] if one["programme"]["slug"] == "child-support-grant"
    )["beneficiary"]["id"]  # fmt: skip
    form = await form_of(sitthi, mother, programme="child-support-grant", beneficiary=child)
    fields = by_path(form)
    assert fields["child.birth_date"]["state"] == "FRESH"
    assert fields["child.birth_date"]["value"] > "2025"
    for persona, beneficiary in (("elder", child), (mother, None), (mother, global_id("Person", service_id("x")))):
        asked = {"programme": "child-support-grant", "beneficiary": beneficiary}
        answer = (await sitthi.post(FORM, asked, persona=persona)).json()
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        assert answer["data"] == {"form": None}


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ({}, "BAD_INPUT"),
        ({"programme": PROGRAMME, "service": "x"}, "BAD_INPUT"),
        ({"service": "x"}, "MALFORMED_ID"),
        ({"programme": PROGRAMME, "beneficiary": "x"}, "MALFORMED_ID"),
        ({"programme": PROGRAMME, "beneficiary": str(global_id("Consent", service_id("x")))}, "MALFORMED_ID"),
    ],
)
async def test_what_asks_for_no_form_is_an_error(sitthi: Served, given_: dict[str, Any], code: str) -> None:
    answer = (await sitthi.post(FORM, given_, persona="elder")).json()
    assert answer["errors"][0]["extensions"]["code"] == code


@pytest.mark.parametrize("slug", ["no-such-thing", "", "x" * 100, "ก", "a/b"])
async def test_what_has_no_form_is_null(sitthi: Served, slug: str) -> None:
    assert await form_of(sitthi, "elder", programme=slug) is None
    assert await form_of(sitthi, "elder", service=str(global_id("Service", service_id(f"service:{slug}")))) is None


@pytest.mark.parametrize("slug", ["student-loan", "universal-coverage", "section-40-sickness", "digital-wallet"])
async def test_what_is_not_applied_for_here_has_no_form(sitthi: Served, slug: str) -> None:
    assert await form_of(sitthi, "elder", programme=slug) is None


async def test_the_form_of_the_allowance_for_the_ill_asks_what_nobody_else_can_say_unless_a_fact_has_refused_it(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = await form_of(sitthi, "elder", programme="aids-allowance")
    question = by_path(form)["without_support"]
    assert (form["asked"], question["kind"]) == (0, "ASKED"), "no physician certified it: no answer would change that"
    monkeypatch.setattr(sitthi.house.gate._reader, "_sources", list)
    await sitthi.house.redis.flushall()
    form = await form_of(sitthi, "elder", programme="aids-allowance")
    assert form["asked"] == 1, "while nobody can tell, it may matter"


async def test_a_form_is_for_whoever_is_signed_in(sitthi: Served) -> None:
    answer = (await sitthi.post(FORM, {"programme": PROGRAMME})).json()
    assert answer["errors"][0]["extensions"]["code"] == "NOT_SIGNED_IN"


async def test_a_programme_has_the_same_form_by_its_id_in_the_list_of_services(sitthi: Served) -> None:
    key = str(global_id("Service", service_id(f"programme:{PROGRAMME}")))
    assert (await form_of(sitthi, "elder", service=key))["subject"] == f"programme:{PROGRAMME}"


async def test_who_may_apply_for_the_citizen_sees_the_form_and_who_may_only_look_does_not(sitthi: Served) -> None:
    may = await act(sitthi, "worker", await delegated(sitthi, "elder", "worker", "VIEW", "APPLY"))
    assert by_path(await form_of(sitthi, may, programme=PROGRAMME))["birth_date"]["state"] == "FRESH"
    looks = await act(sitthi, "official", await delegated(sitthi, "elder", "official", "VIEW"))
    answer = (await sitthi.post(FORM, {"programme": PROGRAMME}, persona=looks)).json()
    assert answer["errors"][0]["extensions"]["code"] == "NOT_DELEGATED"


async def test_a_look_at_a_form_is_in_the_citizens_log(sitthi: Served) -> None:
    await form_of(sitthi, "elder", programme=PROGRAMME)
    data = await sitthi.graph(
        "{ viewer { accessLog(first: 1) { nodes { purpose { id } attributes { id } } } } }", persona="elder"
    )
    [entry] = data["viewer"]["accessLog"]["nodes"]
    assert entry["purpose"]["id"] == "own-view"
    assert "birth_date" in {one["id"] for one in entry["attributes"]}


# What a citizen may answer.


async def test_an_answer_to_what_the_state_knows_is_refused_and_nothing_is_applied_for(sitthi: Served) -> None:
    person = await person_of(sitthi, "elder")
    for answers in ({"birth_date": "1900-01-01"}, {"birth_date": None}, {"state_benefit": False}):
        payload = await sitthi.do("apply", "application { id }", "elder", programme=PROGRAMME, answers=answers)
        if payload["problems"][0]["code"] == "BAD_INPUT" and None in answers.values():
            assert payload["problems"][0]["path"][0] == "answers"
            continue
        [problem] = payload["problems"]
        assert (problem["code"], problem["path"]) == ("BAD_INPUT", ["answers", next(iter(answers))])
        assert "ask its owner to correct it" in problem["message"]
    data = await sitthi.graph("{ viewer { applications { nodes { id } } } }", persona="elder")
    assert data["viewer"]["applications"]["nodes"] == []
    assert person is not None


@given(st.dictionaries(st.sampled_from("abcdef"), KIND, min_size=1), st.sets(st.sampled_from("abcdefgh")))
def test_only_what_is_asked_may_be_answered(kinds: dict[str, FieldKind], answered: set[str]) -> None:
    form = Form("programme:x", Text(th="ก", en="a"), tuple(field(name, kind) for name, kind in kinds.items()))
    known = {name for name in answered if kinds.get(name, FieldKind.ASKED) is not FieldKind.ASKED}
    if known:
        with pytest.raises(BadInput) as refused:
            refuse_known(form, dict.fromkeys(answered, 1))
        assert refused.value.path[1] in known
    else:
        refuse_known(form, dict.fromkeys(answered, 1))
    assert form.not_asked + form.count(FieldKind.ASKED) == len(form.fields)


# A service's own form.


MANIFEST: dict[str, Any] = {
    "contract": 1, "slug": "shop-licence", "category": "smes",
    "agency": {"slug": "dla", "title": {"th": "กรมส่งเสริมการปกครองท้องถิ่น", "en": "Department of Local Administration"}},
    "title": {"th": "ใบอนุญาตร้านค้า", "en": "Shop licence"}, "description": {"th": "ขออนุญาต", "en": "A licence"},
    "keywords": {"th": ["ร้าน"], "en": ["shop"]},
    "operations": {"submit": {"kind": "submit", "time_limit_seconds": 5}},
    "needs": [{"attribute": "birth_date", "purpose": {"th": "ตรวจอายุ", "en": "age"}, "basis": "public_task"}],
    "hours": {"th": "ทุกวัน", "en": "daily"}, "contact": {"phone": "02 000 0000"},
    "form": {
        "type": "object", "additionalProperties": False,
        "properties": {
            "born": {"type": "string", "format": "date", "title": "วันเกิด", "x-attribute": "birth_date"},
            "shop": {
                "type": "object", "additionalProperties": False,
                "x-citizen-only": {"th": "ร้านที่ยังไม่เปิด ยังไม่มีหน่วยงานใดรู้", "en": "no agency knows a shop not yet open"},
                "properties": {"signboard": {"type": "string", "maxLength": 40, "title": "ชื่อบนป้ายร้าน"}},
            },
        },
    },
}  # fmt: skip


async def test_a_services_form_is_filled_and_asks_what_only_the_citizen_knows(
    sitthi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = parse_manifest(MANIFEST, plugin="shop-licence")
    forms = sitthi.house.rooms.get(Forms)  # type: ignore[type-abstract]
    monkeypatch.setattr(forms, "_manifests", lambda: [manifest])
    key = str(global_id("Service", service_id("service:shop-licence")))
    form = await form_of(sitthi, "elder", service=key)
    assert (form["subject"], form["asked"], form["notAsked"]) == ("service:shop-licence", 1, 1)
    fields = by_path(form)
    assert (fields["born"]["attribute"], fields["born"]["state"], fields["born"]["kind"]) == (
        "birth_date", "FRESH", "KNOWN",
    )  # fmt: skip
    asked = fields["shop.signboard"]
    assert (asked["kind"], asked["state"], asked["value"], asked["attribute"]) == ("ASKED", None, None, None)
    assert asked["schema"]["maxLength"] == 40
    shown = forms.of_subject("service:shop-licence")
    assert shown is not None
    with pytest.raises(BadInput):
        refuse_known(shown, {"born": "1990-01-01"})
    refuse_known(shown, {"shop.signboard": "ร้านป้าศรี"})


def test_questions_are_counted_by_who_answers_them() -> None:
    form = Form(
        "programme:counted", Text(th="ก", en="a"),
        (field("a"), field("b", FieldKind.COMPUTED), field("c", FieldKind.ASKED)),
    )  # fmt: skip

    def count(moment: str, who: str) -> float:
        return float(questions().labels(moment, form.subject, who)._value.get())

    figures = QuestionFigures()
    figures.form_shown(form)
    figures.form_shown(form)
    figures.form_submitted(form)
    assert [count("shown", "state"), count("shown", "citizen")] == [4, 2]
    assert [count("submitted", "state"), count("submitted", "citizen")] == [2, 1]
