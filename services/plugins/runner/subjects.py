"""An answer says whom it is about, and it is whom was asked about: else nothing of it is believed.

An agency that mixes up two requests answers well-formed data of somebody else. Nothing but the subject's own number in
the answer tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.plugins.contract import AgencyClient
from services.plugins.runner.errors import MalformedReply, Trouble, WrongSubject

ONE: Final = "pid"
SEVERAL: Final = "pids"
PEOPLE: Final = "people"


class SubjectClient:
    """An agency's client whose answers were checked. `required` is whether an answer must name its subject.

    Raises what `client` raises, :class:`WrongSubject`, and :class:`MalformedReply` for two answers about one person
    that contradict each other. The same answer twice is harmless.
    """

    def __init__(self, client: AgencyClient, *, required: bool) -> None:
        self._client, self._required = client, required

    async def ask(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str) -> Any:
        told = await self._client.ask(path, body, on_behalf_of=on_behalf_of)
        self._check(body, told)
        return told

    async def send(self, path: str, body: Mapping[str, Any], *, on_behalf_of: str, key: str) -> Any:
        """An effect; its answer, too, says whom it concerns if it names anybody."""
        told = await self._client.send(path, body, on_behalf_of=on_behalf_of, key=key)
        self._check(body, told)
        return told

    def _check(self, body: Mapping[str, Any], told: Any) -> None:
        if SEVERAL in body:
            _check_several(frozenset(body[SEVERAL]), told)
        elif ONE in body:
            named = told.get(ONE, None if self._required else body[ONE]) if isinstance(told, Mapping) else None
            if named != body[ONE] and (self._required or named is not None):
                raise WrongSubject


def _check_several(asked: frozenset[str], told: Any) -> None:
    rows = told.get(PEOPLE) if isinstance(told, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise MalformedReply(Trouble.MALFORMED)
    seen: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        number = row.get(ONE)
        if not isinstance(number, str) or number not in asked:
            raise WrongSubject
        if seen.setdefault(number, row) != row:
            raise MalformedReply(Trouble.MALFORMED)
