"""Counters: people without ThaID, let in by an officer who sees them."""
