"""Time limits of seconds, made longer for tests that are not about them.

What is asked of a cache, of an agency or of a source is given up after half a second to three. On a machine that is
busy with other tests an answer can come later than that though nothing is wrong, and a test would be told that a
service is away. What happens when one is away has tests of its own, which leave the limits as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final

import pytest

from core import cache

PATIENT_SECONDS: Final = 30.0


@contextmanager
def patient_cache() -> Iterator[None]:
    """What is opened in this block waits for its answers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "_SECONDS_MAX", PATIENT_SECONDS)
        yield


@contextmanager
def patient() -> Iterator[None]:
    """In this block agencies and sources are waited for too, and what was last known of revoked tokens is believed when
    the watch over them had no processor for ten seconds."""
    # Whatever asks for this has imported these; the many tests that do not need not wait for them.
    from identity.provider import revocations  # noqa: PLC0415
    from services.exchange.sources import Reader  # noqa: PLC0415
    from services.plugins.runner.guards import Lane  # noqa: PLC0415

    enter, limit = Lane.enter, Reader._limit_seconds

    def entered(lane: Lane, seconds: float, places_max: int | None = None) -> AbstractAsyncContextManager[None]:
        return enter(lane, max(seconds, PATIENT_SECONDS), places_max)

    def limit_of(reader: Reader, source: Any) -> float:
        return max(limit(reader, source), PATIENT_SECONDS + 1)

    with patient_cache(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(revocations, "STALE_SECONDS", 10 * PATIENT_SECONDS)
        patch.setattr(Lane, "enter", entered)
        patch.setattr(Reader, "_limit_seconds", limit_of)
        yield
