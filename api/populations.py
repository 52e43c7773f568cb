"""Whole populations, out of the rooms of a house: the act of two officers, the work on their runs, the notices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from api.lifecycle import CorrectedFacts
from core.jobs import Job
from services.exchange.privacy.bars import StoppedUses
from welfare.determination.acts import BulkAct

if TYPE_CHECKING:
    from api.house import House
    from welfare.determination.service import Determinations
    from welfare.determination.telling import NewlyEntitled


@dataclass(frozen=True, slots=True)
class Populations:
    determinations: Determinations
    newly_entitled: NewlyEntitled

    @property
    def jobs(self) -> list[Job]:
        return [
            Job("delete what was found out about populations", timedelta(hours=1), self.determinations.delete_due),
            Job(
                "follow corrections in registers of who is entitled", timedelta(minutes=15), self.determinations.follow
            ),
            Job("tell who is newly entitled", timedelta(minutes=15), self.newly_entitled.run),
        ]


def hand_over_bulk_act(house: House) -> None:
    """To the officers' room."""
    office = house.identity.office
    act = BulkAct(house.clock, house.gate.bulk, house.catalogue, house.welfare.programmes)
    office.further_acts = [*office.further_acts, act]


def populations(house: House) -> Populations:
    from welfare.determination.service import Determinations  # noqa: PLC0415 - loads Polars; few commands need it
    from welfare.determination.telling import NewlyEntitled  # noqa: PLC0415 - as above

    clock, catalogue, programmes, bulk = house.clock, house.catalogue, house.welfare.programmes, house.gate.bulk
    return Populations(
        Determinations(house.db, clock, bulk, catalogue, programmes, house.attestor, CorrectedFacts(), house.gate),
        NewlyEntitled(house.db, clock, catalogue, programmes, house.inbox, StoppedUses(), house.identity.people),
    )
