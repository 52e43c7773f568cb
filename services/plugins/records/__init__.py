"""Records that agencies send of their own accord."""
