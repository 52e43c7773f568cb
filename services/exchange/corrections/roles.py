"""What an officer must be allowed to do to work on corrections, whichever way they come."""

from __future__ import annotations

from typing import Final

DECIDE: Final = "corrections.decide"
