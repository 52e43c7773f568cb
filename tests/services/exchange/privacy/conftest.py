"""The whole application for the tests of privacy too: what is erased lies in every room."""

from tests.api.conftest import sitthi

__all__ = ["sitthi"]
