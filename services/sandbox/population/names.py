"""Names in both scripts. Family names are composed of two words, so that no list of real families is needed."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from random import Random
from typing import Final, NamedTuple

from services.plugins.contract.people import Gender, Name

COMES_OF_TITLE: Final = 15
"""From this age on one is นาย or นางสาว; before, เด็กชาย or เด็กหญิง (unverified)."""
MIDDLE_NAME_CHANCE: Final = 0.02


class Word(NamedTuple):
    th: str
    en: str


NO_FAMILY: Final = Word("", "")


@cache
def words(part: str) -> tuple[Word, ...]:
    """The words of one part: male, female, middle, foreign_male, foreign_female, family_first, family_last."""
    text = files(__package__).joinpath("data", "names.csv").read_text(encoding="utf-8")
    return tuple(Word(row["th"], row["en"]) for row in csv.DictReader(text.splitlines()) if row["part"] == part)


@cache
def families() -> tuple[Word, ...]:
    return tuple(
        Word(first.th + last.th, first.en + last.en)
        for first in words("family_first")
        for last in words("family_last")
        if first.th != last.th
    )


def draw_family(random: Random) -> Word:
    every = families()
    return every[int(random.random() * len(every))]


def title(gender: Gender, age: int, *, married: bool) -> Word:
    if gender is Gender.MALE:
        return Word("นาย", "Mr.") if age >= COMES_OF_TITLE else Word("เด็กชาย", "Master")
    if age < COMES_OF_TITLE:
        return Word("เด็กหญิง", "Miss")
    return Word("นาง", "Mrs.") if married else Word("นางสาว", "Miss")


def draw_name(random: Random, gender: Gender, age: int, family: Word, *, married: bool, foreign: bool) -> Name:
    """A foreigner has a given name alone, as many do on the register."""
    given_words = words(f"foreign_{gender}" if foreign else str(gender))
    given = given_words[int(random.random() * len(given_words))]
    middle = NO_FAMILY
    if not foreign and random.random() < MIDDLE_NAME_CHANCE:
        middle = random.choice(words("middle"))
    return compose(title(gender, age, married=married), given, NO_FAMILY if foreign else family, middle)


def compose(titled: Word, given: Word, family: Word, middle: Word = NO_FAMILY) -> Name:
    return Name(titled.th, given.th, middle.th, family.th, titled.en, given.en, middle.en, family.en)
