"""What a manifest says of how often a public query is answered."""

from __future__ import annotations

from pydantic import Field

from services.plugins.contract.titles import Strict


class Asked(Strict):
    """How often a public query is answered, in a minute: what tells of one thing at a time must not tell of all."""

    address: int = Field(ge=1, le=10_000)
    """From one network address: IPv4 whole, IPv6 by its /64."""
    network: int | None = Field(default=None, ge=1, le=100_000)
    """From what one party may have many addresses of: IPv4 by its /24, IPv6 by its /48."""
    day: int | None = Field(default=None, ge=1, le=10_000_000)
    """From such a network in a day."""
    same: int | None = Field(default=None, ge=1, le=10_000)
    """The same question from such a network, however it is written: who follows one thing learns when it changes."""
    everybody: int = Field(ge=1, le=1_000_000)
