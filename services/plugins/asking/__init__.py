"""What one agency's plugin asks another's register about a citizen, over the exchange."""

from services.plugins.asking.service import Asking

__all__ = ["Asking"]
