"""What was overpaid comes back: by instalments that the citizen agreed to, by paying back, or is waived."""
