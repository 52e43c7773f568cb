"""Tells clients in band: in `extensions.deprecations` of an answer, and in the header fields of one that is alone.

The fields are Deprecation (RFC 9745) and Sunset (RFC 8594). They are of a resource; here that is the operation: of the
names that it uses, the one that was deprecated first, and the day on which the first may be gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from prometheus_client import Counter
from starlette.responses import Response
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext

from api.deprecations.index import notices_of
from api.deprecations.using import Using, using
from core.graph import Context
from services.plugins.notices.uses import DeprecatedUses

_MEMO: Final = "deprecations"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})

_operations = Counter("sitthi_deprecated_operations_total", "Operations that use a name that goes.", ["service"])


class DeprecationNotices(SchemaExtension):
    """For an extension that has a hook where the document is valid: one of its own would cost every operation 6 µs."""

    _told = _NOTHING

    def look(self, operation: ExecutionContext) -> bool:
        """Whether a valid document uses what goes. While no name goes, this is a look into a dictionary."""
        schema = operation.schema._schema  # noqa: SLF001 - Strawberry shows its GraphQL schema nowhere else
        if notices_of(schema) and operation.graphql_document is not None:
            used = using(schema, operation.graphql_document, operation.operation_name, operation.variables)
            if used.notices:
                self._told = used.extensions
                _note(operation.context, used)
                return True
        return False

    def get_results(self) -> dict[str, Any]:
        """Of a stream, with its first answer alone."""
        found, self._told = self._told, _NOTHING
        return dict(found)


def warned(response: Any, context: Any) -> Any:
    """The answer to one operation, with the header fields where it uses what goes."""
    used = context.memo.get(_MEMO) if isinstance(context, Context) else None
    if used is not None and isinstance(response, Response):
        for name, value in used.headers.items():
            response.headers.append(name, value)
    return response


def _note(context: Any, used: Using) -> None:
    if isinstance(context, Context):
        context.memo[_MEMO] = used
        client = "" if context.viewer is None else context.viewer.client
        context.room(DeprecatedUses).count(client, used)
    for service in used.services:
        _operations.labels(service).inc()
