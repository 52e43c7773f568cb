"""What an agency may ask: the purposes it may name, and the agreements it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.clock import Clock
from core.database import Database
from services.exchange import policy
from services.exchange.agreements.repository import AgreementRepository, terms_of
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import AskerRole, Catalogue, RegisteredPurpose
from services.exchange.rest.answers import both


class AgencyTerms:
    def __init__(self, db: Database, clock: Clock, catalogue: Catalogue) -> None:
        self._db, self._clock, self._catalogue = db, clock, catalogue

    async def agreements(self, agency: str) -> Sequence[Terms]:
        """Those that hold today, as requester and as steward; standing ones first."""
        today = self._clock.today()
        standing = [one for one in self._catalogue.standing if one.holds_on(today)]
        async with self._db.read() as session:
            concluded = [terms_of(row) for row in await AgreementRepository(session).all_in_force(today)]
        return [one for one in (*standing, *concluded) if agency in (one.requester, one.steward)]

    async def purposes(self, agency: str) -> Sequence[tuple[RegisteredPurpose, Sequence[str]]]:
        """Those for which the agency may be told something today, with the attributes; in the catalogue's order."""
        held = [one for one in await self.agreements(agency) if one.requester == agency]
        found = [(one, self._attributes(agency, one, held)) for one in self._catalogue.purposes.values()]
        return [(purpose, names) for purpose, names in found if names]

    def _attributes(self, agency: str, purpose: RegisteredPurpose, held: Sequence[Terms]) -> Sequence[str]:
        if AskerRole.AGENCY not in purpose.askers or purpose.requester not in (None, agency):
            return ()
        return [
            one.id
            for one in self._catalogue.attributes.values()
            if not one.is_tie
            and purpose.covers(one)
            and (one.steward == agency or policy.agreement_for(held, one.steward, one.id, purpose.purpose) is not None)
        ]


def agreement_as_json(terms: Terms) -> dict[str, Any]:
    quota = terms.quota
    return {
        "id": terms.id,
        "version": terms.version,
        "sha256": terms.digest,
        "origin": terms.origin.value,
        "steward": terms.steward,
        "requester": terms.requester,
        "attributes": sorted(terms.attributes),
        "purposes": sorted(terms.purposes),
        "quota": None if quota is None else {"perDay": quota.per_day, "perMinute": quota.per_minute},
        "validFrom": terms.valid_from.isoformat(),
        "validUntil": terms.valid_until.isoformat() if terms.valid_until is not None else None,
        "law": terms.law,
        "confidentiality": both(terms.confidentiality),
    }


def purpose_as_json(purpose: RegisteredPurpose, attributes: Sequence[str]) -> dict[str, Any]:
    return {
        "id": purpose.purpose.id,
        "title": both(purpose.purpose.text),
        "basis": purpose.purpose.basis.value,
        "attributes": list(attributes),
        "boundKey": purpose.least.bound_key,
        "boundKeyIfSensitive": purpose.least_if_sensitive.bound_key,
    }
