"""How an agency's system is reached, with its secrets in it: handed over, and kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from services.plugins.runner.tokens import ClientKey, Credentials

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
_WAYS: Final[Mapping[str, type[Credentials | ClientKey]]] = {"credentials": Credentials, "client": ClientKey}


@dataclass(frozen=True, slots=True)
class Agency:
    base_url: str
    way: Credentials | ClientKey | None = field(default=None, repr=False)
    """None: it asks for no token."""
    is_guarded: bool = False
    """Whether its name is judged at each connection, as that of any stranger. A sandbox of ours may be inside."""
    loopback: bool = False
    """Whether one that is guarded may be on this machine."""
    connect_seconds: float = CONNECT_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    """Above the limits of operations: the longest that a connection may say nothing."""
    config: Mapping[str, str] = field(default_factory=dict)
    """The operator's configuration of a plugin."""

    @property
    def urls(self) -> tuple[str, ...]:
        """All that is connected to."""
        token_url = "" if self.way is None else self.way.token_url
        return (self.base_url, token_url) if token_url else (self.base_url,)

    def as_json(self) -> dict[str, Any]:
        """For :meth:`of_json`. Holds the secrets."""
        kind = next((name for name, kind in _WAYS.items() if isinstance(self.way, kind)), None)
        return asdict(self) | {"kind": kind}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        kind, rest = told["kind"], {name: value for name, value in told.items() if name != "kind"}
        return cls(**rest | {"way": None if kind is None else _WAYS[kind](**told["way"])})
