"""Whether a plugin keeps the contract: one suite over all of them, with made-up people (docs/conformance.md)."""

from services.plugins.conformance.inside import Sandbox
from services.plugins.conformance.report import REPORT_TYPE, Finding, Outcome, Report, signed
from services.plugins.conformance.rules import RULES, SUITE_VERSION, ConformanceRule
from services.plugins.conformance.suite import Suite

__all__ = [
    "REPORT_TYPE",
    "RULES",
    "SUITE_VERSION",
    "ConformanceRule",
    "Finding",
    "Outcome",
    "Report",
    "Sandbox",
    "Suite",
    "signed",
]
