"""What an agency brings, how it is checked, and how it is run."""
