"""Thep Nimit, a municipality that does not exist: what a small local authority brings."""
