"""The access log: who was to see what of whom, decided before anything is read."""
