"""What a government service is, and the agencies that offer one."""
