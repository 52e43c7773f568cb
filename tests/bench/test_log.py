"""The figures about the log are taken, on a log small enough for a test; nothing is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import log


async def test_a_log_is_verified_and_proved_out_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    size = log.LogSize(records=700, leaves=70_000, proofs=40)
    await log.bench(tmp_path, ["sqlite", "postgresql"], size, say=said.append)
    printed = capsys.readouterr().out
    for footing in ("sqlite", "postgresql"):
        assert f"{footing}: 700 records under 2 signed heads verified" in printed
        assert f"{footing}: a proof out of 70,000 leaves" in printed
    assert len(said) == 6
