"""The acts that take two officers: what each proposal holds, whom it concerns, and what approving it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import BadInput
from core.text import Text

NAME_LENGTH_MAX: Final = 200


class ProposalKind(StrEnum):
    OFFICER_ADD = "OFFICER_ADD"
    ID_CORRECTION = "ID_CORRECTION"
    GUARDIANSHIP = "GUARDIANSHIP"
    GUARDIANSHIP_END = "GUARDIANSHIP_END"
    CLIENT_ADD = "CLIENT_ADD"
    CLIENT_KEYS = "CLIENT_KEYS"
    JURISTIC_SET = "JURISTIC_SET"
    JURISTIC_END = "JURISTIC_END"
    JURISTIC_OFFICER = "JURISTIC_OFFICER"
    JURISTIC_CLIENT = "JURISTIC_CLIENT"
    BULK_RUN = "BULK_RUN"
    """A look at a whole population (docs/bulk.md); the act is handed in by the room that looks."""
    ISSUED_WITHDRAW = "ISSUED_WITHDRAW"
    """Taking back what the agency issued (docs/credentials.md); as that, by the room that receives."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What is being approved, and by whom."""

    proposal: UUID
    agency: str
    maker: UUID
    checker: UUID


class Act(Protocol):
    """One kind of act. `given` is what the maker fills in; `payload` what :meth:`prepare` made of it, kept sealed."""

    kind: ProposalKind
    title: Text
    proposes: str
    approves: str

    async def prepare(self, session: AsyncSession, agency: str, given: Mapping[str, Any], /) -> dict[str, Any]:
        """The payload. Raises `BadInput` and whatever already stands in the way of it."""
        ...

    async def concerns(self, session: AsyncSession, payload: Mapping[str, Any], /) -> frozenset[UUID]:
        """The people it is about, as far as they are known: none of them may approve it."""
        ...

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        """Does it, in the transaction of the approval. Answers a word for the maker (a client's id), or nothing."""
        ...

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        """What the checker reads before deciding; with national IDs in full, which is what is being checked."""
        ...


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        if isinstance(value, str):
            if not value.isprintable():
                raise ValueError("control characters")
            return value.strip()
        return value


_F = TypeVar("_F", bound=Form)


def read(form: type[_F], given: Mapping[str, Any]) -> _F:
    """Raises :class:`BadInput` at the first field that is wrong, without its value."""
    try:
        return form.model_validate(dict(given))
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        raise BadInput(_FIELD.filled(field=".".join(map(str, place))), path=place) from None


_FIELD: Final = Text(th="ช่อง {field} ไม่ถูกต้อง", en="the field {field} is not filled in rightly")
NAME: Final = Text(th="ชื่อ", en="name")
NUMBER: Final = Text(th="เลขประจำตัว", en="national ID")
