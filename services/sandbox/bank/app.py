"""The bank's file interface, an ASGI application. ISO 20022 XML in and out; `POST /_faults` is for tests.

| path | in | out |
|---|---|---|
| `POST /pain.001` | pain.001.001.09 | pain.002.001.10 |
| `GET /camt.054/{message id}` | | camt.054.001.08 of that message, 404 for one that never came |
| `GET /camt.053/{account}?day=2026-11-16` | | camt.053.001.08 of that Bangkok day, 404 for one that is not over |
| `GET /camt.054?since=2026-11-01T00:00:00Z` | | camt.054.001.08 of everything booked since |
| `POST /_faults` | JSON of :class:`Faults` | 204 |
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from random import Random

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.clock import Clock, bangkok_day
from services.pay.errors import BankFileRefused
from services.pay.iso20022.xml import BYTES_MAX
from services.sandbox.bank import messages, statements
from services.sandbox.bank.books import Books, Taken
from services.sandbox.bank.chance import DELAYS, FileMishap, Mishap
from services.sandbox.bank.faults import Faults, Settles

_XML = "application/xml"
PAYMENTS_MAX = 10_000
Credits = Callable[[str], Iterable[tuple[str, int, datetime]]]


class Bank:
    """The bank itself, without HTTP. `faults` may be replaced at any time."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        faults: Faults | None = None,
        *,
        payments_max: int = PAYMENTS_MAX,
        incoming: Credits | None = None,
    ) -> None:
        """`payments_max`: payments of one file; a larger one is refused whole. `incoming`: what came in to an account
        otherwise, by reference, satang and instant."""
        self.books, self._payments_max, self._credits = Books(path), payments_max, incoming or (lambda _: ())
        self._clock = clock
        self.faults = faults or Faults()
        self._late: set[str] = set()

    def take(self, file: bytes) -> bytes:
        """The answer to a file. The same file again gets the same answer, and is not paid again."""
        try:
            instruction = messages.read_instruction(file)
        except BankFileRefused as refused:
            return messages.write_refusal(refused.where, self._clock.now())
        file_hash = hashlib.sha256(file).digest()
        while True:
            if (earlier := self.books.answer_to(instruction.message)) is not None:
                return earlier[1] if earlier[0] == file_hash else self._refused(instruction, messages.DUPLICATION)
            if len(instruction.payments) > self._payments_max:
                return self._refused(instruction, messages.TOO_MANY)
            if not instruction.sums_hold:
                return self._refused(instruction, messages.INVALID_CONTROL_SUM)
            if len({payment.end_to_end for payment in instruction.payments}) != len(instruction.payments):
                return self._refused(instruction, messages.DUPLICATION)
            if (answer := self._enter(instruction, file_hash)) is not None:
                return answer

    def notification(self, *, message: str | None = None, since: datetime | None = None) -> bytes | None:
        """None for a message that never came."""
        if message is not None and not self.books.knows(message):
            return None
        if self.faults.settles is not Settles.HELD:
            self._take_back(message)
            self._settle(message)
        entries, back = self.books.entries(message=message, since=since), self.books.reversals()
        told = [messages.Told.of(entry) for entry in entries]
        garbled = self._garbled(told, message or "ALL")
        garbled += [messages.Told.back(entry, *back[entry.end_to_end]) for entry in entries if entry.end_to_end in back]
        return messages.write_notification(
            message or "ALL", self._ordered(garbled, message or "ALL"), self._clock.now()
        )

    def statement(self, account: str, day: date) -> bytes | None:
        """The account's day; None while it is not over."""
        if day >= bangkok_day(self._clock.now()):
            return None
        moved = [*self.books.of_account(account), *self._credits(account)]
        opening = sum(satang for _, satang, at in moved if bangkok_day(at) < day)
        of_day = [(reference, satang) for reference, satang, at in moved if bangkok_day(at) == day]
        return statements.write(account, day, opening, of_day, self._clock.now(), self.faults)

    def answers_late(self, message: str) -> bool:
        """Whether this file is accepted and, this once, not answered."""
        if self.faults.timeouts:
            self.faults = self.faults.model_copy(update={"timeouts": self.faults.timeouts - 1})
            return True
        chance = self.faults.chance
        if chance is None or message in self._late or not chance.of_file(message, FileMishap.TIMEOUT):
            return False
        self._late.add(message)
        return True

    def _enter(self, instruction: messages.Instruction, file_hash: bytes) -> bytes | None:
        """None when another process was faster with this message or one of its payments."""
        known = self.books.known([payment.end_to_end for payment in instruction.payments])
        rejected = {p.end_to_end: reason for p in instruction.payments if (reason := self._fault_of(p, known))}
        now = self._clock.now()
        answer = messages.write_answer(instruction, rejected, now, answer=f"A{file_hash.hex()[:32]}")
        taken = [
            Taken(payment.end_to_end, payment.satang, rejected.get(payment.end_to_end, ""))
            for payment in instruction.payments
            if payment.end_to_end not in known
        ]
        if not self.books.take(instruction.message, file_hash, answer, taken, now, account=instruction.account):
            return None
        if self.faults.settles is Settles.AT_ONCE:
            self._settle(instruction.message)
        return answer

    def _fault_of(self, payment: messages.Ordered, known: set[str]) -> str:
        if payment.end_to_end in known:
            return messages.DUPLICATION
        if not payment.account_is_valid:
            return messages.INVALID_ACCOUNT
        return messages.INVALID_CREDITOR_ACCOUNT if Faults.hits(self.faults.reject, payment.end_to_end) else ""

    def _refused(self, instruction: messages.Instruction, reason: str) -> bytes:
        return messages.write_answer(instruction, {}, self._clock.now(), answer="REFUSAL", reason=reason)

    def _settle(self, message: str | None) -> None:
        due = [key for key, came_at in self.books.accepted_and_unbooked(message) if self._is_due(key, came_at)]
        if due:
            returned = frozenset(key for key in due if self._is_sent_back(key))
            self.books.book(due, returned, self._clock.now())

    def _is_due(self, key: str, came_at: datetime) -> bool:
        mishap = self._mishap(key)
        return mishap not in DELAYS or self._clock.now() >= came_at + DELAYS[mishap]

    def _is_sent_back(self, key: str) -> bool:
        return Faults.hits(self.faults.send_back, key) or self._mishap(key) is Mishap.SENT_BACK

    def _take_back(self, message: str | None) -> None:
        """Of what was booked by an earlier notification."""
        self.books.take_back(
            [
                entry.end_to_end
                for entry in self.books.entries(message=message)
                if Faults.hits(self.faults.take_back, entry.end_to_end)
                or self._mishap(entry.end_to_end) is Mishap.REVERSAL
            ],
            self._clock.now(),
        )

    def _mishap(self, end_to_end: str) -> Mishap | None:
        chance = self.faults.chance
        return None if chance is None else chance.of_payment(end_to_end)

    def _garbled(self, told: Sequence[messages.Told], message: str) -> list[messages.Told]:
        garbled = [one for entry in told for one in self._said(entry)]
        chance = self.faults.chance
        if chance is not None and chance.of_file(message, FileMishap.FOREIGN_ENTRY):
            strange = hashlib.sha256(f"{chance.seed} {message}".encode()).hexdigest()
            garbled.append(
                messages.Told(f"SF{strange[:20]}", strange[32:], 12_345, returned=False, booked_at=self._clock.now())
            )
        return garbled

    def _said(self, entry: messages.Told) -> list[messages.Told]:
        """One entry as it is told, as often as it is."""
        faults, mishap = self.faults, self._mishap(entry.end_to_end)
        if mishap is Mishap.WRONG_AMOUNT or Faults.hits(faults.wrong_amount, entry.end_to_end):
            entry = replace(entry, satang=entry.satang + 1)
        if mishap is Mishap.UNKNOWN_REFERENCE or Faults.hits(faults.unknown_reference, entry.end_to_end):
            entry = replace(entry, end_to_end=hashlib.sha256(entry.end_to_end.encode()).hexdigest()[:32])
        if mishap is Mishap.TOLD_ANEW:
            return [entry, replace(entry, reference=f"X{entry.reference}")]
        return [entry, entry] if faults.duplicate or mishap is Mishap.DUPLICATED else [entry]

    def _ordered(self, told: list[messages.Told], message: str) -> list[messages.Told]:
        chance, seed = self.faults.chance, self.faults.reorder
        if seed is None and chance is not None and chance.of_file(message, FileMishap.REORDERED):
            seed = chance.seed
        if seed is not None:
            Random(seed).shuffle(told)
        return told


