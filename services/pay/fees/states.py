"""How a bill stands, and what became of money that came for one. The tables are the documentation.

| bill      | paid rightly | time runs out | nothing to pay any more | paid again                  |
|-----------|--------------|---------------|-------------------------|-----------------------------|
| OPEN      | PAID         | EXPIRED       | CANCELLED               |                             |
| EXPIRED   | PAID, if the bank had it in time |           |               |                             |
| PAID      |              |               |                         | PAID; the second goes back  |
| CANCELLED | goes back    |               |                         |                             |
"""

from __future__ import annotations

from enum import StrEnum


class BillKind(StrEnum):
    FEE = "FEE"
    """Of a service, or what its agency asked for while it worked on an application."""
    REPAYMENT = "REPAYMENT"
    """Of what the citizen was paid too much, as agreed."""


class BillStatus(StrEnum):
    OPEN = "OPEN"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class Verdict(StrEnum):
    """What became of one payment. All but the first are booked apart, whole, and go back to whoever paid."""

    PAID = "PAID"
    UNKNOWN_REFERENCE = "UNKNOWN_REFERENCE"
    """There is no such bill of this biller."""
    WRONG_AMOUNT = "WRONG_AMOUNT"
    """More or less than the bill says: nothing is paid in part."""
    LATE = "LATE"
    """After the bill's last minute."""
    PAID_ALREADY = "PAID_ALREADY"
    NOT_DUE = "NOT_DUE"
    """The bill was withdrawn, or what it was for is not owed any more."""


class RefundStatus(StrEnum):
    """Of money that goes back by a file.

    | refund    | the file is stored | the bank books it | rejects, returns, or takes it back |
    |-----------|--------------------|-------------------|------------------------------------|
    | APPROVED  | SUBMITTED          |                   |                                    |
    | SUBMITTED |                    | SETTLED           | RETURNED; its break is open again  |
    | SETTLED   |                    |                   | RETURNED; its break is open again  |
    """

    APPROVED = "APPROVED"
    SUBMITTED = "SUBMITTED"
    """At the bank, or about to be: from here on the bank's word alone decides."""
    SETTLED = "SETTLED"
    RETURNED = "RETURNED"
