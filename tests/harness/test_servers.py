"""Our own launcher: it needs no root, changes no account and no mode, and leaves nothing running."""

from __future__ import annotations

import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from redis.asyncio import Redis

from core.settings import Settings
from tests.support.postgres import Postgres, wheel_folder
from tests.support.rundir import PREFIX, Account, RunDirectory, sweep
from tests.support.valkey import Valkey, wheel_binary

ROOT = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:1]
    except OSError:
        return False


def modes(folder: Path) -> dict[Path, tuple[int, int, int]]:
    return {p: (p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_gid) for p in (folder, *folder.rglob("*"))}


def test_postgresql_runs_without_rights_and_is_gone_afterwards() -> None:
    accounts = pwd.getpwall()
    before = modes(wheel_folder())
    with Postgres.running() as cluster:
        pid = int((cluster.data / "postmaster.pid").read_text().split()[0])
        folder = cluster.folder
        with psycopg.connect(cluster.url("postgres")) as connection:
            row = connection.execute("SELECT version(), current_setting('fsync')").fetchone()
        assert row is not None
        assert row[0].startswith("PostgreSQL 18")
        assert row[1] == "off"
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        assert status["Uid"].split()[0] == str(Account.for_servers().uid) != "0"
    assert not alive(pid)
    assert not folder.exists()
    assert pwd.getpwall() == accounts
    assert modes(wheel_folder()) == before


def test_a_durable_cluster_waits_for_the_disk_and_keeps_what_was_committed_over_a_restart() -> None:
    with Postgres.running(durable=True) as cluster:
        url = cluster.create("kept")
        with psycopg.connect(url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        cluster.stop(signal.SIGQUIT)
        assert not alive_in(cluster)
        cluster.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT value FROM kept").fetchone() == (7,)


def alive_in(cluster: Postgres) -> bool:
    try:
        psycopg.connect(cluster.url("postgres")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_cluster_that_cannot_start_says_why() -> None:
    with (
        RunDirectory.create() as run,
        pytest.raises(RuntimeError, match="no_such_setting"),
    ):
        Postgres(run.path / "postgres", options={"no_such_setting": "1"}).start()


def test_valkey_is_gone_afterwards() -> None:
    mode = wheel_binary().stat().st_mode
    with Valkey.running() as server:
        pid = int((server.folder / "valkey.pid").read_text())
        assert alive(pid)
    assert not alive(pid)
    assert wheel_binary().stat().st_mode == mode


def test_what_a_killed_run_left_behind_is_cleared_by_the_next(tmp_path_factory: pytest.TempPathFactory) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from tests.support.rundir import RunDirectory; from tests.support.postgres import Postgres\n"
        "from tests.support.valkey import Valkey\n"
        "run = RunDirectory.create(Path(sys.argv[1]))\n"
        "Postgres(run.path / 'postgres').start(); Valkey(run.path / 'valkey').start()\n"
        "print(run.path, flush=True); time.sleep(600)\n"
    )
    with RunDirectory.create() as outer:  # under it, so that the unprivileged account can pass
        base = outer.path / "base"
        base.mkdir(mode=0o711)
        base.chmod(0o711)
        with subprocess.Popen(
            [sys.executable, "-c", program, base], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as victim:
            assert victim.stdout is not None
            left = Path(victim.stdout.readline().strip())
            pids = [
                int(f.read_text().split()[0])
                for f in (left / "postgres/data/postmaster.pid", left / "valkey/valkey.pid")
            ]
            assert sweep(base) == [], "a run that lives is left alone"
            assert all(alive(pid) for pid in pids)
            victim.kill()
        assert left.name.startswith(PREFIX)
        assert all(alive(pid) for pid in pids)
        assert sweep(base) == [left]
        assert not any(alive(pid) for pid in pids)
        assert not left.exists()


def test_a_process_that_took_a_dead_servers_number_is_left_alone() -> None:
    with (
        RunDirectory.create() as run,
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger,
    ):
        folder = run.path / "valkey"
        folder.mkdir()
        (folder / "valkey.pid").write_text(str(stranger.pid))
        Valkey(folder).stop()
        time.sleep(0.05)
        assert stranger.poll() is None
        stranger.kill()


async def test_redis_is_empty_at_the_start_of_a_test(redis: Redis) -> None:
    assert await redis.dbsize() == 0
    await redis.set("left-behind", "x")


async def test_redis_is_empty_again(redis: Redis) -> None:
    assert await redis.dbsize() == 0


def test_the_settings_of_a_test_name_its_redis(settings: Settings, redis_url: str | None, redis_kind: str) -> None:
    assert settings.redis_url == redis_url
    assert (redis_url is None) == (redis_kind == "fakeredis")


@pytest.mark.valkey_only
def test_a_test_marked_valkey_only_has_a_server(redis_url: str | None) -> None:
    assert redis_url is not None


@pytest.mark.fakeredis_only
def test_a_test_marked_fakeredis_only_has_none(redis_url: str | None) -> None:
    assert redis_url is None


def test_servers_listen_on_no_port() -> None:
    with Postgres.running() as cluster, Valkey.running() as server:
        assert "host=/" in cluster.url("x")
        assert server.url.startswith("unix://")
        listening = Path("/proc/net/tcp").read_text()
        for pid_file in (cluster.data / "postmaster.pid", server.folder / "valkey.pid"):
            pid = int(pid_file.read_text().split()[0])
            inodes = {str(fd.readlink()) for fd in Path(f"/proc/{pid}/fd").iterdir()}
            sockets = {i.removeprefix("socket:[").rstrip("]") for i in inodes if i.startswith("socket:[")}
            assert not [
                line for line in listening.splitlines()[1:] if line.split()[9] in sockets and line.split()[3] == "0A"
            ]
