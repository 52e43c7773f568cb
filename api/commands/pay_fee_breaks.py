"""`sitthi pay fees breaks|resolve|send|unclaimed`: where the bank's lists of money that comes in differ from ours, and
what two officers make of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.officer_acts import As, as_officer

if TYPE_CHECKING:
    from uuid import UUID

    from api.house import House
    from identity.officers import Officer
    from services.pay.accounts import BankAccount, Mobile
    from services.pay.fees.models import IncomingBreak, IncomingResolution
    from services.pay.fees.reconciliation import FeeDesk

ENDING_MIN: Final = 6
_BANK_DIGITS: Final = 3
_MOBILE_DIGITS: Final = 10
"""Of a number that begins with 0; an account, with its bank's code, has more."""
_OUTCOMES: Final = "REFUND, ASSIGN, KEEP, NO_MONEY_MOVED or CLAIMED"


def breaks(profile: As = None) -> None:
    """Lists what differs and is not closed, latest first, with what an officer proposed."""

    async def job(house: House, officer: Officer) -> list[str]:
        desk = house.fee_desk()
        return [_line(desk, found, proposed) for found, proposed in await desk.breaks(officer)]

    for line in as_officer(profile, job) or ["Nothing differs."]:
        typer.echo(line)


def resolve(
    which: Annotated[str, typer.Argument(metavar="BREAK", help="The break's id, or the end of it: six or more.")],
    outcome: Annotated[str, typer.Argument(help=_OUTCOMES)],
    reason: Annotated[
        str | None, typer.Option(help="Why, in 5 to 500 characters; without personal data. Left out: you agree.")
    ] = None,
    bill: Annotated[str | None, typer.Option(help="Of ASSIGN: the first reference of the bill that it pays.")] = None,
    profile: As = None,
) -> None:
    """Proposes what becomes of it, with a reason; or, without one, agrees to what another officer proposed.

    REFUND asks where it goes to: a PromptPay mobile number, or a bank's code and an account (004 1234567890).
    """
    from api.commands.talk import fail
    from services.pay.fees.breaks import BY_OFFICERS, IncomingOutcome

    given = outcome.strip().upper()
    if given not in BY_OFFICERS:
        fail(f"The outcome is one of {_OUTCOMES}.")
    wanted = IncomingOutcome(given)
    account = _asked() if wanted is IncomingOutcome.REFUND and reason is not None else None

    async def job(house: House, officer: Officer) -> str:
        from services.pay.fees.resolving import Proposal

        desk = house.fee_desk()
        key = await _find(desk, officer, which)
        if reason is None:
            closed = await desk.agree(officer, key, wanted)
            follows = "\nNext: sitthi pay fees send --as …" if wanted is IncomingOutcome.REFUND else ""
            return f"{key.hex}  closed as {closed.outcome}{follows}"
        to = None if account is None else _account(account)
        await desk.propose(officer, key, Proposal(wanted, reason, to, bill))
        return f"{key.hex}  {given} proposed\nNext, another officer: sitthi pay fees resolve {key.hex} {given} --as …"

    typer.echo(as_officer(profile, job))


def send(profile: As = None) -> None:
    """Brings agreed refunds to the bank and takes in what it booked; as often as one likes."""

    async def job(house: House, officer: Officer) -> str:
        sent = await house.fee_refunds().send(officer)
        return f"{sent.settled} went back, {sent.returned} came back, {sent.open} not booked yet"

    typer.echo(as_officer(profile, job))


def unclaimed(profile: As = None) -> None:
    """Lists what nobody claims; `refund` books that it went back after all."""

    async def job(house: House, officer: Officer) -> list[str]:
        return [
            f"{one.id.hex}  {one.paid_at:%Y-%m-%d}  {baht(one.satang)}  {one.bank_transaction}"
            for one in await house.fee_desk().kept(officer)
        ]

    for line in as_officer(profile, job) or ["Nothing is unclaimed."]:
        typer.echo(line)


def baht(satang: int | None) -> str:
    from core.money import Money

    return "nothing" if satang is None else f"{Money(satang)} baht"


def _line(desk: FeeDesk, found: IncomingBreak, proposed: IncomingResolution | None) -> str:
    from services.pay.destinations.service import words

    line = (
        f"{found.id.hex}  {found.day}  {found.kind}  {found.bank_reference}  bill {found.reference or '-'}"
        f"  expected {baht(found.expected)}, found {baht(found.found)}"
    )
    if proposed is None:
        return line
    account = desk.resolving.account_of(proposed)
    to = f" to {words(account).en}" if account is not None else f" bill {proposed.bill}" if proposed.bill else ""
    return f"{line}\n    proposed: {proposed.outcome}{to}, {proposed.reason}"


def _asked() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Mobile number, or bank's code and account", hide_input=True))
    return sys.stdin.readline().strip()


def _account(given: str) -> Mobile | BankAccount:
    """Raises `NotAMobileNumber`, `UnknownBank`, `NotAnAccountNumber`."""
    from services.pay.accounts import BankAccount, Method, Mobile
    from services.pay.destinations.service import parsed

    bank, _, number = given.strip().partition(" ")
    if len(bank) == _BANK_DIGITS and sum(sign.isdigit() for sign in number) > _MOBILE_DIGITS - _BANK_DIGITS:
        account = parsed(Method.BANK_ACCOUNT, None, bank, number)
    else:
        account = parsed(Method.PROMPTPAY_MOBILE, given, None, None)
    assert isinstance(account, BankAccount | Mobile), "one of the two methods"
    return account


async def _find(desk: FeeDesk, officer: Officer, given: str) -> UUID:
    """An open break by its id or its ending. Raises `BreakNotFound` for none, and for more than one."""
    from services.pay.errors import BreakNotFound

    wanted = given.strip().lower().replace("-", "")
    keys = [found.id for found, _ in await desk.breaks(officer)]
    fitting = [key for key in keys if len(wanted) >= ENDING_MIN and key.hex.endswith(wanted)]
    if len(fitting) != 1:
        raise BreakNotFound
    return fitting[0]
