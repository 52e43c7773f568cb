"""For which purposes a citizen can have the use of their data stopped (data/stopping.yaml)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from core.strict_yaml import read_any
from core.text import Text

FILE: Final = "stopping.yaml"


class _Law(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    th: str = Field(min_length=1)
    en: str = Field(min_length=1)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    own: bool
    objection: Literal["possible", "not_possible"] = "not_possible"
    restriction: Literal["stops", "goes_on"] = "goes_on"
    law: _Law | None = None


@dataclass(frozen=True, slots=True)
class Stopping:
    purpose: str
    own: bool
    """Whether it is the citizen's own look: nothing is ever in its way."""
    objection: bool
    restriction: bool
    law: Text
    """Why it can, or cannot, be stopped."""


@cache
def stopping() -> Mapping[str, Stopping]:
    """By purpose. Raises :class:`core.strict_yaml.FileError` or ValueError for a file that is not right."""
    text = (files(__package__) / "data" / FILE).read_text(encoding="utf-8")
    return read(text)


def read(text: str) -> Mapping[str, Stopping]:
    found: dict[str, Stopping] = {}
    for entry in TypeAdapter(list[_Entry]).validate_python(read_any(text, FILE)):
        if entry.purpose in found:
            raise ValueError(f"{FILE}: {entry.purpose} stands there twice")
        if not entry.own and entry.law is None:
            raise ValueError(f"{FILE}: {entry.purpose} does not say by which law")
        law = Text(th="", en="") if entry.law is None else Text(th=entry.law.th, en=entry.law.en)
        found[entry.purpose] = Stopping(
            entry.purpose, entry.own, entry.objection == "possible", entry.restriction == "stops", law
        )
    return found
