"""Shares: what a citizen lets one verifier open, until when and how often; and checks that employers ask for."""
