"""Cash at a counter of the agency that pays, for those without an account."""
