"""Whole populations: what a change of a rule does to everybody."""
