"""Half of what an application costs to make is 1,200 validators of some sixty kinds. Tests make hundreds of
applications; here each kind is made once.

FastAPI makes a `TypeAdapter` for each parameter and answer of each route. An adapter is never changed, so those of the
same type with the same attributes may be one.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi._compat import v2
from pydantic import TypeAdapter

_REMEMBERED_MAX: Final = 1_000
_adapters: Final[dict[Any, TypeAdapter[Any]]] = {}


def remember_adapters() -> None:
    """From now on. Doing so again changes nothing."""
    vars(v2)["TypeAdapter"] = adapter_of


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
