"""The door of `/agency`, for all who serve agencies' systems; beside `api/agency.py`, which loads the whole graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from identity.provider.registration import AGENCY_RESOURCE
from services.exchange.rest.auth import FACTS_SCOPE, AgencyDoor

if TYPE_CHECKING:
    from api.house import House


def door_of(house: House, scope: str = FACTS_SCOPE) -> AgencyDoor:
    """Lets systems of agencies in, by their tokens for `/agency` with that scope."""
    return AgencyDoor(
        house.settings.issuer,
        house.identity.presenting,
        house.identity.verifier_for(AGENCY_RESOURCE),
        house.limits,
        house.catalogue.agency_title,
        scope,
    )
