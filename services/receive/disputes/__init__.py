"""Disputes: the citizen says that a payment did not come, or not in full; the agency that paid answers."""
