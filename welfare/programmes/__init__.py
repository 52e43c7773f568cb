"""Welfare programmes as dated data, and the pure functions that decide them."""

from welfare.programmes.answer import BenefitAmount, Cadence, ConditionOutcome, Determination, Outcome, Per
from welfare.programmes.attributes import read_vocabulary
from welfare.programmes.changes import changes_on
from welfare.programmes.evaluate import evaluate
from welfare.programmes.frozen import freeze, freeze_facts, replay, thaw
from welfare.programmes.loader import load_programme, load_programmes
from welfare.programmes.model import (
    Channel,
    Exclusion,
    ForEach,
    Programme,
    ProgrammeCatalogue,
    ProgrammeUnknown,
    Status,
    Unit,
    Version,
)

__all__ = [
    "BenefitAmount", "Cadence", "Channel", "ConditionOutcome", "Determination", "Exclusion", "ForEach", "Outcome",
    "Per", "Programme", "ProgrammeCatalogue", "ProgrammeUnknown", "Status", "Unit", "Version",
    "changes_on", "evaluate", "freeze", "freeze_facts", "load_programme", "load_programmes", "read_vocabulary",
    "replay", "thaw",
]  # fmt: skip
