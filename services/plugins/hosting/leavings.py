"""Folders of hosts whose server was killed: nobody was left to remove them."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Final

from services.plugins.hosting.handover import SOCKET

PREFIX: Final = "sitthi-host-"
LEFT_SECONDS: Final = 600
"""A folder so old in which nobody answers is nobody's: a host binds its socket soon after its folder is made."""


def sweep(seconds: float = LEFT_SECONDS) -> int:
    """Removes what hosts of this user left in the folder for temporary files; how many."""
    old = time.clock_gettime(time.CLOCK_REALTIME) - seconds  # as the file system counts, not as the house's clock does
    left = [folder for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*") if _is_left(folder, old)]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _is_left(folder: Path, old: float) -> bool:
    try:
        made = folder.lstat()
    except OSError:
        return False
    return made.st_uid == os.getuid() and made.st_mtime < old and not _answers(folder / SOCKET)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(path))
        except OSError:
            return False
    return True
