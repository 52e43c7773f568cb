"""What may be told without asking anybody outside, and what may be told no more.

A look at a source must be in the log before it begins. What the exchange holds already is nobody's look until it is
told: then decision and outcome are one record and one commit, before the answer (docs/adr/0005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from services.exchange.cache import Kept
from services.exchange.catalogue import Attribute
from services.exchange.facts import Purpose
from services.exchange.grounds import Grounds, GroundsReader
from services.exchange.questions import Judged, denied, is_plain, plain
from services.exchange.sources import Known, Reader


class Settling:
    """One per process."""

    def __init__(self, reader: Reader, grounds: GroundsReader) -> None:
        self._reader, self._grounds = reader, grounds

    async def settle(
        self, judged: Sequence[Judged], grounds: Mapping[Purpose, Grounds]
    ) -> tuple[Sequence[Judged], Known | None]:
        """The same with their answers, if the cache has all of them, fresh. Where one source must be asked, nothing is
        settled; then it is also answered what the cache holds, unless it was not asked.

        Nothing of it may be told before it is in the log.
        """
        ready = [one for one in judged if one.verdict.allowed]
        if not ready or not all(map(is_plain, ready)):
            return judged, None
        known: dict[UUID, dict[str, Kept]] = {}
        for attributes, people in alike(ready):
            for person, kept in (await self._reader.known(people, attributes)).items():
                known.setdefault(person, {}).update(kept)
        told = [self._reader.settled(known[one.asked.subject], plain(one)) for one in ready]
        settled = {id(one): answers for one, answers in zip(ready, told, strict=True) if answers is not None}
        if len(settled) < len(ready):
            return judged, known
        for one, gone in zip(ready, await self.ended(ready, grounds), strict=True):
            settled[id(one)] |= {name: denied(reason) for name, reason in gone.items()}
        return [replace(one, settled=settled.get(id(one))) for one in judged], known

    async def ended(self, ready: Sequence[Judged], grounds: Mapping[Purpose, Grounds]) -> list[Mapping[str, str]]:
        """Of each, what may not be told any more: a right that ends while a source answers has ended."""
        ended: dict[int, Mapping[str, str]] = {}
        for purpose in dict.fromkeys(one.asked.purpose for one in ready):
            same = [one for one in ready if one.asked.purpose == purpose]
            entry = same[0].asked.entry
            assert entry is not None
            stewards = {a.id: a.steward for one in same for a in one.asked.wanted}
            verdicts = [(one.asked.subject, one.verdict) for one in same]
            found = await self._grounds.still(grounds[purpose], entry, verdicts, stewards)
            ended |= {id(one): gone for one, gone in zip(same, found, strict=True)}
        return [ended[id(one)] for one in ready]


def alike(judged: Sequence[Judged]) -> list[tuple[Sequence[Attribute], list[UUID]]]:
    """Whose facts are read by the same attributes, together."""
    found: dict[tuple[str, ...], tuple[Sequence[Attribute], list[UUID]]] = {}
    for one in judged:
        attributes = plain(one)
        found.setdefault(tuple(a.id for a in attributes), (attributes, []))[1].append(one.asked.subject)
    return list(found.values())
