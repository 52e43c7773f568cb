"""How large a question may be: bytes of the body, tokens, depth and fields of the query.

The limits are generous to an app's home screen (about 300 leaf fields, 12 deep) and end where a query could cost more
than a page of answers.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValidationContext,
    ValidationRule,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import as_json, status_of
from core.errors import BodyTooLarge
from core.text import preferred_language

BODY_BYTES_MAX: Final = 256 * 1024
OUTSIDE: Final = "/sandbox/"
"""What stands in for other people's servers: a bank's files are large, and bounded by the bank."""
INGEST: Final = re.compile(r"/agency/v1/services/[^/]+/ingest/[^/]+")
"""Records of agencies: bounded by the route, which reads nothing before it knows who sends."""
EVIDENCE: Final = "/evidence"
"""Files of citizens: as above."""
PAPERS: Final = "/verify/"
"""Files that anybody has verified: bounded by the route, in memory."""
TOKENS_MAX: Final = 4_000
DEPTH_MAX: Final = 15
FIELDS_MAX: Final = 1_000
"""Fields counted with every fragment written out, so that fragments spread in fragments cannot multiply unseen."""
ALIASED_ROOTS_MAX: Final = 20
"""Root fields of one operation, those in fragments too: a hundred aliased calls are not one request."""


class WithinLimits(ValidationRule):
    """Refuses operations that are too deep or too large, with the codes `QUERY_TOO_DEEP` and `QUERY_TOO_LARGE`."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._fragments = {
            d.name.value: d for d in context.document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._sizes: dict[str, tuple[int, int]] = {}
        self._root_counts: dict[str, int] = {}
        self._told_twice = False

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        if self._roots(node.selection_set, frozenset()) > ALIASED_ROOTS_MAX:
            self._refuse("QUERY_TOO_LARGE", f"The query has more than {ALIASED_ROOTS_MAX} root fields.", node)
        if _is_introspection(node):
            return
        fields, depth = self._measure(node.selection_set, frozenset())
        if depth > DEPTH_MAX:
            self._refuse("QUERY_TOO_DEEP", f"The query is {depth} levels deep; {DEPTH_MAX} are allowed.", node)
        if fields > FIELDS_MAX:
            self._refuse("QUERY_TOO_LARGE", f"The query asks for {fields} fields; {FIELDS_MAX} are allowed.", node)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """What the schema tells of itself is long; under aliases, a small question would have it told many times."""
        parent = self.context.get_parent_type()
        is_of_the_schema = node.name.value == "__schema" or (parent is not None and parent.name.startswith("__"))
        if node.alias is not None and is_of_the_schema and not self._told_twice:
            self._told_twice = True
            self._refuse("QUERY_TOO_LARGE", "The schema is not told under aliases.", node)

    def _refuse(self, code: str, message: str, node: OperationDefinitionNode | FieldNode) -> None:
        self.report_error(GraphQLError(message, node, extensions={"code": code}))

    def _roots(self, selections: SelectionSetNode | None, inside: frozenset[str]) -> int:
        """Fields of this level, with its fragments written out; those in several fragments count as often."""
        roots = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FieldNode):
                roots += 1
            elif isinstance(node, InlineFragmentNode):
                roots += self._roots(node.selection_set, inside)
            elif isinstance(node, FragmentSpreadNode):
                roots += self._roots_of(node.name.value, inside)
        return roots

    def _roots_of(self, name: str, inside: frozenset[str]) -> int:
        if name in inside or name not in self._fragments:
            return 0
        if name not in self._root_counts:
            self._root_counts[name] = self._roots(self._fragments[name].selection_set, inside | {name})
        return self._root_counts[name]

    def _measure(self, selections: SelectionSetNode | None, inside: frozenset[str]) -> tuple[int, int]:
        """Fields and depth. A fragment inside itself counts as nothing here: another rule refuses it."""
        fields, depth = 0, 0
        for node in selections.selections if selections else ():
            below = (0, 0)
            if isinstance(node, FieldNode):
                inner = self._measure(node.selection_set, inside)
                below = (inner[0] + 1, inner[1] + 1)
            elif isinstance(node, InlineFragmentNode):
                below = self._measure(node.selection_set, inside)
            elif isinstance(node, FragmentSpreadNode):
                below = self._fragment(node.name.value, inside)
            fields, depth = fields + below[0], max(depth, below[1])
        return fields, depth

    def _fragment(self, name: str, inside: frozenset[str]) -> tuple[int, int]:
        if name in inside or name not in self._fragments:
            return 0, 0
        if name not in self._sizes:
            self._sizes[name] = self._measure(self._fragments[name].selection_set, inside | {name})
        return self._sizes[name]


def _is_introspection(operation: OperationDefinitionNode) -> bool:
    roots = operation.selection_set.selections
    return all(isinstance(n, FieldNode) and n.name.value in ("__schema", "__type", "__typename") for n in roots)


class BodyLimit:
    """ASGI middleware: a body over the limit is refused with 413 before anyone holds it whole."""

    def __init__(self, app: ASGIApp, bytes_max: int = BODY_BYTES_MAX) -> None:
        self.app, self.bytes_max = app, bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")  # the start and the end of a server have none
        if scope["type"] != "http" or path.startswith(OUTSIDE) or path in (EVIDENCE, PAPERS) or INGEST.fullmatch(path):
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.bytes_max:
            await self._refuse(headers, send)
            return
        body = b""
        more = b"transfer-encoding" in headers or declared != b"0"
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self.bytes_max:
                await self._refuse(headers, send)
                return
        await self.app(scope, _replay(body, receive), send)

    async def _refuse(self, headers: dict[bytes, bytes], send: Send) -> None:
        error = BodyTooLarge()
        language = preferred_language(headers.get(b"accept-language", b"").decode("latin-1"))
        content = orjson.dumps(as_json(error, language))
        await send(
            {
                "type": "http.response.start",
                "status": status_of(error),
                "headers": [(b"content-type", b"application/json"), (b"connection", b"close")],
            }
        )
        await send({"type": "http.response.body", "body": content})


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then listens on (for the client's leaving)."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replayed
