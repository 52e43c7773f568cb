"""What citizens are told of a correction. None of them says what the fact is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from identity.inbox import MessageTemplate
from services.exchange.corrections.states import CorrectionAction
from services.exchange.messages import MESSAGES

STEPS: Final[Mapping[CorrectionAction, MessageTemplate]] = {
    CorrectionAction.REQUEST: MESSAGES["corrections.requested"],
    CorrectionAction.TAKE: MESSAGES["corrections.taken"],
    CorrectionAction.ASK: MESSAGES["corrections.asked"],
    CorrectionAction.CORRECT: MESSAGES["corrections.corrected"],
    CorrectionAction.REFUSE: MESSAGES["corrections.refused"],
    CorrectionAction.WITHDRAW: MESSAGES["corrections.withdrawn"],
}
"""By what happened. That the citizen supplemented something is no news to the citizen."""
