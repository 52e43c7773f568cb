"""Stand-ins for the world outside Sitthi: a made-up population, its agencies, the bank and ThaID. Never in production."""
