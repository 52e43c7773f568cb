"""How much of everybody's time one agency's answers may take to be read.

Reading a long answer holds up the event loop, and with it all others, and a lie is as long to read as the truth. A
crowd before an agency that tells long ones would stop a server. So each agency has a share of the time, and answers
that would take more wait for one another, within the time limits of their operations. Each long answer that was of no
use halves the share, down to less than what the hundredth of others would feel; one that was of use gives it back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from services.plugins.strict_json import read_json

SHARE: Final = 0.1
"""Of the time of a process, for the long answers of one agency."""
SHARE_MIN: Final = SHARE / 32
"""For one whose long answers have been of no use, five in a row and more."""
SHORT_BYTES_MAX: Final = 16 * 1024
"""Answers up to here are read at once: that takes less than a call itself."""


class Digest:
    """Of one agency. `seconds` is a clock that only moves forward."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._share = SHARE
        self._took = 0.0
        self._ended = float("-inf")

    async def read(self, body: bytes) -> Any:
        """What the body says. Raises `ValueError` as :func:`read_json` does; then it was of no use."""
        if len(body) <= SHORT_BYTES_MAX:
            return read_json(body)
        async with self._turn:
            await asyncio.sleep(max(0.0, self._free_at - self._seconds()))
            began = self._seconds()
            try:
                return read_json(body)
            except ValueError:
                self.judge(body, useful=False)
                raise
            finally:
                self._ended = self._seconds()
                self._took = self._ended - began

    def judge(self, body: bytes, *, useful: bool) -> None:
        """Whether what was read could be used. Of a short answer it does not matter."""
        if len(body) > SHORT_BYTES_MAX:
            self._share = SHARE if useful else max(SHARE_MIN, self._share / 2)

    @property
    def _free_at(self) -> float:
        return self._ended + self._took * (1 / self._share - 1)
