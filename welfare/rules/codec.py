"""The tree as JSON and back. What a decision stores; so a tag or a field is never renamed, only added to.

Objects with field names rather than positions: they survive a field being added, and a person can read them.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from enum import StrEnum
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from welfare.rules import tree as t
from welfare.rules.dates import checked_day
from welfare.rules.errors import DayOutOfRange, TreeInvalid

_TAG: Final = "node"
_BY_TAG: Final[dict[str, type[Any]]] = {cls.__name__.lower(): cls for cls in t.NODES}
_DEPTH_MAX: Final = 200
"""The parser's 32 levels make at most about 100 nested nodes."""


def to_json(node: t.Node) -> dict[str, Any]:
    """A tree of plain dicts, lists, strings, ints and bools."""
    result: dict[str, Any] = {_TAG: type(node).__name__.lower()}
    for field in fields(node):
        result[field.name] = _plain(getattr(node, field.name))
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, t.NODES):
        return to_json(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


def from_json(stored: object) -> t.Pred:
    """The tree that `to_json` wrote. Raises TreeInvalid for anything it cannot have written."""
    tree: t.Pred = _read(stored, t.Pred, 0)
    for node in t.walk(tree):
        if isinstance(node, t.DateConst):
            _check_base(node.base)
    return tree


def term_from_json(stored: object) -> t.Term:
    """The term that `to_json` wrote. Raises TreeInvalid for anything it cannot have written."""
    term: t.Term = _read(stored, t.Term, 0)
    return term


def _check_base(base: str) -> None:
    if base not in ("assessment_date", "fiscal_year_start"):
        try:
            checked_day(date.fromisoformat(base))
        except (ValueError, DayOutOfRange):
            raise TreeInvalid(what="expected a date") from None


def _read(stored: object, hint: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise TreeInvalid(what="nested too deep")
    if hint in (int, str, bool):
        if type(stored) is not hint:
            raise TreeInvalid(what=f"expected {hint.__name__}")
        return stored
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        if not isinstance(stored, str) or stored not in list(hint):
            raise TreeInvalid(what=f"expected a {hint.__name__}")
        return hint(stored)
    if get_origin(hint) is tuple:
        if not isinstance(stored, list):
            raise TreeInvalid(what="expected a list")
        return tuple(_read(item, get_args(hint)[0], depth + 1) for item in stored)
    return _read_node(stored, get_args(hint) if isinstance(hint, UnionType) else (hint,), depth)


def _read_node(stored: object, allowed: tuple[type[Any], ...], depth: int) -> Any:
    if not isinstance(stored, dict):
        raise TreeInvalid(what="expected a node")
    cls = _BY_TAG.get(str(stored.get(_TAG)))
    if cls is None or cls not in allowed:
        raise TreeInvalid(what="unknown or misplaced node")
    hints = _HINTS[cls.__name__]
    if stored.keys() != hints.keys() | {_TAG}:
        raise TreeInvalid(what=f"wrong fields of {stored[_TAG]}")
    return cls(**{name: _read(stored[name], hint, depth + 1) for name, hint in hints.items()})


_HINTS: Final[dict[str, dict[str, Any]]] = {cls.__name__: get_type_hints(cls) for cls in t.NODES}
