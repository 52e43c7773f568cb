"""What a plugin of our own tree may use: its agency's client, its tables, other registers, signatures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from api.connections import client_of
from core.crypto import KeyRing
from services.plugins.contract import Host, Manifest
from services.receive.credentials.service import Credentials
from services.receive.credentials.stating import Stating

if TYPE_CHECKING:
    from api.house import House


def hosts_of(house: House) -> Callable[[Manifest], Host]:
    """By manifest; the house need not be whole before the first is asked for."""

    def host_of(manifest: Manifest) -> Host:
        agency = manifest.agency.slug
        return Host(
            house.clock,
            client_of(house.connections, house.http, agency),
            store=house.stores.of(house.registry.get(manifest.slug)),
            statements=Stating(house.rooms.get(Credentials).issuers, house.clock, agency, house.settings.issuer),
            index=partial(_index, house.keys, f"plugin.{manifest.slug}"),
        )

    return host_of


def _index(keys: KeyRing, domain: str, value: str) -> str:
    return keys.blind_index(value, domain=domain).hex()
