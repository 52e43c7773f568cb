"""What a new plugin begins as: a tree that passes every check as it stands, and that an agency then makes its own."""

from services.plugins.scaffold.keys import KeyPair
from services.plugins.scaffold.start import BadStart, Layout, Start
from services.plugins.scaffold.tree import PRIVATE_KEY, tree

__all__ = ["PRIVATE_KEY", "BadStart", "KeyPair", "Layout", "Start", "tree"]
