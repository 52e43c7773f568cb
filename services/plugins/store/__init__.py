"""Tables of plugins of our own tree that are systems of record: theirs alone, and apart from ours."""
