"""Putting the Welfare Platform together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.rooms import Rooms
from services.exchange.catalogue import Catalogue, Kind, Subject, load_catalogue
from services.exchange.facts import Gate
from welfare import programmes as programmes_room
from welfare.entitlements.amounts import DecidedAmounts
from welfare.entitlements.decider import ProgrammeDecider
from welfare.entitlements.service import EntitlementService
from welfare.entitlements.what_if import WhatIf
from welfare.programmes import ProgrammeCatalogue, load_programmes
from welfare.rules import AttributeType, Vocabulary
from welfare.rules import Kind as RuleKind

PROGRAMMES: Final = Path(programmes_room.__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Welfare:
    """What other rooms are handed: the decider of `programme` for applications, the amounts for payment."""

    programmes: ProgrammeCatalogue
    entitlements: EntitlementService
    decider: ProgrammeDecider
    amounts: DecidedAmounts


def open_welfare(
    rooms: Rooms, *, database: Database, clock: Clock, keys: KeyRing, gate: Gate, catalogue: Catalogue
) -> Welfare:
    """Loads the programmes and adds EntitlementService to the rooms. Raises a FileError for a wrong file."""
    programmes = programmes_over(catalogue)
    entitlements = EntitlementService(database, gate, clock, catalogue, programmes)
    rooms.add(EntitlementService, entitlements)
    rooms.add(WhatIf, WhatIf(database, gate, clock, catalogue, programmes))
    decider = ProgrammeDecider(gate, clock, catalogue, programmes, keys)
    return Welfare(programmes, entitlements, decider, DecidedAmounts(keys, programmes))


def programmes_over(catalogue: Catalogue) -> ProgrammeCatalogue:
    """The programmes that come with the program, over a catalogue. Raises a FileError for a wrong file."""
    return (
        _own_programmes()
        if catalogue.attributes is load_catalogue().attributes
        else load_programmes(PROGRAMMES, vocabulary_of(catalogue))
    )


@cache
def _own_programmes() -> ProgrammeCatalogue:
    return load_programmes(PROGRAMMES, vocabulary_of(load_catalogue()))


def vocabulary_of(catalogue: Catalogue) -> Vocabulary:
    """What rules may read: of a person or household by plain name, of a person or child as `child.name`."""
    types = {
        name: (subject, AttributeType(RuleKind(kind.kind.value), kind.minimum, kind.maximum, kind.codes))
        if kind.kind in (Kind.INT, Kind.MONEY)
        else (subject, AttributeType(RuleKind(kind.kind.value), codes=kind.codes))
        for name, (subject, kind) in catalogue.attribute_types().items()
    }
    return Vocabulary(
        person={name: kind for name, (subject, kind) in types.items() if subject is not Subject.CHILD},
        child={name: kind for name, (subject, kind) in types.items() if subject is not Subject.HOUSEHOLD},
    )
