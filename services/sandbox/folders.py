"""Finds the stand-ins that agencies' folders bring with them. Read by path, as the registry reads plugins."""

from __future__ import annotations

import hashlib
import importlib.util
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import services
from core.text import Text
from services.plugins.contract.sandbox import Sandbox

AGENCIES: Final = Path(services.__file__).parent / "agencies"
FILE: Final = "sandbox.py"


@dataclass(frozen=True, slots=True)
class StandIn:
    sandbox: Sandbox
    title: Text
    """The agency's."""
    digest: str
    """Of its code: a file that other code wrote is written again."""


@cache
def stand_ins(folder: Path = AGENCIES) -> Mapping[str, StandIn]:
    """Of every folder below that has one, by the slug of its agency.

    Raises ValueError when two stand in for one agency, and whatever their code raises.
    """
    found: dict[str, StandIn] = {}
    for path in sorted(folder.glob(f"*/{FILE}")):
        manifest = tomllib.loads((path.parent / "manifest.toml").read_text(encoding="utf-8"))
        slug, title = manifest["agency"]["slug"], manifest["agency"]["title"]
        if slug in found:
            raise ValueError(f"two folders stand in for {slug}")
        found[slug] = StandIn(_sandbox(path), Text(**title), hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def _sandbox(path: Path) -> Sandbox:
    spec = importlib.util.spec_from_file_location(f"sitthi_sandbox_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sandbox = module.SANDBOX
    if not isinstance(sandbox, Sandbox):
        raise TypeError(f"{path}: SANDBOX is no Sandbox")
    return sandbox
