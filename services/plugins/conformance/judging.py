"""What an answer from outside is worth: by which rule it falls, or what it says."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from core.clock import Clock
from services.plugins.conformance.answers import not_typed, plain
from services.plugins.conformance.line import Reply, Signed
from services.plugins.contract import Known, OperationKind, OperationSpec
from services.plugins.contract.keys import KeysOf
from services.plugins.contract.signatures import NotSigned, verify_answer
from services.plugins.contract.wire import DECLARED
from services.plugins.plugin import Plugin
from services.plugins.runner.answers import check_answer
from services.plugins.runner.errors import MalformedAnswer
from services.plugins.runner.replies import is_json
from services.plugins.strict_json import read_json
from services.plugins.values import known_of


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a call that was well formed and well signed."""

    answer: Any = None
    """As an example writes it; of a batch by person."""
    code: str = ""
    """A declared error."""
    broken: str = ""
    """The rule that the answer breaks; empty for one that breaks none, and for none at all."""
    what: str = ""
    """What is wrong, if anything; never what was answered."""
    status: int = 0

    @property
    def is_answer(self) -> bool:
        """Whether it can be used: an answer or a declared error."""
        return not self.what

    @property
    def said(self) -> tuple[Any, str]:
        return self.answer, self.code


class Judge:
    """Believes nothing of an answer before its signature, and nothing of whom it does not say that it is about."""

    def __init__(self, plugin: Plugin, keys: KeysOf, clock: Clock) -> None:
        self._plugin, self._keys, self._clock = plugin, keys, clock

    def told(self, call: Signed, reply: Reply) -> Told:
        if reply.timed_out:
            return Told(broken="time.limit", what=reply.lost)
        if reply.too_large:
            return Told(broken="answer.bounded", what="it is larger than `answer_bytes_max`")
        if reply.lost:
            return Told(what=reply.lost)
        if reply.status not in (HTTPStatus.OK, DECLARED):
            return Told(what=f"status {reply.status}", status=reply.status)
        try:
            verify_answer(reply.status, reply.fields, reply.body, call.signature, self._keys, now=self._clock.now())
        except NotSigned as refused:
            return Told(broken="answer.signed", what=f"its signature does not count ({refused.why})")
        return self._read(call, reply)

    def _read(self, call: Signed, reply: Reply) -> Told:
        asked = read_json(call.body)
        try:
            told = read_json(reply.body)
        except ValueError:
            told = None
        if not is_json(reply.headers) or not isinstance(told, dict) or "about" not in told:
            return Told(broken="answer.typed", what="it is no JSON object with `about`")
        if told["about"] != asked["about"]:
            return Told(broken="answer.subject", what="`about` is not as it was asked")
        if reply.status == DECLARED:
            return self._declared(told)
        spec = self._plugin.manifest.operations[call.operation]
        try:
            return self._answer(told, asked, call.operation, spec)
        except MalformedAnswer as malformed:
            return Told(broken="answer.typed", what=str(malformed))
        except (KeyError, TypeError, ValueError):
            return Told(broken="answer.typed", what=f"it is not what a {spec.kind} answers")

    def _declared(self, told: dict[str, Any]) -> Told:
        error = told.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if not isinstance(code, str) or code not in self._plugin.manifest.errors:
            return Told(broken="answer.typed", what="422 without an error that the manifest declares")
        return Told(code=code, status=DECLARED)

    def _answer(self, told: dict[str, Any], asked: dict[str, Any], operation: str, spec: OperationSpec) -> Told:
        if spec.kind is OperationKind.SOURCE and spec.batch:
            rows = {row["nationalId"]: self._known(operation, row["answer"]) for row in told["answers"]}
            if not rows.keys() <= set(asked["about"]["nationalIds"]):
                return Told(broken="answer.subject", what="it tells of somebody who was not asked about")
            if len(rows) != len(told["answers"]):
                return Told(broken="answer.subject", what="it tells of one person twice")
            for known in rows.values():
                if (why := not_typed(spec.kind, known)) is not None:
                    return Told(broken="answer.typed", what=why)
            return Told({person: plain(spec.kind, known) for person, known in rows.items()}, status=HTTPStatus.OK)
        answer = self._known(operation, told["answer"]) if spec.kind is OperationKind.SOURCE else told["answer"]
        if (node := self._plugin.graph.answer_type(operation)) is not None and spec.kind is OperationKind.QUERY:
            answer = check_answer(answer, node, self._plugin.graph)
        if (why := not_typed(spec.kind, answer, spec.awards_satang_max)) is not None:
            return Told(broken="answer.typed", what=why)
        return Told(plain(spec.kind, answer), status=HTTPStatus.OK)

    def _known(self, operation: str, answer: Any) -> dict[str, Known]:
        known = known_of(answer)
        if any(self._plugin.manifest.provides.get(attribute) != operation for attribute in known):
            # Without its name: it is the agency's word, and a report is public.
            raise MalformedAnswer((), "it tells of an attribute that the manifest does not provide by this operation")
        return known
