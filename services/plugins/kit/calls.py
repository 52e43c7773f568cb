"""A call as it is read from the wire, and an answer as it is written there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from core.ids import MalformedNationalId, NationalId
from services.plugins.contract import CONTRACT_VERSION, Access, Call, Manifest, OperationKind, OperationSpec, Reporter
from services.plugins.contract.kinds import EFFECTS, read_answer
from services.plugins.contract.wire import LIVE, TEST
from services.plugins.strict_json import read_json
from services.plugins.values import as_wire


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    one: str | None = Field(default=None, alias="nationalId")
    several: list[str] | None = Field(default=None, alias="nationalIds", min_length=1)


class _Reporter(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    organisation: Annotated[str, StringConstraints(pattern=r"^0[0-9]{12}$")]
    kind: str
    officer: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    client: str = ""


class _Envelope(BaseModel):
    """More may stand in it one day: what is not known is ignored (contract 1 grows, and breaks nobody)."""

    model_config = ConfigDict(extra="ignore")

    contract: Literal[1]
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    plugin: str
    version: str
    operation: str
    kind: OperationKind
    mode: Literal["live", "test"]
    at: AwareDatetime
    asker: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    about: _About | None
    arguments: dict[str, Any]
    reporter: _Reporter | None = None


assert CONTRACT_VERSION == 1, "the literals above"
assert {LIVE, TEST} == {"live", "test"}


def read_call(body: bytes, manifest: Manifest, operation: str, *, key: str, token: str) -> tuple[Call, Any]:
    """The call, and whom it says that it is about. Raises `ValueError`, which tells the caller's developer why, and
    never whom it is about."""
    try:
        document = read_json(body)
        told = _Envelope.model_validate(document)
    except ValueError:
        raise ValueError("the body is no call of contract 1") from None
    spec = manifest.operations[operation]
    if (told.plugin, told.operation, told.kind) != (manifest.slug, operation, spec.kind):
        raise ValueError("it is a call of another plugin, operation or kind")
    if bool(key) != (spec.kind in EFFECTS):
        raise ValueError(f"an Idempotency-Key belongs to {', '.join(sorted(EFFECTS))}, and to nothing else")
    try:
        person, people = _about(told.about, spec)
    except MalformedNationalId:
        raise ValueError("`about` holds no national ID") from None
    call = Call(
        operation,
        person,
        told.arguments,
        told.asker,
        people,
        key,
        is_test=told.mode == TEST,
        token=token,
        reporter=None if told.reporter is None else Reporter(**told.reporter.model_dump()),
    )
    return call, document["about"]


def _about(about: _About | None, spec: OperationSpec) -> tuple[NationalId | None, tuple[NationalId, ...]]:
    if spec.access is Access.PUBLIC:
        if about is not None:
            raise ValueError("a public operation is about nobody")
        return None, ()
    if about is None or (about.one is None) != bool(spec.batch and spec.kind is OperationKind.SOURCE):
        raise ValueError("`about` names nobody, or several where one is asked about")
    if about.one is not None and about.several is None:
        return NationalId(about.one), ()
    people = tuple(NationalId(number) for number in about.several or ())
    if about.one is not None or len(people) > spec.batch or len(set(people)) != len(people):
        raise ValueError("`about` names too many, or somebody twice")
    return (people[0] if len(people) == 1 else None), people


def same_call(call: Call) -> bytes:
    """Equal for two calls that ask for the same effect, whatever their ids and times.

    A juristic person's is the same whichever officer of it goes on with it.
    """
    person = None if call.person is None else call.person.digits
    asked = [call.operation, call.is_test, person, [one.digits for one in call.people], dict(call.arguments)]
    if call.reporter is not None:
        asked.append(call.reporter.organisation)
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)


def answer_document(about: Any, answer: Any, spec: OperationSpec, call: Call) -> bytes:
    """The body of a 200. Raises `ValueError` and `TypeError` for an answer that is not one of its kind."""
    if spec.kind is OperationKind.SOURCE and spec.batch:
        if not isinstance(answer, Mapping) or not set(answer) <= set(call.people):
            raise ValueError("a batch answers by person, and about nobody else")
        rows = [{"nationalId": person.digits, "answer": as_wire(told)} for person, told in answer.items()]
        return orjson.dumps({"about": about, "answers": rows})
    if spec.kind not in (OperationKind.QUERY, OperationKind.SOURCE):
        answer = read_answer(spec.kind, answer)
    return orjson.dumps({"about": about, "answer": as_wire(answer)})


def error_document(about: Any, code: str) -> bytes:
    """The body of a 422."""
    return orjson.dumps({"about": about, "error": {"code": code}})
