"""How many questions forms did not ask: a figure for monitoring, by whom they were answered instead."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import Counter

from services.apply.forms import Form

SHOWN: Final = "shown"
SUBMITTED: Final = "submitted"


class QuestionFigures:
    """Implements :class:`services.apply.forms.QuestionCounter`."""

    def form_shown(self, form: Form) -> None:
        self._count(form, SHOWN)

    def form_submitted(self, form: Form) -> None:
        self._count(form, SUBMITTED)

    def _count(self, form: Form, moment: str) -> None:
        by_state, by_citizen = _figures(moment, form.subject)
        by_state.inc(form.not_asked)
        by_citizen.inc(form.asked)


@cache
def _figures(moment: str, subject: str) -> tuple[Counter, Counter]:
    """Kept: to look a figure up by its labels costs more than to count."""
    figures = questions()
    return figures.labels(moment, subject, "state"), figures.labels(moment, subject, "citizen")


@cache
def questions() -> Counter:
    """`sitthi_form_questions_total`; what `answered_by` is `state`, nobody asked."""
    words = "Questions of forms, by who answers them: the state, which then asks nobody, or the citizen"
    return Counter("sitthi_form_questions", words, ("moment", "subject", "answered_by"))
