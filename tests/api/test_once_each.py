"""What is made of all plugins is made once for each set of them."""

from __future__ import annotations

from api.once_each import OnceEach
from services.plugins.plugin import Plugin
from services.plugins.registry import load_folder
from tests.support.plugins import CATALOGUE, HOST, LIBRARY


def test_it_is_made_again_when_the_plugins_are_others_and_not_before() -> None:
    made: list[tuple[Plugin, ...]] = []
    now: list[tuple[Plugin, ...]] = [(load_folder(LIBRARY, HOST, CATALOGUE),)]

    def make(plugins: tuple[Plugin, ...]) -> int:
        made.append(plugins)
        return len(made)

    once = OnceEach(lambda: now[0], make)
    assert [once(), once(), once()] == [1, 1, 1]
    now[0] = ()
    assert [once(), once()] == [2, 2]
    assert made[1] is now[0]
