"""Checks an answer against the SDL, and bounds it. Strings are data: nothing in them is ever read as code or markup.

Dates and money come as Python values from in-process code and in their JSON forms (ISO 8601, `{"satang",
"currency"}`) from elsewhere; both leave as Python values. Keys that the SDL does not know are dropped; keys that are
missing are null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final, TypeAlias

import jsonschema_rs
from graphql import ListTypeNode, NonNullTypeNode, TypeNode
from pydantic import BaseModel

from core.money import CURRENCY, AmountOutOfRange, Money
from services.plugins.contract import Known, PartialDate
from services.plugins.plugin import PluginGraph, named_type
from services.plugins.runner.errors import MalformedAnswer

ITEMS_MAX: Final = 10_000
"""Of all lists and objects of one answer together."""
STRING_LENGTH_MAX: Final = 10_000
_INT_MAX: Final = 2**31 - 1
"""GraphQL's Int has 32 bits."""


def check_answer(answer: Any, node: TypeNode, graph: PluginGraph) -> Any:
    """The answer, cut to the SDL and with Python values for dates and money. Raises :class:`MalformedAnswer`."""
    return answer_check(node, graph)(answer)


def answer_check(node: TypeNode, graph: PluginGraph) -> Callable[[Any], Any]:
    """:func:`check_answer` of one type, for many answers: what the SDL says is looked up once."""
    check = _Checks(graph).of(node)
    return lambda answer: check(answer, _Room())


def schema_check(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """For answers that JSON Schema describes: such an answer as JSON writes it, or :class:`MalformedAnswer`."""
    validator = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, offline=True)

    def check(answer: Any) -> Any:
        told = as_json(answer)
        if (error := next(validator.iter_errors(told), None)) is not None:
            raise MalformedAnswer(tuple(error.instance_path), "it is not as the manifest's `answer` says")
        return told

    return check


def as_json(answer: Any) -> Any:
    """An answer in the form in which JSON, and examples, write it; of a partial date the parts that are known."""
    if isinstance(answer, Known):
        return as_json(answer.value)
    if isinstance(answer, Money):
        return {"satang": answer.satang, "currency": answer.currency}
    if isinstance(answer, PartialDate):
        return str(answer)
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(answer, date):  # a datetime is one
        return answer.isoformat()
    if isinstance(answer, Mapping):
        return {key: as_json(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [as_json(item) for item in answer]
    return answer


class _Room:
    """How much more an answer may hold."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = ITEMS_MAX

    def take(self, items: int) -> None:
        self.left -= items
        if self.left < 0:
            raise MalformedAnswer((), f"it holds more than {ITEMS_MAX} values")


_Check: TypeAlias = Callable[[Any, _Room], Any]
"""Answers the value, or raises with the path from there on."""


class _Checks:
    """A check for each type, made when it is first needed."""

    def __init__(self, graph: PluginGraph) -> None:
        self._graph = graph
        self._named: dict[str, _Check] = {}

    def of(self, node: TypeNode) -> _Check:
        if isinstance(node, NonNullTypeNode):
            return _required(self.of(node.type))
        if isinstance(node, ListTypeNode):
            return _list_of(self.of(node.type))
        name = named_type(node)
        if name not in self._named:
            self._named[name] = self._of_name(name)
        return self._named[name]

    def _of_name(self, name: str) -> _Check:
        if name in self._graph.objects:
            return self._object(name)
        if name in self._graph.enums:
            return _one_of(name, self._graph.enums[name])
        return _scalar(name, _SCALARS[name])

    def _object(self, name: str) -> _Check:
        @cache
        def fields() -> tuple[tuple[str, _Check], ...]:
            return tuple((key, self.of(field.type)) for key, field in self._graph.fields(name).items())

        def check(value: Any, room: _Room) -> Any:
            if value is None:
                return None
            if type(value) is not dict and not isinstance(value, Mapping):  # the first is many times faster
                raise MalformedAnswer((), "it is not an object")
            told, key = {}, ""
            room.take(len(fields()))
            try:
                for key, inner in fields():
                    told[key] = inner(value.get(key), room)
            except MalformedAnswer as error:
                raise error.below(key) from None
            return told

        return check


def _required(inner: _Check) -> _Check:
    def check(value: Any, room: _Room) -> Any:
        if value is None:
            raise MalformedAnswer((), "it is missing, and must not be")
        return inner(value, room)

    return check


def _list_of(inner: _Check) -> _Check:
    def check(value: Any, room: _Room) -> Any:
        if value is None:
            return None
        if not isinstance(value, list | tuple):
            raise MalformedAnswer((), "it is not a list")
        told: list[Any] = []
        room.take(len(value))
        try:
            for item in value:
                told.append(inner(item, room))  # noqa: PERF401 - its length is where an error is
        except MalformedAnswer as error:
            raise error.below(len(told)) from None
        return told

    return check


def _one_of(name: str, values: frozenset[str]) -> _Check:
    def check(value: Any, _: _Room) -> Any:
        if value is None:
            return None
        if not isinstance(value, str) or value not in values:
            raise MalformedAnswer((), f"it is no value of {name}")
        return str(value)

    return check


def _scalar(name: str, read: Callable[[Any], Any]) -> _Check:
    def check(value: Any, _: _Room) -> Any:
        if value is None:
            return None
        try:
            return read(value)
        except (TypeError, ValueError, KeyError, AmountOutOfRange):
            raise MalformedAnswer((), f"it is not of type {name}") from None

    return check


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    if len(value) > STRING_LENGTH_MAX or "\x00" in value:
        raise ValueError
    value.encode()  # a lone surrogate is half a letter: UnicodeEncodeError is a ValueError
    return str(value)


def _id(value: Any) -> str:
    return _string(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if abs(value) > _INT_MAX:
        raise ValueError
    return int(value)


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not math.isfinite(value):
        raise ValueError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise TypeError
    if instant.tzinfo is None:
        raise ValueError
    return instant


def _money(value: Any) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, Mapping) or value["currency"] != CURRENCY:
        raise TypeError
    return Money(value["satang"])


_SCALARS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Boolean": _boolean,
    "Date": _date,
    "DateTime": _instant,
    "Float": _float,
    "ID": _id,
    "Int": _int,
    "Money": _money,
    "String": _string,
}
