"""Reads `examples/*.json`: at least one for each operation and each declared error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.plugins.contract import Access, Fault, Manifest, OperationKind, Reporter, Rule
from services.plugins.plugin import Example, Exchange, RegisterTold, Sent


class _Exchange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, StringConstraints(pattern=r"^/")]
    request: dict[str, Any]
    answer: Any = None
    status: int = Field(default=200, ge=100, le=599)


class _Reporter(BaseModel):
    model_config = ConfigDict(extra="forbid")

    organisation: Annotated[str, StringConstraints(pattern=r"^0[0-9]{12}$")]
    kind: str = "OTHER"
    officer: str = "officer"
    client: str = "client"

    def given(self) -> Reporter:
        return Reporter(**self.model_dump())


class _Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: str
    arguments: dict[str, Any]
    reporter: _Reporter | None = None


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    service: str
    operation: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    answer: Any = None
    trouble: Literal["REFUSED", "SILENT"] | None = None

    def told(self) -> RegisterTold:
        return RegisterTold(self.service, self.operation, self.arguments, self.answer, self.trouble)


class _Example(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: str
    person: Annotated[str, StringConstraints(pattern=r"^[0-9]{13}$")] | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    now: AwareDatetime
    agency: list[_Exchange]
    registers: list[_Asked] = Field(default_factory=list, max_length=20)
    before: list[_Sent] = Field(default_factory=list, max_length=20)
    reporter: _Reporter | None = None
    answer: Any = None
    error: str | None = None


def read_examples(folder: Path, manifest: Manifest, faults: list[Fault]) -> tuple[Example, ...]:
    """The examples of a plugin's folder; what is wrong with them is added to `faults`."""
    examples = []
    for path in sorted((folder / "examples").glob("*.json")):
        file = f"examples/{path.name}"
        try:
            read = _Example.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (ValidationError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            faults.append(Fault(Rule.EXAMPLES, why, "See docs/plugins.md for the form of an example", file))
            continue
        agency = tuple(Exchange(step.path, step.request, step.answer, step.status) for step in read.agency)
        now = read.now.isoformat()
        before = tuple(Sent(one.operation, one.arguments, _given(one.reporter)) for one in read.before)
        told = (read.operation, read.person, read.arguments, now, agency, read.answer, read.error, before)
        registers = tuple(one.told() for one in read.registers)
        example = Example(path.name, *told, _given(read.reporter), registers)
        faults.extend(_check(example, manifest, file))
        examples.append(example)
    faults.extend(_missing(examples, manifest))
    return tuple(examples)


class _RemoteExample(BaseModel):
    """Without what the agency behind the plugin says: that is not ours to see."""

    model_config = ConfigDict(extra="forbid")

    operation: str
    person: Annotated[str, StringConstraints(pattern=r"^0[0-9]{12}$")] | None = None
    """Made up, so it begins with 0."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    now: AwareDatetime | None = None
    reporter: _Reporter | None = None
    answer: Any = None
    error: str | None = None


def read_remote_examples(
    examples: Mapping[str, Mapping[str, Any]],
    manifest: Manifest,
    faults: list[Fault],
    line_of: Callable[[str, tuple[str | int, ...]], int | None],
) -> tuple[Example, ...]:
    """The examples of a remote plugin, by file name; what is wrong with them is added to `faults`.

    `line_of` says on which line of a file a place stands. `Example.now` is empty where the example holds at any time.
    """
    found = []
    for file, document in sorted(examples.items()):
        try:
            read = _RemoteExample.model_validate(document)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            why = f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}"
            line = line_of(file, first["loc"])
            faults.append(Fault(Rule.EXAMPLES, why, "See docs/plugins.md for the form of an example", file, line))
            continue
        now = read.now.isoformat() if read.now is not None else ""
        name = file.removeprefix("examples/")
        told = (read.operation, read.person, read.arguments, now, (), read.answer, read.error)
        example = Example(name, *told, reporter=_given(read.reporter))
        faults.extend(_check(example, manifest, file))
        found.append(example)
    faults.extend(_missing(found, manifest))
    return tuple(found)


def _given(reporter: _Reporter | None) -> Reporter | None:
    return None if reporter is None else reporter.given()


def _check(example: Example, manifest: Manifest, file: str) -> Iterator[Fault]:
    spec = manifest.operations.get(example.operation)
    if spec is None:
        yield Fault(Rule.EXAMPLES, f"there is no operation `{example.operation}`", "Name one of the manifest", file)
    elif (spec.access is Access.PUBLIC) == (example.person is not None):
        yield Fault(
            Rule.EXAMPLES,
            f"`{example.operation}` is {spec.access}",
            "Give `person` to citizens' operations alone",
            file,
        )
    ingests = manifest.operations_of(OperationKind.INGEST)
    for sent in example.before:
        if sent.operation not in ingests:
            why = f"`before` names `{sent.operation}`, which takes no records"
            yield Fault(Rule.EXAMPLES, why, "Name an operation of kind `ingest`", file)
    if example.error is not None and example.error not in manifest.errors:
        yield Fault(
            Rule.EXAMPLES, f"`{example.error}` is not declared", f"Add [errors.{example.error}] to the manifest", file
        )


def _codes(example: Example, manifest: Manifest) -> Iterator[str]:
    """The declared errors that it shows: the call's own, or an ingest's for single records."""
    if example.error is not None:
        yield example.error
    elif example.operation in manifest.operations_of(OperationKind.INGEST) and isinstance(example.answer, dict):
        rejected = example.answer.get("rejected")
        for one in rejected if isinstance(rejected, list) else ():
            if isinstance(one, dict) and isinstance(one.get("code"), str):
                yield one["code"]


def _missing(examples: Sequence[Example], manifest: Manifest) -> Iterator[Fault]:
    for operation in manifest.operations.keys() - {example.operation for example in examples if example.error is None}:
        yield Fault(
            Rule.EXAMPLES, f"`{operation}` has no example", "Add one", "examples", field=f"operations.{operation}"
        )
    for code in manifest.errors.keys() - {code for example in examples for code in _codes(example, manifest)}:
        yield Fault(Rule.EXAMPLES, f"the error `{code}` has no example", "Add one", "examples", field=f"errors.{code}")