def bank_app(
    path: Path,
    clock: Clock,
    faults: Faults | None = None,
    *,
    payments_max: int = PAYMENTS_MAX,
    incoming: Credits | None = None,
) -> Starlette:
    """The bank over HTTP; its books lie at `path` (`<data>/sandbox/bank.sqlite`). `app.state.bank` is the bank."""
    bank = Bank(path, clock, faults, payments_max=payments_max, incoming=incoming)

    async def take(request: Request) -> Response:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > BYTES_MAX:
                return PlainTextResponse("too large", 413)
        answer = await run_in_threadpool(bank.take, bytes(body))
        if bank.answers_late(hashlib.sha256(body).hexdigest()):
            return PlainTextResponse("the bank took too long", 504)
        return Response(answer, media_type=_XML)

    async def of_message(request: Request) -> Response:
        told = await run_in_threadpool(bank.notification, message=request.path_params["message"])
        return PlainTextResponse("no such message", 404) if told is None else Response(told, media_type=_XML)

    async def since(request: Request) -> Response:
        try:
            moment = datetime.fromisoformat(request.query_params["since"])
        except (KeyError, ValueError):
            return PlainTextResponse("`since` is an ISO 8601 instant with an offset", 400)
        if moment.tzinfo is None:
            return PlainTextResponse("`since` needs an offset", 400)
        told = await run_in_threadpool(bank.notification, since=moment)
        return Response(told, media_type=_XML)

    async def switch(request: Request) -> Response:
        try:
            bank.faults = Faults.model_validate_json(await request.body())
        except ValidationError as error:
            return PlainTextResponse(str(error), 400)
        return Response(status_code=204)

    app = Starlette(
        routes=[
            Route("/pain.001", take, methods=["POST"]),
            Route("/camt.054/{message}", of_message, methods=["GET"]),
            Route("/camt.053/{account}", _statements_of(bank), methods=["GET"]),
            Route("/camt.054", since, methods=["GET"]),
            Route("/_faults", switch, methods=["POST"]),
        ]
    )
    app.state.bank = bank
    return app


def _statements_of(bank: Bank) -> Callable[[Request], Awaitable[Response]]:
    async def statement(request: Request) -> Response:
        try:
            day = date.fromisoformat(request.query_params["day"])
        except (KeyError, ValueError):
            return PlainTextResponse("`day` is year-month-day", 400)
        told = await run_in_threadpool(bank.statement, request.path_params["account"], day)
        return PlainTextResponse("no statement of that day", 404) if told is None else Response(told, media_type=_XML)

    return statement
