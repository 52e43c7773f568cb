"""Application forms: what the state fills in by itself, and the little that only the citizen can say.

A form has no blank for what an agency holds: it comes with the value and its source, or with a word why there is none.
An answer to such a field is refused; who finds it wrong asks the agency to correct it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

import orjson

from core.errors import BadInput
from core.text import Text
from services.apply.delivery.answers import Path
from services.apply.form_rules import Asked, FormRules
from services.exchange.facts import Fact


class FieldKind(StrEnum):
    """Who says it."""

    KNOWN = "KNOWN"
    """The state knows it, or would if its agency answered; nobody asks the citizen."""
    COMPUTED = "COMPUTED"
    """It is worked out from facts of several people, used, and shown to nobody (docs/adr/0009)."""
    ASKED = "ASKED"
    """Only the citizen can say it."""


class About(StrEnum):
    """Whose fact it is."""

    APPLICANT = "APPLICANT"
    BENEFICIARY = "BENEFICIARY"


@dataclass(frozen=True, slots=True)
class FormField:
    path: str
    """The key of an answer: a rule's name for it (`child.birth_date`), or a place in a service's form (`car.plate`)."""
    title: Text
    kind: FieldKind
    attribute: str | None = None
    """Of the catalogue; None for what no catalogue holds."""
    about: About = About.APPLICANT
    reason: Text | None = None
    """Why the citizen is asked (`x-citizen-only`)."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema 2020-12 of what is asked."""
    at: Path = ()
    """Where in the answers it stands; empty: under its path as one key."""

    @property
    def is_held(self) -> bool:
        """Whether the state fills it in, so that an answer to it is refused."""
        return self.kind is not FieldKind.ASKED

    @property
    def place(self) -> Path:
        return self.at or (self.path,)


@dataclass(frozen=True, slots=True, repr=False)
class Standing:
    """A form after some answers."""

    questions: Mapping[str, Asked]
    """How each stands, by its path."""
    answers: Mapping[str, Any]
    """Those to questions that apply, or may: what would be sent."""


Told: TypeAlias = Mapping[tuple[About, str], Fact]
"""The facts that fill a form, by whose they are and attribute."""


@dataclass(frozen=True)
class Form:
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    title: Text
    fields: tuple[FormField, ...]
    for_child: bool = False
    """Whether it is for a child of the applicant, who must be named."""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object"}, repr=False)
    """JSON Schema 2020-12 of the answers, those to the state's own fields included."""

    @cached_property
    def held(self) -> frozenset[Path]:
        """Places that the state fills in."""
        return frozenset(one.place for one in self.fields if one.is_held)

    @property
    def rules(self) -> FormRules:
        """Raises UnusableForm where the schema is none."""
        return _rules(_written(self.schema), self.held)

    @cached_property
    def version(self) -> str:
        """A short word that changes whenever what is asked does."""
        kinds = [(one.path, one.kind.value, one.about.value) for one in self.fields]
        return hashlib.sha256(_written([self.schema, kinds])).hexdigest()[:32]

    def count(self, kind: FieldKind) -> int:
        return sum(field.kind is kind for field in self.fields)

    @cached_property
    def asked(self) -> int:
        """How many questions only the citizen can answer."""
        return self.count(FieldKind.ASKED)

    @property
    def not_asked(self) -> int:
        """How many questions the state answers by itself."""
        return len(self.fields) - self.asked


class Forms(Protocol):
    """Handed in by `api/house.py`: the forms of the programmes and services of this moment."""

    def of_subject(self, subject: str) -> Form | None:
        """None for a subject that nobody knows or that is not offered now, or that has no form."""
        ...

    def of_service(self, service: UUID) -> Form | None:
        """By the id of an entry in the catalogue of services."""
        ...

    def service_of(self, subject: str) -> UUID | None:
        """The id of a service in that catalogue; None for a programme."""
        ...

    def standing(self, form: Form, told: Told, answers: Mapping[str, Any]) -> Standing:
        """How each of its questions stands by now: whether it applies, and must be answered. What nobody needs to know
        any more does not apply. Raises UnusableForm."""
        ...


class QuestionCounter(Protocol):
    """Who counts the questions that were not asked. Called at the edge when the answer is certain; never raises."""

    def form_shown(self, form: Form) -> None: ...

    def form_submitted(self, form: Form) -> None: ...


def _written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


@lru_cache(maxsize=1_024)
def _rules(schema: bytes, held: frozenset[Path]) -> FormRules:
    return FormRules(orjson.loads(schema), held)


_HELD: Final = Text(
    th="รัฐมีข้อมูลรายการนี้อยู่แล้ว หากไม่ถูกต้องโปรดขอแก้ไขกับหน่วยงานเจ้าของข้อมูล",
    en="the state holds this already; if it is wrong, ask its owner to correct it",
)


def refuse_known(form: Form, answers: Mapping[str, Any]) -> None:
    """An answer never takes the place of what the state says. Raises BadInput with the answer's key in its path."""
    known = {field.path for field in form.fields if field.kind is not FieldKind.ASKED}
    for name in answers:
        if name in known:
            raise BadInput(_HELD, path=("answers", name))
