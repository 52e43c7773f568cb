"""What of a payment did not go to the bank, because it pays back what was paid too much: by what law, and why."""
