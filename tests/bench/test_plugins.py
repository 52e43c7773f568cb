"""The figures about plugins are taken, in few calls; nothing is judged."""

from __future__ import annotations

import pytest

from bench import plugins


async def test_calls_are_measured_beside_bare_ones(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    found = await plugins.bench(plugins.PluginSize(rounds=2, calls=3), say=said.append)
    printed = capsys.readouterr().out
    assert all(len(rounds) == 2 and min(rounds) > 0 for rounds in found.values())
    assert set(found) == {*plugins.ADDED, *plugins.ADDED.values(), plugins.SIGNING, plugins.VERIFYING}
    assert all(name in printed for name in found)
    assert len(said) == 2
