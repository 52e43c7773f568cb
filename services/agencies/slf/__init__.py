"""The Student Loan Fund: who owes it."""
