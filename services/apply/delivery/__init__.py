"""Applications to agencies' services, taken to the agency and followed there (docs/applying.md)."""
