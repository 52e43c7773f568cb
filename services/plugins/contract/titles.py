"""Texts of a manifest: what is written in Thai and in English, and how strictly it is read."""

from __future__ import annotations

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from core.text import Text
from services.plugins.contract.texts import trouble_in

_THAI: Final = re.compile(r"[\u0e01-\u0e4f]")


def plain_text(text: str) -> str:
    """As it is. Raises what pydantic tells as a fault of kind `text`, for what is not seen, and for a tag of HTML."""
    if (trouble := trouble_in(text)) is not None:
        raise PydanticCustomError("text", "{trouble}", {"trouble": trouble})
    return text


Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), AfterValidator(plain_text)
]
Keyword = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(plain_text)
]


class Strict(BaseModel):
    """A part of a manifest."""

    # strict: `"3"` is no number and `1` no truth value; enums are lifted from TOML's strings field by field
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Titles(Strict):
    """One text in Thai and English, both required."""

    th: Words
    en: Words

    @model_validator(mode="after")
    def _th_is_thai(self) -> Self:
        if not _THAI.search(self.th):
            raise ValueError("`th` holds no Thai letter")
        return self

    @property
    def text(self) -> Text:
        return Text(th=self.th, en=self.en)
