"""The words of a plugin's SDL, wherever they stand: names, texts, numbers, directives, and what no reader sees."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from graphql import (
    BREAK,
    DirectiveNode,
    DocumentNode,
    FieldDefinitionNode,
    FloatValueNode,
    InputValueDefinitionNode,
    IntValueNode,
    NameNode,
    Node,
    StringValueNode,
    Visitor,
    visit,
)

from services.plugins.contract import Fault, Rule
from services.plugins.contract.texts import trouble_in, unseen_in

FILE: Final = "graph.graphql"
NAME_LENGTH_MAX: Final = 100
NUMBER_LENGTH_MAX: Final = 30
TEXT_LENGTH_MAX: Final = 2_000
FAULTS_MAX: Final = 100
"""That are told; whoever has more has mended none of them yet."""
_FIELD_NAME: Final = re.compile(r"[a-z][A-Za-z0-9]*")
_VALUE_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def text_fault(sdl: str) -> Fault | None:
    """The first character that is not seen, in comments as well: a reviewer reads them."""
    for number, row in enumerate(sdl.removeprefix("\ufeff").split("\n"), start=1):
        if (why := unseen_in(row)) is not None:
            return Fault(Rule.TEXT, why, "Remove it", FILE, number)
    return None


def word_faults(document: DocumentNode) -> list[Fault]:
    words = _Words()
    visit(document, words)
    return words.faults


def fault_at(rule: Rule, node: Node, why: str, remedy: str, field: str | None = None) -> Fault:
    return Fault(rule, why, remedy, FILE, line_of(node), field)


def line_of(node: Node) -> int | None:
    return node.loc.start_token.line if node.loc else None


class _Words(Visitor):
    """Names that GraphQL keeps for itself, names out of form, and directives, wherever they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[Fault] = []

    def enter_name(self, node: NameNode, *_: object) -> Any:
        if node.value.startswith("__"):
            why = f"`{node.value}` begins with two underscores, which GraphQL keeps for itself"
            self.faults.append(fault_at(Rule.NAME, node, why, "Choose another name"))
        elif len(node.value) > NAME_LENGTH_MAX:
            why = f"a name of {len(node.value)} letters, more than {NAME_LENGTH_MAX}"
            self.faults.append(fault_at(Rule.GRAPH_TOO_LARGE, node, why, "Shorten it"))
        return BREAK if len(self.faults) >= FAULTS_MAX else None

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        why = trouble_in(node.value)
        if why is None and len(node.value) > TEXT_LENGTH_MAX:
            why = f"a text of {len(node.value)} letters, more than {TEXT_LENGTH_MAX}"
        if why is not None:
            self.faults.append(fault_at(Rule.TEXT, node, why, "Write it in letters that are seen, and briefly"))

    def enter_int_value(self, node: IntValueNode, *_: object) -> None:
        self._short(node, node.value)

    def enter_float_value(self, node: FloatValueNode, *_: object) -> None:
        self._short(node, node.value)

    def _short(self, node: Node, number: str) -> None:
        if len(number) > NUMBER_LENGTH_MAX or not math.isfinite(float(number)):
            self.faults.append(fault_at(Rule.GRAPH_TOO_LARGE, node, "a number that nothing holds", "Shorten it"))

    def enter_field_definition(self, node: FieldDefinitionNode, *_: object) -> None:
        self._in_form(node.name, _FIELD_NAME, "camelCase")

    def enter_input_value_definition(self, node: InputValueDefinitionNode, *_: object) -> None:
        self._in_form(node.name, _FIELD_NAME, "camelCase")

    def enter_enum_value_definition(self, node: Node, *_: object) -> None:
        self._in_form(node.name, _VALUE_NAME, "CAPITALS")  # type: ignore[attr-defined]

    def enter_directive(self, node: DirectiveNode, key: int | str | None, *_: object) -> None:
        if key not in (None, 0):
            self.faults.append(fault_at(Rule.DIRECTIVE, node, "a second directive at one place", "Keep one"))
        if node.name.value != "deprecated":
            why = f"the directive `@{node.name.value}` has no place in a plugin"
            self.faults.append(fault_at(Rule.DIRECTIVE, node, why, "Remove it; only @deprecated may stand"))

    def _in_form(self, name: NameNode, form: re.Pattern[str], called: str) -> None:
        if not form.fullmatch(name.value) and not name.value.startswith("__"):
            self.faults.append(fault_at(Rule.NAME, name, f"`{name.value}` is not in {called}", f"Write it in {called}"))
