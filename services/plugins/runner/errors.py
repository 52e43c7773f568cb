"""What can go wrong with an agency: for callers, for the access log, for operators."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import httpx2

from core.errors import SitthiError
from core.text import Language, Text
from services.exchange.answers import SOURCE_FAILED, TIMEOUT, WRONG_SUBJECT
from services.plugins.contract import AgencyRefusal, MalformedThaiDate

TOO_MANY_REQUESTS: Final = 429


class AgencyDeclined(SitthiError):
    """The agency answered with an error that its manifest declares; the words are the manifest's.

    `fields` name the agency and its own code; the graph's code is the same for all.
    """

    code = "AGENCY_DECLINED"
    text = Text(th="หน่วยงานแจ้งว่าทำรายการนี้ไม่ได้", en="The agency declined this.")

    def __init__(self, agency: str, error: str, words: Text) -> None:
        self._words = words
        super().__init__(agency=agency, error=error)

    def message(self, language: Language) -> str:
        return self._words.in_language(language)


class Trouble(StrEnum):
    """Why an agency's answer could not be had or used. Stable codes: of outcomes in the access log, and of metrics."""

    TIMEOUT = TIMEOUT
    BUSY = "SOURCE_BUSY"
    """So many wait for it already that it was not asked."""
    PAUSED = "SOURCE_PAUSED"
    """It failed so often, or asked to be left alone, that it was not asked."""
    UNREACHABLE = "SOURCE_UNREACHABLE"
    """No connection: refused, no such host, a certificate that is not believed."""
    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    """Its name leads to an address that is not on the open internet: it is not connected to."""
    BROKE_OFF = "SOURCE_BROKE_OFF"
    """The connection ended before the answer did."""
    ERROR = "SOURCE_ERROR"
    """A status of 5xx."""
    LIMITED = "SOURCE_LIMITED"
    """A status of 429."""
    CONFLICT = "SOURCE_CONFLICT"
    """Of a remote plugin: it knows the call's idempotency key with another call in it. Asking again changes nothing."""
    REFUSED = "SOURCE_REFUSED"
    """Another status of 4xx that has no meaning for the operation."""
    TOO_LARGE = "ANSWER_TOO_LARGE"
    UNREADABLE = "ANSWER_UNREADABLE"
    """A redirect, no JSON, or JSON that no honest system writes."""
    UNSIGNED = "ANSWER_UNSIGNED"
    """Of a remote plugin: not signed by a key of its manifest, or not as the answer to this call."""
    MALFORMED = "ANSWER_MALFORMED"
    """JSON, but not what the agency promised."""
    WRONG_SUBJECT = WRONG_SUBJECT
    """It does not say that it is about whom it was asked about, or says that it is about somebody else."""
    FAILED = SOURCE_FAILED
    """Anything else."""


class MalformedReply(Exception):
    """The agency's reply is no JSON, too large, or of a status that says nothing. Carries nothing of it."""

    def __init__(self, why: Trouble = Trouble.UNREADABLE, *, retry_after_seconds: int | None = None) -> None:
        super().__init__()
        self.why, self.retry_after_seconds = why, retry_after_seconds


class KeyKnownThere(AgencyRefusal):
    """A remote plugin knows the idempotency key with another call in it (`contract.wire.KEY_REUSED`)."""


class AddressRefused(Exception):
    """The agency's host is, or leads to, an address that no agency may be at. Nothing was connected to."""


class LeftAlone(Exception):
    """The agency sells us no token, or takes none that it sold: for so long it is not asked for another."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class WrongSubject(Exception):
    """The answer is not about whom it was asked about. Carries nothing of it."""


class MalformedAnswer(Exception):
    """The answer is not what the SDL says. Names the place, never the value: it may be personal."""

    def __init__(self, path: tuple[str | int, ...], why: str) -> None:
        super().__init__(f"{'.'.join(map(str, path)) or 'the answer'}: {why}")
        self.path, self.why = path, why

    def below(self, step: str | int) -> MalformedAnswer:
        """The same, seen from one step further up."""
        return MalformedAnswer((step, *self.path), self.why)


def trouble_of(error: Exception) -> Trouble:
    """What it means that an operation ended so."""
    if isinstance(error, MalformedReply):
        return error.why
    if isinstance(error, KeyKnownThere):
        return Trouble.CONFLICT
    if isinstance(error, AgencyRefusal):
        return Trouble.LIMITED if error.status == TOO_MANY_REQUESTS else Trouble.REFUSED
    return next((trouble for kinds, trouble in _KINDS if isinstance(error, kinds)), Trouble.FAILED)


def is_of_the_call(error: Exception) -> bool:
    """Whether the agency did answer, and the trouble may lie in this call alone: its arguments, its subject's file.

    It says nothing of how the agency is, so that nobody can have others refused by asking again and again.
    """
    if isinstance(error, AgencyRefusal):
        return error.status in _OF_THE_REQUEST
    return trouble_of(error) in (Trouble.MALFORMED, Trouble.WRONG_SUBJECT)


_OF_THE_REQUEST: Final = frozenset({400, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422})
"""RFC 9110 s.15.5, but for what is about our credentials (401, 403, 407) or the agency's state (408, 425, 429)."""
_KINDS: Final = (
    ((TimeoutError, httpx2.TimeoutException), Trouble.TIMEOUT),
    ((WrongSubject,), Trouble.WRONG_SUBJECT),
    ((AddressRefused,), Trouble.ADDRESS_REFUSED),
    ((LeftAlone,), Trouble.PAUSED),
    ((httpx2.ConnectError,), Trouble.UNREACHABLE),
    ((httpx2.NetworkError, httpx2.RemoteProtocolError), Trouble.BROKE_OFF),
    # A plugin that stumbles over what the agency said: a field that is missing, a number that is a word.
    ((MalformedAnswer, MalformedThaiDate, LookupError, TypeError, ValueError, ArithmeticError), Trouble.MALFORMED),
)
