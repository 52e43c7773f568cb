"""Applications to agencies' services: what the room of applications asks before it takes one.

Nothing is decided here. The facts that the service needs are read, the application is taken, and the agency is told of
it afterwards (courier.py): a citizen never waits for an agency to be up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from core.assurance import Aal, Assurance, Demand, Ial
from core.text import Text
from services.apply.deciding import Outcome, Prepared, Request, ToDeliver
from services.apply.delivery import answers
from services.apply.delivery.agencies import Agencies
from services.apply.delivery.errors import ForTheCitizenAlone
from services.apply.delivery.needs import Needs
from services.apply.errors import NotOfferedHere
from services.apply.forms import FieldKind, Forms
from services.plugins.contract import Delegates, Manifest, OperationKind

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
    """Which services one can apply to."""

    def __init__(self, agencies: Agencies) -> None:
        self._agencies = agencies

    def offer(self, service: UUID) -> Offer | None:
        """By the id of an entry in the catalogue of services; None where one cannot apply."""
        for manifest in self._agencies.manifests():
            if self._agencies.service_id(f"{PREFIX}{manifest.slug}") == service:
                return _offer(manifest) if manifest.operations_of(OperationKind.SUBMIT) else None
        return None


class ServiceDecider:
    """Implements :class:`services.apply.deciding.Decider` for `service:<slug>`."""

    def __init__(self, agencies: Agencies, forms: Forms, needs: Needs) -> None:
        self._agencies, self._forms, self._needs = agencies, forms, needs

    async def prepare(self, request: Request) -> Prepared:
        """Raises NotOfferedHere, ServiceSuspended, ServiceRetired, ForTheCitizenAlone, BadInput and ConsentNeeded, and
        what the gate raises."""
        manifest = self._agencies.manifest(request.subject.removeprefix(PREFIX))
        if manifest is None or not manifest.operations_of(OperationKind.SUBMIT):
            raise NotOfferedHere(path=("service",))
        self._agencies.must_be_open(manifest.slug)
        if request.beneficiary != request.applicant:
            raise ForTheCitizenAlone(path=("beneficiary",))
        self._check(manifest, request)
        gathered = await self._needs.read(manifest, request.applicant, request.request)
        return Prepared(
            Outcome.NEEDS_INFORMATION,
            manifest.title.text,
            record={},
            read=len(gathered.facts),
            delivery=ToDeliver(manifest.slug, gathered.facts, gathered.rests_on),
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
    return Offer(f"{PREFIX}{manifest.slug}", demand, manifest.delegates is Delegates.APPLY)


def agency_of(manifest: Manifest | None) -> Text:
    """The agency's name; of a plugin that is gone, the word for any."""
    return manifest.agency.title.text if manifest is not None else _THE_AGENCY


_THE_AGENCY: Final = Text(th="หน่วยงานเจ้าของบริการ", en="agency that offers it")
