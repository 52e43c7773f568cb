"""How the order of a document that costs something goes. The table is the documentation.

| order   | its bill is paid | nobody pays in time | the agency answers | it declines, or is silent too long |
|---------|------------------|---------------------|--------------------|------------------------------------|
| OWED    | PAID             | EXPIRED             |                    |                                    |
| EXPIRED | PAID, if the bank had it in time | |                    |                                    |
| PAID    |                  |                     | MADE               | REFUSED; what was paid goes back   |

One that costs its citizen nothing begins as PAID.
"""

from __future__ import annotations

from enum import StrEnum


class OrderStatus(StrEnum):
    OWED = "OWED"
    PAID = "PAID"
    """Or free: the agency is asked for it now."""
    MADE = "MADE"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"
