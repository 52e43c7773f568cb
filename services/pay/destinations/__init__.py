"""Where a citizen's money goes: their own word, kept as a history that only grows."""
