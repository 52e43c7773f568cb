"""Kills of everything that writes the access log, at moments that a seed picks."""
