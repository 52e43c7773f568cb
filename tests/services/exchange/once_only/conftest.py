"""The whole application, in which applications are counted."""

from tests.api.conftest import sitthi

__all__ = ["sitthi"]
