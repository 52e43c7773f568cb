"""Agreements between agencies: what one may be told that another keeps, for what, how often, until when."""
