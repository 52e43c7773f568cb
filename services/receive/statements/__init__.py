"""What a citizen was paid in a year, on paper, with a signature that anybody can check."""
