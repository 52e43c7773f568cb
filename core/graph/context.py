"""The context of one GraphQL request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext

from core.clock import Clock
from core.database import Database
from core.errors import NotSignedIn
from core.rooms import Rooms
from core.text import Language, Text
from core.viewer import Viewer

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class Context(BaseContext):
    """One request. Loaders are made once per request; each batch opens a session of its own."""

    db: Database
    clock: Clock
    rooms: Rooms
    viewer: Viewer | None
    language: Language
    request_id: UUID
    loaders: dict[str, DataLoader[Any, Any]] = dataclass_field(default_factory=dict)
    memo: dict[Hashable, Any] = dataclass_field(default_factory=dict)
    """What a room remembers for the length of this request (the gate keeps the viewer's one log entry here)."""
    officer: Viewer | None = None
    """Who asks as an officer; then there is no `viewer`."""

    def __post_init__(self) -> None:
        super().__init__()

    def room(self, kind: type[T]) -> T:
        return self.rooms.get(kind)

    def signed_in(self) -> Viewer:
        """Raises :class:`NotSignedIn`."""
        if self.viewer is None:
            raise NotSignedIn
        return self.viewer

    def loader(self, name: str, batch: Callable[[list[K]], Awaitable[Sequence[V | BaseException]]]) -> DataLoader[K, V]:
        """The request's loader of that name; `batch` gets the keys and answers in their order."""
        if name not in self.loaders:
            self.loaders[name] = DataLoader(load_fn=batch)
        return self.loaders[name]


Info: TypeAlias = strawberry.Info[Context, None]


class Access(StrEnum):
    """Who may call a root field. `tests/laws` fails on a root field that declares nothing."""

    PUBLIC = "public"
    """Anyone; what it shows depends on nobody."""
    VIEWER = "viewer"
    """The signed-in citizen, about what is theirs; for others it answers null, or NOT_SIGNED_IN."""
    OFFICER = "officer"
    """An officer of an agency, by an officer's own token, which opens nothing of a citizen's, their own neither."""


def localized(info: Info, text: Text, language: Language | None = None) -> str:
    """The text in the language asked for at the field, else the request's."""
    return text.in_language(language or info.context.language)
