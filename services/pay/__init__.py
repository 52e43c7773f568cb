"""Paying: awards, their instalments, the runs that pay them, the ledger, the rails, reconciliation."""
