"""Stand-ins for the world outside: a made-up population, its agencies, the bank and ThaID. Never in production."""
