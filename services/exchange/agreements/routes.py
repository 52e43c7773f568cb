"""The agreements in force, for everybody to read: who may be told what, for what, how often, until when."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from core.clock import Clock
from core.database import Database
from core.text import Text
from services.exchange.agreements.repository import AgreementRepository, terms_of
from services.exchange.agreements.terms import Terms
from services.exchange.catalogue import Catalogue

AGREEMENTS: Final = "/open/agreements.json"


def agreements_router(db: Database, clock: Clock, catalogue: Catalogue) -> APIRouter:
    """Standing ones first. Officers are not named: an agreement is between agencies."""
    router = APIRouter(include_in_schema=False)

    async def agreements() -> Response:
        today = clock.today()
        async with db.read() as session:
            concluded = [terms_of(row) for row in await AgreementRepository(session).all_in_force(today)]
        standing = [one for one in catalogue.standing if one.holds_on(today)]
        found = [_as_json(one, catalogue) for one in (*standing, *concluded)]
        headers = {"Cache-Control": "max-age=60", "Access-Control-Allow-Origin": "*"}
        return JSONResponse({"asOf": clock.now().isoformat(), "agreements": found}, headers=headers)

    router.add_api_route(AGREEMENTS, agreements, methods=["GET"], response_model=None)
    return router


def _as_json(terms: Terms, catalogue: Catalogue) -> dict[str, Any]:
    quota = terms.quota
    return {
        "id": terms.id,
        "version": terms.version,
        "sha256": terms.digest,
        "origin": terms.origin.value,
        "steward": {"slug": terms.steward, "title": _both(catalogue.agency_title(terms.steward))},
        "requester": {"slug": terms.requester, "title": _both(catalogue.agency_title(terms.requester))},
        "attributes": [{"id": name, "title": _both(catalogue.title(name))} for name in sorted(terms.attributes)],
        "purposes": [
            {"id": name, "title": _both(catalogue.purposes[name].purpose.text)}
            for name in sorted(terms.purposes & catalogue.purposes.keys())
        ],
        "quota": {"perDay": quota.per_day, "perMinute": quota.per_minute} if quota is not None else None,
        "validFrom": terms.valid_from.isoformat(),
        "validUntil": terms.valid_until.isoformat() if terms.valid_until is not None else None,
        "law": terms.law,
        "confidentiality": _both(terms.confidentiality),
    }


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
