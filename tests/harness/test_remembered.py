"""Validators that are made once say what those that are made each time would."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tests.support.remembered import adapter_of


class Person(BaseModel):
    name: str


FIELDS: list[Any] = [
    Annotated[int, Field()],
    Annotated[int, Field(default=1)],
    Annotated[int, Field(default=True)],
    Annotated[int, Field(ge=1), Field()],
    Annotated[int, Field(ge=2), Field()],
    Annotated[int | str, Field()],
    Annotated[str | int, Field()],
    Annotated[str | None, Field(default=None)],
    Annotated[list[Person], Field()],
    Annotated[Person, Field()],
    Annotated[dict[str, Any], Field(default={})],
]


def said_by(adapter: TypeAdapter[Any], value: Any) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        return error.errors(include_url=False)


@pytest.mark.parametrize("field", FIELDS, ids=str)
@pytest.mark.parametrize(
    "value", [1, True, 0, "1", "x", None, [], [{"name": "x"}], {"name": "x"}, {"name": 1}], ids=str
)
def test_each_says_what_its_own_would(field: Any, value: Any) -> None:
    assert said_by(adapter_of(field), value) == said_by(TypeAdapter(field), value)
    assert repr(adapter_of(field).get_default_value()) == repr(TypeAdapter(field).get_default_value())


def test_the_same_are_one_and_others_are_not() -> None:
    made = [adapter_of(field) for field in FIELDS]
    again = [adapter_of(field) for field in FIELDS]
    unhashable = len(FIELDS) - 1
    assert all(one is other for one, other in zip(made[:unhashable], again[:unhashable], strict=True))
    assert made[unhashable] is not again[unhashable]
    assert len({id(one) for one in made}) == len(FIELDS)
