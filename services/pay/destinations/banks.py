"""The banks to whose accounts money can be sent. Replaceable data: banks.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from core.text import Text

FILE: Final = Path(__file__).with_name("banks.toml")
_Code: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")]


@dataclass(frozen=True, slots=True)
class Bank:
    code: str
    title: Text
    digits: frozenset[int]
    """Lengths that an account number of it may have."""


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    th: str = Field(min_length=1)
    en: str = Field(min_length=1)
    digits: list[Annotated[int, Field(ge=8, le=20)]] = Field(min_length=1)


@lru_cache(maxsize=1)
def banks() -> Mapping[str, Bank]:
    """By code. Raises `pydantic.ValidationError` for a file that is wrong."""
    rows = TypeAdapter(dict[_Code, _Row]).validate_python(tomllib.loads(FILE.read_text()))
    found = {code: Bank(code, Text(th=row.th, en=row.en), frozenset(row.digits)) for code, row in rows.items()}
    return MappingProxyType(found)
