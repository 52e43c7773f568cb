"""Application forms: what the state fills in by itself, and the little that only the citizen can say.

A form has no blank for what an agency holds: it comes with the value and its source, or with a word why there is none.
An answer to such a field is refused; who finds it wrong asks the agency to correct it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from core.errors import BadInput
from core.text import Text


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
    """JSON Schema 2020-12 of what is asked, where the service gave one."""


@dataclass(frozen=True, slots=True)
class Form:
    subject: str
    """`programme:<slug>` or `service:<slug>`."""
    title: Text
    fields: tuple[FormField, ...]
    for_child: bool = False
    """Whether it is for a child of the applicant, who must be named."""

    def count(self, kind: FieldKind) -> int:
        return sum(field.kind is kind for field in self.fields)

    @property
    def not_asked(self) -> int:
        """How many questions the state answers by itself."""
        return len(self.fields) - self.count(FieldKind.ASKED)


class Forms(Protocol):
    """Handed in by `api/house.py`: the forms of the programmes and services of this moment."""

    def of_subject(self, subject: str) -> Form | None:
        """None for a subject that nobody knows or that is not offered now, or that has no form."""
        ...

    def of_service(self, service: UUID) -> Form | None:
        """By the id of an entry in the catalogue of services."""
        ...


class QuestionCounter(Protocol):
    """Who counts the questions that were not asked. Called at the edge when the answer is certain; never raises."""

    def form_shown(self, form: Form) -> None: ...

    def form_submitted(self, form: Form) -> None: ...


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
