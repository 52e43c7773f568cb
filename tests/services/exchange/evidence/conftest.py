"""The whole application for the public catalogue."""

from tests.api.conftest import sitthi

__all__ = ["sitthi"]
