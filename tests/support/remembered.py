"""Half of what an application costs to make is 1,200 validators of some sixty kinds, for three hundred routes, of which
a test asks three. Tests make hundreds of applications; here each kind is made once, and only when it is asked.

FastAPI makes a `TypeAdapter` for each parameter and answer of each route, and reads the signature of each endpoint as
often as its router is included. An adapter is never changed, so those of the same type with the same attributes may be
one; a function without defaults is called as its code says, whatever it closes over.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Final

import fastapi.utils
from fastapi import routing
from fastapi._compat import shared, v2
from fastapi.dependencies import utils
from graphql.type import assert_name, definition
from pydantic import TypeAdapter

_REMEMBERED_MAX: Final = 1_000
_adapters: Final[dict[Any, TypeAdapter[Any]]] = {}
_signatures: Final[dict[CodeType, inspect.Signature]] = {}
_complete: Final = v2.ModelField.__post_init__
_read_signature: Final[Callable[[Callable[..., Any]], inspect.Signature]] = utils._get_signature
_populate: Final[Callable[..., None]] = routing._populate_api_route_state
_known_name: Final = functools.cache(assert_name)
_POPULATED: Final = tuple(routing._APIRouteLike.__annotations__)


def remember_adapters() -> None:
    """From now on. Doing so again changes nothing."""
    _ways(adapter_of, signature_of, _is_of_the_first_version, _populated, _nothing_yet)
    vars(definition)["assert_name"] = _known_name


def forget_adapters() -> None:
    """What is made from now on is made whole, as the library does it."""
    _ways(TypeAdapter, _read_signature, shared.annotation_is_pydantic_v1, _populate, _complete)


def _ways(adapter: Any, signature: Any, is_of_the_first_version: Any, populate: Any, complete: Any) -> None:
    vars(v2)["TypeAdapter"] = adapter
    vars(utils)["_get_signature"] = signature
    vars(fastapi.utils)["annotation_is_pydantic_v1"] = is_of_the_first_version
    vars(routing)["_populate_api_route_state"] = populate
    for name, value in (("__post_init__", complete), ("_type_adapter", _WhenAsked())):
        setattr(v2.ModelField, name, value)


def _nothing_yet(_: v2.ModelField) -> None:
    """In place of making the adapter: :class:`_WhenAsked` does."""


class _WhenAsked:
    """A field's adapter is made when the first value is to be looked at. What cannot have one is found out by whoever
    starts a server, which many tests do."""

    def __get__(self, field: v2.ModelField | None, _: type) -> Any:
        if field is None:
            return self
        _complete(field)  # sets the field's own attribute, which from then on is found instead of this
        return vars(field)["_type_adapter"]


def adapter_of(annotated: Any, config: Any = None) -> TypeAdapter[Any]:
    """An adapter of `Annotated[type, …, field]`, which may be one that somebody else has too."""
    *metadata, field = annotated.__metadata__
    kind = annotated.__origin__
    try:
        # Equal is not enough: 1 and True are, and `int | str` and `str | int`, which fail in another order.
        attributes = frozenset((name, value, type(value)) for name, value in field._attributes_set.items())
        key = (kind, repr(kind), tuple((one, repr(one)) for one in metadata), attributes, repr(config))
        known = _adapters.get(key)
    except TypeError:  # something of it cannot be a key
        return TypeAdapter(annotated, config=config)
    if known is None:
        known = TypeAdapter(annotated, config=config)
        if len(_adapters) < _REMEMBERED_MAX:
            _adapters[key] = known
    return known


def signature_of(call: Callable[..., Any]) -> inspect.Signature:
    """How it is called. Two functions of one code differ by their defaults, and by types that are no words: of those
    each is read by itself."""
    if (
        not isinstance(call, FunctionType)
        or call.__defaults__
        or call.__kwdefaults__
        or vars(call)  # a signature of its own, or that of another
        or not all(isinstance(kind, str) for kind in call.__annotations__.values())
    ):
        return _read_signature(call)
    known = _signatures.get(call.__code__)
    if known is None:
        known = _signatures[call.__code__] = _read_signature(call)
    return known


def _populated(route: Any, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
    """A route that is included where it is as it was need not be made again."""
    made = getattr(route, "original_route", None)
    if made is None or (made.path, made.dependencies, made.responses) != (
        path,
        given["dependencies"],
        given["responses"],
    ):
        _populate(route, path, endpoint, **given)
        return
    for name in _POPULATED:
        if hasattr(made, name):
            setattr(route, name, given.get(name, getattr(made, name)))


@functools.cache
def _known_of_the_first_version(annotation: Any) -> bool:
    return shared.annotation_is_pydantic_v1(annotation)


def _is_of_the_first_version(annotation: Any) -> bool:
    try:
        return _known_of_the_first_version(annotation)
    except TypeError:  # it cannot be a key
        return shared.annotation_is_pydantic_v1(annotation)
