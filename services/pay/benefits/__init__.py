"""Money that an agency's service awards by itself, outside any application here."""
