"""Checks an answer against the SDL, and bounds it. Strings are data: nothing in them is ever read as code or markup.

Dates and money come as Python values from in-process code and in their JSON forms (ISO 8601, `{"satang",
"currency"}`) from elsewhere; both leave as Python values. Keys that the SDL does not know are dropped; keys that are
missing are null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

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
    return _Check(graph).value(answer, node, ())


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


class _Check:
    def __init__(self, graph: PluginGraph) -> None:
        self._graph = graph
        self._fields = {name: graph.fields(name) for name in graph.objects}
        self._items = 0

    def value(self, value: Any, node: TypeNode, path: tuple[str | int, ...]) -> Any:
        if isinstance(node, NonNullTypeNode):
            if value is None:
                raise MalformedAnswer(path, "it is missing, and must not be")
            return self.value(value, node.type, path)
        if value is None:
            return None
        if isinstance(node, ListTypeNode):
            if not isinstance(value, list | tuple):
                raise MalformedAnswer(path, "it is not a list")
            return [self.value(item, node.type, self._step(path, index)) for index, item in enumerate(value)]
        return self._named(value, named_type(node), path)

    def _named(self, value: Any, name: str, path: tuple[str | int, ...]) -> Any:
        if name in self._fields:
            if not isinstance(value, Mapping):
                raise MalformedAnswer(path, "it is not an object")
            return {
                key: self.value(value.get(key), field.type, self._step(path, key))
                for key, field in self._fields[name].items()
            }
        if name in self._graph.enums:
            if not isinstance(value, str) or value not in self._graph.enums[name]:
                raise MalformedAnswer(path, f"it is no value of {name}")
            return str(value)
        try:
            return _SCALARS[name](value)
        except (TypeError, ValueError, KeyError, AmountOutOfRange):
            raise MalformedAnswer(path, f"it is not of type {name}") from None

    def _step(self, path: tuple[str | int, ...], key: str | int) -> tuple[str | int, ...]:
        self._items += 1
        if self._items > ITEMS_MAX:
            raise MalformedAnswer(path, f"it holds more than {ITEMS_MAX} values")
        return (*path, key)


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


_SCALARS: Final = {
    "Boolean": _boolean,
    "Date": _date,
    "DateTime": _instant,
    "Float": _float,
    "ID": _id,
    "Int": _int,
    "Money": _money,
    "String": _string,
}
