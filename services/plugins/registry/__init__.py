"""Registers plugins: reads, checks and keeps them. In-process code of our own and a stranger's pass the same checks."""

from services.plugins.registry.folder import load_folder
from services.plugins.registry.registry import Registry

__all__ = ["Registry", "load_folder"]
