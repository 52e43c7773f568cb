"""Juristic persons: who is registered with an agency, who directs them, and who acts for them (docs/juristic.md)."""
