"""The room that applies, put together: its forms and drafts, who decides, and what goes to agencies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.forms import AllForms
from api.notices import InboxNotices
from api.once_each import OnceEach
from api.services_applied import Outlook, ServiceApplications
from core.rooms import Rooms
from services.apply.counting import QuestionFigures
from services.apply.delivery.courier import Courier
from services.apply.delivery.desk import DeliveryDesk
from services.apply.drafts.service import DraftDesk
from services.apply.forms import Forms, QuestionCounter
from services.apply.service import ApplyService
from services.exchange.once_only.counting import QuestionCounts
from services.plugins.contract import Manifest
from services.plugins.plugin import Plugin

if TYPE_CHECKING:
    from api.house import House


@dataclass(frozen=True, slots=True)
class Applying:
    """What other rooms and the jobs ask of it by name."""

    service: ApplyService
    drafts: DraftDesk
    deliveries: DeliveryDesk
    courier: Courier


def furnish(house: House, rooms: Rooms) -> Applying:
    """Adds what the graph, the routes and the commands of this room ask for, but the service itself."""
    forms = AllForms(
        house.catalogue,
        house.welfare.programmes,
        OnceEach(lambda: house.registry.plugins, manifests_of),
        house.clock,
    )
    at_agencies = _service_applications(house, forms)
    drafts = DraftDesk(house.db, house.clock, house.keys, forms, house.inbox, house.identity.people)
    service = ApplyService(
        house.db,
        house.keys,
        house.clock,
        deciders={"programme": house.welfare.decider, "service": at_agencies.decider},
        awarder=house.awards,
        notices=InboxNotices(house.inbox),
        counter=QuestionCounts(house.clock),
        forms=forms,
        deliveries=at_agencies.desk,
        service_notices=at_agencies.notices,
        attestor=house.attestor,
        beside=house.welfare.decider.beside,
        drafts=drafts,
    )
    courier = at_agencies.furnish(rooms, service)
    rooms.add(Forms, forms)  # type: ignore[type-abstract]  # known by its protocol alone
    rooms.add(QuestionCounter, QuestionFigures())  # type: ignore[type-abstract]  # as Forms is
    rooms.add(DraftDesk, drafts)
    return Applying(service, drafts, at_agencies.desk, courier)


def _service_applications(house: House, forms: Forms) -> ServiceApplications:
    outlook = Outlook(
        database=house.db,
        clock=house.clock,
        keys=house.keys,
        people=house.identity.people,
        gate=house.gate,
        catalogue=house.catalogue,
        consents=house.consents,
        runner=house.runner,
        inbox=house.inbox,
        forms=forms,
        plugins=lambda: house.registry.plugins,
        turns=lambda: house.service_turns,
    )
    return ServiceApplications(outlook)


def manifests_of(plugins: tuple[Plugin, ...]) -> tuple[Manifest, ...]:
    return tuple(plugin.manifest for plugin in plugins)
