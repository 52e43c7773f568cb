"""What a question asks for, in both languages and in any spelling; and what it does not ask for."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.exchange.catalogue import load_catalogue
from services.exchange.catalogue.meanings import Held, Question, load_meanings
from services.exchange.catalogue.wording import english, folded, foreign_letter, thai
from tests.services.exchange.corpus import (
    HOSTILE_DESCRIPTIONS,
    HOSTILE_NAMES,
    HOSTILE_SENTENCES,
    HOSTILE_TITLES,
    INNOCENT_DESCRIPTIONS,
    INNOCENT_NAMES,
    INNOCENT_SENTENCES,
    INNOCENT_TITLES,
)

MEANINGS = load_meanings()
HOSTILE = [(name, held) for held, names in HOSTILE_NAMES.items() for name in names]
THAI_HOSTILE = [(name, held) for name, held in HOSTILE if thai(name)]
ENGLISH_HOSTILE = [(name, held) for name, held in HOSTILE if not thai(name) and name.isidentifier()]


def asks(name: str = "q1", title: str | None = None, **more: Any) -> list[str]:
    question = Question(name, () if title is None else (title,), **more)
    return [meaning.id for meaning in MEANINGS.of(question)]


@pytest.mark.parametrize(("name", "held"), HOSTILE, ids=str)
def test_what_is_held_is_found_in_the_name_of_a_property_and_in_its_title(name: str, held: str) -> None:
    assert held in asks(name)
    assert held in asks("q1", name)


@pytest.mark.parametrize(("name", "title", "held"), HOSTILE_TITLES, ids=str)
def test_what_is_held_is_found_in_what_the_citizen_reads(name: str, title: str, held: str) -> None:
    assert held in asks(name, title)


@pytest.mark.parametrize("name", INNOCENT_NAMES)
def test_what_only_the_citizen_knows_may_be_asked(name: str) -> None:
    assert asks(name) == []
    assert asks("q1", name) == []


@pytest.mark.parametrize("title", HOSTILE_SENTENCES)
def test_what_forms_in_use_ask_for_needlessly_is_found(title: str) -> None:
    assert asks("q1", title)


@pytest.mark.parametrize("title", INNOCENT_SENTENCES)
def test_what_forms_in_use_ask_for_with_reason_passes(title: str) -> None:
    assert asks("q1", title) == []


@pytest.mark.parametrize(("name", "title"), INNOCENT_TITLES, ids=str)
def test_a_title_that_says_whose_it_is_excuses_the_name_that_nobody_reads(name: str, title: str) -> None:
    assert asks(name, title) == []


@pytest.mark.parametrize("text", INNOCENT_DESCRIPTIONS)
def test_a_description_may_mention_what_is_held(text: str) -> None:
    assert asks("branch", descriptions=(text,)) == []


@pytest.mark.parametrize(("text", "held"), HOSTILE_DESCRIPTIONS, ids=str)
def test_a_description_may_not_ask_for_it(text: str, held: str) -> None:
    assert held in asks("branch", descriptions=(text,))


def test_a_name_is_no_excuse_for_what_the_citizen_reads() -> None:
    assert asks("shopTaxId", "Tax ID") == ["national_id"]
    assert asks("shopTaxId", "Tax ID of the shop") == []


def test_an_object_may_say_whose_name_it_is_unless_the_title_says_that_it_is_the_citizens() -> None:
    assert asks("name", "ชื่อ", within=("สัตว์เลี้ยง",)) == []
    assert asks("name", "Name", within=("Pet",)) == []
    assert asks("fullName", "Your full name", within=("Pet",)) == ["name"]
    assert asks("name", "Name", within=("Details",)) == ["name"]


@pytest.mark.parametrize(
    ("name", "more", "held"),
    [
        ("code", {"digits": 13}, ["national_id"]),
        ("barcode", {"digits": 13}, []),
        ("isbn", {"digits": 13}, []),
        ("areaCode", {"digits": 6}, ["address"]),
        ("otp", {"digits": 6}, []),
        ("code", {"digits": 12}, []),
        ("bornDay", {"is_date": True}, ["birth_date"]),
        ("visitDay", {"is_date": True}, []),
    ],
)
def test_the_form_of_the_answer_tells_what_the_words_leave_open(
    name: str, more: dict[str, Any], held: list[str]
) -> None:
    assert asks(name, **more) == held


def test_a_document_of_the_state_is_asked_for_by_any_property_that_takes_a_file() -> None:
    assert asks("upload", "บัตรประชาชน", takes_file=True) == ["id_card"]
    assert asks("upload", "ทะเบียนบ้าน", takes_file=True) == ["house_registration"]
    assert asks("upload", "รูปถ่ายความเสียหาย", takes_file=True) == []
    assert asks("upload", "Quotation", takes_file=True) == []


def test_nothing_excuses_a_copy_of_a_document_of_the_state() -> None:
    assert asks("copy", "สำเนาบัตรประชาชนของพยาน") == ["id_card"]
    assert asks("copy", "Copy of the ID card of the witness") == ["id_card"]


def test_what_nobody_provides_yet_has_to_be_asked_for() -> None:
    assert load_catalogue().attributes["insurance_licence"].about.planned is not None
    assert asks("insuranceLicence") == []
    assert asks("studentLoan") == ["student_loan"]


def test_what_nobody_in_the_state_holds_has_to_be_asked_for() -> None:
    assert load_catalogue().attributes["without_support"].steward == "citizen"
    assert asks("withoutSupport", "ท่านถูกทอดทิ้งหรือขาดผู้อุปการะหรือไม่") == []


def test_the_remedy_names_the_attribute_or_says_why_there_is_none_to_name() -> None:
    [birth] = MEANINGS.of(Question("dob"))
    assert (birth.held, '"x-attribute": "birth_date"' in birth.instead.en) == (Held.ATTRIBUTE, True)
    [total] = MEANINGS.of(Question("householdIncome"))
    assert "works out `household_income`" in total.instead.en
    [children] = MEANINGS.of(Question("numberOfChildren"))
    assert "beneficiary" in children.instead.en
    [number] = MEANINGS.of(Question("nationalId"))
    assert (number.held, "host" in number.instead.en) == (Held.HOST, True)


INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u200e"]


@given(st.data())
def test_thai_is_understood_with_spaces_and_invisible_characters_anywhere(data: st.DataObject) -> None:
    text, held = data.draw(st.sampled_from(THAI_HOSTILE))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.sampled_from([*INVISIBLE, " ", "  "])) + text[at:]
    assert held in asks("q1", text)


@given(st.sampled_from(THAI_HOSTILE), st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_thai_is_understood_in_every_normal_form(case: tuple[str, str], form: str) -> None:
    assert case[1] in asks("q1", unicodedata.normalize(form, case[0]))  # type: ignore[arg-type]


@given(st.sampled_from(ENGLISH_HOSTILE), st.sampled_from(["_", "-", ".", " ", "__"]), st.booleans(), st.integers(0, 99))
def test_english_is_understood_however_the_words_are_joined(
    case: tuple[str, str], joint: str, capitals: bool, number: int
) -> None:
    name, held = case
    words = english(name)
    joined = joint.join(word.upper() if capitals else word for word in words)
    assert held in asks(joined)
    assert held in asks(f"{joined}{joint}{number}")
    assert held in asks("".join(word.capitalize() for word in words))


@given(st.sampled_from(ENGLISH_HOSTILE))
def test_full_width_letters_are_letters(case: tuple[str, str]) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in case[0])
    assert case[1] in asks("q1", wide)


@given(st.text(max_size=60))
def test_any_text_is_read_to_the_same_whether_it_was_read_before_or_not(text: str) -> None:
    assert thai(folded(text)) == thai(text)
    assert isinstance(asks("q1", text), list)


def test_letters_that_only_look_like_ours_are_named() -> None:
    assert foreign_letter("nаme") == "а"
    assert foreign_letter("nɑme") == "ɑ"
    assert foreign_letter("วันเกิด date é ๑๓") is None
    assert foreign_letter("ＤＡＴＥ") is None


def test_two_ways_to_write_sara_am_and_ae_are_one() -> None:
    assert thai("น้ํา") == thai("น้ำ") == thai("นํ้า")
    assert thai("เเขวง") == thai("แขวง")
    assert thai("๑๓ หลัก") == thai("13หลัก")
