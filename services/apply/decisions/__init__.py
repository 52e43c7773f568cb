"""Decisions that prove themselves: signed over commitments, with the law they were taken by stored once, as it was."""
