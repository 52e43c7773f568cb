"""A temporary folder for one run, and the servers that live in it.

The run holds a lock on its folder for as long as it lives, so that the next run can tell a folder that is in use from
one whose run was killed; of the latter it stops the servers left behind, by their process id, and removes the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

PREFIX: Final = "sitthi-run-"
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own name is made there, and closed to others
_MEMORY_BYTES_MIN: Final = 4 << 30
_AGE_WITHOUT_LOCK_SECONDS: Final = 60
_STOP_SECONDS_MAX: Final = 30
_POLL_SECONDS: Final = 0.005


@dataclass(frozen=True)
class Account:
    """Who runs a server. Root hands it to an account without rights that every system has; nobody else changes."""

    uid: int
    gid: int
    changes: bool

    @classmethod
    def for_servers(cls) -> Account:
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), changes=False)
        with contextlib.suppress(KeyError):
            nobody = pwd.getpwnam("nobody")
            return cls(nobody.pw_uid, nobody.pw_gid, changes=True)
        raise RuntimeError("started as root, and there is no account `nobody` to run a database server as")

    def own(self, folder: Path) -> Path:
        """Makes a folder that only this account (and root) can open."""
        folder.mkdir(mode=0o700)
        if self.changes:
            os.chown(folder, self.uid, self.gid)
        return folder

    def process_options(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess`: start as this account, out of reach of a terminal's Ctrl-C."""
        identity = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.changes else {}
        return {
            **identity,
            "cwd": "/",
            "env": {"PATH": os.defpath, "HOME": "/", "TZ": "UTC", "LC_ALL": "C"},
            "stdin": subprocess.DEVNULL,
            "start_new_session": True,
            "umask": 0o077,
        }


class RunDirectory:
    """`create()` makes one and holds it; `attach()` is for another process of the same run. Only the creator closes."""

    def __init__(self, path: Path, lock: int | None = None) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def create(cls, base: Path | None = None) -> Self:
        base = base or _open_temporary_folder()
        sweep(base)
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        if os.geteuid() == 0:
            path.chmod(0o711)  # ours, and new: the servers' account must pass through it
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return cls(path, lock)

    @classmethod
    def attach(cls, path: Path) -> Self:
        return cls(path)

    def in_memory(self) -> Path | None:
        """A folder of this run in memory, for what nobody will read again; None where there is little of it or none.

        Nothing there can be executed. It goes with the run.
        """
        try:
            status = os.statvfs(_MEMORY)
            if status.f_bavail * status.f_frsize < _MEMORY_BYTES_MIN:
                return None
            folder = _memory_of(self.path)
            folder.mkdir(mode=0o711, exist_ok=True)
        except OSError:
            return None
        return folder

    @contextlib.contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """One process of the run at a time."""
        with (self.path / f"{name}.turn").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def close(self) -> None:
        if self._lock is None:
            return
        _stop_servers_in(self.path)
        _remove(self.path)
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(base: Path) -> list[Path]:
    """Clears what killed runs of this user left in `base`; returns the folders it removed."""
    removed = []
    for path in base.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode) and _is_abandoned(path):
                _stop_servers_in(path)
                _remove(path)
                removed.append(path)
    return removed


def _is_abandoned(path: Path) -> bool:
    try:
        lock = os.open(path / "lock", os.O_RDWR)
    except FileNotFoundError:
        return time.time() - path.lstat().st_mtime > _AGE_WITHOUT_LOCK_SECONDS  # noqa: TID251 - compared with a file's time
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True


def _memory_of(run: Path) -> Path:
    return _MEMORY / run.name


def _remove(run: Path) -> None:
    with contextlib.suppress(OSError):
        if _memory_of(run).lstat().st_uid == os.geteuid():
            shutil.rmtree(_memory_of(run), ignore_errors=True)
    shutil.rmtree(run, ignore_errors=True)


def _stop_servers_in(path: Path) -> None:
    for pid_file in [*path.glob("*/data/postmaster.pid"), *path.glob("*/valkey.pid")]:
        stop_process(pid_file, signal.SIGQUIT if pid_file.name == "postmaster.pid" else signal.SIGTERM)


def stop_process(pid_file: Path, how: signal.Signals) -> None:
    """Stops the server that wrote `pid_file`, and waits until it is gone. Any other process is left alone.

    Raises TimeoutError when the server outlives even SIGKILL.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    folder = str(pid_file.parent)
    if folder not in _command_line(pid):
        return
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
        while folder in _command_line(pid):
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {pid} does not end")
            if time.monotonic() > deadline - _STOP_SECONDS_MAX / 2:
                os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_SECONDS)


def _command_line(pid: int) -> str:
    """The words a process was started with; empty when it is gone, or only waits to be buried by its parent."""
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout


def _open_temporary_folder() -> Path:
    """A temporary folder that the servers' account can reach; root may have its own in a closed home."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - only mkdtemp writes there
    if os.geteuid() != 0:
        return candidates[0]
    for base in candidates:
        if base.is_dir() and all(folder.stat().st_mode & stat.S_IXOTH for folder in (base, *base.resolve().parents)):
            return base
    raise RuntimeError("no temporary folder is open to the account that runs the database servers")
