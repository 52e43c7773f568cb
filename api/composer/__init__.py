"""Puts the plugins' SDL into the graph, and publishes the result without a restart."""

from api.composer.compose import SHARED, compose, host_names
from api.composer.holder import SchemaHolder

__all__ = ["SHARED", "SchemaHolder", "compose", "host_names"]
