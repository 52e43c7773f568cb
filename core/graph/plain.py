"""Values that only have to be written down: objects of which every field asked for is an attribute, or as good as one.

The library's executor makes an info, a path and an error handler for each field, whether anything can happen there or
not; that is most of what a screen costs. So what is asked of an object whose fields only tell what it holds is worked
out once for an operation, and such objects are then read by it. Whenever that does not come out (null where none may
be, a value of another type, a field that raises) the library does it again in its own way, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from operator import attrgetter
from typing import Any, Final, cast

from graphql import (
    GraphQLBoolean,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    Undefined,
    is_leaf_type,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

Write = Callable[[Any], Any]
PLAIN: Final[Mapping[str, Any]] = {"core.graph.plain": True}
"""Metadata of a field whose resolver is as good as an attribute: it changes nothing, waits for nothing, takes no
argument but `info`, of which it uses the context, and answers alike when it is asked twice."""
_TYPENAME: Final = "__typename"
_LIBRARYS: Final = "GraphQLCoreConverter.from_resolver.<locals>."
"""Where the library makes resolvers; whoever stands before a field has put another in its place."""
_BACK: Final = GraphQLCoreConverter.DEFINITION_BACKREF


class NotPlainError(Exception):
    """This value is the library's to complete, or to refuse. It never leaves this module."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """As much of `info` as a :data:`PLAIN` resolver may use."""

    context: Any


class PlainValues(StrawberryGraphQLCoreExecutionContext):
    """The executor of a schema; answers and errors are those of the library's own, byte for byte."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.middleware_manager is not None and not self.middleware_manager.middlewares:
            self.middleware_manager = None  # as there is for a schema none of whose extensions stands before fields
        self.writers: dict[tuple[GraphQLObjectType, int], tuple[Any, Write | None]] = {}

    def build_per_event_executor(self, payload: Any) -> Any:
        """What was worked out for one event of a subscription is found by none that follows, so none keeps it."""
        executor: Any = super().build_per_event_executor(payload)
        executor.writers = {}
        executor._relevant_sub_fields = {}  # noqa: SLF001 - the library shares its own with every event, for ever
        return executor

    def collect_and_execute_subfields(
        self, return_type: GraphQLObjectType, field_details_list: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        write = self._writer(return_type, field_details_list)
        if write is not None:
            try:
                return write(result)
            except Exception:  # noqa: BLE001, S110 - the library's own way, below, meets it again and tells it
                pass
        return super().collect_and_execute_subfields(return_type, field_details_list, path, result, position_context)

    def complete_list_value(
        self, return_type: Any, field_details_list: Any, info: Any, path: Any, result: Any, position_context: Any
    ) -> Any:
        if type(result) is list:
            try:
                write = self._any(return_type.of_type, field_details_list)
                return [write(item) for item in result]
            except Exception:  # noqa: BLE001, S110 - the library completes the list again, below, and tells what is wrong
                pass
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def _writer(self, kind: GraphQLObjectType, asked: Any) -> Write | None:
        """None where something that is asked of the type is not plain."""
        key = kind, id(asked)  # by identity, which the library goes by as well; kept, so that no other can have it
        found = self.writers.get(key)
        if found is None:
            try:
                write: Write | None = self._object(kind, asked)
            except NotPlainError:
                write = None
            found = self.writers[key] = asked, write
        return found[1]

    def _object(self, kind: GraphQLObjectType, asked: Any) -> Write:
        if self.middleware_manager:
            raise NotPlainError
        collected = self.collect_subfields(kind, asked)
        if collected.new_defer_usages:
            raise NotPlainError
        fields: list[tuple[str, Write, Write]] = []
        for name, details in collected.grouped_field_set.items():
            if details[0].node.name.value == _TYPENAME:
                fields.append((name, type, lambda _: kind.name))
            else:
                fields.append((name, *self._field(kind, details)))
        is_one: Any = kind.is_type_of

        def write(source: Any) -> dict[str, Any]:
            if source is None or (is_one is not None and is_one(source, None) is not True):
                raise NotPlainError
            return {name: complete(read(source)) for name, read, complete in fields}

        return write

    def _field(self, kind: GraphQLObjectType, details: Any) -> tuple[Write, Write]:
        """How it is read of an object, and how what was read is written."""
        field = kind.fields.get(details[0].node.name.value)
        definition = None if field is None else field.extensions.get(_BACK)
        if field is None or not isinstance(definition, StrawberryField) or definition.extensions:
            raise NotPlainError
        if not getattr(field.resolve, "__qualname__", "").startswith(_LIBRARYS):
            raise NotPlainError
        return self._read(definition), self._any(field.type, details)

    def _read(self, definition: StrawberryField) -> Write:
        resolver = definition.base_resolver
        if resolver is None:
            if definition.default_resolver is not getattr:
                raise NotPlainError
            return attrgetter(definition.python_name)
        if PLAIN.items() - definition.metadata.items():
            raise NotPlainError
        told: Any = resolver.wrapped_func
        asked = _Asked(self.context_value)
        names = tuple(signature(told).parameters)
        if names == ("self",):
            return cast("Write", told)
        if names != ("self", "info"):
            raise NotPlainError
        return lambda source: told(source, asked)

    def _any(self, kind: GraphQLOutputType, asked: Any) -> Write:
        """Raises :class:`NotPlainError` for a type that is not plain."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, asked)
        some = self._present(kind, asked)
        return lambda value: None if value is None else some(value)

    def _present(self, kind: GraphQLOutputType, asked: Any) -> Write:
        """Of a value that may not be null."""
        if isinstance(kind, GraphQLList):
            item = self._any(kind.of_type, asked)
            return lambda value: [item(one) for one in _listed(value)]
        if isinstance(kind, GraphQLObjectType):
            write = self._writer(kind, asked)
            if write is None:
                raise NotPlainError
            return write
        if not is_leaf_type(kind):
            raise NotPlainError
        if kind is GraphQLString:
            return lambda value: value if type(value) is str else _coerced(kind, value)
        if kind is GraphQLBoolean:
            return lambda value: value if type(value) is bool else _coerced(kind, value)
        return lambda value: _coerced(kind, value)


def _listed(value: Any) -> list[Any]:
    if type(value) is not list:
        raise NotPlainError
    return value


def _coerced(kind: Any, value: Any) -> Any:
    if value is None or isinstance(value, Exception) or hasattr(value, "__await__"):
        raise NotPlainError
    found = kind.coerce_output_value(value)
    if found is None or found is Undefined:
        raise NotPlainError
    return found
