"""Acts that need two officers: one proposes, another approves."""
