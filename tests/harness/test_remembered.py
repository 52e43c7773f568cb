"""What is made once, or when it is asked, says what those would that are made each time."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tests.support.remembered import adapter_of, forget_adapters, remember_adapters, signature_of


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


def greeting(word: str) -> Callable[[str], str]:
    def greet(name: str) -> str:
        return f"{word} {name}"

    return greet


def with_default(word: str) -> Callable[..., str]:
    def greet(name: str = word) -> str:
        return name

    return greet


@functools.wraps(len)
def like_another(value: str) -> int:
    return len(value)


class Room:
    def enter(self, name: str) -> str:
        return name


CALLED: list[Callable[..., Any]] = [
    *(greeting("a"), greeting("b"), with_default("a"), with_default("b"), Room().enter, like_another, Person),
    lambda name: name,
]


@pytest.mark.parametrize("call", CALLED, ids=range(len(CALLED)))
def test_a_signature_is_the_functions_own(call: Callable[..., Any]) -> None:
    for _ in range(2):
        assert signature_of(call) == inspect.signature(call, eval_str=True)


def who(name: str = "nobody") -> str:
    return name


def an_application() -> FastAPI:
    inner = APIRouter()

    @inner.post("/people/{number}", status_code=201, responses={404: {"model": Person}}, tags=["people"])
    def add(number: int, person: Person, asker: Annotated[str, Depends(who)], again: bool = False) -> Person:
        return Person(name=f"{number} {person.name} {asker} {again}")

    @inner.get("/people")
    async def people(first: Annotated[int, Field(ge=1)] = 10) -> list[Person]:
        return [Person(name="a")] * first

    outer, app = APIRouter(), FastAPI()
    outer.include_router(inner)
    outer.include_router(inner, prefix="/again", dependencies=[Depends(who)], responses={409: {"model": Person}})
    app.include_router(outer)
    return app


ASKED: list[tuple[str, str, Any]] = [
    *(("POST", "/people/1?name=t&again=true", {"name": "x"}), ("POST", "/people/x", {"name": 1})),
    *(("POST", "/again/people/2", {"name": "y"}), ("GET", "/people?first=2", None), ("GET", "/people?first=0", None)),
    *(("GET", "/again/people?name=t", None), ("DELETE", "/people", None), ("GET", "/openapi.json", None)),
]


def answers(app: FastAPI) -> list[Any]:
    with TestClient(app) as client:
        got = [client.request(method, path, json=body) for method, path, body in ASKED]
    return [(one.status_code, one.json()) for one in got]


def test_an_application_answers_as_one_that_was_made_whole() -> None:
    forget_adapters()
    whole = answers(an_application())
    remember_adapters()
    again = [answers(an_application()) for _ in range(2)]
    forget_adapters()
    assert again == [whole, whole]
    assert [status for status, _ in whole] == [201, 422, 201, 200, 422, 200, 405, 200]
