"""Operations that are answered without being executed: `apply` alone, and of an application only what it has at its
beginning. Compiled once from documents that were found valid; whatever is unusual has no plan, and is executed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

from core.graph import global_id
from core.text import Language
from services.apply.acceptance.service import Accepted
from services.apply.states import TURNS, Status

PLANS_MAX: Final = 128
"""Of each schema."""
FIELD: Final = "apply"
Getter: TypeAlias = Callable[[Accepted, Language], Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the answer to one document is written."""

    operation: str | None
    """Its name."""
    variable: str
    """That holds the input."""
    write: Getter
    """What stands in `data`."""


_plans: WeakKeyDictionary[GraphQLSchema, OrderedDict[str, Plan | None]] = WeakKeyDictionary()


def note(schema: GraphQLSchema, text: str, document: DocumentNode | None) -> None:
    """Remembers a document that is valid in this schema, and uses nothing that goes."""
    plans = _plans.setdefault(schema, OrderedDict())
    if text in plans:
        plans.move_to_end(text)
        return
    if FIELD not in text or document is None:
        return
    plans[text] = plan_of(document)
    if len(plans) > PLANS_MAX:
        plans.popitem(last=False)


def plan_for(schema: GraphQLSchema, text: str) -> Plan | None:
    """None for a document that has none, or was not met yet."""
    plans = _plans.get(schema)
    return None if plans is None else plans.get(text)


def plan_of(document: DocumentNode) -> Plan | None:
    """Of a valid document: one mutation of one field, whose input is a variable; no fragments and no directives."""
    if len(document.definitions) != 1 or not isinstance(document.definitions[0], OperationDefinitionNode):
        return None
    operation = document.definitions[0]
    if operation.operation is not OperationType.MUTATION or operation.directives:
        return None
    variable, fields = _input_of(operation), _fields(operation.selection_set)
    if variable is None or fields is None or len(fields) != 1:
        return None
    ((key, field),) = fields.items()
    given = [argument.value for argument in field.arguments or ()]
    is_input = len(given) == 1 and isinstance(given[0], VariableNode) and given[0].name.value == variable
    if field.name.value != FIELD or not is_input:
        return None
    written = _object(field.selection_set, _PAYLOAD)
    if written is None:
        return None
    name = None if operation.name is None else operation.name.value
    return Plan(name, variable, lambda made, language: {key: written(made, language)})


def _input_of(operation: OperationDefinitionNode) -> str | None:
    """The one variable, of type `ApplyInput!`."""
    definitions = operation.variable_definitions or ()
    if len(definitions) != 1:
        return None
    (definition,) = definitions
    kind = definition.type
    is_input = (
        isinstance(kind, NonNullTypeNode)
        and isinstance(kind.type, NamedTypeNode)
        and kind.type.name.value == "ApplyInput"
    )
    if not is_input or definition.default_value is not None or definition.directives:
        return None
    return definition.variable.name.value


def _fields(selections: SelectionSetNode | None) -> dict[str, FieldNode] | None:
    """By the key in the answer; None where one stands twice, or is more than a plain field."""
    found: dict[str, FieldNode] = {}
    for node in selections.selections if selections is not None else ():
        if not isinstance(node, FieldNode) or node.directives:
            return None
        key = (node.alias or node.name).value
        if key in found:
            return None
        found[key] = node
    return found


def _object(selections: SelectionSetNode | None, known: Mapping[str, Getter | Mapping[str, Any]]) -> Getter | None:
    fields = _fields(selections)
    if fields is None:
        return None
    getters: list[tuple[str, Getter]] = []
    for key, node in fields.items():
        found = known.get(node.name.value)
        getter = _object(node.selection_set, found) if isinstance(found, Mapping) else found
        if getter is None or node.arguments:
            return None
        getters.append((key, getter))
    return lambda made, language: {key: getter(made, language) for key, getter in getters}


def _always(value: Any) -> Getter:
    return lambda _made, _language: value


_PERSON: Final[Mapping[str, Getter]] = {
    "__typename": _always("Person"),
    "id": lambda made, _: str(global_id("Person", made.person)),
}
_APPLICATION: Final[Mapping[str, Getter | Mapping[str, Any]]] = {
    "__typename": _always("Application"),
    "id": lambda made, _: str(global_id("Application", made.id)),
    "subject": lambda made, _: made.subject,
    "status": _always(Status.SUBMITTED.value),
    "turn": _always(TURNS[Status.SUBMITTED].value),
    "title": lambda made, language: made.title.in_language(language),
    "submittedAt": lambda made, _: made.at.isoformat(),
    "decidedAt": _always(None),
    "dueOn": lambda made, _: None if made.due_on is None else made.due_on.isoformat(),
    "overdue": _always(False),  # noqa: FBT003 - the value itself
    "beneficiary": _PERSON,
    "missing": _always([]),
    "reasons": _always([]),
}
_PAYLOAD: Final[Mapping[str, Getter | Mapping[str, Any]]] = {
    "__typename": _always("ApplyPayload"),
    "application": _APPLICATION,
    "existing": _always(None),
    "conflict": _always(None),
    "problems": _always([]),
}
