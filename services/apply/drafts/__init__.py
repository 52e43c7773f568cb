"""Forms that are begun and not yet sent: kept for a while, the same on every device."""
