"""The ways in which money leaves: what one must do (`contract`), and those we have."""
