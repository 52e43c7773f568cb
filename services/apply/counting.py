"""How many questions forms did not ask: a figure for monitoring, by whom they were answered instead."""

from __future__ import annotations

from functools import cache
from typing import Final

from prometheus_client import Counter

from services.apply.forms import FieldKind, Form

SHOWN: Final = "shown"
SUBMITTED: Final = "submitted"


class QuestionFigures:
    """Implements :class:`services.apply.forms.QuestionCounter`."""

    def form_shown(self, form: Form) -> None:
        self._count(form, SHOWN)

    def form_submitted(self, form: Form) -> None:
        self._count(form, SUBMITTED)

    def _count(self, form: Form, moment: str) -> None:
        figures = questions()
        figures.labels(moment, form.subject, "state").inc(form.not_asked)
        figures.labels(moment, form.subject, "citizen").inc(form.count(FieldKind.ASKED))


@cache
def questions() -> Counter:
    """`sitthi_form_questions_total`; what `answered_by` is `state`, nobody asked."""
    words = "Questions of forms, by who answers them: the state, which then asks nobody, or the citizen"
    return Counter("sitthi_form_questions", words, ("moment", "subject", "answered_by"))
