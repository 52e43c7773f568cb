"""What a plugin can hear of."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """What a plugin of kind `notify` can hear of. Each is about one citizen, whom the plugin knows already."""

    APPLICATION_WITHDRAWN = "application.withdrawn"
    """The citizen took an application to this service back."""
    CONSENT_WITHDRAWN = "consent.withdrawn"
    """The citizen took back a consent on which this service's facts were read."""
    DATA_ERASED = "data.erased"
    """The citizen left, or had their data erased, PDPA 2562 s.33; the agency looks at its own duty."""
    IDENTIFIER_CORRECTED = "identifier.corrected"
    """The national ID under which an application was made was wrong; the event is about the right one."""
    FEE_PAID = "fee.paid"
    """The citizen paid what was asked for an application that the agency has."""
    FEE_LAPSED = "fee.lapsed"
    """The fee of what the agency approved was not paid in time: the application is over."""
    BENEFIT_PAID = "benefit.paid"
    """What the agency awarded reached the citizen's bank."""
    BENEFIT_RETURNED = "benefit.returned"
    """What the agency awarded came back from the bank; it is owed still."""
