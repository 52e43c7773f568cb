"""Against guessing: failed attempts at a secret are counted, by no count that a stranger can turn on a victim."""

from identity.abuse.clients import ClientLimits, TooManyRequests
from identity.abuse.devices import Devices
from identity.abuse.failures import COUNTER_CODES, SIGN_IN_RETURNS, FailureLimits, Failures, Ticket

__all__ = [
    "COUNTER_CODES",
    "SIGN_IN_RETURNS",
    "ClientLimits",
    "Devices",
    "FailureLimits",
    "Failures",
    "Ticket",
    "TooManyRequests",
]
