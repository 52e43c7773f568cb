"""Runs plugins that were installed as Python packages, each in a process of its own (docs/packages.md)."""
