"""One population from three arguments. Nothing is kept in memory: the households are made as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.plugins.contract.people import Household, Person
from services.sandbox.population.errors import PopulationDateNotPossible, PopulationSizeNotPossible
from services.sandbox.population.families import FamilyMaker
from services.sandbox.population.national_ids import CITIZENS_MAX
from services.sandbox.population.persona_families import persona_households

GENERATOR_VERSION: Final = 2
"""Raised with every change that makes other people out of the same arguments, or writes them in another shape."""
EARLIEST: Final = date(2000, 1, 1)
LATEST: Final = date(2100, 12, 31)


@dataclass(frozen=True, slots=True)
class Population:
    """The personas' households and `citizens` people more, the dead among them, as they are on `as_of`.

    Equal arguments give equal people.
    """

    citizens: int
    seed: int
    as_of: date

    def households(self) -> Iterator[Household]:
        """The personas' households first; each call starts over."""
        yield from persona_households(self.as_of)
        room = self.citizens
        maker = FamilyMaker(self.seed, self.as_of)
        while room > 0:
            for home in maker.family(room):
                room -= len(home.members)
                yield home

    def people(self) -> Iterator[Person]:
        for home in self.households():
            yield from home.members


def generate(citizens: int, seed: int, as_of: date) -> Population:
    """Raises :class:`PopulationSizeNotPossible` and :class:`PopulationDateNotPossible`."""
    if not 0 <= citizens <= CITIZENS_MAX:
        raise PopulationSizeNotPossible(most=CITIZENS_MAX)
    if not EARLIEST <= as_of <= LATEST:
        raise PopulationDateNotPossible(earliest=EARLIEST, latest=LATEST)
    return Population(citizens, seed, as_of)
