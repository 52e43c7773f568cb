"""What is wrong after a soak of payments: with the bank's books, the ledger, or what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from services.pay.models import Instalment

BOOKED_BY: Final = "bookers"
"""The agency of the single bookings."""


def of_the_bank(instalments: list[Instalment], entries: list[tuple[str, int]]) -> Iterator[str]:
    times, paid = Counter(key for key, _ in entries), dict(entries)
    for one in instalments:
        if times[one.id.hex] != 1:
            yield f"the bank paid {one.id.hex} {times[one.id.hex]} times"
        elif paid[one.id.hex] != one.satang:
            yield f"the bank paid another amount for {one.id.hex}"
    if unknown := times.keys() - {one.id.hex for one in instalments}:
        yield f"the bank paid {len(unknown)} that nobody owes"


def of_the_ledger(
    instalments: list[Instalment], balances: dict[tuple[str, str], int], booked: list[tuple[str, int]]
) -> Iterator[str]:
    owed: Counter[str] = Counter()
    for one in instalments:
        owed[one.agency] += one.satang
    singly = sum(satang for _, satang in booked)
    wanted = {(agency, "BENEFITS"): total for agency, total in owed.items()} | {(BOOKED_BY, "BENEFITS"): singly}
    wanted |= {(agency, "BANK"): -total for agency, total in owed.items()} | {(BOOKED_BY, "PAYABLE"): -singly}
    for account in balances.keys() | wanted.keys():
        if balances.get(account, 0) != wanted.get(account, 0):
            yield f"{account} is {balances.get(account, 0)}, not {wanted.get(account, 0)}"


def of_what_was_told(journals: list[list[str]], runs: set[UUID], booked: dict[str, int]) -> Iterator[str]:
    asked = {line[1]: int(line[2]) for line in journals if line[0] == "asked"}
    for line in journals:
        if line[0] == "approved" and UUID(hex=line[1]) not in runs:
            yield f"the run {line[1]} was told as approved, and is lost"
        if line[0] == "booked" and booked.get(line[1]) != int(line[2]):
            yield f"{line[1]} was told as booked, and is {booked.get(line[1])}"
        if line[0] == "booked" and int(line[3]) != 1:
            yield f"{line[1]} was told as new {line[3]} times"
    for key, satang in booked.items():
        if asked.get(key) != satang:
            yield f"{key} is booked with {satang}, and nobody asked for that"
