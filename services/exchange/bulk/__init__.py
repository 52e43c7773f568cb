"""Bulk runs: one decision over a declared population, on an encrypted snapshot with a deletion date."""
