"""Applications that are accepted before they are decided, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.apply.acceptance.service import Acceptance
from services.apply.acceptance.tasks import Deciding
from services.apply.service import ApplyService
from services.exchange.once_only.counting import QuestionCounts

if TYPE_CHECKING:
    from api.house import House


def accepting(house: House, apply: ApplyService) -> tuple[Acceptance, Deciding]:
    """The way in, and the job that decides what came in."""
    acceptance = Acceptance(house.db, house.clock, apply, house.welfare.decider)
    counter = QuestionCounts(house.clock)
    deciding = Deciding(apply, house.db, house.clock, counter=counter, taken=lambda: acceptance.taken)
    return acceptance, deciding
