from __future__ import annotations

from random import Random  # noqa: TID251 - for made-up people

import pytest

from services.plugins.contract.people import Gender
from services.sandbox.population.names import draw_name, families, title, words
from services.sandbox.population.places import provinces


def test_there_are_names_enough() -> None:
    assert len({word.th for word in words("male")}) >= 60
    assert len({word.th for word in words("female")}) >= 60
    assert len({word.th for word in families()}) >= 100


@pytest.mark.parametrize("part", ["male", "female", "middle", "family_first", "family_last"])
def test_a_word_is_romanised_in_one_way_only(part: str) -> None:
    romanised: dict[str, str] = {}
    for word in words(part):
        assert romanised.setdefault(word.th, word.en) == word.en
        assert word.en.isascii()
        assert not word.th.isascii()


def test_a_name_in_one_script_says_what_it_says_in_the_other() -> None:
    random = Random(1)
    english = {word.th: word.en for part in ("male", "female") for word in words(part)}
    surnames = {word.th: word.en for word in families()}
    for _ in range(200):
        name = draw_name(random, Gender.FEMALE, 30, random.choice(families()), married=False, foreign=False)
        assert english[name.given_th] == name.given_en
        assert surnames[name.family_th] == name.family_en


@pytest.mark.parametrize(
    ("gender", "age", "married", "expected"),
    [
        (Gender.MALE, 14, False, "เด็กชาย"),
        (Gender.MALE, 15, False, "นาย"),
        (Gender.FEMALE, 14, False, "เด็กหญิง"),
        (Gender.FEMALE, 15, False, "นางสาว"),
        (Gender.FEMALE, 30, True, "นาง"),
    ],
)
def test_a_title_fits_gender_age_and_marriage(gender: Gender, age: int, married: bool, expected: str) -> None:
    assert title(gender, age, married=married).th == expected


def test_there_are_77_provinces_with_codes_and_names_of_their_own() -> None:
    every = provinces()
    assert len({place.code for place in every}) == len({place.name_th for place in every}) == 77
    assert len({place.name_en for place in every}) == 77
    assert all(len(place.code) == 2 and place.code.isdigit() and place.name_en.isascii() for place in every)
    assert all(place.thousands > 100 and 3 <= place.districts <= 50 for place in every)
