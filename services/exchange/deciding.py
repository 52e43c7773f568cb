"""Decisions of one request about one person, entered together.

A home screen looks at one citizen from many sides at once, and all of it is one entry of the access log. One after the
other, each look would wait for the commit of the one before, only to add a name to its entry. What is asked while the
entry is under way is therefore added to it in one go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from services.exchange.access_log.log import AccessLog, Draft, Entry
from services.exchange.facts import Basis

TURNS: Final = 4
"""Of the loop, before an entry is made: a loader asks for what all fields of a level want some turns after the first of
them could be answered. No time passes."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: Draft
    entered: asyncio.Future[Entry]


@dataclass(slots=True)
class _Open:
    """What waits to be entered under one key."""

    waiting: list[_Waiting] = field(default_factory=list)
    work: asyncio.Task[None] | None = None


class Deciding:
    """One per process."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log
        self._open: dict[Hashable, _Open] = {}

    async def decide(self, drafts: Sequence[Draft]) -> Sequence[Entry]:
        """The committed entries, in the order of the drafts; all or none, but for those that belong to a request.

        Raises whatever the database raises; then nobody may read on the strength of any of them.
        """
        if all(draft.asker.request is None for draft in drafts):
            return await self._log.decide(drafts)
        return await asyncio.gather(*(self._enter(draft) for draft in drafts))

    async def _enter(self, draft: Draft) -> Entry:
        mine = _Waiting(draft, asyncio.get_running_loop().create_future())
        same = self._open.setdefault(draft.key, _Open())
        same.waiting.append(mine)
        if same.work is None:
            # A task of its own, so that a caller who goes away does not take the others' entry along.
            same.work = asyncio.create_task(self._enter_all(draft.key, same))
        return await mine.entered

    async def _enter_all(self, key: Hashable, same: _Open) -> None:
        try:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            while same.waiting:
                taken, same.waiting = [one for one in same.waiting if not one.entered.done()], []
                await self._enter_together(taken)
        except BaseException:  # the loop ends: nobody is left waiting for ever
            for one in same.waiting:
                one.entered.cancel()
            raise
        finally:
            del self._open[key]

    async def _enter_together(self, group: Sequence[_Waiting]) -> None:
        """If it fails, each by itself: nobody is refused for what another asks."""
        if not group:
            return
        try:
            [entry] = await self._log.decide([merged([one.draft for one in group])])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the caller
            if len(group) == 1:
                if not group[0].entered.done():
                    group[0].entered.set_exception(error)
                return
        except BaseException:
            for one in group:
                one.entered.cancel()
            raise
        else:
            for one in group:
                if not one.entered.done():
                    one.entered.set_result(replace(entry, purpose=one.draft.purpose))
            return
        for one in group:
            await self._enter_together([one])


def merged(drafts: Sequence[Draft]) -> Draft:
    """One draft of several with the same key. It names the citizen's own purpose, if that is among theirs; what is then
    read is told with its own purpose in each outcome."""
    first = next((one for one in drafts if one.purpose.basis is Basis.OWN_DATA), drafts[0])
    return replace(
        first,
        attributes=frozenset[str]().union(*(one.attributes for one in drafts)),
        came=tuple(came for one in drafts for came in one.came),
    )
