"""Which version of each programme is in force, and what it reads: by which grants are found that are to be looked at
again. Fulfils `services.apply.reassessing.LawBook`."""

from __future__ import annotations

from collections.abc import Mapping

from core.clock import Clock
from services.apply.reassessing import Law
from services.exchange.catalogue import Catalogue
from welfare.entitlements.service import PROGRAMME
from welfare.programmes import Programme, ProgrammeCatalogue, Version

CHILD = "child."


def law_of(version: Version) -> str:
    """The version's name beside an application: the day from which it is in force."""
    assert version.starts is not None, "a version in force has a first day"
    return version.starts.isoformat()


class ProgrammeLaws:
    def __init__(self, clock: Clock, catalogue: Catalogue, programmes: ProgrammeCatalogue) -> None:
        self._clock, self._catalogue, self._programmes = clock, catalogue, programmes

    def in_force(self) -> Mapping[str, Law]:
        """By subject, as of today."""
        today, found = self._clock.today(), dict[str, Law]()
        for programme in self._programmes:
            version = programme.version_on(today)
            if version is not None and version.starts is not None:
                found[PROGRAMME + programme.slug] = Law(law_of(version), version.starts)
        return found

    def reads(self, subject: str, attribute: str) -> bool:
        """Whether the law in force asks for the attribute, of anybody, or for what is derived from it."""
        programme = self._programmes.get(subject.removeprefix(PROGRAMME))
        return programme is not None and attribute in self._read_by(programme)

    def totals(self, attribute: str) -> frozenset[str]:
        """Subjects whose law in force asks for a total of a household in which the attribute of each member is."""
        return frozenset(
            PROGRAMME + programme.slug
            for programme in self._programmes
            for name in programme.needs_on(self._clock.today())
            if not name.startswith(CHILD) and self._source_of(name) == attribute != name
        )

    def _read_by(self, programme: Programme) -> frozenset[str]:
        needs = {name.removeprefix(CHILD) for name in programme.needs_on(self._clock.today())}
        return frozenset(needs | {self._source_of(name) for name in needs})

    def _source_of(self, name: str) -> str:
        derived = self._catalogue.attribute(name).derived
        return name if derived is None or derived.of is None else derived.of
