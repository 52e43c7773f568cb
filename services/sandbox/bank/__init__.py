"""A bank that exists only here: takes pain.001, answers pain.002, tells what it booked by camt.054."""

from services.sandbox.bank.app import bank_app
from services.sandbox.bank.faults import Faults

__all__ = ["Faults", "bank_app"]
