from __future__ import annotations

from tests.services.pay.fees.conftest import till

__all__ = ["till"]
