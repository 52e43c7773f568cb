"""Applications to agencies' services: what the room of applications asks before it takes one.

Nothing is decided here. The facts that the service needs are read, the application is taken, and the agency is told of
it afterwards (courier.py): a citizen never waits for an agency to be up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog

from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import BadInput
from core.text import Text
from services.apply.deciding import Outcome, Prepared, Request, ToDeliver
from services.apply.delivery import answers
from services.apply.delivery.agencies import Agencies
from services.apply.delivery.errors import ForTheCitizenAlone
from services.apply.delivery.needs import Needs
from services.apply.errors import NotOfferedHere
from services.apply.forms import Forms
from services.plugins.contract import Delegates, Manifest, OperationKind

PREFIX: Final = "service:"
_OF_A_SYSTEM: Final = (OperationKind.SUBMIT, OperationKind.STATUS, OperationKind.CANCEL)

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
                return _offer(manifest) if takes_applications(manifest) else None
        return None


class ServiceDecider:
    """Implements :class:`services.apply.deciding.Decider` for `service:<slug>`."""

    def __init__(self, agencies: Agencies, forms: Forms, needs: Needs) -> None:
        self._agencies, self._forms, self._needs = agencies, forms, needs

    async def prepare(self, request: Request) -> Prepared:
        """Raises NotOfferedHere, ServiceSuspended, ServiceRetired, ForTheCitizenAlone, BadInput and ConsentNeeded, and
        what the gate raises."""
        manifest = self._agencies.manifest(request.subject.removeprefix(PREFIX))
        if manifest is None or not takes_applications(manifest):
            raise NotOfferedHere(path=("service",))
        if request.asker is None:  # what was taken is decided, whether more is taken or not
            self._agencies.must_be_open(manifest.slug)
        if request.beneficiary != request.applicant:
            raise ForTheCitizenAlone(path=("beneficiary",))
        self._check(request, {})
        gathered = await self._needs.read(manifest, request.applicant, request.request)
        self._check(request, gathered.facts)
        return Prepared(
            Outcome.NEEDS_INFORMATION,
            manifest.title.text,
            record=_record(gathered.facts) if request.asker is not None else {},
            read=len(gathered.facts),
            delivery=None
            if worked_at_the_desk(manifest)
            else ToDeliver(manifest.slug, gathered.facts, gathered.rests_on),
        )

    def _check(self, request: Request, facts: Mapping[str, Any]) -> None:
        """Whether the answers are what the form asks, given the facts: before they are read, as far as none matters."""
        form = self._forms.of_subject(request.subject)
        if form is None:
            if request.answers:
                raise BadInput(answers.NOT_ASKED, path=("answers",))
            return
        answers.refuse_held(request.answers, form.held)
        held = [(one.place, one.attribute) for one in form.fields if one.is_held and one.attribute is not None]
        known = {place: facts[attribute] for place, attribute in held if attribute in facts}
        try:
            form.rules.check(request.answers, known)
        except answers.UnusableForm:
            log.warning("form_unusable", plugin=request.subject.removeprefix(PREFIX))
            raise NotOfferedHere(path=("service",)) from None


def worked_at_the_desk(manifest: Manifest) -> bool:
    """Whether the agency's officers decide it here: there is a form, and no system of theirs for applications."""
    return manifest.form is not None and not any(manifest.operations_of(kind) for kind in _OF_A_SYSTEM)


def takes_applications(manifest: Manifest) -> bool:
    return bool(manifest.operations_of(OperationKind.SUBMIT)) or worked_at_the_desk(manifest)


def _record(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an officer sees, and what the decision rests on, in the form of a programme's record."""
    return {"facts": {name: {"value": value, "th": name, "en": name} for name, value in facts.items()}}


def _offer(manifest: Manifest) -> Offer:
    demand = Demand(Assurance(Ial(manifest.assurance.value), Aal.AAL_1))
    return Offer(f"{PREFIX}{manifest.slug}", demand, manifest.delegates is Delegates.APPLY)


def agency_of(manifest: Manifest | None) -> Text:
    """The agency's name; of a plugin that is gone, the word for any."""
    return manifest.agency.title.text if manifest is not None else _THE_AGENCY


_THE_AGENCY: Final = Text(th="หน่วยงานเจ้าของบริการ", en="agency that offers it")
