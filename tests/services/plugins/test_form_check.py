"""Once only, enforced at registration: no form asks what the state knows, wherever the question hides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.catalogue import load_catalogue
from services.exchange.catalogue.meanings import load_meanings
from services.plugins.contract import Fault, Manifest, Rule, read_manifest
from services.plugins.registry.form_check import check_form
from services.plugins.registry.form_lines import DuplicateJsonKey, Lines, unique
from services.plugins.registry.form_reasons import wrong_with
from services.plugins.registry.form_walk import PROPERTIES_MAX
from tests.services.exchange.corpus import HOSTILE_NAMES, INNOCENT_NAMES
from tests.support.plugins import LIBRARY

CATALOGUE = load_catalogue()
ATTRIBUTES = {a.id: a.steward for a in CATALOGUE.attributes.values() if a.derived is None}
REASON = {"th": "ผู้ยื่นเลือกสาขาที่สะดวกด้วยตนเอง", "en": "Each applicant chooses the branch that suits them"}
DOB = {"type": "string", "title": "Date of birth", "x-citizen-only": REASON}
BRANCH = {"type": "string", "title": "Branch", "x-citizen-only": REASON}


def manifest(*needs: str) -> Manifest:
    text = (LIBRARY / "manifest.toml").read_text(encoding="utf-8")
    found = read_manifest(text, plugin="library")
    need = found.needs[0]
    return found.model_copy(update={"needs": [need.model_copy(update={"attribute": name}) for name in needs]})


def form(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties), **more}


def faults(asked: Mapping[str, Any], *needs: str, text: str = "") -> list[Fault]:
    return list(check_form(dict(asked), manifest(*needs), ATTRIBUTES, text=text))


def why(asked: Mapping[str, Any], *needs: str) -> str:
    found = faults(asked, *needs)
    assert found, "it was not refused"
    assert {fault.rule for fault in found} == {Rule.FORM}
    assert all(fault.remedy for fault in found)
    return " | ".join(str(fault) for fault in found)


def test_a_form_of_facts_and_of_questions_with_a_reason_passes() -> None:
    asked = form(
        {
            "born": {"type": "string", "format": "date", "x-attribute": "birth_date"},
            "income": {"type": "integer", "x-attribute": "annual_income"},
            "nationality": {"type": "string", "enum": ["thai", "other", "stateless"], "x-attribute": "nationality"},
            "who": {"type": "object", "title": "ชื่อ", "x-attribute": "name", "additionalProperties": False,
                    "properties": {"given_th": {"type": "string"}}},
            "branch": BRANCH,
            "pet": {"type": "object", "title": "สัตว์เลี้ยง", "additionalProperties": False, "x-citizen-only": REASON,
                    "properties": {"name": {"type": "string", "title": "ชื่อ"}, "kind": {"type": "string"}}},
            "witnesses": {"type": "array", "title": "Witnesses", "x-citizen-only": REASON,
                          "items": form({"fullName": {"type": "string", "title": "Name of the witness"}})},
        }
    )  # fmt: skip
    assert faults(asked, "birth_date", "annual_income", "nationality", "name") == []


@pytest.mark.parametrize("held", HOSTILE_NAMES)
def test_what_is_held_is_refused_with_what_to_use_instead(held: str) -> None:
    for name in HOSTILE_NAMES[held]:
        [fault] = faults(form({name: {"type": "string", "x-citizen-only": REASON}}))
        assert fault.field == f"properties.{name}"
        assert held in fault.why + fault.remedy or held.replace("_", " ") in fault.why
        assert "Remove it" in fault.remedy or '"x-attribute"' in fault.remedy


def test_what_only_the_citizen_knows_passes() -> None:
    for start in range(0, len(INNOCENT_NAMES), 50):
        names = INNOCENT_NAMES[start : start + 50]
        assert faults(form({name: {"type": "string", "x-citizen-only": REASON} for name in names})) == []


HIDDEN: dict[str, dict[str, Any]] = {
    "an object": form({"more": form({"q": DOB})}),
    "an object in an object": form({"more": form({"still": form({"q": DOB})})}),
    "a list of objects": form({"rows": {"type": "array", "items": form({"q": DOB})}}),
    "a list": form({"rows": {"type": "array", "x-citizen-only": REASON, "items": {"title": "Date of birth"}}}),
    "a list of lists": form(
        {"rows": {"type": "array", "x-citizen-only": REASON, "items": {"type": "array", "items": DOB}}}
    ),
    "a tuple": form({"rows": {"type": "array", "x-citizen-only": REASON, "prefixItems": [{"type": "string"}, DOB]}}),
    "contains": form({"rows": {"type": "array", "x-citizen-only": REASON, "contains": DOB}}),
    "a reference": form({"q": {"$ref": "#/$defs/q"}}, **{"$defs": {"q": DOB}}),
    "a reference to an object": form({"q": {"$ref": "#/$defs/q"}}, **{"$defs": {"q": form({"x": DOB})}}),
    "a reference of a reference": form(
        {"q": {"$ref": "#/$defs/a"}}, **{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": DOB}}
    ),
    "a reference with an escape": form({"q": {"$ref": "#/$defs/a~1b"}}, **{"$defs": {"a/b": DOB}}),
    "oneOf": form({"q": {"x-citizen-only": REASON, "oneOf": [DOB, BRANCH]}}),
    "anyOf of objects": form({"q": {"additionalProperties": False, "anyOf": [{"properties": {"z": DOB}}]}}),
    "allOf at the root": form({"branch": BRANCH}, allOf=[{"properties": {"q": DOB}}]),
    "a condition": form({"branch": BRANCH}, **{"if": {"properties": {"branch": {"const": "x"}}},
                                               "then": {"properties": {"q": DOB}}}),
    "the other side of a condition": form({"branch": BRANCH}, **{"if": {}, "else": {"properties": {"q": DOB}}}),
    "a dependent schema": form({"branch": BRANCH}, dependentSchemas={"branch": {"properties": {"q": DOB}}}),
    "a second title": form({"q": {**BRANCH, "allOf": [{"title": "Date of birth"}]}}),
    "a label of its own keyword": form({"q": {**BRANCH, "x-label": {"th": "วันเกิด", "en": "Question"}}}),
    "a placeholder": form({"q": {**BRANCH, "placeholder": "วันเกิด"}}),
    "a hint": form({"q": {**BRANCH, "x-hint": "Enter your date of birth"}}),
    "a comment": form({"q": {**BRANCH, "$comment": "Enter your date of birth"}}),
    "a description": form({"q": {**BRANCH, "description": "โปรดระบุวันเกิดของท่าน"}}),
    "a name of a pattern": form({"branch": BRANCH}, patternProperties={"^dob$": DOB}),
    "other properties": form({"branch": BRANCH}, additionalProperties=DOB),
    "any other property": form({"branch": BRANCH}, additionalProperties=True),
    "unevaluated properties": form({"branch": BRANCH}, unevaluatedProperties=True),
    "no word on other properties": {"type": "object", "properties": {"branch": BRANCH}},
    "an open object inside": form({"pet": {"type": "object", "x-citizen-only": REASON, "properties": {"kind": {}}}}),
    "a reference out of the form": form({"q": {"$ref": "https://forms.example/q.json", "x-citizen-only": REASON}}),
    "a reference to nowhere": form({"q": {"$ref": "#/$defs/none", "x-citizen-only": REASON}}),
    "a reference to itself": form({"q": {"$ref": "#/$defs/q"}}, **{"$defs": {"q": {"allOf": [{"$ref": "#/$defs/q"}]}}}),
    "a list of itself": form({"q": {"type": "array", "x-citizen-only": REASON, "items": {"$ref": "#/properties/q"}}}),
    "anything at all": form({"q": True}),
    "another dialect": form({"branch": BRANCH}, **{"$schema": "http://json-schema.org/draft-07/schema#"}),
    "a schema in a text": form({"q": {**BRANCH, "contentMediaType": "application/json", "contentSchema": DOB}}),
    "letters that look like ours": form({"q": {**BRANCH, "title": "Dаte of birth"}}),
    "thirteen digits": form({"q": {**BRANCH, "pattern": "^[0-9]{13}$"}}),
    "thirteen digits with lines": form({"q": {**BRANCH, "pattern": r"^\d-\d{4}-\d{5}-\d{2}-\d$"}}),
    "a number of thirteen digits": form(
        {"q": {"type": "integer", "minimum": 10**12, "maximum": 10**13 - 1, "x-citizen-only": REASON}}
    ),
    "a copy of the card": form({"q": {**BRANCH, "title": "บัตรประชาชน", "contentEncoding": "base64"}}),
    "an upload of the card": form({"q": {**BRANCH, "title": "ID card", "x-widget": "upload"}}),
    "a part of a fact": form({"who": {"type": "object", "x-attribute": "name", "additionalProperties": False,
                                      "properties": {"given_th": {"type": "string", "title": "Date of birth"}}}}),
    "what the form says of itself": form({"branch": BRANCH}, description="Please write your national ID as a remark."),
    "the title of the form": form({"branch": BRANCH}, title="Enter your date of birth below"),
    "words within words": form({"q": {**BRANCH, "x-i18n": {"title": {"th": ["วันเกิด"]}}}}),
    "letters one by one": form({"q": {**BRANCH, "title": "D.O.B."}}),
    "markup": form({"q": {**BRANCH, "title": "<b>Date</b> of <i class='x'>birth</i>"}}),
    "markup in Thai": form({"q": {**BRANCH, "title": "วัน<b>เกิด</b>"}}),
    "an apostrophe": form({"q": {**BRANCH, "title": "Nat'l ID"}}),
    "a name as on the card": form({"q": {**BRANCH, "title": "ชื่อตามบัตรประชาชน"}}),
    "a proof of identity": form({"q": {**BRANCH, "title": "Proof of identity", "contentMediaType": "image/png"}}),
    "a keyword of the author's own": form({"q": {**BRANCH, "label": "Date of birth"}}),
    "a keyword of somebody's renderer": form({"q": {**BRANCH, "ui:title": "วันเกิด"}}),
    "a text for mistakes": form({"q": {**BRANCH, "errorMessage": "Enter your date of birth"}}),
    "an answer to choose from": form({"q": {**BRANCH, "enum": ["Enter your date of birth"]}}),
    "a titled answer to choose from": form(
        {"q": {**BRANCH, "oneOf": [{"const": "x", "title": "Enter your date of birth below"}]}}
    ),
    "the reason itself": form({"q": {**BRANCH, "x-citizen-only": {
        "th": "ผู้ยื่นเลือกเองว่าจะตอบหรือไม่ โปรดกรอกวันเกิด",
        "en": "Applicants choose themselves. Enter your date of birth"}}}),
    "letters in squares": form({"q": {**BRANCH, "title": "🅳🅰🆃🅴 🅾🅵 🅱🅸🆁🆃🅷"}}),
    "letters in black circles": form({"q": {**BRANCH, "title": "🅓🅐🅣🅔 🅞🅕 🅑🅘🅡🅣🅗"}}),
    "letters of flags": form({"q": {**BRANCH, "title": "🇩 🇴 🇧"}}),
    "characters by name": form({"q": {**BRANCH, "title": "Date of bir&shy;th"}}),
    "characters by number": form({"q": {**BRANCH, "title": "&#3623;&#3633;&#3609;&#3648;&#3585;&#3636;&#3604;"}}),
    "foreign letters by number": form({"q": {**BRANCH, "title": "D&#1072;te of birth"}}),
    "markup of any length": form({"q": {**BRANCH, "title": f"Date of bir<i class='{'x' * 90}'>th</i>"}}),
    "a remark in markup": form({"q": {**BRANCH, "title": "Date of bir<!-- x -->th"}}),
    "the end of a line in markup": form({"q": {**BRANCH, "title": "Date<br>of birth"}}),
    "an object of anything": form({"more": {"type": "object", "title": "More", "x-citizen-only": REASON}}),
    "what an object must have": form({"more": {"title": "More", "required": ["dob"], "x-citizen-only": REASON}}),
    "names that an object may have": form(
        {"more": {"title": "More", "propertyNames": {"enum": ["dob"]}, "x-citizen-only": REASON}}
    ),
    "thirteen digits by two schemas": form(
        {"q": {**BRANCH, "pattern": "^[0-9]+$", "allOf": [{"minLength": 13, "maxLength": 13}]}}
    ),
    "thirteen digits between two bounds": form(
        {"q": {"type": "integer", "exclusiveMinimum": 10**12 - 1, "allOf": [{"exclusiveMaximum": 10**13}],
               "x-citizen-only": REASON}}
    ),
    "thirteen Thai digits": form({"q": {**BRANCH, "pattern": "^[๐-๙]{13}$"}}),
    "copies in a list": form({"docs": {"type": "array", "title": "ทะเบียนบ้าน", "x-citizen-only": REASON,
                                       "items": {"type": "string", "contentEncoding": "base64"}}}),
    "somebody else who needs it": form({"q": {**BRANCH, "title": "Your date of birth (our company needs it)"}}),
    "a bank that needs it": form({"q": {**BRANCH, "title": "เลขประจำตัวประชาชนของท่าน (ใช้กับธนาคาร)"}}),
    "more than one of it": form({"q": {**BRANCH, "title": "Your registered addresses"}}),
    "a title that says it is theirs": form({"pet": form({"a": {**BRANCH, "title": "Your full name"}}, title="Pet")}),
}  # fmt: skip


SAID: dict[str, str] = {
    "a name of a pattern": "a pattern of names",
    "other properties": "lets in properties",
    "any other property": "lets in properties",
    "unevaluated properties": "lets in properties",
    "no word on other properties": "takes properties that it does not name",
    "an open object inside": "takes properties that it does not name",
    "a reference out of the form": "leads out of the form",
    "a reference to nowhere": "there is nothing at",
    "a reference to itself": "leads to itself",
    "a list of itself": "more than anybody would answer",
    "anything at all": "neither",
    "another dialect": "another dialect",
    "a schema in a text": "`contentSchema`",
    "letters that look like ours": "U+0430",
    "thirteen digits": "national_id",
    "thirteen digits with lines": "national_id",
    "a number of thirteen digits": "national_id",
    "a copy of the card": "a copy of a document",
    "an upload of the card": "a copy of a document",
    "foreign letters by number": "U+0430",
    "an object of anything": "takes properties that it does not name",
    "what an object must have": "takes properties that it does not name",
    "names that an object may have": "takes properties that it does not name",
    "thirteen digits by two schemas": "national_id",
    "thirteen digits between two bounds": "national_id",
    "thirteen Thai digits": "national_id",
    "copies in a list": "a copy of a document",
    "a bank that needs it": "national_id",
    "more than one of it": "`address`",
    "a title that says it is theirs": "asks for name",
    "what the form says of itself": "national_id",
    "an apostrophe": "national_id",
    "a name as on the card": "asks for name",
    "a proof of identity": "a copy of a document",
}
"""What is wrong with each of them; with all others, that they ask for the day of birth."""


@pytest.mark.parametrize("where", HIDDEN)
def test_a_question_hides_nowhere(where: str) -> None:
    said = [fault.why for fault in faults(HIDDEN[where], "name")]
    assert [one for one in said if SAID.get(where, "(`birth_date`)") in one or "carries `name`" in one], said


def test_each_of_the_hiding_places_is_fine_without_what_hides_there() -> None:
    harmless = json.dumps({k: v for k, v in HIDDEN.items() if k not in SAID}, ensure_ascii=False)
    for asked in (
        "Your date of birth (our company needs it)",
        "Date of birth",
        "วันเกิด",
        "Enter your date of birth below",
        "Enter your date of birth",
    ):
        harmless = harmless.replace(asked, "Branch")
    for where, asked in json.loads(harmless).items():
        found = [fault.why for fault in faults(asked, "name") if "birth_date" not in fault.why]
        assert found == [], where


def test_a_form_may_say_what_it_reads_by_itself() -> None:
    words = {"title": "แบบคำขอรับเบี้ยยังชีพผู้สูงอายุ", "description": "Your date of birth comes from the civil register."}
    assert faults(form({"branch": BRANCH}, **words)) == []


def test_a_choice_is_an_answer_and_no_question() -> None:
    choices = [{"const": "registered", "title": "ที่อยู่ตามทะเบียนบ้าน"}, {"const": "other", "title": "Another place"}]
    assert (
        faults(form({"sendTo": {"title": "Where to send the card", "oneOf": choices, "x-citizen-only": REASON}})) == []
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"title": "Preferred<br>branch"},
        {"title": "🇹🇭 Branch"},
        {"title": "Your employer's tax ID"},
        {"title": "วันเกิดบิดาของท่าน"},
        {"title": "เลขประจำตัวผู้เสียภาษีของบริษัทของท่าน"},
        {"title": "Distance < 5 km and > 2 km"},
        {"title": "Bed &amp; breakfast"},
        {"label": "Branch", "ui:widget": "textarea", "enumNames": ["Near", "Far"]},
        {"pattern": "^[0-9]+$", "allOf": [{"minLength": 5, "maxLength": 5}]},
        {"type": "object", "additionalProperties": False},
        {"type": "array", "title": "Pictures of the damage", "items": {"type": "string", "contentEncoding": "base64"}},
        {"type": "array", "title": "Witnesses", "items": form({"n": {"type": "string", "title": "Full name"}})},
        {"type": "array", "title": "Companies", "items": form({"n": {"type": "string", "title": "Address"}})},
        {"x-citizen-only": {"th": "ทะเบียนบ้านมีที่อยู่ตามทะเบียน แต่ไม่รู้ว่าสะดวกรับเอกสารที่ไหน",
                            "en": "A register holds the registered address; where to send it, only you can tell"}},
    ],
)  # fmt: skip
def test_what_only_resembles_a_hiding_place_passes(asked: dict[str, Any]) -> None:
    assert faults(form({"q": {**BRANCH, **asked}})) == []


def test_a_condition_on_a_question_that_is_asked_asks_nothing_new() -> None:
    asked = form(
        {"branch": BRANCH, "reason": {**BRANCH, "title": "Reason for the visit"}},
        **{"if": {"properties": {"branch": {"const": "a"}}}, "then": {"required": ["reason"]}},
    )
    assert faults(asked) == []


@pytest.mark.parametrize(
    ("attribute", "schema", "says"),
    [
        ("birth_date", {"type": "integer"}, "of type date"),
        ("birth_date", {}, "of type date"),
        ("birth_date", {"type": "string", "format": "email"}, "is a date"),
        ("annual_income", {"type": "string"}, "of type money"),
        ("annual_income", {"type": ["integer", "string"]}, "of type money"),
        ("disability_card", {"type": "string"}, "of type bool"),
        ("nationality", {"type": "string", "enum": ["thai"]}, "no place for some codes"),
        ("name", {"type": "object", "additionalProperties": False, "properties": {"income": {}}}, "no part income"),
        ("children", {"type": "array"}, "ties people"),
        ("insurance_licence", {"type": "boolean"}, "nobody provides"),
        ("household_income", {"type": "integer"}, "no attribute `household_income` for a form"),
        (7, {"type": "string"}, "no attribute `7`"),
    ],
)
def test_a_property_fits_its_fact(attribute: Any, schema: dict[str, Any], says: str) -> None:
    assert says in why(form({"q": {**schema, "x-attribute": attribute}}), str(attribute).lower().replace("7", "name"))


@pytest.mark.parametrize("schema", [{"type": "string"}, {"type": ["string", "null"], "format": "date"}])
def test_a_fact_may_be_null_and_its_form_left_open(schema: dict[str, Any]) -> None:
    assert faults(form({"q": {**schema, "x-attribute": "birth_date"}}), "birth_date") == []


def test_a_fact_asked_for_under_another_facts_name_is_refused() -> None:
    asked = form({"q": {"type": "string", "title": "เลขประจำตัวประชาชน", "x-attribute": "birth_date"}})
    assert "national_id" in why(asked, "birth_date")
    asked = form({"q": {"type": "string", "title": "Monthly income", "x-attribute": "birth_date"}})
    assert "carries `birth_date`" in why(asked, "birth_date")


@pytest.mark.parametrize(
    "reason",
    [
        {"th": "จำเป็น", "en": "needed"},
        {"th": "จำเป็นต้องใช้ข้อมูล", "en": "This information is required"},
        {"th": "ใช้ในการพิจารณา", "en": "needed for the application"},
        {"th": "เพราะจำเป็นตามกฎหมาย", "en": "because the law requires it"},
        {"th": "ประชาชนเท่านั้นที่ทราบ", "en": "only the citizen knows it"},
        {"th": "-", "en": "-"},
        {"th": "", "en": ""},
        {"th": "กกกก", "en": "aaaa"},
        {"th": "Each applicant chooses the branch", "en": "Each applicant chooses the branch"},
        {"th": "ผู้ยื่นเลือกสาขาเอง", "en": "ผู้ยื่นเลือกสาขาเอง"},
        {"th": "สาขาที่สะดวก", "en": "Branch"},
        {"th": "ผู้ยื่นเลือกสาขาเอง"},
        {"th": "ผู้ยื่นเลือกสาขาเอง", "en": "Applicants choose a branch", "zh": "x"},
        {"th": ["ผู้ยื่นเลือกสาขาเอง"], "en": "Applicants choose a branch"},
        "Applicants choose a branch",
        True,
        None,
    ],
)
def test_a_reason_that_is_none_is_refused(reason: Any) -> None:
    assert why(form({"branch": {"type": "string", "title": "Branch", "x-citizen-only": reason}}))


@pytest.mark.parametrize(
    ("th", "en"),
    [
        ("คุณเลือกสาขาเอง", "You choose the branch"),
        ("ไม่มีหน่วยงานใดบันทึกวันที่ต้องการนัดหมาย", "No agency records the appointment you would like"),
        ("ผู้ขอเท่านั้นที่เห็นความเสียหาย", "Only the applicant has seen the damage"),
        ("เพื่อนบ้านที่เป็นพยานไม่มีในทะเบียนใด", "Which neighbour is the witness stands in no register"),
    ],
)
def test_a_reason_says_why_no_agency_can_know(th: str, en: str) -> None:
    assert wrong_with({"th": th, "en": en}, ("branch",), load_meanings().questions.empty) is None


def test_one_reason_may_cover_an_object_whose_questions_are_still_understood() -> None:
    inside = {"street": {"type": "string"}, "dob": {"type": "string"}}
    [fault] = faults(form({"details": {**form(inside), "x-citizen-only": REASON}}))
    assert fault.field == "properties.details.properties.dob"


def test_a_form_that_nobody_would_answer_is_refused() -> None:
    many = form({f"question{n}": BRANCH for n in range(PROPERTIES_MAX + 1)})
    assert "more than anybody would answer" in why(many)
    deep: dict[str, Any] = form({"last": BRANCH})
    for level in range(30):
        deep = form({f"level{level}": deep})
    assert "more than anybody would answer" in why(deep)


def test_references_that_multiply_are_refused_before_they_are_followed() -> None:
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(9)} | {"d9": BRANCH}
    assert "more than anybody would answer" in why(form({"q": {"$ref": "#/$defs/d0"}}, **{"$defs": definitions}))


def test_a_fault_names_the_line_on_which_the_question_stands() -> None:
    text = json.dumps(
        form({"branch": BRANCH, "ของ": {**BRANCH, "title": 'a "b" {', "allOf": [{"title": "วันเกิด"}]}}), indent=1
    )
    [fault] = faults(json.loads(text), text=text)
    assert fault.line is not None
    assert '\\u0e02\\u0e2d\\u0e07": {' in text.splitlines()[fault.line - 1]
    assert fault.file == "form.json"


def test_keys_that_stand_twice_in_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DuplicateJsonKey, match="`a`"):
        json.loads('{"b": {"a": 1, "a": 2}}', object_pairs_hook=unique)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


@given(_JSON, st.sampled_from([None, 1]))
def test_every_part_of_a_text_has_a_line_on_which_it_stands(document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    lines = Lines(text)

    def check(value: Any, path: tuple[str | int, ...]) -> None:
        line = lines.of(path)
        assert line is not None
        assert 1 <= line <= text.count("\n") + 1
        if indent and path and isinstance(path[-1], str):
            assert json.dumps(path[-1], ensure_ascii=False) in text.split("\n")[line - 1]
        for key, inner in (
            value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
        ):
            check(inner, (*path, key))

    check(document, ())


_SCHEMAS = st.recursive(
    st.just(DOB),
    lambda inner: st.one_of(
        st.builds(lambda one: form({"more": one}), inner),
        st.builds(lambda one: {"type": "array", "items": one}, inner),
        st.builds(lambda one: {"type": "array", "prefixItems": [BRANCH, one]}, inner),
        st.builds(lambda one: {"allOf": [one]}, inner),
        st.builds(lambda one: {"anyOf": [BRANCH, one]}, inner),
        st.builds(lambda one: {"if": {"type": "string"}, "then": one}, inner),
    ),
    max_leaves=6,
)


@given(_SCHEMAS)
def test_no_way_to_build_a_form_hides_a_question(schema: dict[str, Any]) -> None:
    assert "birth_date" in why(form({"q": schema}))
