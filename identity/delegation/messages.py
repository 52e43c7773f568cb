"""What both sides of a delegation are told. A message names nobody: the delegation itself does, to whom it may."""

from __future__ import annotations

from typing import Final

from identity.messages import MESSAGES

WAS_ASKED: Final = MESSAGES["delegation.asked"]
HAS_ASKED: Final = MESSAGES["delegation.proposed"]
ACTS_FOR_YOU: Final = MESSAGES["delegation.acts-for-you"]
YOU_ACT: Final = MESSAGES["delegation.you-act"]
ENDED: Final = MESSAGES["delegation.ended"]
