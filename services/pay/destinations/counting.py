"""Which of the places that a payee has said counts, as a part of larger queries."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ScalarSelect, select
from sqlmodel import col

from services.pay.destinations.models import PayoutDestination
from services.pay.models import Instalment


def counting_destination() -> ScalarSelect[UUID]:
    """The place that counts now for the payee of the instalment that the query is about."""
    said = select(col(PayoutDestination.id)).where(col(PayoutDestination.person) == col(Instalment.person))
    latest = said.order_by(col(PayoutDestination.since).desc(), col(PayoutDestination.id).desc()).limit(1)
    return latest.correlate(Instalment).scalar_subquery()
