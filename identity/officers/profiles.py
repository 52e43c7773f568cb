"""Officers signed in on this machine: their access tokens, one file per profile, readable by its owner alone."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from core.errors import BadInput
from core.text import Text

DEFAULT_PROFILE: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


class Profiles:
    def __init__(self, data: Path) -> None:
        self._folder = data / "officers"

    def check(self, profile: str) -> None:
        """Raises :class:`BadInput` for a name that is no file's."""
        self._path(profile)

    def write(self, profile: str, token: str) -> Path:
        """Replaces the profile's token whole, or not at all. Raises :class:`BadInput` as :meth:`check` does."""
        path = self._path(profile)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"access_token": token}, file)
        draft.replace(path)
        return path

    def token(self, profile: str) -> str | None:
        path = self._path(profile)
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        token = found.get("access_token") if isinstance(found, dict) else None
        return token if isinstance(token, str) else None

    def _path(self, profile: str) -> Path:
        if not _NAME.fullmatch(profile):
            raise BadInput(
                Text(th="ชื่อโปรไฟล์ใช้ได้เฉพาะ A-Z a-z 0-9 - _", en="a profile's name has letters, digits, - and _ only"),
                path=("profile",),
            )
        return self._folder / f"{profile}.json"
