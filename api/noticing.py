"""Notices outside the inbox, put together for a house: their way out is the one that agencies are reached by."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from identity.notices.room import NoticesRoom
from services.plugins.runner.egress import agency_client
from services.plugins.runner.errors import AddressRefused, MalformedReply

if TYPE_CHECKING:
    from api.house import House


def noticing(house: House, authorities: ssl.SSLContext) -> NoticesRoom:
    """The room, with a client of its own that connects to nothing inside our network."""
    return NoticesRoom(
        house.db,
        house.clock,
        house.keys,
        house.identity.account.contacts,
        house.settings,
        http=agency_client(loopback=house.settings.plugins_on_loopback, authorities=authorities),
        refusals=(AddressRefused, MalformedReply),
        authorities=authorities,
    )
