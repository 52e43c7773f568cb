"""What an agency may spend on a programme in a fiscal year, on the ledger."""
