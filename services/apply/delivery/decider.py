"""Applications to agencies' services: what the room of applications asks before it takes one.

Nothing is decided here. The facts that the service needs are read, the application is taken, and the agency is told of
it afterwards (courier.py): a citizen never waits for an agency to be up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from core.assurance import Aal, Assurance, Demand, Ial
from core.text import Text
from services.apply.deciding import Outcome, Prepared, Request, ToDeliver
from services.apply.delivery import answers
from services.apply.delivery.errors import ForTheCitizenAlone
from services.apply.delivery.needs import Needs
from services.apply.errors import NotOfferedHere
from services.apply.forms import FieldKind, Forms
from services.plugins.contract import Delegates, Manifest, OperationKind
from services.plugins.plugin import Plugin
from services.plugins.standing import Standing, must_be_open

PREFIX: Final = "service:"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a service asks of whoever applies."""

    subject: str
    demand: Demand
    delegates: bool
    """Whether somebody may apply who acts for the citizen under a delegation."""


class Services:
    """The services of this moment. `plugins` answers those in the registry, whatever their standing."""

    def __init__(self, plugins: Callable[[], Iterable[Plugin]], service_id: Callable[[str], UUID]) -> None:
        self._plugins, self._id = plugins, service_id

    def plugin(self, slug: str) -> Plugin | None:
        """Suspended and retired ones too; None for one that nobody knows any more."""
        return next((one for one in self._plugins() if one.slug == slug), None)

    def to_call(self, slug: str) -> Plugin | None:
        """One that may be asked now."""
        found = self.plugin(slug)
        return found if found is not None and found.standing is Standing.OPEN else None

    def of_agency(self, agency: str) -> tuple[str, ...]:
        """Slugs of its plugins."""
        return tuple(one.slug for one in self._plugins() if one.manifest.agency.slug == agency)

    def offer(self, service: UUID) -> Offer | None:
        """By the id of an entry in the catalogue of services; None where one cannot apply."""
        for one in self._plugins():
            if self._id(f"{PREFIX}{one.slug}") == service:
                return _offer(one.manifest) if one.manifest.operations_of(OperationKind.SUBMIT) else None
        return None


class ServiceDecider:
    """Implements :class:`services.apply.deciding.Decider` for `service:<slug>`."""

    def __init__(self, services: Services, forms: Forms, needs: Needs) -> None:
        self._services, self._forms, self._needs = services, forms, needs

    async def prepare(self, request: Request) -> Prepared:
        """Raises NotOfferedHere, ServiceSuspended, ServiceRetired, ForTheCitizenAlone, BadInput and ConsentNeeded, and
        what the gate raises."""
        plugin = self._services.plugin(request.subject.removeprefix(PREFIX))
        if plugin is None or not plugin.manifest.operations_of(OperationKind.SUBMIT):
            raise NotOfferedHere(path=("service",))
        must_be_open(plugin.standing, plugin.manifest.title.text)
        if request.beneficiary != request.applicant:
            raise ForTheCitizenAlone(path=("beneficiary",))
        self._check(plugin.manifest, request)
        gathered = await self._needs.read(plugin.manifest, request.applicant, request.request)
        return Prepared(
            Outcome.NEEDS_INFORMATION,
            plugin.manifest.title.text,
            record={},
            read=len(gathered.facts),
            delivery=ToDeliver(plugin.slug, gathered.facts, gathered.rests_on),
        )

    def _check(self, manifest: Manifest, request: Request) -> None:
        form = self._forms.of_subject(request.subject)
        known = [one.path for one in form.fields if one.kind is not FieldKind.ASKED] if form is not None else []
        held = answers.paths_of(known)
        answers.refuse_held(request.answers, held)
        try:
            answers.check(request.answers, manifest.form, held)
        except answers.UnusableForm:
            log.warning("form_unusable", plugin=manifest.slug)
            raise NotOfferedHere(path=("service",)) from None


def _offer(manifest: Manifest) -> Offer:
    demand = Demand(Assurance(Ial(manifest.assurance.value), Aal.AAL_1))
    return Offer(f"{PREFIX}{manifest.slug}", demand, manifest.delegates is not Delegates.NOTHING)


def agency_of(plugin: Plugin | None) -> Text:
    """The agency's name; of a plugin that is gone, the word for any."""
    return plugin.manifest.agency.title.text if plugin is not None else _THE_AGENCY


_THE_AGENCY: Final = Text(th="หน่วยงานเจ้าของบริการ", en="agency that offers it")
