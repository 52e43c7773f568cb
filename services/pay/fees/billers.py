"""Under which number agencies are known to the bank."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection

_SUFFIX = "01"


class SandboxBillers:
    """Fulfils :class:`services.pay.fees.needs.Billers` at the sandbox bank, where a number follows from the slug.

    15 digits that begin with 0, as those of bodies of the state do; they are nobody's.
    """

    def __init__(self, agencies: Callable[[], Collection[str]]) -> None:
        self._agencies = agencies

    def agencies(self) -> Collection[str]:
        """All that are known now."""
        return self._agencies()

    def biller(self, agency: str) -> str:
        number = int.from_bytes(hashlib.sha256(f"biller:{agency}".encode()).digest()[:8], "big") % 10**12
        return f"0{number:012d}{_SUFFIX}"

    def agency(self, biller: str) -> str | None:
        return next((one for one in sorted(self._agencies()) if self.biller(one) == biller), None)
