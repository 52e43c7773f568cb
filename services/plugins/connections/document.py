"""The file that says where agencies' systems are, as an operator writes it and a second one reads it: TOML.

It holds no secret. Where one is needed, it says where that is: an environment variable, or a file::

    [waterworks]
    base_url = "https://api.waterworks.example/gdx"
    sign_in = { way = "consumer-secret", consumer_key = "sitthi", secret = { file = "/run/secrets/waterworks" } }
    limits = { connect_seconds = 3, answer_seconds = 10 }
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from services.plugins.connections.agency import ANSWER_SECONDS, CONNECT_SECONDS
from services.plugins.connections.errors import ConnectionsUnusable
from services.plugins.contract.manifest import Slug, line_of
from services.plugins.runner.egress import endpoint_faults

FILE_BYTES_MAX: Final = 256 * 1024
SECRET_BYTES_MAX: Final = 16 * 1024
SECRET_LENGTH_MIN: Final = 8

Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=300)]
Word = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class SecretPlace(_Strict):
    """Where a secret is: one of the two. A relative path begins at the folder of the document."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)] | None = None
    file: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name either `env`, an environment variable, or `file`")
        return self

    @property
    def where(self) -> str:
        return f"environment variable {self.env}" if self.env is not None else f"file {self.file}"

    def read(self, below: Path) -> str | None:
        """What is there, without the line's end; None where nothing is, or nothing that can be read."""
        if self.env is not None:
            return os.environ.get(self.env) or None
        assert self.file is not None, "it is one of the two"
        try:
            with (below / self.file).open("rb") as file:
                held = file.read(SECRET_BYTES_MAX + 1)
            return None if len(held) > SECRET_BYTES_MAX else held.decode().rstrip("\r\n") or None
        except (OSError, ValueError):
            return None


class ConsumerSecret(_Strict):
    """As at the Government Data Exchange: key and secret buy a token that lives while it is used within an hour."""

    way: Literal["consumer-secret"]
    consumer_key: Word
    secret: SecretPlace
    token_url: Address | None = None


class PrivateKey(_Strict):
    """The client credentials of OAuth (RFC 6749 §4.4) by a signed JWT (RFC 7523); `secret` is the private JWK."""

    way: Literal["private-key-jwt"]
    client_id: Word
    secret: SecretPlace
    token_url: Address | None = None
    audience: Word | None = None
    scope: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$", max_length=500)] | None = None


class NoSignIn(_Strict):
    """The agency asks for no token."""

    way: Literal["none"]
    token_url: None = None


SignIn = Annotated[ConsumerSecret | PrivateKey | NoSignIn, Field(discriminator="way")]


class Limits(_Strict):
    """Seconds. An operation's own limit ends it in any case."""

    connect_seconds: Annotated[float, Field(strict=False, gt=0, le=10, allow_inf_nan=False)] = CONNECT_SECONDS
    answer_seconds: Annotated[float, Field(strict=False, gt=0, le=15, allow_inf_nan=False)] = ANSWER_SECONDS


class Connection(_Strict):
    """One agency's system."""

    base_url: Address
    """Without a trailing slash: what a plugin asks is below it."""
    sign_in: SignIn
    limits: Limits = Limits()


_DOCUMENT: Final = TypeAdapter(dict[Slug, Connection])


def read_document(path: Path, *, loopback: bool) -> dict[str, Connection]:
    """Agency → where its system is. `loopback` is whether it may be on this machine.

    Raises :class:`ConnectionsUnusable` with everything that is wrong, by line.
    """
    text = _text_of(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectionsUnusable(f"{path}: it is no TOML: {error}") from None
    try:
        connections = _DOCUMENT.validate_python(document)
    except ValidationError as error:
        raise ConnectionsUnusable(*(_told(path, text, steps, why) for steps, why in _found(error))) from None
    faults = list(_address_faults(connections, loopback=loopback))
    if faults:
        raise ConnectionsUnusable(*(_told(path, text, steps, why) for steps, why in faults))
    return connections


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            held = file.read(FILE_BYTES_MAX + 1)
        text = held.decode()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it is no UTF-8"
        raise ConnectionsUnusable(f"{path}: it cannot be read ({why})") from None
    if len(held) > FILE_BYTES_MAX:
        raise ConnectionsUnusable(f"{path}: it is larger than {FILE_BYTES_MAX} bytes")
    return text


_Found = tuple[tuple[str, ...], str]


def _found(error: ValidationError) -> Iterator[_Found]:
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        steps = tuple(str(step) for step in one["loc"] if str(step) not in _TAGS)
        yield steps, one["msg"].removeprefix("Value error, ")


_TAGS: Final = frozenset({"consumer-secret", "private-key-jwt", "none", "[key]"})
"""What pydantic puts into a place that is no name of the document."""


def _address_faults(connections: dict[str, Connection], *, loopback: bool) -> Iterable[_Found]:
    for slug, connection in connections.items():
        written: tuple[tuple[tuple[str, ...], str | None], ...] = (
            ((slug, "base_url"), connection.base_url),
            ((slug, "sign_in", "token_url"), connection.sign_in.token_url),
        )
        for steps, url in written:
            for fault in endpoint_faults(url, loopback=loopback) if url is not None else ():
                yield steps, f"{fault.why}. {fault.remedy}"


def _told(path: Path, text: str, steps: tuple[Any, ...], why: str) -> str:
    line = line_of(text, steps)
    return f"{path}{'' if line is None else f':{line}'}: `{'.'.join(steps)}`: {why}"
