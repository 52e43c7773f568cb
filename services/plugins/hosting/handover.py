"""What a host process gets from the server that starts it: one line of JSON on its standard input.

Not as arguments, which every user of the machine can read, nor as environment, which children inherit. The pipe stays
open: its end is the server's end, and the host's.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.plugins.connections import Agency

LINE_BYTES_MAX: Final = 1_000_000
SOCKET: Final = "host.sock"
ALIVE_PATH: Final = "/alive"
"""Answers 204 while the host's loop turns. Reached by the socket alone, which lies in a folder of the server's user."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What a host process may use. Bytes, files and so on of one process."""

    address_bytes_max: int = 1_000_000_000
    """Of addresses, which are more than memory: every thread and library takes some. Beyond it an allocation fails."""
    resident_bytes_max: int = 300_000_000
    """Of memory; a host that holds more is replaced."""
    files_max: int = 256
    file_bytes_max: int = 64_000_000
    niceness: int = 5
    """It stands behind the server in the queue for a processor (nice(2))."""


@dataclass(frozen=True, slots=True)
class Handover:
    parent: int
    """The process that must live."""
    module: str
    manifest: Mapping[str, Any]
    """As it was checked: the host serves this, whatever the folder says by now."""
    url: str
    """The address that calls are signed for; its host is no machine."""
    calls_by: Mapping[str, str]
    """The public key (JWK) of the server's calls, made for this one process."""
    answers_by: bytes = field(repr=False)
    """The private key (Ed25519) of the host's answers, made for this one process."""
    agency: Agency
    """How the package's code reaches its agency."""
    limits: HostLimits
    ours: tuple[str, ...]
    """Folders of our own code, when it does not lie among the installed packages."""

    def line(self) -> bytes:
        fields = {name: getattr(self, name) for name in self.__slots__}
        secret = base64.b64encode(self.answers_by).decode()
        return orjson.dumps(fields | {"answers_by": secret, "agency": self.agency.as_json()}) + b"\n"

    @classmethod
    def of(cls, line: bytes) -> Self:
        told = orjson.loads(line)
        return cls(
            **told
            | {
                "answers_by": base64.b64decode(told["answers_by"]),
                "agency": Agency.of_json(told["agency"]),
                "limits": HostLimits(**told["limits"]),
                "ours": tuple(told["ours"]),
            }
        )

    @property
    def answering_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.answers_by)
