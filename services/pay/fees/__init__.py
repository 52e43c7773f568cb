"""Money in the other direction: fees of services and what citizens pay back, by QR, on the same ledger."""
