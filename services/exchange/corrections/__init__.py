"""Citizens' requests to correct a fact, before the agency that owns it."""
