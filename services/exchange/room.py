"""Putting the exchange together."""

from __future__ import annotations

from redis.asyncio import Redis

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.graph import Rooms
from identity.people import PeopleRegister
from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.consent.service import ConsentService
from services.exchange.corrections.service import CorrectionService
from services.exchange.gate import ExchangeGate
from services.exchange.sources import Sources


def open_exchange(
    rooms: Rooms,
    *,
    database: Database,
    clock: Clock,
    keys: KeyRing,
    redis: Redis,
    people: PeopleRegister,
    sources: Sources,
) -> ExchangeGate:
    """Adds the exchange's services to the rooms, and answers its gate.

    `sources` is asked at each reading which sources there are: plugins are published while the program runs.
    """
    catalogue = rooms.add(Catalogue, load_catalogue())
    rooms.add(ConsentService, ConsentService(catalogue, clock))
    rooms.add(CorrectionService, CorrectionService(catalogue, keys, clock))
    gate = ExchangeGate(
        database=database,
        clock=clock,
        keys=keys,
        redis=redis,
        people=people,
        catalogue=catalogue,
        sources=sources,
    )
    return rooms.add(ExchangeGate, gate)
