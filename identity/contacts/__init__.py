"""Contact data of people."""
