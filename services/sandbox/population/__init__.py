"""A made-up people, the same on every machine for the same arguments, and the files of the agencies that keep it."""
