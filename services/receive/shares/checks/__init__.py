"""Checks: a juristic person asks whether what candidates claim is so, and each candidate decides about their own."""
