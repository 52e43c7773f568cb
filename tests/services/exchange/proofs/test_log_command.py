"""`sitthi log`, as an operator runs it on the database of a server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.database import synchronous
from tests.support.server import Process, running

SECONDS_MAX = 30


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Process:
    """One that has served: two people signed in, and the record of each has its place."""
    with running(tmp_path / "data", SITTHI_DEMO_CITIZENS="0", SITTHI_DATABASE_URL=database_url) as process:
        told = process.command("log", "head", ok=False)
        assert "no record in the log yet" in told
        process.command("sign-in", "--persona", "elder")
        process.command("sign-in", "--persona", "officer-one")
        until = time.monotonic() + SECONDS_MAX
        while "wait" in (told := process.command("log", "verify")) or not told.startswith("2 records"):
            assert time.monotonic() < until, told
    return process


def as_owner(url: str, *statements: str) -> None:
    """Whoever owns the tables: drops what guards them, and writes."""
    engine = create_engine(synchronous(url))
    with engine.begin() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        on = "" if is_sqlite else " ON access_record"
        for guard in ("update", "delete") if is_sqlite else ("change",):
            connection.execute(text(f"DROP TRIGGER access_record_refuses_{guard}{on}"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


FIRST = "(SELECT record FROM log_leaf WHERE leaf_index = 0)"


def test_a_whole_log_is_told_to_be_whole(server: Process, tmp_path: Path) -> None:
    head = tmp_path / "head"
    head.write_text(server.command("log", "head"))
    told = server.command("log", "verify", "--contents", "--from-head", str(head))
    assert "1 kept elsewhere" in told
    assert "0 are of people who were erased" in told
    assert told.endswith("The log is whole: nothing was changed, removed, moved, put in or cut off.\n")


def test_a_changed_record_is_named_and_the_command_fails(server: Process, database_url: str) -> None:
    as_owner(database_url, f"UPDATE access_record SET commitment = payload_sealed WHERE id = {FIRST}")  # noqa: S608 - ours
    told = server.command("log", "verify", ok=False)
    assert "The log is NOT whole: 1 findings. The first is at record 0." in told
    assert "RECORD_CHANGED: record 0 was changed" in told


def test_a_content_that_was_swapped_is_found_with_the_keys(server: Process, database_url: str) -> None:
    """The hashes all stand; only who can open it sees that it is not what is committed to."""
    other = f"(SELECT payload_sealed FROM access_record WHERE id = {FIRST})"  # noqa: S608 - our own words
    second = "(SELECT record FROM log_leaf WHERE leaf_index = 1)"
    as_owner(database_url, f"UPDATE access_record SET payload_sealed = {other} WHERE id = {second}")  # noqa: S608 - ours
    assert "The log is whole" in server.command("log", "verify")
    told = server.command("log", "verify", "--contents", ok=False)
    assert "CONTENT_CHANGED: record 1 is sealed with what is not its person's key" in told


def test_a_head_of_another_log_and_a_file_that_is_none_are_sentences(server: Process, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("e30.e30.AAAA")
    told = server.command("log", "verify", "--from-head", str(other), ok=False)
    assert "KEPT_HEAD_INVALID: the kept head no. 1 was not signed with a key of this log" in told
    told = server.command("log", "verify", "--from-head", str(tmp_path / "nothing"), ok=False)
    assert "a kept head cannot be read" in told
    assert "Traceback" not in told
