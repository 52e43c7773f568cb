from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.know.matching import Searchable, Weight, plain, terms_of, toneless

THAI = st.text(st.characters(min_codepoint=0x0E01, max_codepoint=0x0E5B) | st.sampled_from(" .aA1"))


def score(text: str, search: str, weight: Weight = Weight.TITLE) -> int:
    return Searchable([(weight, text)]).score(terms_of(search))


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("น้ำ", "น้\u0e4d\u0e32"),
        ("น้ำ", "น\u0e4d\u0e49\u0e32"),
        ("น้ำ", "น\u0e33\u0e49"),
        ("ที่", "ท\u0e48\u0e35"),
        ("แม่", "เเม่"),
        ("พ.ร.บ.", "พรบ"),
        ("มาตรา 40", "มาตรา ๔๐"),
        ("ประกัน\u200bสังคม", "ประกันสังคม"),
        ("Old-Age  Allowance", "old age allowance"),
        ("CAFÉ", "cafe\u0301"),
    ],
)
def test_one_word_written_in_two_ways_is_one_word(written: str, otherwise: str) -> None:
    assert plain(written) == plain(otherwise)


@given(THAI)
def test_plain_is_plain_already(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(THAI)
def test_every_text_finds_itself(text: str) -> None:
    if terms_of(text):
        assert score(text, text) > 0


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("ตรวจสอบประกันภัยรถภาคบังคับ (พ.ร.บ.)", "ประกันภัย"),
        ("ตรวจสอบประกันภัยรถภาคบังคับ (พ.ร.บ.)", "พรบ"),
        ("เบี้ยยังชีพผู้สูงอายุ", "เบี้ยยังชีพ"),
        ("เบี้ยยังชีพผู้สูงอายุ", "เบียยังชีพ"),
        ("เบี้ยยังชีพผู้สูงอายุ", "สูงอายุ เบี้ย"),
        ("Compulsory motor insurance check", "motor"),
        ("Compulsory motor insurance check", "INSURANCE compulsory"),
        ("ตรวจสอบประกันภัยรถภาคบังคับ", "ตรวจประกันภัยรถ"),
        ("Compulsory motor insurance check", "insurence"),
    ],
)
def test_what_a_citizen_types_is_found(text: str, search: str) -> None:
    assert score(text, search) > 0


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("เบี้ยยังชีพผู้สูงอายุ", "ทรานสคริปต์"),
        ("Compulsory motor insurance check", "pension"),
        ("Compulsory motor insurance check", "motor pension"),
        ("Compulsory motor insurance check", "zz"),
        ("Compulsory motor insurance check", "insult"),
        ("ตรวจสอบประกันภัย", "ตรวน"),
    ],
)
def test_what_is_not_there_is_not_found(text: str, search: str) -> None:
    assert score(text, search) == 0


def test_as_written_counts_more_than_but_for_tones_and_that_more_than_by_trigrams() -> None:
    as_written = score("เบี้ยยังชีพผู้สูงอายุ", "ยังชีพผู้สูง")
    but_for_tones = score("เบี้ยยังชีพผู้สูงอายุ", "ยังชีพผูสูง")
    by_trigrams = score("เบี้ยยังชีพผู้สูงอายุ", "ยังชีพผู้สูงวัย")
    assert as_written > but_for_tones > by_trigrams > 0


def test_a_whole_field_counts_more_than_a_beginning_and_that_more_than_a_part() -> None:
    assert score("tax", "tax") > score("tax refund", "tax") > score("road tax", "tax")


def test_the_title_counts_more_than_keywords_and_those_more_than_the_description() -> None:
    scores = [
        score("road tax", "tax", weight) for weight in (Weight.TITLE, Weight.KEYWORD, Weight.AGENCY, Weight.DESCRIPTION)
    ]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 4


def test_toneless_forgets_tones_and_keeps_vowels() -> None:
    assert toneless(plain("เบี้ยผู้สูงอายุ")) == "เบียผูสูงอายุ"


@pytest.mark.parametrize("search", ["", "   ", "...", "()"])
def test_a_search_without_a_word_has_no_terms(search: str) -> None:
    assert terms_of(search) == ()
