"""The double-entry ledger: append-only, in integer satang."""
