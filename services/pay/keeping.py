"""How long vouchers of public money are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

ACCOUNTS_KEPT: Final = timedelta(days=3_653)
"""Vouchers of public money (regulation of the Ministry of Finance; ten years, unverified)."""
