"""Whether a service that is in the graph may be used.

A service that is suspended or over keeps its names in the graph: a client's query that asks for them beside much else
stays valid, and the rest of its answer whole. What it asks of that service is an error with a code, at its path.
"""

from __future__ import annotations

from enum import StrEnum

from core.errors import ServiceUnavailable, SitthiError
from core.text import Text


class Standing(StrEnum):
    OPEN = "OPEN"
    SUSPENDED = "SUSPENDED"
    RETIRED = "RETIRED"


class ServiceSuspended(ServiceUnavailable):
    """Its agency or the reviewers stopped the service for the time being. Nobody was asked anything."""

    code = "SERVICE_SUSPENDED"
    text = Text(
        th="บริการ {service} ปิดให้บริการชั่วคราว กรุณาลองใหม่ภายหลัง",
        en="{service} is suspended for the time being. Please try again later.",
    )


class ServiceRetired(SitthiError):
    """The service is over. Its names leave the graph a year later."""

    code = "SERVICE_RETIRED"
    text = Text(th="บริการ {service} สิ้นสุดแล้ว", en="{service} is no longer offered.")


def must_be_open(standing: Standing, title: Text) -> None:
    """Raises :class:`ServiceSuspended` or :class:`ServiceRetired`."""
    if standing is Standing.SUSPENDED:
        raise ServiceSuspended(title)
    if standing is Standing.RETIRED:
        raise ServiceRetired(service=title)
