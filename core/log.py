"""Logs: readable lines in development, JSON in production, and never a national ID in either."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from core.settings import Environment, Settings

_LIKE_A_NATIONAL_ID: Final = re.compile(r"(?<!\d)\d(?:[- ]?\d){12}(?!\d)")
MASK: Final = "[13 digits]"


def configure(settings: Settings, *, beside_output: bool = False) -> None:
    """Sets the format of every log line of this process, and masks those that libraries write by themselves.

    They go to the standard output; of a command, which has an output of its own, to the standard error.
    """
    logging.setLogRecordFactory(MaskedRecord)
    if settings.environment is Environment.PRODUCTION:
        renderers: list[Any] = [structlog.processors.format_exc_info, mask, structlog.processors.JSONRenderer()]
    else:
        # Plain tracebacks: the fancy ones print the variables of every frame, and those are people's data.
        plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        renderers = [structlog.processors.format_exc_info, mask, plain]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr if beside_output else sys.stdout),
        cache_logger_on_first_use=False,
    )
    # Libraries write by the standard library; where nobody has said how (a test runner has), in lines like ours.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s [%(levelname)s] %(name)s: %(message)s")


def mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: 13 digits in a row, in any text of an event, do not reach the log."""
    for name, value in event.items():
        if not isinstance(value, int | float | bool | None):
            text = value if isinstance(value, str) else repr(value)
            hidden = _LIKE_A_NATIONAL_ID.sub(MASK, text)
            if hidden != text:
                event[name] = hidden
        elif isinstance(value, int) and _LIKE_A_NATIONAL_ID.fullmatch(str(value)):
            event[name] = MASK
    return event


class MaskedRecord(logging.LogRecord):
    """A line of the standard library's logging, its trace included, as :func:`mask` would have it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[0] is not None:  # formatters take what is formatted already
            self.exc_text = _LIKE_A_NATIONAL_ID.sub(MASK, "".join(traceback.format_exception(*self.exc_info)).rstrip())

    def getMessage(self) -> str:  # noqa: N802 - the library's name
        return _LIKE_A_NATIONAL_ID.sub(MASK, super().getMessage())
