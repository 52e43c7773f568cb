"""A client of tests in which somebody is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.identity.conftest import House
from tests.identity.provider.apps import App, register_app


@pytest.fixture
async def app(house: House) -> AsyncIterator[App]:
    """The client `shop`, at the browser of the elder."""
    await register_app(house)
    async with house.browser() as browser:
        yield await App(house, browser).signed_in()


@pytest.fixture
async def other_app(house: House, app: App) -> AsyncIterator[App]:
    """Another client, `market`, in another browser of the same person."""
    await register_app(house, "market")
    async with house.browser() as browser:
        yield await App(house, browser, "market").signed_in()
