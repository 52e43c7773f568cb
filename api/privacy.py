"""Every room's stores of personal data, in the order in which they are erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import core.personal_core
import identity.personal_data
import services.apply.personal_data
import services.exchange.personal_data
import services.exchange.privacy.personal_data
import services.pay.personal_data
import services.plugins.documents.personal_data
import services.receive.personal_data
from core.personal_data import PersonalData, Store

if TYPE_CHECKING:
    from api.house import House
    from services.apply.service import ApplyService

_MODULES: Final = (
    core.personal_core,
    identity.personal_data,
    services.apply.personal_data,
    services.exchange.personal_data,
    services.exchange.privacy.personal_data,
    services.pay.personal_data,
    services.plugins.documents.personal_data,
    services.receive.personal_data,
)


def declared_stores() -> list[Store]:
    """Every store that a room declares, by name; needs no database."""
    found = {value.name: value for module in _MODULES for value in vars(module).values() if isinstance(value, Store)}
    return [found[name] for name in sorted(found)]


def stores_of(house: House, apply: ApplyService) -> list[PersonalData]:
    """The stores over a house's database. What hangs on something goes before it; the data key goes last."""
    keys, clock = house.keys, house.clock
    return [
        *core.personal_core.first(keys),
        *services.apply.personal_data.personal_data(keys, apply, house.deliveries),
        *services.plugins.documents.personal_data.personal_data(keys),
        *services.receive.personal_data.personal_data(keys),
        *services.pay.personal_data.personal_data(keys),
        *services.exchange.personal_data.personal_data(keys, clock),
        *identity.personal_data.personal_data(keys, clock, house.delegations),
        *services.exchange.privacy.personal_data.personal_data(keys),
        *core.personal_core.last(keys),
    ]
