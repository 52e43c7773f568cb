"""Where it is noted what is owed to agencies, in the transaction of whatever makes it owed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.errors import Conflict
from core.ids import NationalId
from core.sealed import bound_to
from services.apply.deciding import ToDeliver
from services.apply.delivery import repository
from services.apply.delivery.agencies import Agencies, BillsOfApplications, Consents, Numbers, Withdrawn
from services.apply.delivery.decider import PREFIX, agency_of, worked_at_the_desk
from services.apply.delivery.errors import AtTheAgency
from services.apply.delivery.models import AgencyEvent, ServiceCase
from services.apply.delivery.states import FEE_UNPAID, Step
from services.apply.errors import AlreadyDecided
from services.apply.models import Application
from services.plugins.contract import EventKind, FeeWhen, Manifest, OperationKind, State

_EVENTS: Final = UUID("0e0b6f2a-5a1c-5c6e-8f0e-3c7d9a1b2e44")
"""Namespace of the events' ids (UUID version 5): the same event has the same id for ever."""

OF: Final = "of"
"""Beside what is handed over: :func:`mark_of` the number under which the facts were read."""


class DeliveryDesk:
    """Implements :class:`services.apply.deciding.Deliveries`, and hears what agencies are to be told of."""

    def __init__(self, keys: KeyRing, clock: Clock, agencies: Agencies, numbers: Numbers, consents: Consents) -> None:
        self._keys, self._clock, self._agencies = keys, clock, agencies
        self._numbers, self._consents = numbers, consents
        self.bills: BillsOfApplications | None = None
        """Hears, in the transaction of a withdrawal, that there is nothing to pay any more. The case is locked."""

    async def owe(
        self, session: AsyncSession, application: Application, answers: Mapping[str, Any], to_deliver: ToDeliver
    ) -> None:
        """Raises Conflict where another version of the service was put in force this very moment."""
        manifest = self._agencies.manifest(to_deliver.plugin)
        still = await self._agencies.stands_still(session, to_deliver.plugin)
        if not still or (manifest is not None and not manifest.operations_of(OperationKind.SUBMIT)):
            raise Conflict  # it was looked at before the facts were read, which takes a while
        number = await self._numbers.number_of(session, application.person)
        document = {
            OF: mark_of(self._keys, number),
            "id": application.id.hex,
            "submittedAt": application.created_at.isoformat(),
            "answers": answers,
            "facts": to_deliver.facts,
        }
        sealed = self._keys.seal(orjson.dumps(document), bound_to=bound_to(ServiceCase.document_sealed, application.id))
        now = self._clock.now()
        fee = None if manifest is None else manifest.fee
        waits = fee is not None and fee.when is FeeWhen.FIRST and bool(fee.satang)
        session.add(
            ServiceCase(
                person=application.person,
                application=application.id,
                plugin=to_deliver.plugin,
                step=Step.SUBMIT,
                due_at=None if waits else now,
                owed_since=now,
                trouble=FEE_UNPAID if waits else None,
                document_sealed=sealed,
                rests_on={purpose: list(names) for purpose, names in to_deliver.rests_on.items()},
            )
        )
        await session.flush()

    async def withdraw(self, session: AsyncSession, application: Application, *, leaving: bool) -> None:
        """The citizen's word holds here at once. What the agency may have by then, it is told to take off its list; and
        where nobody can tell it, withdrawing is refused, because it would go on deciding.

        Raises Conflict as :meth:`owe`, but not of one who leaves."""
        case = await repository.case(session, application.person, application.id, lock=True)
        if case is None:  # erased
            return
        if not await self._agencies.stands_still(session, case.plugin) and not leaving:
            raise Conflict
        now = self._clock.now()
        values: dict[str, Any] = {"lease": None, "leased_until": None, "attempts": 0, "owed_since": now}
        values["trouble"] = None
        if case.sent_at is None:
            values |= {"step": Step.DONE, "due_at": None, "document_sealed": None}
            if self.bills is not None:
                await self.bills.withdrawn(session, application.id)
        else:
            final = case.state is not None and State(case.state).is_final
            if final and not leaving:
                raise AlreadyDecided
            cancels = not final and self._can_be_told(case, leaving=leaving or case.failed_at is not None)
            if case.reference is None:  # the answer to `submit` is not here yet: without a number nothing is cancelled
                # `owed_since` stays: the agency remembers the key of `submit` no longer because of this
                values = {"cancel_wanted": True}
                if case.failed_at is not None:  # nor will it be: an event may find it there by its id
                    await self.tell_unnumbered(session, case)
            else:
                step = Step.CANCEL if cancels else Step.DONE
                values |= {"step": step, "due_at": now if cancels else None, "failed_at": None}
                await self.tell(
                    session, case, EventKind.APPLICATION_WITHDRAWN, application.id, reference=case.reference
                )
        await repository.store(session, application.person, application.id, values)

    def takes(self, subject: str) -> bool:
        """Whether a system of the agency has what is applied for; one that is gone may come again."""
        manifest = self._agencies.manifest(subject.removeprefix(PREFIX))
        return manifest is None or not worked_at_the_desk(manifest)

    def refuse(self, application: Application) -> AtTheAgency:
        return AtTheAgency(agency_of(self._agencies.manifest(application.subject.removeprefix(PREFIX))))

    async def consent_withdrawn(self, session: AsyncSession, consent: Withdrawn) -> None:
        """Tells the services of the agency that had the consent; also of a part that was withdrawn."""
        for plugin in self._of_agency(consent.requester):
            await self._note(
                session, plugin, EventKind.CONSENT_WITHDRAWN, consent.id, consent.person, at=self._clock.now()
            )

    async def erased(self, session: AsyncSession, person: UUID, at: datetime) -> None:
        """Tells every service that may know the person: by an application, or by a consent that its agency had."""
        slugs = set(await repository.plugins_of(session, person))
        for agency in await self._consents.requesters(session, person):
            slugs.update(self._of_agency(agency))
        for slug in sorted(slugs):
            await self._note(session, slug, EventKind.DATA_ERASED, person, person, at=at)

    async def tell(
        self,
        session: AsyncSession,
        case: ServiceCase,
        kind: EventKind,
        about: UUID,
        *,
        reference: str | None,
        satang: int | None = None,
    ) -> None:
        """An event about one case, for its own plugin."""
        more: dict[str, Any] = {"reference": reference, "application": case.application, "satang": satang}
        await self._note(session, case.plugin, kind, about, case.person, at=self._clock.now(), **more)

    async def tell_unnumbered(self, session: AsyncSession, case: ServiceCase) -> None:
        """That an application was withdrawn of which the agency's number never came: it is found by its id. If the
        number comes after all, that is another event."""
        about = uuid5(_EVENTS, f"unnumbered:{case.application.hex}")
        await self.tell(session, case, EventKind.APPLICATION_WITHDRAWN, about, reference=None)

    async def number_corrected(self, session: AsyncSession, person: UUID) -> None:
        """Tells the services that may have an application of the person under a national ID that was wrong, in the
        transaction that corrects it. Nobody is told the former number: the application's id and number lead to it."""
        number = await self._numbers.number_of(session, person)
        sent = await repository.sent(session, person)
        for event in await repository.events_of(session, [case.application for case in sent]):
            bound = bound_to(AgencyEvent.national_id_sealed, event.id)  # not told yet: it names the right one too
            event.national_id_sealed = self._keys.seal(number.digits.encode(), bound_to=bound)
        await session.flush()
        for case in sent:
            about = uuid5(_EVENTS, f"{case.application.hex}:{mark_of(self._keys, number)}")
            await self.tell(session, case, EventKind.IDENTIFIER_CORRECTED, about, reference=case.reference)

    async def tell_of_benefit(
        self,
        session: AsyncSession,
        plugin: str,
        kind: EventKind,
        about: UUID,
        person: UUID,
        *,
        reference: str,
        satang: int,
    ) -> None:
        """What became of what a plugin awarded, under its own `reference`."""
        at = self._clock.now()
        await self._note(session, plugin, kind, about, person, at=at, reference=reference, satang=satang)

    def manifest(self, slug: str) -> Manifest | None:
        return self._agencies.manifest(slug)

    def cancels(self, slug: str) -> bool:
        """Whether the plugin takes applications back; of one that is gone nobody knows, and it may come again."""
        manifest = self._agencies.manifest(slug)
        return manifest is None or bool(manifest.operations_of(OperationKind.CANCEL))

    def _of_agency(self, agency: str) -> list[str]:
        return [one.slug for one in self._agencies.manifests() if one.agency.slug == agency]

    def _can_be_told(self, case: ServiceCase, *, leaving: bool) -> bool:
        """Whether a `cancel` is owed. Raises AtTheAgency where no call tells the agency, unless the citizen leaves."""
        cancels, manifest = self.cancels(case.plugin), self._agencies.manifest(case.plugin)
        if not cancels and not leaving:
            assert manifest is not None, "one that is gone is taken to cancel"
            if not hears(manifest, EventKind.APPLICATION_WITHDRAWN):
                raise AtTheAgency(agency_of(manifest))
        return cancels

    async def _note(
        self,
        session: AsyncSession,
        slug: str,
        kind: EventKind,
        about: UUID,
        person: UUID,
        *,
        at: datetime,
        reference: str | None = None,
        application: UUID | None = None,
        satang: int | None = None,
    ) -> None:
        """Only what a plugin asked for; for one that is gone it is kept, since it may come back."""
        manifest = self._agencies.manifest(slug)
        if manifest is not None and not hears(manifest, kind):
            return
        key = uuid5(_EVENTS, f"{slug}:{kind}:{about.hex}")
        national_id = await self._numbers.number_of(session, person)
        sealed = self._keys.seal(national_id.digits.encode(), bound_to=bound_to(AgencyEvent.national_id_sealed, key))
        await repository.add_event(
            session,
            AgencyEvent(
                id=key,
                plugin=slug,
                kind=kind,
                at=at,
                reference=reference,
                application=application.hex if application is not None else None,
                satang=satang,
                national_id_sealed=sealed,
                due_at=at,
            ),
        )


def mark_of(keys: KeyRing, number: NationalId) -> str:
    """Of whose file facts were read; from it nobody learns the number."""
    return keys.blind_index(number.digits, domain="delivery").hex()


def hears(manifest: Manifest, kind: EventKind) -> tuple[str, ...]:
    """The operations that want to hear of such an event."""
    found = manifest.operations_of(OperationKind.NOTIFY)
    return tuple(name for name, spec in found.items() if kind in spec.events)
