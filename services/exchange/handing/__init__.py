"""Handing on: what the citizen lets somebody outside the state have, and the receipts of their agreeing to it."""
