"""What citizens are told of a dispute. What the agency wrote stands in the dispute, not in the message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from identity.inbox.templates import MessageTemplate
from services.receive.disputes.states import DisputeAction
from services.receive.messages import MESSAGES

STEPS: Final[Mapping[DisputeAction, MessageTemplate]] = {
    DisputeAction.BEGIN: MESSAGES["receive.dispute-begun"],
    DisputeAction.ANSWER: MESSAGES["receive.dispute-answered"],
    DisputeAction.LAPSE: MESSAGES["receive.dispute-lapsed"],
}
"""By what happened. What the citizen did after the beginning is no news to the citizen."""
