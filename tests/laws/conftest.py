"""The whole application for the laws too."""

from tests.api.conftest import sitthi

__all__ = ["sitthi"]
