"""The register of companies (Department of Business Development): what identity needs of it, and the way to ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Protocol

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from core.errors import ServiceUnavailable
from core.ids import MalformedNationalId, NationalId
from core.text import Text
from identity.inbox.service import holds_national_id
from identity.juristic.numbers import JuristicNumber

log = structlog.get_logger(__name__)

DBD: Final = "dbd"
TITLE: Final = Text(th="กรมพัฒนาธุรกิจการค้า", en="Department of Business Development")
DIRECTORS_MAX: Final = 100
_ASKER: Final = "sitthi-juristic"
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True, repr=False)
class RegisteredDirector:
    number: NationalId
    name: Text
    signs: bool
    """Whether they are of those who sign for the company."""


@dataclass(frozen=True, slots=True, repr=False)
class Company:
    """What the register says of one company."""

    number: JuristicNumber
    title: Text
    is_dissolved: bool
    signatures: int
    """How many of those who sign do so together; 1: each alone binds the company (Civil and Commercial Code s.1144)."""
    directors: tuple[RegisteredDirector, ...]
    as_of: datetime


class CompanyRegister(Protocol):
    """Asked outside any transaction."""

    async def company(self, number: JuristicNumber) -> Company | None:
        """None for one that is not registered there: a university or hospital of the state. Raises
        `ServiceUnavailable`."""
        ...


class Asks(Protocol):
    """The way to an agency's system; it answers None for what the agency has no record of."""

    async def __call__(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any: ...


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Director(_Told):
    pid: str
    name_th: _Name
    name_en: _Name
    signs: bool


class _Company(_Told):
    pid: str
    """GDX has this name for whom an answer is about, a company too."""
    title_th: _Name
    title_en: _Name
    status: Annotated[str, StringConstraints(pattern=r"^(registered|dissolved)$")]
    signatures: Annotated[int, Field(ge=1, le=DIRECTORS_MAX)]
    directors: Annotated[list[_Director], Field(max_length=DIRECTORS_MAX)]
    as_of: Annotated[AwareDatetime, Field(strict=False)]


class DepartmentOfBusinessDevelopment:
    """The register, asked over HTTP in the manner of GDX."""

    def __init__(self, ask: Asks) -> None:
        self._ask = ask

    async def company(self, number: JuristicNumber) -> Company | None:
        """Raises `ServiceUnavailable`, also for an answer about another company or of another form."""
        try:
            told = await self._ask("/company", {"pid": number.digits}, on_behalf_of=_ASKER)
            return None if told is None else _read(number, _Company.model_validate(told))
        except Exception as error:  # noqa: BLE001 - the way to the register is handed in: what it raises is not known here
            log.warning("company_register_silent", why=type(error).__name__)  # its words may hold a director's number
            raise ServiceUnavailable(TITLE) from None


def _read(number: JuristicNumber, told: _Company) -> Company:
    if told.pid != number.digits:
        raise ValueError("it is about another company")
    words = [told.title_th, told.title_en, *(word for one in told.directors for word in (one.name_th, one.name_en))]
    if any(holds_national_id(word) or not word.isprintable() for word in words):
        raise ValueError("what it calls somebody is no name")  # it would stand in messages
    people = tuple(
        RegisteredDirector(_number(one.pid), Text(th=one.name_th, en=one.name_en), one.signs) for one in told.directors
    )
    if len({one.number.digits for one in people}) != len(people):
        raise ValueError("a director stands there twice")
    title = Text(th=told.title_th, en=told.title_en)
    return Company(number, title, told.status == "dissolved", told.signatures, people, told.as_of)


def _number(given: str) -> NationalId:
    try:
        return NationalId(given)
    except MalformedNationalId:
        raise ValueError("a director has no good number") from None


__all__ = [
    "DBD",
    "TITLE",
    "Company",
    "CompanyRegister",
    "DepartmentOfBusinessDevelopment",
    "RegisteredDirector",
]
