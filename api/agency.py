"""The interface for agencies' systems, put together from the rooms: `/agency/v1`, and the statistics of its use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from api.benefits import benefits, telling
from api.desk_rest import Desk, applications_router
from api.doors import door_of
from services.apply.desk.service import CaseDesk
from services.apply.desk.showing import CaseLooks
from services.exchange.corrections.routes import Agents, corrections_router
from services.exchange.rest.auth import INGEST_SCOPE, SERVICES_SCOPE
from services.exchange.rest.routes import agency_router
from services.exchange.rest.service import AgencyFacts
from services.exchange.rest.terms import AgencyTerms
from services.exchange.usage.routes import statistics_router
from services.plugins.notices.agency import usage_routes
from services.plugins.operating.routes import BODIES as MAINTENANCE_BODIES
from services.plugins.operating.routes import maintenance_routes
from services.plugins.records.routes import records_routes
from services.plugins.records.senders import Senders
from services.plugins.records.service import RecordDesk
from services.plugins.registry.routes import ServiceAgents, open_services_router, services_router

if TYPE_CHECKING:
    from api.house import House


def agencies(house: House) -> APIRouter:
    """To be included without a prefix. Where our own provider is switched off, nobody could get a token for it."""
    router = APIRouter()
    router.include_router(statistics_router(house.db, house.clock, house.catalogue.agency_title))
    router.include_router(open_services_router())
    if not house.settings.own_provider:
        return router
    facts = AgencyFacts(
        db=house.db,
        clock=house.clock,
        keys=house.keys,
        people=house.identity.people,
        officers=house.identity.office.officers,
        subjects=house.identity.subjects,
        gate=house.gate,
        catalogue=house.catalogue,
        attestor=house.attestor,
    )
    terms = AgencyTerms(house.db, house.clock, house.catalogue)
    router.include_router(agency_router(door_of(house), facts, terms, house.settings.issuer))
    agents = Agents(house.db, house.identity.office.officers)
    router.include_router(corrections_router(door_of(house), house.correction_desk(), agents, house.clock))
    cases = Desk(
        house.settings.issuer,
        house.db,
        house.clock,
        house.keys,
        house.officer_tokens,
        house.limits,
        house.rooms.get(CaseDesk),
        house.rooms.get(CaseLooks),
    )
    router.include_router(applications_router(cases))
    acting = ServiceAgents(house.db, house.identity.office.officers)
    door = door_of(house, SERVICES_SCOPE)
    maintenance = maintenance_routes(door, house.registered.maintenance, acting)
    usage = usage_routes(door, house.db, house.clock, lambda: house.registry.plugins)
    desk, issuer = house.registered.desk, house.settings.issuer
    desk_of_records = RecordDesk(
        house.db,
        house.clock,
        house.keys,
        house.runner,
        lambda: house.registry.plugins,
        benefits=benefits(house),
        telling=telling(house),
    )
    senders = Senders(house.db, house.identity.office.juristic, house.identity.subjects)
    more = [maintenance, usage, records_routes(door_of(house, INGEST_SCOPE), desk_of_records, senders)]
    router.include_router(services_router(door, desk, acting, issuer, more=more, bodies=MAINTENANCE_BODIES))
    return router
