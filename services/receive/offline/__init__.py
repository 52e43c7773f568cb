"""Verifying without a network and without us: one dated, signed file with all that it takes, and what reads it."""
