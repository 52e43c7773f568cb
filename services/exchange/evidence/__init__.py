"""Which facts prove which requirement (the broker), and who holds them (the directory), after EU OOTS and CCCEV."""
