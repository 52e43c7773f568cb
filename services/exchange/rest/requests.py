"""What an agency's system sends: read strictly, or refused whole. No message says what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.config import JsonDict

from core.errors import BadInput
from core.text import Text
from identity.inbox.service import holds_national_id
from services.exchange.rest.errors import MediaTypeUnsupported

BATCH_MAX: Final = 100
ATTRIBUTES_MAX: Final = 50


def _named_by(member: str) -> JsonDict:
    other = "reference" if member == "nationalId" else "nationalId"
    return {"required": [member], "properties": {member: {"type": "string"}, other: {"type": "null"}}}


_NUMBER: Final = "(^|[^0-9])[0-9]{13}([^0-9]|$)"
_OFFICER: Final[JsonDict] = {"properties": {"kind": {"const": "OFFICER"}, "id": {"pattern": "^[0-9a-f]{32}$"}}}
_SYSTEM: Final[JsonDict] = {"properties": {"kind": {"const": "SYSTEM"}, "id": {"not": {"pattern": _NUMBER}}}}
"""Of the description: what the readers below check, as JSON Schema says it."""


class Strict(BaseModel):
    """No other members than those named, no type taken for another."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )


class AgentKind(StrEnum):
    OFFICER = "OFFICER"
    SYSTEM = "SYSTEM"


class Agent(Strict):
    """In whose name the agency's system asks (the AgentID of GDX): an officer, or a system that runs by itself."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_OFFICER, _SYSTEM]})

    kind: AgentKind
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    """Of an officer: 32 hex digits, as `sitthi officer list` shows them. Of a system: the agency's own name for it."""

    @model_validator(mode="after")
    def _named_by_its_kind(self) -> Agent:
        if self.kind is AgentKind.OFFICER and self.officer is None:
            raise ValueError("an officer is named by 32 hex digits")
        if self.kind is AgentKind.SYSTEM and holds_national_id(self.id):
            raise ValueError("a system is no person")
        return self

    @property
    def officer(self) -> UUID | None:
        """The officer's key; None for a system, and for what is no key."""
        is_key = len(self.id) == 32 and all(letter in "0123456789abcdef" for letter in self.id)
        return UUID(hex=self.id) if self.kind is AgentKind.OFFICER and is_key else None


class PersonNamed(Strict):
    """Whom it is about: exactly one of the two. Whether it names anybody is told per person, not of the request."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_named_by("nationalId"), _named_by("reference")]})

    national_id: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(None, alias="nationalId", repr=False)
    """13 digits without dashes. It stands in the body alone, never in an address."""
    reference: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The agency's own reference to the person, from an earlier answer."""

    @model_validator(mode="after")
    def _named_once(self) -> PersonNamed:
        if (self.national_id is None) is (self.reference is None):
            raise ValueError("either nationalId or reference")
        return self


def _canonical(given: Any) -> Any:
    """pydantic reads a UUID in braces or without dashes as well; one spelling is enough."""
    if isinstance(given, str) and len(given) != 36:
        raise ValueError("a UUID of 36 characters")
    return given


class Asked(Strict):
    """What every request says."""

    request_id: Annotated[UUID, BeforeValidator(_canonical)] = Field(alias="requestId")
    """Made by the agency, new for each request: a request is answered once."""
    purpose: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    """Id of a registered purpose (`GET /agency/v1/purposes`)."""
    attributes: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z]+(_[a-z]+)*$", max_length=64)]],
        Field(min_length=1, max_length=ATTRIBUTES_MAX, json_schema_extra={"uniqueItems": True}),
    ]
    """Ids of attributes of the catalogue, each once."""
    agent: Agent

    @field_validator("attributes")
    @classmethod
    def _each_once(cls, given: list[str]) -> list[str]:
        if len(set(given)) != len(given):
            raise ValueError("each attribute once")
        return given


class FactsRequest(Asked):
    """`POST /agency/v1/facts`: about one person."""

    person: PersonNamed


class BatchRequest(Asked):
    """`POST /agency/v1/facts/batch`: about up to 100 people, for one purpose."""

    people: Annotated[list[PersonNamed], Field(min_length=1, max_length=BATCH_MAX)]


Body = TypeVar("Body", bound=Strict)


async def read(request: Request, model: type[Body]) -> Body:
    """The body as the model. Raises :class:`MediaTypeUnsupported`, :class:`BadInput`; the edge bounds its size."""
    given = request.headers.get("content-type", "")
    media_type, _, parameters = given.partition(";")
    if media_type.strip().lower() != "application/json" or parameters.strip().lower() not in ("", "charset=utf-8"):
        raise MediaTypeUnsupported
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise _refusal(error, model) from None


def _refusal(error: ValidationError, model: type[Strict]) -> BadInput:
    """Where it is wrong and how, in the library's words without the value; a member that nobody knows is not named."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    first = found[0]
    path = tuple(_known(part, model) for part in first["loc"])
    what = f"{'.'.join(map(str, path)) or 'body'}: {_SAID.get(first['type'], first['type'])}"
    return BadInput(Text(th=what, en=what), path=path)


_SAID: Final = {
    "missing": "missing",
    "extra_forbidden": "no such member",
    "json_invalid": "not JSON",
    "string_pattern_mismatch": "not of the form it must have",
    "string_type": "not a string",
    "uuid_parsing": "not a UUID",
    "too_short": "too few",
    "too_long": "too many",
    "string_too_short": "too short",
    "string_too_long": "too long",
    "value_error": "not valid",
    "enum": "not one of the values there are",
    "model_type": "not an object",
    "list_type": "not a list",
}


def _known(part: str | int, model: type[Strict]) -> str | int:
    """A place in the body, or `?` where the caller made up its name: it may be anything, a national ID too."""
    return part if isinstance(part, int) or part in _members(model) else "?"


def _members(model: type[Strict]) -> set[str]:
    kinds: Sequence[type[Strict]] = (model, Agent, PersonNamed)
    return {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}
