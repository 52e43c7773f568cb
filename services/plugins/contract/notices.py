"""What a manifest says of how citizens are told of records about them: in its words, with two places for the host."""

from __future__ import annotations

import re
from typing import Final, Self

from pydantic import model_validator

from services.plugins.contract.titles import Strict, Titles

TITLE_LENGTH_MAX: Final = 80
BODY_LENGTH_MAX: Final = 400
_PLACE: Final = re.compile(r"\{(by|day)\}")


class NoticeSpec(Strict):
    """A notice. `{by}` becomes who sent the record, by its entry in the register of juristic persons, or the agency;
    `{day}` the day that the answer gives. Nothing else of a record reaches the words: nothing of anybody's health."""

    title: Titles
    body: Titles

    @model_validator(mode="after")
    def _has_places_that_are_known(self) -> Self:
        for words, most in ((self.title, TITLE_LENGTH_MAX), (self.body, BODY_LENGTH_MAX)):
            if max(len(words.th), len(words.en)) > most:
                raise ValueError(f"of a notice, a title has {TITLE_LENGTH_MAX} letters and a body {BODY_LENGTH_MAX}")
            if any(sign in _PLACE.sub("", text) for text in (words.th, words.en) for sign in "{}"):
                raise ValueError("the places of a notice are `{by}` and `{day}`")
            if {*_PLACE.findall(words.th)} != {*_PLACE.findall(words.en)}:
                raise ValueError("a notice has other places in Thai than in English")
        return self

    @property
    def has_day(self) -> bool:
        return any("{day}" in words.th for words in (self.title, self.body))
