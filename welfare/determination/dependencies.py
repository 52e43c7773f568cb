"""Which programmes have to be asked again when some facts of a person became others, or the day did."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from services.exchange.catalogue import Catalogue
from welfare.programmes import Programme, Version

CHILD = "child."


class DependencyIndex:
    """Made of the rules' trees, over all versions: what no version reads cannot change an answer."""

    def __init__(self, programmes: Iterable[Programme], catalogue: Catalogue | None = None) -> None:
        self._programmes = tuple(programmes)
        self._catalogue = catalogue
        self._read_by: dict[int, frozenset[str]] = {}
        readers: dict[str, set[str]] = {}
        for programme in self._programmes:
            for version in (*programme.versions, *programme.proposed):
                for name in self.reads(version):
                    readers.setdefault(name, set()).add(programme.slug)
        self._readers = {name: frozenset(slugs) for name, slugs in readers.items()}

    @property
    def readers(self) -> Mapping[str, frozenset[str]]:
        """By attribute of the catalogue, the programmes any version of which reads it, or what is derived from it."""
        return self._readers

    def reading(self, attributes: Collection[str]) -> frozenset[str]:
        return frozenset(slug for name in attributes for slug in self._readers.get(name, ()))

    def affected(self, changed: Collection[str], since: date | None, on: date) -> frozenset[str]:
        """The programmes whose answer of `on` may be another than that of `since`, after these facts changed: a child's
        have `child.` before the name. With no `since` there is no answer yet: all."""
        if since is None:
            return frozenset(programme.slug for programme in self._programmes)
        gone = frozenset(changed)
        return frozenset(one.slug for one in self._programmes if self._is_affected(one, gone, since, on))

    def _is_affected(self, programme: Programme, changed: frozenset[str], since: date, on: date) -> bool:
        before, now = programme.version_on(since), programme.version_on(on)
        if before is not now:
            return True
        if now is None:
            return False
        return not changed.isdisjoint(now.needs) or (since != on and moves(now))

    def reads(self, version: Version) -> frozenset[str]:
        """Attributes of the catalogue, of whomever: `child.` is left out, and what a fact is derived from is in it."""
        found = self._read_by.get(id(version))  # kept alive by its programme
        if found is None:
            names = {name.removeprefix(CHILD) for name in version.needs}
            found = frozenset(names | {source for name in names for source in self._sources(name)})
            self._read_by[id(version)] = found
        return found

    def _sources(self, name: str) -> Iterable[str]:
        if self._catalogue is None:
            return ()
        derived = self._catalogue.attribute(name).derived
        return () if derived is None else tuple(one for one in (derived.over, derived.of) if one is not None)


def moves(version: Version) -> bool:
    """Whether a comparison of it hangs on the day of the decision, so that an answer changes by itself."""
    return any(node.at.base in ("assessment_date", "fiscal_year_start") for node in version.dated)
