"""Searching the catalogue of services."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from core.errors import BadInput
from core.text import Text
from services.know.entries import Entry, EntrySource
from services.know.matching import Searchable, Weight, terms_of
from services.plugins.contract import ServiceCategory

SEARCH_LENGTH_MAX: Final = 100
_KEY: Final = re.compile(r"([0-9]{1,9})\|([a-z]+:[a-z0-9-]+)", re.ASCII)


class Listed:
    """An entry at its place in a list; `key` is what the list is ordered by, unique in it."""

    __slots__ = ("entry", "score")

    def __init__(self, entry: Entry, score: int) -> None:
        self.entry, self.score = entry, score

    @property
    def key(self) -> str:
        return f"{self.score}|{self.entry.subject}"

    @property
    def rank(self) -> tuple[int, str]:
        return (-self.score, self.entry.subject)


class KnowService:
    """The catalogue of this moment: the sources are asked each time, and their texts made ready when they changed."""

    def __init__(self, sources: Sequence[EntrySource]) -> None:
        self._sources = tuple(sources)
        self._read: tuple[tuple[Entry, ...], ...] = ()
        self._ready: Mapping[Entry, Searchable] = {}
        self._by_id: Mapping[UUID, Entry] = {}

    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._searchable())

    def find(self, key: UUID) -> Entry | None:
        self._searchable()
        return self._by_id.get(key)

    def search(
        self,
        search: str | None = None,
        *,
        limit: int,
        category: ServiceCategory | None = None,
        after: str | None = None,
    ) -> list[Listed]:
        """Up to `limit` entries after the key `after`: the best found first; without a search, by subject.

        Raises :class:`BadInput` for a search that is too long, and for a key that no list has.
        """
        terms = _terms(search)
        behind = _rank(after)
        listed = [
            Listed(entry, ready.score(terms))
            for entry, ready in self._searchable().items()
            if category is None or entry.category is category
        ]
        found = [one for one in listed if (one.score or not terms) and (behind is None or one.rank > behind)]
        return sorted(found, key=lambda one: one.rank)[:limit]

    def _searchable(self) -> Mapping[Entry, Searchable]:
        """Made anew when a source answers another list than before: a request costs no more for a thousand services
        that it does not ask for. It is made as a whole and then set, so that a search that is under way keeps the one
        it began with."""
        read = tuple(source.entries() for source in self._sources)
        if len(read) != len(self._read) or any(new is not old for new, old in zip(read, self._read, strict=True)):
            known = self._ready
            ready = {entry: known.get(entry) or Searchable(_texts(entry)) for entries in read for entry in entries}
            self._by_id = {entry.id: entry for entry in ready}
            self._read, self._ready = read, ready
        return self._ready


def _terms(search: str | None) -> tuple[str, ...]:
    if search is None:
        return ()
    if len(search) > SEARCH_LENGTH_MAX:
        raise BadInput(
            Text(
                th=f"คำค้นยาวได้ไม่เกิน {SEARCH_LENGTH_MAX} ตัวอักษร",
                en=f"a search is at most {SEARCH_LENGTH_MAX} characters long",
            ),
            path=("search",),
        )
    return terms_of(search)


def _rank(after: str | None) -> tuple[int, str] | None:
    if after is None:
        return None
    key = _KEY.fullmatch(after)
    if key is None:
        raise BadInput(Text(th="cursor ไม่ถูกต้อง", en="the cursor is not one of ours"), path=("after",))
    return (-int(key[1]), key[2])


def _texts(entry: Entry) -> list[tuple[Weight, str]]:
    texts: list[tuple[Weight, Text | str]] = [
        (Weight.TITLE, entry.title),
        *((Weight.KEYWORD, word) for word in entry.keywords),
        (Weight.AGENCY, entry.agency_title),
        (Weight.AGENCY, entry.agency),
        (Weight.DESCRIPTION, entry.description),
    ]
    return [
        (weight, each) for weight, text in texts for each in ((text,) if isinstance(text, str) else (text.th, text.en))
    ]
