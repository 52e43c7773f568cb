"""The law cases of `welfare/programmes/cases/*.yaml`, read as strictly as the programmes are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from core.money import Money
from core.strict_yaml import Reader, read
from welfare.programmes import Version, load_programmes, read_vocabulary
from welfare.programmes.quantities import quantity
from welfare.rules import AttributeType, Kind, Value

ROOT: Final = Path(__file__).parents[3]
VOCABULARY: Final = read_vocabulary(ROOT / "services/exchange/catalogue/data/attributes.yaml")
PROGRAMMES: Final = load_programmes(ROOT / "welfare/programmes/data", VOCABULARY)
NEVER: Final = "never"

Facts = dict[str, Value | None]


@dataclass(frozen=True)
class Case:
    """`answer` is `not_entitled`, `unknown`, `no_version`, `right` (entitled to what is no sum), one sum, or sums by
    benefit (None: unknown). `proposed`: put to the proposal instead of the version in force on the day."""

    id: str
    programme: str
    as_of: date
    facts: Facts
    child: Facts | None
    answer: str | Money | Mapping[str, Money | None]
    because: tuple[str, ...] | None
    missing: tuple[str, ...]
    changes_on: date | str | None
    proposed: bool = False

    @property
    def version(self) -> Version | None:
        programme = PROGRAMMES[self.programme]
        return programme.proposed[0] if self.proposed else programme.version_on(self.as_of)


def all_cases() -> list[Case]:
    return [case for path in sorted((ROOT / "welfare/programmes/cases").glob("*.yaml")) for case in _file(path)]


def _file(path: Path) -> list[Case]:
    top = Reader(read(path.read_text("utf-8"), path.name), path.name)
    slug = top.slug("programme")
    given = _facts(top.part("given"), VOCABULARY.person)
    given_child = _facts(top.part("given_child"), VOCABULARY.child) if top.has("given_child") else None
    answers = top.part("answers") if top.has("answers") else None
    cases = []
    for part in top.parts("cases"):
        facts = given | (_facts(part.part("facts"), VOCABULARY.person) if part.has("facts") else {})
        child = given_child
        if part.has("child"):
            child = (given_child or {}) | _facts(part.part("child"), VOCABULARY.child)
        written = part.any("answer")
        named = answers is not None and isinstance(written, str) and answers.has(written)
        case = Case(
            id=f"{slug}-{part.data.line}-{part.word('name').split(' / ')[-1]}",
            programme=slug,
            as_of=part.day("as_of"),
            facts=facts,
            child=child,
            answer=_answer(answers.any(written) if answers and named else written),
            because=tuple(part.words("because")) if part.has("because") else None,
            missing=tuple(part.words("missing")) if part.has("missing") else (),
            changes_on=part.any("changes_on") if part.has("changes_on") else None,
            proposed=part.flag("proposed") if part.has("proposed") else False,
        )
        part.done()
        cases.append(case)
    if answers:
        answers.done()
    top.done()
    return cases


def _facts(part: Reader, types: Mapping[str, AttributeType]) -> Facts:
    result = {name: _value(part.any(name), types[name]) for name in part.data}
    part.done()
    return result


def _value(written: Any, attribute: AttributeType) -> Value | None:
    if written == "unknown":
        return None
    if attribute.kind in (Kind.MONEY, Kind.INT) and isinstance(written, str):
        found = quantity(written)
        assert found is not None, written
        assert found.kind is attribute.kind, written
        return Money(found.value) if found.kind is Kind.MONEY else found.value
    assert isinstance(written, bool | int | str | date)
    return written


def _answer(written: Any) -> str | Money | Mapping[str, Money | None]:
    if written in ("not_entitled", "unknown", "no_version", "right"):
        return str(written)
    if isinstance(written, dict):
        return {kind: None if amount == "unknown" else _money(amount) for kind, amount in written.items()}
    return _money(written)


def _money(written: Any) -> Money:
    found = quantity(written)
    assert found is not None, written
    assert found.kind is Kind.MONEY, written
    return Money(found.value)
