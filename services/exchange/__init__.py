"""Once only: every fact of a citizen, through one gate, with its source, state and access log."""
