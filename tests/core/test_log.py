import logging
import sys

import pytest
import structlog

from core import log
from core.settings import Settings


@pytest.fixture(autouse=True)
def _as_before() -> None:
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "value",
    [
        "1112034563562",
        "id=1112034563562;",
        "1-1120-34563-56-2",
        {"pid": "1112034563562"},
        ["1112034563562"],
        1112034563562,
    ],
)
def test_thirteen_digits_never_reach_a_line(value: object, capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Settings())
    structlog.get_logger().info("asked", value=value)
    line = capsys.readouterr().out
    assert "asked" in line
    assert "1112034563562" not in line.replace("-", "")


def test_a_traceback_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(Settings())

    def fail(number: int) -> None:
        kept = f"value-{number}"
        raise RuntimeError("broken" if kept else "")

    try:
        fail(40 + 2)
    except RuntimeError:
        structlog.get_logger().exception("failed")
    shown = capsys.readouterr().out
    assert "RuntimeError: broken" in shown
    assert "value-42" not in shown


def test_plain_values_stay_as_they_are() -> None:
    event = {"event": "x", "count": 3, "ok": True, "uuid": "01a200b4b44675df8851221f1b18c83a"}
    assert log.mask(None, "info", dict(event)) == event


def test_a_library_that_logs_by_itself_shows_no_national_id(capsys: pytest.CaptureFixture[str]) -> None:
    """The server prints the trace of what no handler took, by the standard library's own logging."""
    log.configure(Settings())
    told = logging.getLogger("uvicorn.error")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    told.addHandler(handler)

    def fail() -> None:
        raise RuntimeError("no row for 1-1120-34563-56-2")

    try:
        fail()
    except RuntimeError:
        told.exception("asked for %s", "1112034563562")
    finally:
        told.removeHandler(handler)
    shown = capsys.readouterr().err
    assert "RuntimeError: no row for [13 digits]" in shown
    assert "asked for [13 digits]" in shown
    assert "1112034563562" not in shown.replace("-", "")


def test_lines_of_libraries_are_masked_too(caplog: pytest.LogCaptureFixture) -> None:
    log.configure(Settings())
    try:
        int("1112034563562x")
    except ValueError:
        logging.getLogger("some.library").exception("asked for %s", "1-1120-34563-56-2")
    line = caplog.text
    assert "some.library" in line
    assert log.MASK in line
    assert "34563" not in line
